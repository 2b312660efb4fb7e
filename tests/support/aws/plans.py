"""Plans for AWS, as the program makes them: what the tests of single parts give these."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import grpc
import pulumi

from infra.domains import hosts
from infra.errors import UserError
from infra.load import environment, load
from infra.release import runtime
from infra.targets.base import Cloud, Plan
from tests.support.aws.doubles import ACCOUNT, CLOUDFLARE_ACCOUNT, REGION, ZONE, ZONE_NAME, CloudDouble
from tests.support.engine import render
from tests.targets.conftest import RELEASE, plan_of

DOMAINS = {"production": ZONE_NAME, "staging": f"staging.{ZONE_NAME}", "preview": f"preview.{ZONE_NAME}"}


def cloud(name: str = "staging", **changes: Any) -> Cloud:
    """The place of an environment."""
    values: dict[str, Any] = {
        "product": "pitchbar",
        "account": ACCOUNT,
        "region": REGION,
        "zone": ZONE,
        "cloudflare_account": CLOUDFLARE_ACCOUNT,
        "domain": DOMAINS[name],
        **changes,
    }
    return Cloud(**values)


def plan(name: str = "staging", *, stack: str = "", base: str | None = None) -> Plan:
    """The plan of an environment, on a stack that is called like it unless told otherwise."""
    wanted = environment(load(), name)
    stack = stack or name
    return plan_of(
        wanted,
        stack=stack,
        hosts=hosts(wanted.domains, DOMAINS[name], stack),
        runtime=runtime.render(wanted),
        cloud=cloud(name, base=base),
    )


def refusal(program: Callable[[], object], double: CloudDouble) -> str:
    """What a program says instead of making anything."""
    said: list[str] = []

    def refused() -> None:
        try:
            program()
        except UserError as error:
            said.append(str(error))
        pulumi.ComponentResource("pitchbar:test:Rest", "rest")

    render(refused, double=double)
    [sentence] = said
    return sentence


class Unanswered(grpc.RpcError):  # type: ignore[misc]
    """What the engine answers when a provider fails."""

    def __init__(self, details: str) -> None:
        super().__init__(details)
        self._details = details

    def code(self) -> grpc.StatusCode:
        return grpc.StatusCode.UNKNOWN

    def details(self) -> str:
        return self._details


__all__ = ["RELEASE", "Unanswered", "cloud", "plan", "refusal"]
