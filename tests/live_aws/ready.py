"""Whether `make live-aws` can begin: everything that it needs is asked for before anything is made."""

import os
import shutil
from collections.abc import Mapping

from infra.errors import UserError
from infra.ops import stacks
from infra.ops.aws.place import Place, configuration, place_of

STACK = "live"
SWITCH = "PITCHBAR_LIVE_AWS"


def ready(environ: Mapping[str, str] = os.environ) -> Place:
    """Where the stack will be. Raises :class:`UserError` with the one thing to do next."""
    if environ.get(SWITCH) != "1":
        raise UserError(
            "make live-aws brings a whole staging up in a real AWS account and Cloudflare zone, which takes about an "
            f"hour and costs a few dollars. If that is wanted, type: {SWITCH}=1 make live-aws"
        )
    if not stacks.tracked_file(STACK).is_file():
        raise UserError(
            f"There is no Pulumi.{STACK}.yaml, which says in which account and zone. docs/aws.md says what is in it; "
            f"to begin, type: cp Pulumi.staging.yaml Pulumi.{STACK}.yaml"
        )
    stack = stacks.known(STACK)
    config = configuration(stack)
    if (config.target, config.environment) != ("aws", "staging"):
        raise UserError(
            f"Pulumi.{STACK}.yaml describes {config.environment} on {config.target}; this is for staging on aws. "
            f"Type: cp Pulumi.staging.yaml Pulumi.{STACK}.yaml"
        )
    if not environ.get("PULUMI_BACKEND_URL"):
        raise UserError(
            "PULUMI_BACKEND_URL is not set: the state is to be where `pitchbar bootstrap` says. "
            f"Type: export PULUMI_BACKEND_URL=s3://pitchbar-state-{config.account}-…"
        )
    if not (environ.get("CLOUDFLARE_API_TOKEN") or _has_token(stack)):
        raise UserError(
            f"There is no token of Cloudflare's. Type: pulumi config set --secret cloudflare:apiToken -s {STACK}"
        )
    if config.image is None and shutil.which("docker") is None:
        raise UserError("There is no docker to build the image with. Install it, or set pitchbar:image.")
    return place_of(stack)


def _has_token(stack: stacks.Stack) -> bool:
    return "cloudflare:apiToken" in (stacks.read_yaml(stack.config_file).get("config") or {})
