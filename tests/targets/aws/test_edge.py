"""Cloudflare before an environment: the zone's settings and rules, the records, the cron Worker."""

from __future__ import annotations

import dataclasses
import functools
from pathlib import Path
from typing import Any

import pulumi
import pulumi_cloudflare as cloudflare
import pytest

from infra.edge.cron_worker import COMPATIBILITY_DATE, CronWorker, CronWorkerArgs
from infra.edge.domains import Domains, DomainsArgs, address
from infra.edge.names import base_names, beyond_universal, matching, own_names
from infra.edge.rules import ZoneRules, ZoneRulesArgs
from infra.edge.zone import PHASES, Zone
from infra.model import Domains as Hosts
from infra.release import worker_script
from tests.support.aws.doubles import CLOUDFLARE_ACCOUNT, ZONE, CloudDouble
from tests.support.aws.plans import cloud, plan
from tests.support.engine import Recording, render

TOKEN = "planted-origin-token"
RULESET = "cloudflare:index/ruleset:Ruleset"
RECORD = "cloudflare:index/dnsRecord:DnsRecord"
SCRIPT = "cloudflare:index/workersScript:WorkersScript"
TRIGGER = "cloudflare:index/workersCronTrigger:WorkersCronTrigger"
PACK = "cloudflare:index/certificatePack:CertificatePack"
PRODUCTION_NAMES = 'http.host in {"app.pitchbar.com" "cdn.pitchbar.com" "realtime.pitchbar.com"}'


@functools.cache
def rules(name: str) -> Recording:
    def program() -> None:
        wanted = plan(name)
        names = base_names(cloud(name).domain) if name == "preview" else own_names(wanted.hosts)
        token = pulumi.Output.secret(TOKEN)
        ZoneRules("zone", ZoneRulesArgs(wanted, Zone(ZONE, "pitchbar.com"), names, token))

    return render(program, stack=name, double=CloudDouble())


def rule(name: str, phase: str) -> dict[str, Any]:
    [ruleset] = [found for found in rules(name).of(RULESET) if found.inputs["phase"] == phase]
    assert (ruleset.inputs["kind"], ruleset.inputs["zoneId"]) == ("zone", ZONE)
    [only] = ruleset.inputs["rules"]
    assert only["enabled"] is True
    found: dict[str, Any] = only
    return found


def test_the_zone_has_the_settings_that_matter() -> None:
    settings = rules("production").of("cloudflare:index/zoneSetting:ZoneSetting")
    assert {found.inputs["settingId"]: found.inputs["value"] for found in settings} == {
        "ssl": "strict",
        "min_tls_version": "1.2",
        "always_use_https": "on",
        "websockets": "on",
    }
    assert {found.inputs["zoneId"] for found in settings} == {ZONE}


@pytest.mark.parametrize("name", ["production", "staging", "preview"])
def test_there_is_one_ruleset_for_each_phase_that_is_checked_beforehand(name: str) -> None:
    found = rules(name).of(RULESET)
    assert sorted(each.inputs["phase"] for each in found) == sorted(PHASES)
    assert {each.inputs["name"] for each in found} == {f"pitchbar {cloud(name).domain}"}


def test_the_widget_is_kept_as_long_as_the_app_says() -> None:
    found = rule("production", "http_request_cache_settings")
    assert found["action"] == "set_cache_settings"
    assert found["expression"] == f'({PRODUCTION_NAMES}) and http.request.uri.path eq "/widget/widget.js"'
    assert found["actionParameters"] == {
        "cache": True,
        "edgeTtl": {"mode": "respect_origin"},
        "browserTtl": {"mode": "respect_origin"},
        "respectStrongEtags": True,
    }


def test_the_tick_is_limited_in_a_way_that_every_plan_of_cloudflare_takes() -> None:
    found = rule("production", "http_ratelimit")
    assert (found["action"], found["expression"]) == (
        "block",
        'http.request.uri.path eq "/api/v1/internal/queue-tick"',
    )
    assert found["ratelimit"] == {
        "characteristics": ["cf.colo.id", "ip.src"],
        "period": 10,
        "requestsPerPeriod": 50,
        "mitigationTimeout": 10,
    }


