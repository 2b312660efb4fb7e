"""A real gateway with TLS by its own authority, in front of the stand-in release."""

import json
import os
import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from infra.toolchain import locate
from tests.ops.standin import Release
from tests.ops.tiny import until
from tests.support.processes import PATIENCE
from tests.support.services import free_port

_NAMES = ("app", "cdn", "realtime")


@contextmanager
def tls_gateway(release: Release, folder: Path) -> Iterator[tuple[dict[str, Any], Path]]:
    """Caddy on a free port; gives the stack outputs that lead to it, and its authority's certificate."""
    port = free_port()
    (folder / "caddy.json").write_text(json.dumps(_configuration(release, folder, port)))
    home = {name: str(folder) for name in ("HOME", "XDG_DATA_HOME", "XDG_CONFIG_HOME")}
    caddy = subprocess.Popen(
        [str(locate().caddy), "run", "--config", str(folder / "caddy.json")],
        env=os.environ | home, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    try:
        until(lambda: len(list(folder.glob("certificates/local/*/*.crt"))) == len(_NAMES) and _listens(port))
        urls = {
            "app_url": f"https://app.localhost:{port}",
            "widget_url": f"https://cdn.localhost:{port}/widget/widget.js",
            "realtime_url": f"wss://realtime.localhost:{port}",
        }
        yield {**release.outputs(), **urls}, folder / "pki" / "authorities" / "local" / "root.crt"
    finally:
        caddy.terminate()
        caddy.wait(PATIENCE)


def _configuration(release: Release, folder: Path, port: int) -> dict[str, Any]:
    leads = dict(zip(_NAMES, (release.app_port, release.app_port, release.realtime_port), strict=True))
    server = {
        "listen": [f"127.0.0.1:{port}"],
        "routes": [
            {
                "match": [{"host": [f"{name}.localhost"]}],
                "handle": [{"handler": "reverse_proxy", "upstreams": [{"dial": f"127.0.0.1:{to}"}]}],
            }
            for name, to in leads.items()
        ],
        "tls_connection_policies": [{}],
        "automatic_https": {"disable_redirects": True},
    }
    policies = [{"subjects": [f"{name}.localhost" for name in leads], "issuers": [{"module": "internal"}]}]
    return {
        "admin": {"disabled": True},
        "storage": {"module": "file_system", "root": str(folder)},
        "apps": {
            "http": {"servers": {"gateway": server}},
            "tls": {"automation": {"policies": policies}},
            "pki": {"certificate_authorities": {"local": {"install_trust": False}}},
        },
    }


def _listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0
