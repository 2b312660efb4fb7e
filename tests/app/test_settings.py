"""Wrong environments are refused in whole sentences, all at once; secrets stay out of the logs; addresses."""

from __future__ import annotations

import os
import signal
import socket
import stat
from pathlib import Path

import pytest

from tests.app.processes import SECRETS, TOKEN, Launcher
from tests.support.processes import wait_until

DATABASE = ["DB_HOST", "DB_DATABASE", "DB_USERNAME", "DB_PASSWORD"]
REALTIME = ["REVERB_APP_ID", "REVERB_APP_KEY", "REVERB_APP_SECRET", "REVERB_HOST", "REVERB_PORT", "REVERB_SCHEME"]
APP = ["APP_ENV", "APP_RELEASE"]
REST = ["APP_KEY", "ADMIN_PASSWORD", "INTERNAL_QUEUE_TOKEN", "APP_URL", "WIDGET_URL"]
ALL = [*APP, *DATABASE, "REDIS_HOST", *REALTIME, *REST]
ADDRESS = ("--listen", "127.0.0.1:0")


def _missing(names: list[str]) -> str:
    return "".join(f"{name} is not set: set it to a value that is not empty.\n" for name in names)


def test_web_names_everything_that_is_missing(app: Launcher) -> None:
    done = app.run("web", *ADDRESS, **dict.fromkeys(ALL, "<unset>"))
    assert (done.returncode, done.stdout, done.stderr) == (1, "", _missing(ALL))


@pytest.mark.parametrize(
    ("arguments", "names"),
    [
        (("worker",), [*APP, *DATABASE, "REDIS_HOST", "REVERB_APP_ID", "APP_KEY"]),
        (("realtime", *ADDRESS), [*APP, "REDIS_HOST", *REALTIME]),
        (("migrate",), [*APP, *DATABASE]),
    ],
)
def test_other_processes_ask_only_for_what_they_use(
    app: Launcher, arguments: tuple[str, ...], names: list[str]
) -> None:
    done = app.run(*arguments, **dict.fromkeys(ALL, "<unset>"))
    assert (done.returncode, done.stderr) == (1, _missing(names))


def test_malformed_values_are_refused_together(app: Launcher) -> None:
    wrong = {
        "STOP_TIMEOUT": "soon",
        "DB_PORT": "70000",
        "REVERB_SCHEME": "ws",
        "APP_URL": "app.localhost",
        "WIDGET_URL": "http://x/'><script>",
        "REVERB_HOST": "a b",
    }
    done = app.run("web", *ADDRESS, **wrong)
    assert done.returncode == 1
    assert done.stderr.splitlines() == [
        "STOP_TIMEOUT is 'soon': it must be a whole number from 1 to 3600.",
        "DB_PORT is '70000': it must be a whole number from 1 to 65535.",
        "REVERB_HOST is 'a b': it must be a name of letters, digits and . _ : - only.",
        "REVERB_SCHEME is 'ws': it must be one of http, https.",
        "APP_URL is 'app.localhost': it must be an address that starts with http:// or https://.",
        'WIDGET_URL is "http://x/\'><script>": it must be an address that starts with http:// or https://.',
    ]


@pytest.mark.parametrize("queues", ["crawl,,index", "crawl,crawl", "a b"])
def test_queues_are_different_names(app: Launcher, queues: str) -> None:
    done = app.run("worker", QUEUES=queues)
    assert done.stderr == (
        f"QUEUES is {queues!r}: it must be different names with commas between them, for example crawl,index,default.\n"
    )


def test_secrets_are_not_in_the_logs(app: Launcher) -> None:
    """Also when a secret gets into a message by way of an error: the role is called like the admin's password."""
    hidden = SECRETS | {"DB_PASSWORD": app.environment["DB_PASSWORD"], "REDIS_PASSWORD": "a-wrong-password"}
    wrong = {"REDIS_PASSWORD": "a-wrong-password", "DB_USERNAME": SECRETS["ADMIN_PASSWORD"]}
    web = app.start("web", **wrong)
    web.wait_until("/ready", 503)
    web.get("/api/v1/internal/canary/x", TOKEN)
    web.stop()
    migration = app.run("migrate", **{"DB_PASSWORD": "<unset>", "APP_KEY": ""})
    assert 'password authentication failed for user "**********"' in web.output
    for value in hidden.values():
        assert value not in web.output + migration.stderr


def test_log_is_one_line_for_each_record(app: Launcher) -> None:
    web = app.start("web", DB_PORT="1")
    web.wait_until("/ready", 503)
    web.stop()
    lines = web.output.splitlines()
    assert lines
    assert all(line[:2] == "20" and line[23] == "Z" and " app " in line for line in lines), web.output


def test_tcp_address(app: Launcher) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        done = app.run("web", "--listen", f"127.0.0.1:{port}")
    assert done.returncode == 1
    assert done.stderr == f"Cannot listen on 127.0.0.1:{port}: address already in use. Choose another address.\n"


@pytest.mark.parametrize("address", ["8000", "localhost:http", "127.0.0.1:99999"])
def test_address_that_is_none(app: Launcher, address: str) -> None:
    done = app.run("realtime", "--listen", address)
    assert done.returncode == 1
    assert done.stderr == f"--listen {address} is not an address: give unix:/path.sock or 127.0.0.1:PORT.\n"


def test_unix_address_that_cannot_be(app: Launcher) -> None:
    for path in ("relative.sock", "/" + "x" * 110):
        done = app.run("web", "--listen", f"unix:{path}")
        assert done.stderr == f"--listen unix:{path} must be an absolute path of at most 107 bytes.\n"
    file = app.folder / "file"
    file.write_text("precious")
    done = app.run("web", "--listen", f"unix:{file}")
    assert done.stderr == f"Cannot listen on unix:{file}: a file that is not a socket is there. Remove it first.\n"
    assert file.read_text() == "precious"
    path = f"{app.folder}/none/web.sock"
    done = app.run("web", "--listen", f"unix:{path}")
    why = "no such file or directory. Is its folder there and writable?"
    assert done.stderr == f"Cannot listen on unix:{path}: {why}\n"


def test_stale_socket_is_replaced_and_a_newer_one_is_left_alone(app: Launcher) -> None:
    first = app.start("web", wait="/ready")
    assert stat.S_IMODE(first.address.stat().st_mode) == 0o666
    first.stop(signal.SIGKILL)
    assert first.address.is_socket()
    app.processes.clear()
    second = app.start("web", wait="/ready")
    assert second.address == first.address
    app.processes.clear()
    third = app.start("web", wait="/ready", APP_RELEASE="r-3")
    _wait_for_release(third.address, second.popen.pid)
    assert second.stop()[0] == 0
    assert third.get("/up").json["release"] == "r-3"
    assert third.stop()[0] == 0
    assert not third.address.exists()
    assert not [path for path in app.folder.iterdir() if path.name.startswith(".")]


def test_client_that_connects_during_the_start_waits_instead_of_being_refused(app: Launcher) -> None:
    web = app.start("web", wait=None)
    wait_until(web.address.exists, "it listens")
    assert web.get("/up").status == 200


def _wait_for_release(address: Path, previous: int) -> None:
    """Wait until the socket's file is another process's."""

    def is_newer() -> bool:
        with socket.socket(socket.AF_UNIX) as probe:
            probe.connect(os.fspath(address))
            owner = probe.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, 12)
        return int.from_bytes(owner[:4], "little") != previous

    wait_until(is_newer, "the newer process listens")
