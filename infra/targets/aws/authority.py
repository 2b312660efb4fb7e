"""The authority that signs the certificates of RDS' servers, and how a task comes to trust it and nobody else."""

import re
from collections.abc import Sequence
from pathlib import Path

from infra.errors import UserError

AUTHORITY = "rds-ca-rsa2048-g1"
"""Private to RDS: no system has it among the authorities that it trusts."""

FILE = "/dev/shm/database-authority.pem"
"""Where a task keeps the certificate: every container has a `/dev/shm` that it may write to, whatever its image is, and
beside a root that is read-only."""

KEEP = 'printf "%s" "$DB_AUTHORITY" > "$PGSSLROOTCERT"'
"""For `sh`. libpq takes the certificate from a file only, and not every image can have one: another's, or one of a
release that was built before."""

_BUNDLE = Path(__file__).parent / f"{AUTHORITY}.pem"
_ROOT = re.compile(r"^# (\S+)\n(-----BEGIN CERTIFICATE-----\n.+?-----END CERTIFICATE-----\n)", re.MULTILINE | re.DOTALL)


def certificates() -> dict[str, str]:
    """The authority's certificate in each region, as PEM."""
    return dict(_ROOT.findall(_BUNDLE.read_text(encoding="ascii")))


def certificate(region: str) -> str:
    """The one of a region, by AWS' name.

    Raises :class:`UserError` for a region whose certificate isn't in the checkout.
    """
    found = certificates()
    if region not in found:
        raise UserError(
            f'pitchbar:region: found "{region}", of which Pitchbar doesn\'t have the certificate of {AUTHORITY}, by '
            f"which it knows RDS. It has that of {', '.join(found)}; infra/targets/aws/{_BUNDLE.name} says how to add "
            "one. Type: `pulumi config set pitchbar:region us-east`."
        )
    return found[region]


def trusting(command: Sequence[str]) -> tuple[str, ...]:
    """The command, once the certificate is where libpq looks for it."""
    return ("sh", "-ceu", f'{KEEP}; exec "$@"', "sh", *command)
