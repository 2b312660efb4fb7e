"""The same parts as an environment of ours, started by a plain script: no Pulumi, no supervisor, no release store.

It is as quick as one can make it by hand: everything that can starts at once, nothing waits for what it does not need,
and its own imports happen meanwhile. The cron Worker and the receiver of the database's log are among the parts.

What it does not do: keep a state, restart what ends, look before it switches, take base backups, clean up after a
failure. `python -m bench.plain FOLDER RELEASE PYTHON` ends when all parts answer, by the
checks of `pitchbar verify`.
"""

from __future__ import annotations

import json
import os
import pwd
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from threading import Thread
from typing import Any

from bench import numbers_of_plain
from bench.ending import stop
from infra.provider.local.layout import user_for
from infra.toolchain import SERVICE_USER, locate

_PATIENCE = 30.0
_HOSTS = {"app.plain.localhost": "app", "cdn.plain.localhost": "app", "realtime.plain.localhost": "realtime"}


class Parts:
    """The parts in `folder`; the app is run from the folder `release` by `python`."""

    def __init__(self, folder: Path, release: Path, python: Path) -> None:
        """Make the folders, choose ports and secrets."""
        self._folder = folder
        self._release = release
        self._python = python
        self._tools = locate()
        self._user = pwd.getpwnam(SERVICE_USER) if os.geteuid() == 0 else None
        self._app_as_service = user_for(python) is not None
        own = ("postgres", "redis", "gateway", "cron", "log")
        for name in ("pids", "logs", *own, "current/app", "current/realtime"):
            (folder / name).mkdir(parents=True)
        for name in own:
            (folder / name).chmod(0o700)
            self._give(folder / name)
        if self._app_as_service:
            for process in ("app", "realtime"):
                self._give(folder / "current" / process)
        self._numbers = numbers_of_plain.found()
        self._failures: list[str] = []

    def start(self) -> None:
        """Start everything; returns when the database has been migrated and the rest was started."""
        chains = [Thread(target=self._guarded, args=(self._database,), daemon=True)]
        chains.append(Thread(target=self._guarded, args=(self._gateway,), daemon=True))
        for chain in chains:
            chain.start()
        self._redis()
        self._app()
        self._cron()
        from infra.ops import verify  # noqa: F401 - while the parts start

        for chain in chains:
            chain.join()
        if self._failures:
            raise SystemExit("\n".join(self._failures))

    def wait(self) -> None:
        """Wait until everything answers a visitor."""
        from infra.checks import app_is_ready, eventually, realtime_is_ready
        from infra.endpoints import url_endpoint
        from infra.ops.outputs import Outputs
        from infra.ops.verify import verify

        port, known = self._numbers.gateway, self._numbers.secrets
        app, realtime = self._numbers.app_url, f"ws://realtime.plain.localhost:{port}"
        eventually(lambda: app_is_ready(url_endpoint(app), "plain"), _PATIENCE)
        self._tick()
        eventually(lambda: realtime_is_ready(url_endpoint(realtime), "plain"), _PATIENCE)
        public: dict[str, Any] = {
            "release": "plain",
            "app_url": app,
            "widget_url": f"http://cdn.plain.localhost:{port}/widget/widget.js",
            "realtime_url": realtime,
            "realtime_key": known["realtime"],
        }
        verdict = verify(Outputs(public, {"internal_queue_token": known["queue"]}))
        if not verdict.ok:
            raise SystemExit("\n".join(f"{item.name}: {item.detail}" for item in verdict.results if not item.ok))
        while not (self._folder / "cron" / "runtime.json").exists():
            time.sleep(0.01)

    def _database(self) -> None:
        folder, programs = self._folder / "postgres", self._tools.postgres / "bin"
        data = folder / "data"
        owner = self._user.pw_name if self._user else pwd.getpwuid(os.geteuid()).pw_name
        init: list[str | Path] = [
            programs / "initdb",
            "-D",
            data,
            "-U",
            owner,
            "--encoding=UTF8",
            "--locale=C.UTF-8",
            "--no-sync",
        ]
        self._run([*init, "--auth-local=peer", "--auth-host=scram-sha-256"], cwd=folder)
        settings = {
            "listen_addresses": "127.0.0.1",
            "port": str(self._numbers.postgres),
            "unix_socket_directories": str(folder),
            "unix_socket_permissions": "0700",
        }
        options = [part for name, value in settings.items() for part in ("-c", f"{name}={value}")]
        self._start("postgres", [programs / "postgres", "-D", data, *options], folder, as_service=True)
        psql: list[str | Path] = [
            programs / "psql",
            "-XqAt",
            "-v",
            "ON_ERROR_STOP=1",
            "-h",
            folder,
            "-p",
            str(self._numbers.postgres),
        ]
        statements = f"""
            SET log_statement = 'none'; SET log_min_error_statement = 'panic';
            CREATE ROLE app LOGIN PASSWORD '{self._numbers.secrets["database"]}';
            CREATE DATABASE app OWNER app;
            REVOKE ALL ON DATABASE app FROM PUBLIC;
            \\connect app
            CREATE EXTENSION vector;
            SELECT pg_create_physical_replication_slot('log', true);
        """
        self._until_it_works([*psql, "-U", owner, "-d", "postgres", "-f", "-"], statements, folder)
        receive: list[str | Path] = [
            programs / "pg_receivewal",
            "-h",
            folder,
            "-p",
            str(self._numbers.postgres),
            "-U",
            owner,
        ]
        self._start("log", [*receive, "-S", "log", "-D", self._folder / "log"], folder, as_service=True)
        migrate = [str(self._python), "-m", "pitchbar_app", "migrate"]
        env = self._numbers.environment("app")
        self._run(migrate, cwd=self._release, env=env, as_service=self._app_as_service)

    def _redis(self) -> None:
        folder = self._folder / "redis"
        config = folder / "redis.conf"
        self._write(
            config,
            f"bind 127.0.0.1\nport {self._numbers.redis}\nrequirepass {self._numbers.secrets['redis']}\ndir {folder}\n"
            "appendonly yes\nappendfsync everysec\nmaxmemory-policy noeviction\n",
        )
        libraries = self._tools.redis_library_path
        env = {"LD_LIBRARY_PATH": str(libraries)} if libraries else {}
        self._start("redis", [self._tools.redis_server, config], folder, env=env, as_service=True)

    def _gateway(self) -> None:
        from infra.provider.local.caddy import configuration
        from infra.provider.local.layout import Layout

        folder = self._folder / "gateway"
        config = folder / "caddy.json"
        replicas = {"app": 1, "realtime": 1}
        document = configuration(Layout(self._folder), _HOSTS, self._numbers.gateway, False, replicas)
        self._write(config, json.dumps(document))
        homes = {name: str(folder) for name in ("HOME", "XDG_DATA_HOME", "XDG_CONFIG_HOME")}
        self._start("gateway", [self._tools.caddy, "run", "--config", config], folder, env=homes, as_service=True)

    def _cron(self) -> None:
        """The runtime of the cron Worker, loading; `_tick` gives it the Worker."""
        folder, node = self._folder / "cron", self._tools.node
        variables = {"HOME": str(folder), "TMPDIR": str(folder)}
        command: list[str | Path] = [node, self._tools.cloudflare / "clock.mjs", folder]
        self._start("cron", command, folder, env=variables, as_service=user_for(node) is not None)

    def _tick(self) -> None:
        from infra.load import environment, load
        from infra.release import worker_script

        folder, tick, url = self._folder / "cron", environment(load(), "local").queue_tick, self._numbers.app_url
        settings = {"interval": tick.interval, "cron": worker_script.cron(tick.interval), "url": url, "authority": ""}
        self._write(folder / "worker.js", worker_script.render(tick, url))
        whole = json.dumps({**settings, "token": self._numbers.secrets["queue"]})
        self._write(folder / "draft", whole)
        (folder / "draft").rename(folder / "clock.json")

    def _app(self) -> None:
        for process, command in (("app", "web"), ("realtime", "realtime"), ("worker", "worker")):
            words: list[str | Path] = [self._python, "-m", "pitchbar_app", command]
            if process != "worker":
                words += ["--listen", f"unix:{self._folder}/current/{process}/0.sock"]
            env = self._numbers.environment(process)
            self._start(process, words, self._release, env=env, as_service=self._app_as_service)

    def _start(
        self,
        name: str,
        command: Sequence[str | Path],
        cwd: Path,
        *,
        env: Mapping[str, str] | None = None,
        as_service: bool = False,
    ) -> None:
        with (self._folder / "logs" / f"{name}.log").open("wb") as log:
            process = subprocess.Popen(
                [str(word) for word in command],
                cwd=cwd,
                env={"PATH": os.environ.get("PATH", os.defpath), "LANG": "C.UTF-8", **(env or {})},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
                **self._as_service(as_service),
            )
        (self._folder / "pids" / name).write_text(str(process.pid))

    def _run(
        self,
        command: Sequence[str | Path],
        *,
        cwd: Path,
        env: Mapping[str, str] | None = None,
        as_service: bool = True,
    ) -> None:
        words = [str(word) for word in command]
        subprocess.run(words, cwd=cwd, env=env, check=True, stdout=subprocess.DEVNULL, **self._as_service(as_service))

    def _until_it_works(self, command: Sequence[str | Path], text: str, cwd: Path) -> None:
        words, deadline = [str(word) for word in command], time.monotonic() + _PATIENCE
        while True:
            done = subprocess.run(
                words, input=text, text=True, cwd=cwd, capture_output=True, check=False, **self._as_service(True)
            )
            if done.returncode == 0:
                return
            if time.monotonic() > deadline:
                raise RuntimeError(done.stderr)
            time.sleep(0.01)

    def _as_service(self, wanted: bool) -> dict[str, Any]:
        return {"user": self._user.pw_uid, "group": self._user.pw_gid} if wanted and self._user else {}

    def _give(self, path: Path) -> None:
        if self._user:
            os.chown(path, self._user.pw_uid, self._user.pw_gid)

    def _write(self, path: Path, text: str) -> None:
        path.touch(0o600)
        path.write_text(text, encoding="utf-8")
        self._give(path)

    def _guarded(self, chain: Any) -> None:
        try:
            chain()
        except (OSError, RuntimeError, subprocess.SubprocessError) as error:
            self._failures.append(str(error))


def main() -> None:
    """Bring the parts up; on failure end those that were started."""
    folder, release, python = (Path(argument) for argument in sys.argv[1:4])
    try:
        parts = Parts(folder, release, python)
        parts.start()
        parts.wait()
    except BaseException:
        stop(folder)
        raise


if __name__ == "__main__":
    main()
