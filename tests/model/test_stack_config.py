"""A stack's configuration: defaults, and every mistake at once."""

from __future__ import annotations

import pytest

from infra.errors import UserError
from infra.stack_config import StackConfig, parse_stack_config

ID = "0123456789abcdef0123456789abcdef"
CLOUD = {
    "pitchbar:environment": "preview",
    "pitchbar:target": "aws",
    "pitchbar:domain": "preview.pitchbar.example",
    "pitchbar:account": "123456789012",
    "pitchbar:zone": ID,
    "pitchbar:cloudflare-account": ID,
    "pitchbar:alarm-email": "ops@pitchbar.example",
}


def refusal(config: dict[str, str], stack: str = "local") -> list[str]:
    """Parse what must be refused, and give the lines of the error."""
    with pytest.raises(UserError) as caught:
        parse_stack_config(config, stack)
    return str(caught.value).splitlines()


@pytest.mark.parametrize("stack", ["preview", "staging", "production", "local"])
def test_a_stack_named_after_an_environment_needs_no_configuration(stack: str) -> None:
    assert parse_stack_config({}, stack) == StackConfig(environment=stack, target="local")  # type: ignore[arg-type]


def test_everything_can_be_said() -> None:
    config = {
        "pitchbar:environment": "production",
        "pitchbar:target": "local",
        "pitchbar:domain": "rehearsal.localhost",
        "pitchbar:release": "3f9c2a17d04b",
        "pitchbar:port": "8443",
        "pitchbar:tls": "true",
        "pitchbar:image": "ghcr.io/pitchbar/pitchbar@sha256:" + "0" * 64,
        "pitchbar:region": "eu-central-1",
        "pitchbar:require": '["tls", "multi-az"]',
        "aws:profile": "someone",
    }
    assert parse_stack_config(config, "rehearsal") == StackConfig(
        environment="production",
        target="local",
        domain="rehearsal.localhost",
        release="3f9c2a17d04b",
        port=8443,
        tls=True,
        image="ghcr.io/pitchbar/pitchbar@sha256:" + "0" * 64,
        region="eu-central-1",
        require=("multi-az", "tls"),
    )
    assert parse_stack_config({"pitchbar:require": "tls, multi-az"}, "local").require == ("multi-az", "tls")


def test_another_stack_says_which_environment_it_is() -> None:
    assert refusal({}, "pr-12") == [
        "The configuration of stack pr-12 has 1 problem:",
        "  pitchbar:environment: found nothing. A stack that is not called preview, staging, production or local says"
        " which environment it is. Type: `pulumi config set pitchbar:environment preview`.",
    ]


def test_every_mistake_is_reported_at_once() -> None:
    config = {
        "pitchbar:environment": "prodution",
        "pitchbar:target": "AWS",
        "pitchbar:domain": "https://Pitchbar.com/",
        "pitchbar:release": "../x",
        "pitchbar:port": "80 80",
        "pitchbar:tls": "yes",
        "pitchbar:image": "ghcr.io/pitchbar/pitchbar",
        "pitchbar:region": "moon",
        "pitchbar:require": "multi_az",
        "pitchbar:enviroment": "local",
        "pitchbar:zebra": "1",
    }
    keys = (
        "The keys are account, alarm-email, base, cloudflare-account, domain, environment, image, port, region,"
        " release, require, rotations, stack, target, tls and zone"
    )
    assert refusal(config) == [
        "The configuration of stack local has 11 problems:",
        '  pitchbar:domain: found "https://Pitchbar.com/". A domain has lower-case letters, digits and hyphens between'
        " dots, and no scheme, port or path. Type: `pulumi config set pitchbar:domain pitchbar.com`.",
        f"  pitchbar:enviroment: found an unknown key. {keys}. Type: `pulumi config rm pitchbar:enviroment`.",
        '  pitchbar:environment: found "prodution". It is preview, staging, production or local.'
        " Type: `pulumi config set pitchbar:environment production`.",
        '  pitchbar:image: found "ghcr.io/pitchbar/pitchbar". An image has a tag or a digest.'
        " Type: `pulumi config set pitchbar:image ghcr.io/pitchbar/pitchbar:1.4.2`.",
        '  pitchbar:port: found "80 80". A port is a whole number from 1 to 65535.'
        " Type: `pulumi config set pitchbar:port 8080`.",
        '  pitchbar:region: found "moon". A region is a part of the world or one of AWS\'s names.'
        " Type: `pulumi config set pitchbar:region us-east`.",
        '  pitchbar:release: found "../x". A release\'s id has letters, digits, . and -.'
        " Type: `pulumi config set pitchbar:release 3f9c2a17d04b`.",
        '  pitchbar:require: found "multi_az". The capabilities are alarms, autoscaling, container-images,'
        " daily-backups, multi-az, point-in-time-recovery, public-domains, queue-scaling, queue-tick, redis-failover,"
        " redis-persistence, replicas, sticky-sessions, tls and versioned-storage."
        " Type: `pulumi config set pitchbar:require multi-az`.",
        '  pitchbar:target: found "AWS". It is aws, docker or local. Type: `pulumi config set pitchbar:target aws`.',
        '  pitchbar:tls: found "yes". It is true or false. Type: `pulumi config set pitchbar:tls true`.',
        f"  pitchbar:zebra: found an unknown key. {keys}. Type: `pulumi config rm pitchbar:zebra`.",
    ]