def test_every_request_to_our_names_carries_the_proof_and_no_other() -> None:
    found = rule("production", "http_request_late_transform")
    assert (found["action"], found["expression"]) == ("rewrite", f"({PRODUCTION_NAMES})")
    assert found["actionParameters"] == {"headers": {"X-Origin-Token": {"operation": "set", "value": TOKEN}}}
    assert rule("preview", "http_request_late_transform")["expression"] == (
        '(ends_with(http.host, ".preview.pitchbar.com"))'
    )


def test_a_rotated_token_is_sent_only_once_it_is_taken_and_nothing_else_waits_for_that() -> None:
    def program() -> None:
        taker = cloudflare.DnsRecord("taker", zone_id=ZONE, name="a.example", type="A", content="192.0.2.1", ttl=1)
        names = own_names(plan("staging").hosts)
        ZoneRules("zone", ZoneRulesArgs(plan("staging"), Zone(ZONE, "pitchbar.com"), names, TOKEN, after=[taker]))

    recording = render(program, double=CloudDouble())
    taker = recording.one(RECORD).urn
    children = [found for found in recording if ":ZoneRules" in found.parent]
    assert [found.name for found in children if taker in found.dependencies] == ["origin"]
    assert len(children) > 5


def test_the_proof_is_a_secret() -> None:
    [ruleset] = [
        each for each in rules("production").of(RULESET) if each.inputs["phase"] == "http_request_late_transform"
    ]
    assert "rules" in ruleset.secrets or any(secret.startswith("rules") for secret in ruleset.secrets)
    others = [each for each in rules("production") if each.urn != ruleset.urn]
    assert TOKEN not in str([each.inputs for each in others])


def test_only_names_that_the_zones_own_certificate_leaves_out_need_another() -> None:
    assert rules("production").of(PACK) == ()
    assert rules("staging").one(PACK).inputs["hosts"] == [
        "pitchbar.com",
        "app.staging.pitchbar.com",
        "cdn.staging.pitchbar.com",
        "realtime.staging.pitchbar.com",
    ]
    assert rules("preview").one(PACK).inputs["hosts"] == ["pitchbar.com", "*.preview.pitchbar.com"]


@pytest.mark.parametrize(
    ("name", "left_out"),
    [("pitchbar.com", False), ("app.pitchbar.com", False), ("*.pitchbar.com", False), ("a.b.pitchbar.com", True)],
)
def test_the_free_certificate_has_one_level(name: str, left_out: bool) -> None:
    assert bool(beyond_universal([name], "pitchbar.com")) == left_out


def test_an_expression_can_have_both_kinds_of_names() -> None:
    assert matching(["a.example", "*.b.example"]) == (
        '(http.host in {"a.example"} or ends_with(http.host, ".b.example"))'
    )


@functools.cache
def domains(stack: str, cdn: bool = True) -> Recording:
    def program() -> None:
        wanted = plan("preview" if stack.startswith("pr-") else stack, stack=stack)
        if not cdn:
            hosts = Hosts(app=wanted.hosts.app, cdn=wanted.hosts.app, realtime=wanted.hosts.realtime)
            wanted = dataclasses.replace(wanted, hosts=hosts)
        made = Domains("domains", DomainsArgs(wanted, "lb.us-east-1.elb.amazonaws.com"))
        for name in ("app_url", "widget_url", "realtime_url"):
            pulumi.export(name, getattr(made, name))

    return render(program, stack=stack, double=CloudDouble())


def test_a_pull_request_has_its_own_names_before_the_common_load_balancer() -> None:
    records = domains("pr-12").of(RECORD)
    assert {record.name: record.inputs for record in records} == {
        role: {
            "zoneId": ZONE,
            "name": f"{role}-pr-12.preview.pitchbar.com",
            "type": "CNAME",
            "content": "lb.us-east-1.elb.amazonaws.com",
            "proxied": True,
            "ttl": 1,
            "comment": "Pitchbar's stack pr-12",
        }
        for role in ("app", "cdn", "realtime")
    }


def test_the_addresses_are_those_of_the_names() -> None:
    assert domains("production").outputs == {
        "app_url": "https://app.pitchbar.com",
        "widget_url": "https://cdn.pitchbar.com/widget/widget.js",
        "realtime_url": "wss://realtime.pitchbar.com",
    }
    known = address(plan("production").hosts)
    assert (known.app_url, known.realtime_host, known.port) == (
        "https://app.pitchbar.com",
        "realtime.pitchbar.com",
        "443",
    )


