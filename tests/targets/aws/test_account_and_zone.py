"""A wrong token, zone, domain or account is refused before anything is made, with one sentence that names the key."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import pulumi
import pytest

from infra.edge.zone import PHASES, Zone, check_zone
from infra.targets.aws.account import check_account
from infra.targets.base import Cloud
from tests.support.aws.doubles import CLOUDFLARE_ACCOUNT, ZONE, CloudDouble
from tests.support.aws.plans import Unanswered, cloud, refusal
from tests.support.engine import render

ID = "b" * 32


class Answering(CloudDouble):
    """Answers functions with changes, or with a provider's failure."""

    def __init__(self, changes: Mapping[str, Any]) -> None:
        super().__init__()
        self.changes = changes

    def call(self, token: str, arguments: Mapping[str, Any]) -> dict[str, Any]:
        name = token.rpartition(":")[2]
        change = self.changes.get(name, {})
        if isinstance(change, Exception):
            raise change
        return {**super().call(token, arguments), **change}


def asked(check: Callable[[Cloud], Any], place: Cloud, **changes: Any) -> Any:
    """What a check gives."""
    said: list[Any] = []

    def program() -> None:
        said.append(check(place))
        pulumi.ComponentResource("pitchbar:test:Rest", "rest")

    render(program, double=Answering(changes))
    return said[0]


def refused(check: Callable[[Cloud], Any], place: Cloud, **changes: Any) -> str:
    return refusal(lambda: check(place), Answering(changes))


@pytest.mark.parametrize("name", ["production", "staging", "preview"])
def test_a_zone_that_has_the_domain_is_taken(name: str) -> None:
    assert asked(check_zone, cloud(name)) == Zone(ZONE, "pitchbar.com")


def test_a_token_that_does_not_show_the_zone_is_refused() -> None:
    error = Unanswered("invocation of getZone returned an error:\n\t* GET 403 Forbidden: Invalid access token\n\n")
    assert refused(check_zone, cloud(), getZone=error) == (
        f"pitchbar:zone: Cloudflare doesn't show the zone {ZONE} to the token cloudflare:apiToken: GET 403 Forbidden: "
        "Invalid access token. Check the id (`pulumi config get pitchbar:zone`), and that the token may read the zone "
        "and its rules; `pulumi config set --secret cloudflare:apiToken` asks for another."
    )


@pytest.mark.parametrize("zone", ["example.com", "bar.com", "a.staging.pitchbar.com"])
def test_a_zone_without_the_domain_is_refused(zone: str) -> None:
    assert refused(check_zone, cloud(), getZone={"name": zone}) == (
        f"pitchbar:domain: staging.pitchbar.com isn't in the Cloudflare zone {ZONE}, which is {zone}. Set the zone "
        "that has it (`pulumi config set pitchbar:zone ID`), or another domain "
        f"(`pulumi config set pitchbar:domain {zone}`)."
    )


def test_a_zone_of_another_account_is_refused() -> None:
    assert refused(check_zone, cloud(), getZone={"account": {"id": ID, "name": "other"}}) == (
        f"pitchbar:cloudflare-account: found {CLOUDFLARE_ACCOUNT}, but the zone pitchbar.com belongs to the account "
        f"{ID}. Type: `pulumi config set pitchbar:cloudflare-account {ID}`."
    )


@pytest.mark.parametrize(
    ("state", "words"), [({"status": "pending"}, 'has the status "pending"'), ({"paused": True}, "is paused")]
)
def test_a_zone_that_serves_nothing_is_refused(state: Mapping[str, Any], words: str) -> None:
    assert refused(check_zone, cloud(), getZone=state) == (
        f"pitchbar:zone: pitchbar.com {words} at Cloudflare, so no certificate could be issued and nobody could reach "
        "the stack. Let its registrar name Cloudflare's servers and Cloudflare proxy it, then try again."
    )


def rulesets(*found: tuple[str, str, str]) -> dict[str, Any]:
    rest = {"id": ID, "description": "", "lastUpdated": "2026-01-01T00:00:00Z", "version": "1"}
    return {"rulesets": [{"name": name, "kind": kind, "phase": phase, **rest} for name, kind, phase in found]}


@pytest.mark.parametrize("phase", PHASES)
def test_rules_of_another_stack_in_the_zone_are_refused(phase: str) -> None:
    own = ("pitchbar staging.pitchbar.com", "zone", PHASES[0])
    theirs = rulesets(own, ("pitchbar pitchbar.com", "zone", phase))
    assert refused(check_zone, cloud(), getRulesets=theirs) == (
        f'pitchbar:zone: pitchbar.com has rules that another stack or a person made: "pitchbar pitchbar.com" ({phase}).'
        " Cloudflare keeps one ruleset a phase in each zone, and this stack would need to own it. Give the stack a "
        "zone of its own (`pulumi config set pitchbar:zone ID`), or delete those rules in Cloudflare's dashboard."
    )


def test_own_rules_those_of_other_phases_and_cloudflares_are_no_obstacle() -> None:
    harmless = rulesets(
        *(("pitchbar staging.pitchbar.com", "zone", phase) for phase in PHASES),
        ("default", "zone", "http_request_firewall_custom"),
        ("Cloudflare Managed Ruleset", "managed", PHASES[0]),
    )
    assert asked(check_zone, cloud(), getRulesets=harmless) == Zone(ZONE, "pitchbar.com")


def test_a_stack_on_a_base_leaves_the_rules_to_it() -> None:
    theirs = rulesets(("pitchbar preview.pitchbar.com", "zone", PHASES[0]))
    place = cloud("preview", base="organization/pitchbar/preview-base", domain="other.pitchbar.com")
    assert asked(check_zone, place, getRulesets=theirs) == Zone(ZONE, "pitchbar.com")


def test_the_credentials_of_the_account_are_taken() -> None:
    assert asked(check_account, cloud()) is None


def test_credentials_of_another_account_are_refused() -> None:
    assert refused(check_account, cloud(account="999999999999")) == (
        "pitchbar:account: found 999999999999, but the credentials are of the account 123456789012. Either sign in "
        "to it (`aws sso login`, or another AWS_PROFILE), or type `pulumi config set pitchbar:account 123456789012`."
    )


def test_credentials_that_aws_does_not_know_are_refused() -> None:
    error = Unanswered("1 error occurred:\n\t* STS: InvalidClientTokenId: The security token is invalid.\n")
    assert refused(check_account, cloud(), getCallerIdentity=error) == (
        "pitchbar:account: AWS doesn't let these credentials into the account 123456789012: STS: "
        "InvalidClientTokenId: The security token is invalid. Either sign in to it (`aws sso login`, or another "
        "AWS_PROFILE), or set the account that they are of (`pulumi config set pitchbar:account ID`)."
    )