@pytest.mark.parametrize("port", ["0", "65536", "-1", "8e3", "", "\u0661", "9" * 5000])
def test_ports_out_of_range_are_refused(port: str) -> None:
    assert refusal({"pitchbar:port": port})[1:] == [
        f'  pitchbar:port: found "{port}". A port is a whole number from 1 to 65535.'
        " Type: `pulumi config set pitchbar:port 8080`."
    ]


def test_a_cloud_needs_its_accounts_a_zone_and_a_domain() -> None:
    assert refusal({"pitchbar:target": "aws"}, "staging")[1:] == [
        "  pitchbar:account: found nothing. The target aws needs it. An AWS account has 12 digits."
        " Type: `pulumi config set pitchbar:account 123456789012`.",
        "  pitchbar:cloudflare-account: found nothing. The target aws needs it. A Cloudflare account's id has 32"
        f" hexadecimal digits. Type: `pulumi config set pitchbar:cloudflare-account {ID}`.",
        "  pitchbar:domain: found nothing. The target aws serves real host names."
        " Type: `pulumi config set pitchbar:domain pitchbar.example`.",
        "  pitchbar:zone: found nothing. The target aws needs it. A zone's id has 32 hexadecimal digits."
        f" Type: `pulumi config set pitchbar:zone {ID}`.",
    ]


def test_a_cloud_can_be_said() -> None:
    assert parse_stack_config({**CLOUD, "pitchbar:base": "preview-base"}, "pr-12") == StackConfig(
        environment="preview",
        target="aws",
        domain="preview.pitchbar.example",
        account="123456789012",
        zone=ID,
        cloudflare_account=ID,
        base="preview-base",
        alarm_email="ops@pitchbar.example",
    )


@pytest.mark.parametrize(
    ("key", "value", "rule"),
    [
        ("account", "1234", "An AWS account has 12 digits"),
        ("zone", "pitchbar.example", "A zone's id has 32 hexadecimal digits"),
        ("cloudflare-account", ID.upper(), "A Cloudflare account's id has 32 hexadecimal digits"),
        ("alarm-email", "ops", "It is one address of electronic mail"),
        ("base", "a/b/c/d", "It names a stack, which `pulumi stack ls` lists"),
        ("stack", "bases", "It is environment or base"),
    ],
)
def test_what_is_wrong_of_a_cloud_is_named(key: str, value: str, rule: str) -> None:
    [line] = refusal({**CLOUD, f"pitchbar:{key}": value}, "pr-12")[1:]
    assert line.startswith(f'  pitchbar:{key}: found "{value}". {rule}. Type: `pulumi config set pitchbar:{key} ')


@pytest.mark.parametrize(
    "changes",
    [{"pitchbar:environment": "staging"}, {"pitchbar:target": "local"}, {"pitchbar:stack": "base"}],
)
def test_only_a_preview_on_aws_stands_on_a_base(changes: dict[str, str]) -> None:
    assert refusal({**CLOUD, "pitchbar:base": "preview-base", **changes}, "pr-12")[1:] == [
        '  pitchbar:base: found "preview-base". Only a preview on aws takes parts from a base stack.'
        " Type: `pulumi config rm pitchbar:base`."
    ]


def test_a_misspelt_key_is_recognised() -> None:
    assert refusal({"pitchbar:domian": "pitchbar.com"})[1:] == [
        "  pitchbar:domian: found an unknown key. The keys are account, alarm-email, base, cloudflare-account, domain,"
        " environment, image, port, region, release, require, rotations, stack, target, tls and zone, and domain was"
        " probably meant. Type: `pulumi config rm pitchbar:domian`."
    ]