def test_a_widget_on_the_apps_host_needs_no_second_record() -> None:
    recording = domains("staging", cdn=False)
    assert {record.name for record in recording.of(RECORD)} == {"app", "realtime"}
    assert recording.outputs["widget_url"] == "https://app.staging.pitchbar.com/widget/widget.js"


@functools.cache
def worker(stack: str, token: str = "planted-queue-token") -> Recording:
    def program() -> None:
        wanted = plan("preview" if stack.startswith("pr-") else "staging", stack=stack)
        args = CronWorkerArgs(wanted, f"https://{wanted.hosts.app}", pulumi.Output.secret(token))
        pulumi.export("digest", CronWorker("cron", args).script_digest)

    return render(program, stack=stack, double=CloudDouble())


def test_the_worker_is_the_releases_script_with_the_stacks_address() -> None:
    recording = worker("staging")
    inputs = recording.one(SCRIPT).inputs
    tick = plan("staging").environment.queue_tick
    assert inputs["content"] == worker_script.render(tick, "https://app.staging.pitchbar.com")
    assert recording.outputs["digest"] == worker_script.digest(inputs["content"])
    assert {key: inputs[key] for key in inputs if key not in ("content", "bindings")} == {
        "accountId": CLOUDFLARE_ACCOUNT,
        "scriptName": "pitchbar-staging-queue-tick",
        "mainModule": "queue-tick.js",
        "compatibilityDate": COMPATIBILITY_DATE,
        "compatibilityFlags": ["global_fetch_strictly_public"],
        "observability": {"enabled": True},
    }


def test_a_pinned_release_brings_its_own_script() -> None:
    old = dataclasses.replace(plan("staging").runtime, cron_script="// old {app_url}", cron_interval=300)
    args = CronWorkerArgs(dataclasses.replace(plan("staging"), runtime=old), "https://app.example", "token")
    recording = render(lambda: CronWorker("cron", args), double=CloudDouble())
    assert recording.one(SCRIPT).inputs["content"] == "// old https://app.example"
    assert recording.one(TRIGGER).inputs["schedules"] == [{"cron": "*/5 * * * *"}]


def test_who_asks_the_addresses_waits_for_the_names() -> None:
    def program() -> None:
        app_url = Domains("domains", DomainsArgs(plan("staging"), "lb.example")).app_url
        CronWorker("cron", CronWorkerArgs(plan("staging"), app_url, "token"))

    recording = render(program, double=CloudDouble())
    assert {record.urn for record in recording.of(RECORD)} <= recording.needs(recording.one(SCRIPT).urn)


def test_it_runs_every_minute() -> None:
    trigger = worker("staging").one(TRIGGER)
    assert trigger.inputs["schedules"] == [{"cron": "* * * * *"}]
    assert trigger.sources["scriptName"] == {worker("staging").one(SCRIPT).urn}


def test_a_rotated_token_changes_the_binding_and_nothing_else() -> None:
    before, after = worker("staging").one(SCRIPT), worker("staging", "rotated-queue-token").one(SCRIPT)
    assert {key for key in before.inputs if before.inputs[key] != after.inputs[key]} == {"bindings"}
    assert after.inputs["bindings"] == [
        {"name": "INTERNAL_QUEUE_TOKEN", "type": "secret_text", "text": "rotated-queue-token"}
    ]
    assert any(secret.startswith("bindings") for secret in after.secrets)
    assert worker("staging").outputs == worker("staging", "rotated-queue-token").outputs


def test_each_stack_has_a_worker_of_its_own() -> None:
    assert worker("pr-12").one(SCRIPT).inputs["scriptName"] == "pitchbar-pr-12-queue-tick"


def test_cloudflare_runs_the_script_as_this_machine_does() -> None:
    clock = Path(__file__).resolve().parents[3] / "tools" / "cloudflare" / "clock.mjs"
    assert f'const COMPATIBILITY = "{COMPATIBILITY_DATE}";' in clock.read_text(encoding="utf-8")
