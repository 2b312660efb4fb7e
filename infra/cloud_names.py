"""What is known before anything is made in the clouds: AWS' name of a region, the names that `pitchbar bootstrap`
and the program must agree on, and how a plan makes a name that AWS takes."""

import hashlib
import re

from infra.errors import UserError

_REGIONS = {
    "us-east": "us-east-1",
    "us-west": "us-west-2",
    "ca-central": "ca-central-1",
    "eu-central": "eu-central-1",
    "eu-west": "eu-west-1",
    "eu-north": "eu-north-1",
    "ap-southeast": "ap-southeast-1",
    "ap-northeast": "ap-northeast-1",
    "ap-south": "ap-south-1",
    "sa-east": "sa-east-1",
}
"""AWS' oldest region in each part of the world."""


def aws_region(region: str) -> str:
    """AWS' name of a region (``us-east-1``) for the name of a part of the world (``us-east``) or itself.

    Raises :class:`UserError` for a part of the world that isn't in the table.
    """
    if re.search(r"[0-9]$", region):
        return region
    if region not in _REGIONS:
        raise UserError(
            f'pitchbar:region: found "{region}", where AWS has no region that Pitchbar knows. It is one of '
            f"{', '.join(_REGIONS)}, or AWS' own name. Type: `pulumi config set pitchbar:region us-east`."
        )
    return _REGIONS[region]


_SECOND = {
    "us-east-1": "us-west-2",
    "us-east-2": "us-west-2",
    "us-west-1": "us-east-2",
    "us-west-2": "us-east-2",
    "ca-central-1": "ca-west-1",
    "eu-central-1": "eu-west-1",
    "eu-west-1": "eu-central-1",
    "eu-west-2": "eu-west-1",
    "eu-west-3": "eu-central-1",
    "eu-north-1": "eu-central-1",
    "eu-south-1": "eu-central-1",
    "ap-northeast-1": "ap-northeast-3",
    "ap-south-1": "ap-south-2",
    "ap-southeast-1": "ap-northeast-1",
    "ap-southeast-2": "ap-southeast-4",
    "sa-east-1": "us-east-1",
}
"""Far enough away to outlive the first, and in the same country or union wherever AWS has another region there. Some
(ca-west-1, ap-south-2, ap-southeast-4) must be enabled in the account first."""


def second_region(region: str) -> str:
    """Where copies of a region's secrets and backups are kept. ``region``: AWS' name.

    Raises :class:`UserError` for a region that isn't in the table.
    """
    if region not in _SECOND:
        raise UserError(
            f'pitchbar:region: found "{region}", for which Pitchbar has no second region to keep copies in. It is one '
            f"of {', '.join(_SECOND)}; or add it to the table in infra/cloud_names.py. Type: "
            "`pulumi config set pitchbar:region us-east`."
        )
    return _SECOND[region]


def state_bucket(product: str, account: str, region: str) -> str:
    """The bucket of the stacks' states and of the releases' manifests. ``region``: AWS' name."""
    return f"{product}-state-{account}-{region}"


def release_prefix(stack: str) -> str:
    """The folder of a stack's releases in that bucket."""
    return f"releases/{stack}/"


def manifest_key(stack: str, release: str) -> str:
    """The object that is a release's manifest."""
    return f"{release_prefix(stack)}{release}/manifest.json"


def secrets_key_alias(product: str, environment: str) -> str:
    """The alias of the KMS key that encrypts the secrets in the states of one environment's stacks."""
    return f"alias/{product}-pulumi-{environment}"


def deploy_role(product: str, environment: str) -> str:
    """The role that deploys an environment, under the path of the product."""
    return f"{product}-deploy-{environment}"


def role_path(product: str, stack: str) -> str:
    """The path of the IAM roles that a stack makes."""
    return f"/{product}/{stack}/"


def boundary_arn(product: str, account: str) -> str:
    """The policy beyond whose limits no role of a stack can do anything."""
    return f"arn:aws:iam::{account}:policy/{product}/{product}-boundary"


def name_prefix(product: str, stack: str) -> str:
    """How the names begin that Pulumi gives to what a stack makes (``pulumi:autonaming`` in Pulumi.yaml)."""
    return f"{product}-{stack}-"


def own_name(text: str, *, between: str = "-", limit: int = 63) -> str:
    """A name of lower-case letters and digits with ``between`` between them, at most ``limit`` long, that begins with a
    letter. Two texts never give one name: what had to be changed ends with a part of its hash."""
    plain = re.sub(r"[^a-z0-9]+", between, text.lower()).strip(between)
    plain = plain if plain[:1].isalpha() else f"x{between}{plain}"
    if plain.replace(between, "-") == text and len(plain) <= limit:
        return plain
    mark = hashlib.sha256(text.encode()).hexdigest()[:8]
    return f"{plain[: limit - 9].rstrip(between)}{between}{mark}"
