"""Set-up, as `tools/setup` starts it: every part at once, then one list of what could not be had."""

from __future__ import annotations

import argparse
import json
import os
import signal
import sys
import threading
from collections.abc import Sequence
from pathlib import Path

from infra import toolchain
from tools.provision.context import Context, Part, Skipped
from tools.provision.execute import PartError, stop_all
from tools.provision.parts.cloudflare import Cloudflare
from tools.provision.parts.develop import Actionlint, Chromium, WidgetPackages
from tools.provision.parts.docker import Docker
from tools.provision.parts.documentation import Documentation
from tools.provision.parts.local import AppDependencies, EmptyCluster, ServiceUser
from tools.provision.parts.node import Node
from tools.provision.parts.packages import Packages
from tools.provision.parts.programs import Caddy, Postgres
from tools.provision.parts.pulumi import Pulumi
from tools.provision.parts.python_tool import BARMAN, CHECKOV
from tools.provision.parts.redis import Redis
from tools.provision.parts.rsync import Rsync
from tools.provision.progress import Progress

PARTS: tuple[Part, ...] = (
    Packages(),
    Pulumi(),
    Postgres(),
    Redis(),
    Caddy(),
    BARMAN,
    Rsync(),
    AppDependencies(),
    ServiceUser(),
    EmptyCluster(),
    Node(),
    Cloudflare(),
    WidgetPackages(),
    Chromium(),
    Actionlint(),
    Documentation(),
    CHECKOV,
    Docker(),
)


def main(arguments: Sequence[str] | None = None) -> int:
    """Set up what is missing; 0 when everything is there."""
    os.environ.pop("PYTHONPATH", None)  # It was for this process; what set-up starts has its own.
    options = _options(arguments)
    if os.geteuid() == 0:
        os.umask(0o022)  # What root makes here, other users run.
    with Progress() as progress:
        aws = options.target == "aws"
        context = Context(toolchain.checkout(), toolchain.cache_home(), options.dev, progress, aws=aws)
        try:
            problems = _make(context, [part for part in PARTS if not part.ready(context)])
        except KeyboardInterrupt:
            signal.signal(signal.SIGINT, signal.SIG_IGN)  # Impatient people press it twice.
            progress.silence()
            stop_all()
            print("Interrupted. To go on where it stopped, type: make setup", file=sys.stderr)
            return 130
        except OSError as error:
            print(f"Set-up could not write what it makes: {error}", file=sys.stderr)
            return 1
    if problems:
        print("\n".join(["", "Set-up could not get everything:", *problems]), file=sys.stderr)
        return 1
    return 0


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="tools/setup", description="Set up everything that Pitchbar needs on this machine."
    )
    parser.add_argument("--dev", action="store_true", help="with what the tests need")
    parser.add_argument(
        "--target", choices=["local", "aws"], default="local", help="with what this target needs; default local"
    )
    return parser.parse_args(arguments)


def _make(context: Context, pending: Sequence[Part]) -> list[str]:
    """Make the parts at the same time; return what is to be said of those that failed."""
    context.cache.mkdir(parents=True, exist_ok=True)
    problems: list[str] = []
    for part in pending:
        context.announce(part.name)
    threads = [threading.Thread(target=_one, args=(context, part, problems), daemon=True) for part in pending]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    _record(context)
    return problems


def _one(context: Context, part: Part, problems: list[str]) -> None:
    context.progress.start(part.name, "starting")
    failed = True
    try:
        part.make(context)
        failed = False
    except Skipped as because:
        problems.append(f"\n{part.name}: needs {because}, which failed")
    except PartError as error:
        problems.append(f"\n{part.name}: {error.reason}\n  Type: {error.command}")
    except Exception as error:  # Whatever it is, the other parts go on and the reader gets one list.
        problems.append(f"\n{part.name}: {type(error).__name__}: {error}\n  Type: make setup")
    finally:
        (context.progress.failed if failed else context.progress.done)(part.name)
        context.finish(part.name, failed=failed)


def _record(context: Context) -> None:
    """Tell `infra.toolchain` where everything is; in one step, so that it never reads half a record."""
    record = {key: value for part in PARTS for key, value in part.record(context).items()}
    target = toolchain.record_file()
    target.parent.mkdir(parents=True, exist_ok=True)
    new = Path(f"{target}.new-{os.getpid()}")
    new.write_text(json.dumps(record, indent=1) + "\n")
    new.replace(target)


if __name__ == "__main__":
    sys.exit(main())
