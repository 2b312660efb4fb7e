"""Caddy's configuration for the gateway (https://caddyserver.com/docs/json/)."""

from collections.abc import Mapping
from typing import Any

from infra.provider.local.layout import Layout

_SERVER = "pitchbar"
_RETRY = "5s"
"""How long a request waits for a process that is just being started again. Only connections that were never made are
retried."""

_UNAVAILABLE = "Pitchbar can't answer just now. Please try again in a moment."


def configuration(
    layout: Layout, hosts: Mapping[str, str], port: int, tls: bool, replicas: Mapping[str, int]
) -> dict[str, Any]:
    """The document for ``caddy run``: each of ``hosts`` leads to its process, on 127.0.0.1:``port``."""
    server: dict[str, Any] = {
        "listen": [f"127.0.0.1:{port}"],
        "routes": [_route(host, _proxy(layout, process, replicas[process])) for host, process in hosts.items()]
        + [{"handle": [_text(404, "Pitchbar has no such host here.")]}],
        "errors": {"routes": [{"handle": [_text(503, _UNAVAILABLE)]}]},
        "automatic_https": {"disable": not tls, "disable_redirects": True},
    }
    apps: dict[str, Any] = {"http": {"servers": {_SERVER: server}, "grace_period": "10s"}}
    if tls:
        server["tls_connection_policies"] = [{}]
        apps["tls"] = {"automation": {"policies": [{"subjects": list(hosts), "issuers": [{"module": "internal"}]}]}}
        apps["pki"] = {"certificate_authorities": {"local": {"install_trust": False}}}
    return {
        "admin": {"listen": f"unix/{layout.gateway}/admin.sock", "config": {"persist": False}},
        "storage": {"module": "file_system", "root": str(layout.gateway)},
        "logging": {"logs": {"default": {"level": "WARN", "encoder": {"format": "json"}}}},
        "apps": apps,
    }


def port_of(document: Mapping[str, Any]) -> int:
    """The port that a :func:`configuration` listens on."""
    return int(document["apps"]["http"]["servers"][_SERVER]["listen"][0].rpartition(":")[2])


def _route(host: str, handler: Mapping[str, Any]) -> dict[str, Any]:
    return {"match": [{"host": [host]}], "handle": [handler], "terminal": True}


def _proxy(layout: Layout, process: str, replicas: int) -> dict[str, Any]:
    return {
        "handler": "reverse_proxy",
        "upstreams": [{"dial": f"unix/{layout.current}/{process}/{number}.sock"} for number in range(replicas)],
        # A kept connection would outlive the switch and lead to the old release.
        "transport": {"protocol": "http", "keep_alive": {"enabled": False}},
        "load_balancing": {"selection_policy": {"policy": "random"}, "try_duration": _RETRY, "try_interval": "50ms"},
        "flush_interval": -1,
        "stream_close_delay": "60s",
    }


def _text(status: int, sentence: str) -> dict[str, Any]:
    headers = {"Content-Type": ["text/plain; charset=utf-8"]}
    return {"handler": "static_response", "status_code": str(status), "headers": headers, "body": f"{sentence}\n"}
