"""Staging is production but for the rows of the two tables: infra/targets/aws/settings.py and infra/cloud.yaml."""

from __future__ import annotations

import dataclasses
import re
from typing import Any

import pytest

from infra.load import environment, load
from infra.targets.aws.settings import TABLE
from tests.support.aws.differences import Difference, differences
from tests.support.aws.program import program

SAME = {r"staging\.pitchbar\.com": "pitchbar.com", r"\bstaging\b": "production", r"10\.30\.": "10.20."}
"""What is called otherwise: domain, stack and environment, and the network's addresses."""

_PLACED = r"(function|loadBalancer|pitchbar:aws:(Database|Migration)|service|subnetGroup|vpcEndpoint)"
_SUBNETS = rf"{_PLACED}\S* \S+ \S*[sS]ubnet(Id)?s"
ROWS = {
    "zones": rf"\S+ (public|private|data)-3\S* |{_SUBNETS}|vpcEndpoint\S+ s3 routeTableIds",
    "nat_gateways": (
        r"(eip|natGateway)\S+ nat-[23] |\S+ nat-[23]-to-test |route:Route private-[23]-to-nat|vpcEndpoint.* subnetIds"
    ),
    "spot_weight": r"service:Service \S+ capacityProviderStrategies",
    "bake_minutes": r"service:Service app deploymentConfiguration\.bakeTimeInMinutes",
    "force_destroy": r"(bucket|repository|service|vault):\w+ \S+ force(Delete|Destroy)",
    "kept_images": r"lifecyclePolicy:LifecyclePolicy images policy\.rules\[1\]",
    "lock_backups": r"vaultLockConfiguration:VaultLockConfiguration (backups|backup-copies) $",
    "copy_backups": r"(alias|key|vault)\S+ backup-copies $|plan:Plan backups rules\[0\]\.copyActions",
    "test_restores": r"\S+ restore-test",
    "protect": (
        r"\S+ \S+ protect$|instance:Instance postgres deletionProtection|\S+ (postgres|redis) applyImmediately"
        r"|loadBalancer:LoadBalancer pitchbar enableDeletionProtection"
    ),
    "postgres.multi_az": r"instance:Instance postgres multiAz",
    "redis.failover": (
        r"replicationGroup:ReplicationGroup redis (automaticFailoverEnabled|multiAzEnabled|numCacheClusters)"
        r"|metricAlarm:MetricAlarm redis-memory metricQueries"
        r"|dashboard:Dashboard dashboard dashboardBody\.widgets.*metrics"
    ),
    "domain": (
        r"cloudflare:index/certificatePack:CertificatePack edge-certificate|pitchbar:aws:FirstTick .* script_digest"
    ),
}
"""What each row that differs may change: type, name and path of inputs. ``domain`` is the stack's own: names two levels
below the zone need a certificate of their own at the edge, and the Worker calls another address."""

ONLY_FOR_PEOPLE = {"name", "purpose", "network.cidr"}
"""Rows of infra/cloud.yaml that change nothing but names and addresses."""


@pytest.fixture(scope="module")
def found() -> list[Difference]:
    return differences(program("staging"), program("production"), SAME)


def _text(difference: Difference) -> str:
    return " ".join(difference[:3])


def test_each_difference_belongs_to_a_row(found: list[Difference]) -> None:
    assert [each for each in found if not any(re.match(rule, _text(each)) for rule in ROWS.values())] == []


def test_each_row_that_differs_makes_a_difference(found: list[Difference]) -> None:
    idle = {row for row, rule in ROWS.items() if not any(re.match(rule, _text(each)) for each in found)}
    assert idle == set()


def test_the_rows_are_those_that_differ_in_the_tables() -> None:
    settings = _differing(dataclasses.asdict(TABLE["staging"]), dataclasses.asdict(TABLE["production"]))
    first, second = (dataclasses.asdict(environment(load(), name)) for name in ("staging", "production"))
    assert ROWS.keys() - {"domain"} == settings | (_differing(first, second) - ONLY_FOR_PEOPLE)


def _differing(first: dict[str, Any], second: dict[str, Any], prefix: str = "") -> set[str]:
    found: set[str] = set()
    for name, value in first.items():
        if isinstance(value, dict):
            found |= _differing(value, second[name], f"{prefix}{name}.")
        elif value != second[name]:
            found.add(f"{prefix}{name}")
    return found
