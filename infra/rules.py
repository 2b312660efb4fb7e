"""Rules that span several values of one environment, or several environments."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from infra.document import Problem
from infra.kinds import HOST_PLACEHOLDERS, all_of, fill
from infra.reader import Found

Values = Mapping[str, Found]

SHORTER = (
    ("processes.worker.job_timeout", "processes.worker.stop_timeout", "a stopping worker finishes its job"),
    ("processes.worker.job_timeout", "processes.worker.retry_after", "a running job is never given to a second worker"),
    ("queue_tick.job_timeout", "processes.worker.retry_after", "a running job is never given to a second worker"),
    ("queue_tick.max_time", "queue_tick.interval", "a pass ends before the next tick, and passes never pile up"),
    *(
        (f"processes.{process}.health.{key}", f"processes.{process}.health.deadline", "there is time for a check")
        for process in ("app", "worker", "realtime")
        for key in ("interval", "timeout")
    ),
)
HOSTS = ("app", "cdn", "realtime")


def contradictions(environment: str, values: Values) -> Iterator[Problem]:
    """Report values of one environment that are fine alone and wrong together."""
    for smaller, larger, reason in SHORTER:
        yield from _shorter(values, smaller, larger, reason)
    for process in ("app", "worker", "realtime"):
        yield from _scaling(values, f"processes.{process}.scaling")
    yield from _tick(values)
    yield from _backups(values)
    yield from _hosts(environment, values)


def shared_hosts(environments: Mapping[str, Values]) -> Iterator[Problem]:
    """Report host names that several environments would serve; `local` is on nobody's internet and does not count."""
    users: dict[str, list[tuple[str, Found]]] = {}
    for environment, values in environments.items():
        for host in (values.get(f"domains.{name}") for name in HOSTS):
            if environment != "local" and host and host.value and "{" not in host.value:
                users.setdefault(host.value, []).append((environment, host))
    for uses in users.values():
        names = tuple(dict.fromkeys(name for name, _ in uses))
        if len(names) > 1:
            last = max((found for _, found in uses), key=lambda found: found.line)
            rule = f"A host name belongs to one environment, and {all_of(names)} have it"
            yield Problem(last.line, last.path, last.text, rule, "Put {domain} or {stack} in it")


def shared_networks(environments: Mapping[str, Values]) -> Iterator[Problem]:
    """Report networks that several environments would have."""
    users: dict[str, tuple[str, Found]] = {}
    for environment, values in environments.items():
        found = values.get("network.cidr")
        if found is None or not found.value:
            continue
        other = users.setdefault(found.value, (environment, found))
        if other[0] != environment:
            first, last = sorted((other, (environment, found)), key=lambda use: use[1].line)
            rule = f"It overlaps the network of {first[0]} (line {first[1].line}); each environment has its own"
            yield Problem(last[1].line, last[1].path, last[1].text, rule, "Choose another second number")


def _shorter(values: Values, smaller: str, larger: str, reason: str) -> Iterator[Problem]:
    small, large = values.get(smaller), values.get(larger)
    if small and large and small.value >= large.value:
        key = larger.rsplit(".", 1)[-1]
        rule = f"It is shorter than {key}, which is {large.text} (line {large.line}), so that {reason}"
        yield Problem(small.line, small.path, small.text, rule, f"Lower it or raise {key}")


def _scaling(values: Values, name: str) -> Iterator[Problem]:
    least, most = values.get(f"{name}.min"), values.get(f"{name}.max")
    if least and most and least.value > most.value:
        rule = f"It is at least min, which is {least.text} (line {least.line})"
        yield Problem(most.line, most.path, most.text, rule, "Raise it or lower min")


def _tick(values: Values) -> Iterator[Problem]:
    interval = values.get("queue_tick.interval")
    if interval and interval.value % 60:
        rule = "Cron counts in minutes, so it is a multiple of 60s"
        yield Problem(interval.line, interval.path, interval.text, rule, f"Write {-(-interval.value // 60)}m")
    ticked, served = values.get("queue_tick.queues"), values.get("processes.worker.queues")
    strangers = [queue for queue in ticked.value if queue not in served.value] if ticked and served else []
    if ticked and served and strangers:
        rule = f"A pass drains queues of the worker, which are {all_of(served.value)} (line {served.line})"
        yield Problem(ticked.line, ticked.path, all_of(tuple(strangers)), rule, "Remove it or add it to the worker")


def _backups(values: Values) -> Iterator[Problem]:
    daily, pitr = values.get("backups.daily"), values.get("backups.pitr")
    if daily and pitr and pitr.value and not daily.value:
        rule = f"Point-in-time recovery starts from a daily backup, and daily is {daily.text} (line {daily.line})"
        yield Problem(pitr.line, pitr.path, pitr.text, rule, "Set daily to true or pitr to false")


def _hosts(environment: str, values: Values) -> Iterator[Problem]:
    seen: dict[str, tuple[str, Found]] = {}
    for name in HOSTS:
        found = values.get(f"domains.{name}")
        if not found or not found.value:
            continue
        first = seen.setdefault(fill(found.value, HOST_PLACEHOLDERS), (name, found))
        if first[1] is not found:
            rule = f"A host name is used once, and {first[0]} has it (line {first[1].line})"
            fix = "Remove cdn to serve the widget from the app's host" if name == "cdn" else "Choose another name"
            yield Problem(found.line, found.path, found.text, rule, fix)
        elif environment == "preview" and "{stack}" not in found.value:
            rule = "Every pull request has a preview of its own, so that a preview's host name has {stack} in it"
            yield Problem(found.line, found.path, found.text, rule, f"Write {name}-{{stack}}.{{domain}}")
