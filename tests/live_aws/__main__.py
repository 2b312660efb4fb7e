"""`make live-aws`: refuses in one sentence, or runs the story."""

import sys
from pathlib import Path

import pytest

from infra.errors import UserError
from tests.live_aws.ready import ready


def main() -> int:
    """The exit code."""
    try:
        place = ready()
    except UserError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    print(f"Stack {place.stack} in account {place.account}, {place.region}, at {place.app_url}.", flush=True)
    return pytest.main(["-s", "-x", str(Path(__file__).parent), *sys.argv[1:]])


sys.exit(main())
