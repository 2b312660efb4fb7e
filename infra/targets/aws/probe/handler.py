"""The queue probe: a Lambda function that looks into Redis once a minute and says how much there is to do.

It speaks to Redis itself, because Lambda's Python has no client for it, and writes CloudWatch's embedded metric format
to its log, so that it needs no way to CloudWatch and no permission there. It knows the keys of both runtime profiles.
"""

from __future__ import annotations

import json
import os
import socket
import ssl
import time
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any

NAMESPACE = "Pitchbar"
TIMEOUT = 5.0
_LAST_PASS = "pitchbar:pass:last"
Ask = Callable[..., Any]


class RedisError(Exception):
    """Redis refused something."""


def handle(event: object, context: object) -> Mapping[str, Any]:
    """Look once, say it, and give it back."""
    environ = os.environ
    queues = environ["QUEUES"].split(",")
    with connect(environ["REDIS_HOST"], int(environ["REDIS_PORT"]), tls=environ["REDIS_SCHEME"] == "tls") as connection:
        ask = speaker(connection)
        ask("AUTH", password(environ["REDIS_PASSWORD_FROM"]))
        found = measure(ask, environ["RUNTIME"], queues, time.time())
    for line in metrics(found, environ["STACK"], time.time()):
        print(json.dumps(line))
    return found


def password(source: str) -> str:
    """The secret's value. ``source`` as ECS writes it: ARN, key in the JSON, stage and version, with colons between."""
    import boto3

    parts = source.split(":")
    arn = ":".join(parts[:7])
    key, stage, version = [*parts[7:], "", "", ""][:3]
    wanted = {"VersionId": version} if version else {"VersionStage": stage or "AWSCURRENT"}
    text = boto3.client("secretsmanager").get_secret_value(SecretId=arn, **wanted)["SecretString"]
    return str(json.loads(text)[key]) if key else str(text)


def measure(ask: Ask, runtime: str, queues: Sequence[str], now: float) -> dict[str, Any]:
    """How many jobs wait, are delayed and are reserved in each queue, and the age in seconds of the oldest one that
    waits; for the bundled app also how long ago the last tick's pass began."""
    known = BUNDLED if runtime == "bundled" else LARAVEL
    found: dict[str, Any] = {"queues": {name: known.depth(ask, name, now) for name in queues}}
    if runtime == "bundled" and (last := ask("GET", _LAST_PASS)):
        found["tick_age"] = max(0.0, now - _moment(json.loads(last)["started_at"]))
    return found


class Layout:
    """Where a runtime profile keeps its jobs; ``{}`` is the queue's name."""

    def __init__(self, waiting: str, delayed: str, reserved: str, since: Callable[[Ask, bytes], float | None]) -> None:
        self._keys = (waiting, delayed, reserved)
        self._since = since

    def depth(self, ask: Ask, queue: str, now: float) -> dict[str, float]:
        """One queue's jobs."""
        waiting, delayed, reserved = (key.format(queue) for key in self._keys)
        oldest = ask("LINDEX", waiting, "0")
        since = self._since(ask, oldest) if oldest else None
        return {
            "waiting": ask("LLEN", waiting),
            "delayed": ask("ZCARD", delayed),
            "reserved": ask("ZCARD", reserved),
            "oldest": max(0.0, now - since) if since else 0.0,
        }


def _rq_since(ask: Ask, id: bytes) -> float | None:
    """When an RQ job was put on its queue."""
    text = ask("HGET", f"rq:job:{id.decode()}", "enqueued_at")
    return _moment(text) if text else None


def _laravel_since(ask: Ask, payload: bytes) -> float | None:
    """When a job of Laravel was put on its queue: Horizon says it; a plain one may say when it was made."""
    job = json.loads(payload)
    since = job.get("pushedAt") or job.get("createdAt")
    return float(since) if since else None


BUNDLED = Layout("rq:queue:{}", "rq:scheduled:{}", "pitchbar:reserved:{}", _rq_since)
LARAVEL = Layout("queues:{}", "queues:{}:delayed", "queues:{}:reserved", _laravel_since)


def metrics(found: Mapping[str, Any], stack: str, now: float) -> list[dict[str, Any]]:
    """Lines of the embedded metric format: one for all queues together, one for each."""
    every = list(found["queues"].values())
    whole = {part: sum(depth[part] for depth in every) for part in ("waiting", "delayed", "reserved")}
    oldest = max((depth["oldest"] for depth in every), default=0.0)
    ages = {"TickAge": found["tick_age"]} if "tick_age" in found else {}
    lines = [_line({"Stack": stack}, {**_counts({**whole, "oldest": oldest}), **ages}, now)]
    for queue, depth in found["queues"].items():
        lines.append(_line({"Stack": stack, "Queue": queue}, _counts(depth), now))
    return lines


def _counts(depth: Mapping[str, float]) -> dict[str, float]:
    counts = {part.capitalize(): depth[part] for part in ("waiting", "delayed", "reserved")}
    return {**counts, "Backlog": sum(counts.values()), "OldestAge": depth["oldest"]}


def _line(dimensions: Mapping[str, str], values: Mapping[str, float], now: float) -> dict[str, Any]:
    units = [{"Name": name, "Unit": "Seconds" if name.endswith("Age") else "Count"} for name in values]
    about = {"Namespace": NAMESPACE, "Dimensions": [list(dimensions)], "Metrics": units}
    return {"_aws": {"Timestamp": int(now * 1000), "CloudWatchMetrics": [about]}, **dimensions, **values}


def connect(host: str, port: int, *, tls: bool) -> socket.socket:
    """A connection to Redis; with TLS its certificate must be good for the host."""
    connection = socket.create_connection((host, port), timeout=TIMEOUT)
    if not tls:
        return connection
    return ssl.create_default_context().wrap_socket(connection, server_hostname=host)


def speaker(connection: socket.socket) -> Ask:
    """A function that asks Redis one command and gives the answer. Raises :class:`RedisError`."""
    answers = connection.makefile("rb")

    def ask(*words: str) -> Any:
        encoded = [word.encode() for word in words]
        parts = [b"$%d\r\n%s\r\n" % (len(word), word) for word in encoded]
        connection.sendall(b"*%d\r\n%s" % (len(parts), b"".join(parts)))
        return _answer(answers)

    return ask


def _answer(answers: Any) -> Any:
    line: bytes = answers.readline()
    if not line.endswith(b"\r\n"):
        raise RedisError("Redis ended the connection.")
    kind, rest = line[:1], line[1:-2]
    if kind == b"-":
        raise RedisError(rest.decode())
    if kind == b":":
        return int(rest)
    if kind == b"$":
        return None if rest == b"-1" else answers.read(int(rest) + 2)[:-2]
    if kind == b"*":
        return [_answer(answers) for _ in range(int(rest))]
    return rest


def _moment(text: bytes | str) -> float:
    """The seconds since 1970 of a time in ISO 8601, with Z or without for UTC."""
    plain = text.decode() if isinstance(text, bytes) else text
    moment = datetime.fromisoformat(plain.replace("Z", "+00:00"))
    return moment.timestamp() if moment.tzinfo else datetime.fromisoformat(f"{plain}+00:00").timestamp()
