"""What is known before anything is made in the clouds: AWS' name of a region, and the names that `pitchbar bootstrap`
and the program must agree on."""

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


def state_bucket(product: str, account: str, region: str) -> str:
    """The bucket of the stacks' states and of the releases' manifests. ``region``: AWS' name."""
    return f"{product}-state-{account}-{region}"


def release_prefix(stack: str) -> str:
    """The folder of a stack's releases in that bucket."""
    return f"releases/{stack}/"


def manifest_key(stack: str, release: str) -> str:
    """The object that is a release's manifest."""
    return f"{release_prefix(stack)}{release}/manifest.json"


def secrets_key_alias(product: str) -> str:
    """The alias of the KMS key that encrypts the secrets in the stacks' states."""
    return f"alias/{product}-pulumi-secrets"
