"""The release check: a Lambda function that ECS asks before visitors come to a release of the app.

It asks the load balancer's test listener what a visitor would, under the app's own name: whether the release is ready,
is the one that is rolled out, and gives its pages. What it answers is ECS' contract: ``SUCCEEDED`` goes on, anything
else takes the release back, and visitors have never left the one before.
"""

from __future__ import annotations

import http.client
import json
import os
import socket
import ssl
import time
from collections.abc import Mapping
from dataclasses import dataclass

PATIENCE = 40.0
"""Seconds for the load balancer to lead to the new tasks, and for them to answer as they should."""
TIMEOUT = 5.0
_PAUSE = 1.0
_ENOUGH = 65536


@dataclass(frozen=True)
class Listener:
    """Where it asks: ``address`` is the load balancer's name, ``host`` the app's, for which its certificate is."""

    address: str
    port: int
    host: str


@dataclass(frozen=True)
class Answer:
    """Status and the beginning of the body."""

    status: int
    body: bytes


def handle(event: Mapping[str, object], context: object) -> Mapping[str, str]:
    """Ask until all is well or patience ends; the reason is in the log."""
    environ = os.environ
    listener = Listener(environ["ADDRESS"], int(environ["PORT"]), environ["HOST"])
    details = event.get("hookDetails")
    release = str(details.get("release", "")) if isinstance(details, Mapping) else ""
    if not release:
        return _said("FAILED", "The deployment doesn't say which release it rolls out.")
    pages = [path for path in environ["PAGES"].split(",") if path]
    deadline = time.monotonic() + PATIENCE
    while reason := problem(listener, environ["RELEASE_PATH"], pages, release):
        if time.monotonic() >= deadline:
            return _said("FAILED", f"Release {release} gets no visitors: {reason}")
        time.sleep(_PAUSE)
    return _said("SUCCEEDED", f"Release {release} answers as it should.")


def problem(listener: Listener, release_path: str, pages: list[str], release: str) -> str:
    """What is wrong; empty for nothing. ``release_path``: answers as JSON with the release; empty for an app that has
    no such path. ``pages``: that must be there."""
    try:
        for path in pages:
            if (answer := ask(listener, path)).status != 200:
                return f"{path} answers {answer.status}."
        if release_path:
            answer = ask(listener, release_path)
            if answer.status != 200:
                return f"{release_path} answers {answer.status}."
            found = json.loads(answer.body).get("release")
            if found != release:
                return f"the test listener leads to release {found}."
    except (OSError, http.client.HTTPException, ValueError, AttributeError) as error:
        return f"{listener.host} at {listener.address}:{listener.port}: {type(error).__name__}: {error}"
    return ""


def ask(listener: Listener, path: str) -> Answer:
    """One request over a connection of its own, so that each is led anew."""
    with socket.create_connection((listener.address, listener.port), timeout=TIMEOUT) as plain:
        inside = ssl.create_default_context().wrap_socket(plain, server_hostname=listener.host)
        connection = http.client.HTTPConnection(listener.host, timeout=TIMEOUT)
        connection.sock = inside
        try:
            connection.request("GET", path, headers={"User-Agent": "pitchbar-release-check"})
            response = connection.getresponse()
            return Answer(response.status, response.read(_ENOUGH))
        finally:
            connection.close()


def _said(status: str, reason: str) -> Mapping[str, str]:
    print(reason)
    return {"hookStatus": status}
