"""The longest chain of what waits for what in a program's own graph of resources."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from bench.aws import times
from bench.aws.times import TIMES
from tests.support.engine import Recording, Registered

SERVICE, TASK = "aws:ecs/service:Service", "aws:ecs/taskDefinition:TaskDefinition"
TARGETS, DATABASE = "aws:lb/targetGroup:TargetGroup", "aws:rds/instance:Instance"
_TASKS = ("pitchbar:aws:Migration", "pitchbar:aws:Database")
_ASKING = ("pitchbar:aws:Verification",)


@dataclass(frozen=True)
class Path:
    """A chain: name and seconds of each step that takes more than a call, and what waits for old tasks besides."""

    steps: tuple[tuple[str, float], ...]
    seconds: float
    drain: float


GOALS = {"release": 180, "first up of pr-": 190, "first up of production": 1200, "first up": 720}
"""Seconds, by the beginning of what is done, drains and an image's build apart; docs/speed.md has the reasons."""


def goal(done: str) -> int:
    """How long something may take."""
    return next(seconds for beginning, seconds in GOALS.items() if done.startswith(beginning))


Seconds = Callable[[Registered], float]


def longest(recording: Recording, seconds: Seconds, drain: Seconds = lambda _: 0) -> Path:
    """The chain that an update can't be quicker than; what doesn't change takes no time. ``drain`` is what is waited
    for besides, which may make another chain the longest."""
    chain, total = _chain(recording, seconds)
    _, drained = _chain(recording, lambda each: seconds(each) + (drain(each) if seconds(each) else 0))
    steps = [(f"{each.type.rpartition(':')[2]} {each.name}", seconds(each)) for each in chain]
    return Path(tuple(step for step in steps if step[1] > times.CALL.seconds), total, drained - total)


def _chain(recording: Recording, seconds: Seconds) -> tuple[list[Registered], float]:
    by_urn = {each.urn: each for each in recording}
    ends: dict[str, tuple[float, str]] = {}

    def end(urn: str) -> float:
        if urn not in ends:
            each = by_urn[urn]
            before = sorted(need for need in {*each.dependencies, each.parent} if need in by_urn)
            last = max(before, key=end, default="")
            ends[urn] = ((end(last) if last else 0) + seconds(each), last)
        return ends[urn][0]

    urn: str = max(sorted(by_urn), key=end)
    total, chain = end(urn), []
    while urn:
        chain.append(by_urn[urn])
        urn = ends[urn][1]
    return chain[::-1], total


def making(recording: Recording) -> Seconds:
    """How long each thing takes to be made; an image's build is left out."""

    def seconds(each: Registered) -> float:
        if not each.custom or each.type.startswith(("docker:", "pulumi:")):
            return 0
        if each.type in (SERVICE, *_TASKS, *_ASKING):
            return running(recording)(each)
        multi_az = times.MULTI_AZ.seconds if each.type == DATABASE and each.inputs.get("multiAz") else 0
        return TIMES.get(each.type, times.CALL).seconds + multi_az

    return seconds


def running(recording: Recording) -> Seconds:
    """How long what runs takes: one-off tasks, services until they are healthy, and the questions after them."""
    targets = {target.urn: target for target in recording.of(TARGETS)}

    def seconds(each: Registered) -> float:
        if each.type in _TASKS:
            return times.TASK_START.seconds + times.ONE_OFF.seconds + times.NOTICE.seconds
        if each.type in _ASKING:
            return times.ASKING.seconds
        checks = [targets[urn].inputs["healthCheck"] for urn in each.sources.get("loadBalancers", ()) if urn in targets]
        healthy = max((check["interval"] * check["healthyThreshold"] for check in checks), default=5.0)
        started = times.TASK_START.seconds + times.APP_START.seconds
        return started + float(healthy) + times.NOTICE.seconds

    return seconds


def releasing(recording: Recording, changed: frozenset[str]) -> Seconds:
    """How long each thing takes in a release: what comes of the image, and is of a type that a release changes."""
    runs = running(recording)
    images = {each.urn for each in recording if each.type.startswith("docker:")}

    def seconds(each: Registered) -> float:
        if each.type not in changed or each.urn in images or not recording.needs(each.urn) & images:
            return 0
        return runs(each) if each.type in (SERVICE, *_TASKS, *_ASKING) else times.CALL.seconds

    return seconds


def draining(recording: Recording) -> Seconds:
    """How long a service's roll-out waits for the old tasks besides: bake time, deregistration, and their stop."""
    targets = {target.urn: target for target in recording.of(TARGETS)}
    stops = {task.name: _stop(task.inputs) for task in recording.of(TASK)}

    def seconds(each: Registered) -> float:
        if each.type != SERVICE:
            return 0
        bake = float(each.inputs.get("deploymentConfiguration", {}).get("bakeTimeInMinutes", 0)) * 60
        leave = max((targets[urn].inputs["deregistrationDelay"] for urn in _targets(each, targets)), default=0.0)
        return bake + float(leave) + stops.get(each.name, 0.0)

    return seconds


def _targets(each: Registered, targets: Mapping[str, Registered]) -> list[str]:
    return [urn for urn in each.sources.get("loadBalancers", ()) if urn in targets]


def _stop(inputs: Mapping[str, Any]) -> float:
    return max(float(each.get("stopTimeout", 30)) for each in json.loads(inputs["containerDefinitions"]))
