"""What an environment wants and a target lacks is reported; what was demanded and is lacking is refused."""

from __future__ import annotations

from dataclasses import replace

import pytest

from infra.capabilities import CAPABILITIES, NEEDS, check_capabilities, wanted
from infra.commands import command_line
from infra.domains import hosts
from infra.errors import UserError
from infra.load import environment, load
from infra.model import Domains

SMALL = frozenset({"replicas", "tls", "redis-persistence", "sticky-sessions"})
ADVICE = (
    "The target local lacks what was asked for. Choose another target (`pulumi config set pitchbar:target aws`)"
    " or take the demand back:"
)


def test_the_vocabulary_is_complete() -> None:
    assert set(NEEDS) == set(CAPABILITIES)
    assert list(CAPABILITIES) == sorted(CAPABILITIES)


def test_a_rehearsal_of_production_is_told_what_is_lacking() -> None:
    production = environment(load(), "production")
    assert check_capabilities(production, "local", SMALL) == (
        "alarms",
        "autoscaling",
        "daily-backups",
        "multi-az",
        "point-in-time-recovery",
        "public-domains",
        "queue-scaling",
        "queue-tick",
        "redis-failover",
        "versioned-storage",
    )
    assert check_capabilities(production, "aws", frozenset(CAPABILITIES)) == ()


def test_local_wants_little() -> None:
    assert wanted(environment(load(), "local")) == (
        "daily-backups",
        "point-in-time-recovery",
        "queue-scaling",
        "queue-tick",
        "redis-persistence",
        "sticky-sessions",
        "versioned-storage",
    )


def test_explicit_demands_are_refused_together_with_who_asked() -> None:
    production = replace(environment(load(), "production"), require=("redis-failover", "tls"), runtime="laravel")
    with pytest.raises(UserError) as caught:
        check_capabilities(production, "local", SMALL, require=("multi-az",))
    assert str(caught.value).splitlines() == [
        ADVICE,
        "  container-images (asked for by runtime laravel of environment production in infra/cloud.yaml):"
        " it needs a container runtime.",
        "  multi-az (asked for by pitchbar:require of this stack): it needs a provider with several zones.",
        "  redis-failover (asked for by require of environment production in infra/cloud.yaml):"
        " it needs a second Redis node on another machine.",
    ]


def test_an_image_needs_a_target_with_containers() -> None:
    local = environment(load(), "local")
    with pytest.raises(UserError) as caught:
        check_capabilities(local, "local", SMALL, image="ghcr.io/pitchbar/pitchbar:1.4.2")
    assert caught.value.problems == (
        "container-images (asked for by pitchbar:image of this stack): it needs a container runtime.",
    )


def test_a_demand_that_is_met_is_no_error() -> None:
    assert "tls" not in check_capabilities(environment(load(), "staging"), "local", SMALL, require=("tls",))


def test_commands_are_filled_for_either_way_of_listening() -> None:
    processes = environment(load(), "local").processes
    assert command_line(processes.app.commands, "bundled", listen="unix:/run/app.sock") == (
        "python", "-m", "pitchbar_app", "web", "--listen", "unix:/run/app.sock",
    )  # fmt: skip
    assert command_line(processes.app.commands, "bundled", port=8000)[-1] == "127.0.0.1:8000"
    assert command_line(processes.realtime.commands, "laravel", host="0.0.0.0", port=8080) == (
        "php", "artisan", "reverb:start", "--host=0.0.0.0", "--port=8080",
    )  # fmt: skip
    worker = replace(processes.worker.commands, bundled=("rq", "{queues}", "{other}"))
    assert command_line(worker, "bundled", queues=("crawl", "index")) == ("rq", "crawl,index", "{other}")


def test_hosts_are_filled_and_checked() -> None:
    preview = environment(load(), "preview").domains
    assert hosts(preview, "preview.pitchbar.com", "pr-12") == Domains(
        app="app-pr-12.preview.pitchbar.com",
        cdn="cdn-pr-12.preview.pitchbar.com",
        realtime="realtime-pr-12.preview.pitchbar.com",
    )
    shared = replace(preview, app="app.{domain}", cdn=None)
    assert hosts(shared, "localhost", "local").cdn == "app.localhost"
    with pytest.raises(UserError) as caught:
        hosts(preview, "pitchbar.com", "My_Stack")
    assert str(caught.value) == (
        'Stack My_Stack would serve "app-My_Stack.pitchbar.com", which is no valid host name: between two dots are at'
        " most 63 lower-case letters, digits and hyphens. Choose another stack name (`pulumi stack init pr-1`)"
        " or domain (`pulumi config set pitchbar:domain pitchbar.example`)."
    )
