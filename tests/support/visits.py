"""A gateway with visitors, for the tests of Gateway and Route."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from infra.endpoints import Response, http_get, url_endpoint
from infra.provider.local.gateway import Inputs, State
from infra.provider.local.layout import ACCEPTED
from infra.provider.local.route import Inputs as RouteInputs
from infra.provider.local.route import RouteResource
from infra.provider.local.route import State as RouteState
from infra.provider.local.service import ServiceResource, folder_of
from tests.support.environment import Environment, standin_inputs
from tests.support.processes import PATIENCE

HOSTS = {"app.localhost": "app", "cdn.localhost": "app", "realtime.localhost": "realtime"}


def gateway_inputs(home: Environment, **changes: Any) -> Inputs:
    """What the tests' gateway is made of."""
    values = {"directory": home.directory, "hosts": HOSTS, "replicas": {"app": 1, "realtime": 1}}
    return Inputs(**{**values, **changes})


def accepted_service(home: Environment, process: str, release: str, **changes: Any) -> str:
    """A running generation of a stand-in process."""
    id, _ = ServiceResource().create(standin_inputs(home, process=process, release=release, **changes))
    (folder_of(home.layout, id) / ACCEPTED).touch()
    return id


def accepted_release(home: Environment, release: str) -> dict[str, str]:
    """Both processes that visitors reach, two replicas each."""
    return {process: accepted_service(home, process, release, replicas=2) for process in ("app", "realtime")}


def route(home: Environment, generations: Mapping[str, str]) -> RouteState:
    """Send visitors to these generations."""
    return RouteResource().create(RouteInputs(home.directory, "r1", generations))[1]


def get(gateway: State, host: str = "app.localhost", path: str = "/up", ca: str | None = None) -> Response:
    """A visitor's request."""
    scheme = "https" if gateway.tls else "http"
    return http_get(url_endpoint(f"{scheme}://{host}:{gateway.bound_port}", ca), path, timeout=PATIENCE)


def said(answer: Response) -> tuple[str, str]:
    """Which process of which release answered."""
    document = json.loads(answer.body)
    return document["process"], document["release"]
