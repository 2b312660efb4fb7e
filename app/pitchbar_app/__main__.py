"""Runs one process or command of this release; `python -m pitchbar_app --help` lists them."""

from __future__ import annotations

import argparse
import logging
import os
import signal
import sys
from types import FrameType

from pitchbar_app import logs, settings
from pitchbar_app.environ import SettingsError
from pitchbar_app.listen import ListenError, listening

log = logging.getLogger("pitchbar_app")


def web(listen: str) -> int:
    """Serve the pages and the API."""
    known = settings.load_web(os.environ)
    with listening(listen) as listener:
        logs.configure(known.app.process, known.secrets)
        log.info("release %s listens on %s", known.app.release, listen)
        from pitchbar_app.server import serve
        from pitchbar_app.web.application import create

        return serve(
            create(known), listener, stop_timeout=known.app.stop_timeout, trusted_proxies=known.app.trusted_proxies
        )


def realtime(listen: str) -> int:
    """Serve WebSocket connections."""
    known = settings.load_realtime(os.environ)
    with listening(listen) as listener:
        logs.configure(known.app.process, known.secrets)
        log.info("release %s listens on %s", known.app.release, listen)
        from pitchbar_app.realtime.application import run

        return run(known, listener)


def worker() -> int:
    """Run jobs, in this process or in a pool of workers."""
    known = settings.load_worker(os.environ)
    logs.configure(known.app.process, known.secrets)
    if known.pool.max > 1:
        from pitchbar_app import pool

        return pool.run(known)
    from pitchbar_app.worker import run

    return run(known)


def migrate() -> int:
    """Bring the database to this release's schema."""
    known = settings.load_migrate(os.environ)
    logs.configure(known.app.process, known.secrets)
    from pitchbar_app.migrate import run

    return run(known)


def renew_settings() -> int:
    """Encrypt the settings in the database under APP_KEY that are still under a previous one."""
    known = settings.load_renewal(os.environ)
    logs.configure(known.app.process, known.secrets)
    from pitchbar_app.renewal import run

    return run(known)


def audit_vectors(repair: bool, as_json: bool) -> int:
    """Compare the vector store with the chunks."""
    known = settings.load_worker(os.environ)
    logs.configure(known.app.process, known.secrets)
    from pitchbar_app.index.audit import run

    return run(known, repair=repair, as_json=as_json)


def queue_tick(options: argparse.Namespace) -> int:
    """Make one pass over the queues."""
    known = settings.load_worker(os.environ)
    logs.configure(known.app.process, known.secrets)
    from pitchbar_app.passes import Options
    from pitchbar_app.tick import run

    return run(known, Options(options.max_time, options.job_timeout, tuple(options.queues.split(","))), options.id)


def queue_metrics() -> int:
    """Tell how much there is to do."""
    known = settings.load_worker(os.environ)
    logs.configure(known.app.process, known.secrets)
    from pitchbar_app.depth import run

    return run(known)


def healthy(what: str) -> int:
    """Tell by the exit status whether the process in this container is well."""
    from pitchbar_app.life import run

    return run(what)


def main(arguments: list[str] | None = None) -> int:
    """Run the process that the arguments name; the result is its exit status."""
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, _leave)
    parser = argparse.ArgumentParser(prog="python -m pitchbar_app", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    for name, text in (("web", "serve pages and API"), ("realtime", "serve WebSocket connections")):
        command = commands.add_parser(name, help=text)
        command.add_argument("--listen", required=True, help="unix:/path.sock or 127.0.0.1:PORT")
    commands.add_parser("worker", help="run jobs from the queues")
    commands.add_parser("migrate", help="bring the database to this release's schema")
    commands.add_parser("renew-settings", help="encrypt under APP_KEY what is still under a previous key")
    audit = commands.add_parser("audit-vectors", help="compare the vector store with the chunks")
    audit.add_argument("--repair", action="store_true", help="index again what differs")
    audit.add_argument("--json", action="store_true", help="print the result as JSON")
    tick = commands.add_parser("queue:tick", help="make one pass over the queues")
    tick.add_argument("--max-time", type=int, default=55, help="take no new job after so many seconds")
    tick.add_argument("--job-timeout", type=int, default=120, help="seconds that one job gets at most")
    tick.add_argument("--queues", default="crawl,index,default", help="queues to drain, in this order")
    tick.add_argument("--id", help=argparse.SUPPRESS)
    commands.add_parser("queue-metrics", help="print the depth of the queues as JSON")
    check = commands.add_parser("healthy", help="ask whether the process in this container is well")
    check.add_argument("what", metavar="URL|worker", help="an address that answers 200 then, or the worker")
    options = parser.parse_args(arguments)
    try:
        match options.command:
            case "web":
                return web(options.listen)
            case "realtime":
                return realtime(options.listen)
            case "worker":
                return worker()
            case "renew-settings":
                return renew_settings()
            case "audit-vectors":
                return audit_vectors(options.repair, options.json)
            case "queue:tick":
                return queue_tick(options)
            case "queue-metrics":
                return queue_metrics()
            case "healthy":
                return healthy(options.what)
            case _:
                return migrate()
    except (SettingsError, ListenError) as error:
        print(error, file=sys.stderr)
        return 1
    except Exception:
        log.exception("the process failed")
        return 1


def _leave(_number: int, _frame: FrameType | None) -> None:
    """Leave with status 0: the process was asked to stop before it began or after it finished its work."""
    raise SystemExit(0)


if __name__ == "__main__":
    sys.exit(main())
