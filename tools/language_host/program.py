"""Runs one Pulumi program for the language host: a RunRequest comes by standard input, a RunResponse goes to a pipe."""

from __future__ import annotations

import asyncio
import logging
import os
import runpy
import sys
import traceback
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import Any

from infra.errors import UserError
from infra.lifeline import end_with

_MACHINERY = ("/site-packages/pulumi/", "/asyncio/", "/concurrent/futures/")


def main() -> None:
    """Import pulumi, wait for the request, run the program, answer."""
    end_with(int(os.environ.pop("PITCHBAR_HOST")))
    os.environ.pop("PITCHBAR_ENGINE", None)
    from pulumi.runtime.proto import language_pb2  # This imports all of pulumi, while the engine does other things.

    content = sys.stdin.buffer.read()
    if content:
        answer = int(sys.argv[1])
        os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
        bail = not _succeeds(language_pb2.RunRequest.FromString(content))
        sys.stdout.flush()
        sys.stderr.flush()
        # Errors have been logged by then; `bail` keeps the engine from adding one.
        os.write(answer, language_pb2.RunResponse(bail=bail).SerializeToString() or b"\x10\x00")
    os._exit(0)  # Nothing that the program left running keeps the engine waiting.


def _succeeds(request: Any) -> bool:
    """Run the program in a stack; log what goes wrong, in words for the program's author."""
    import grpc
    from pulumi import RunError, log
    from pulumi.runtime import run_in_stack

    program = _prepare(request)
    loop = asyncio.new_event_loop()
    loop.set_default_executor(ThreadPoolExecutor(max_workers=max(request.parallel, 1) * 4))
    logging.getLogger("asyncio").setLevel(logging.CRITICAL)
    try:
        loop.run_until_complete(run_in_stack(lambda: _execute(program)))
    except (UserError, RunError) as error:
        log.error(str(error))
    except grpc.RpcError as error:
        if error.code() == grpc.StatusCode.UNAVAILABLE:  # The engine is ending already, and says why itself.
            return True
        log.error(f"the Pulumi engine refused a request of the program: {error.details()}")
    except BaseException as error:
        log.error(_story(error))
    else:
        return True
    finally:
        _end(loop)
    return False


def _prepare(request: Any) -> str:
    """Give the process the settings, configuration, folder and arguments of the program; return its path."""
    from pulumi.runtime import set_all_config
    from pulumi.runtime.settings import reset_options

    reset_options(
        project=request.project,
        stack=request.stack,
        root_directory=request.info.root_directory,
        parallel=request.parallel,
        engine_address=request.args[0] if request.args else "",
        monitor_address=request.monitor_address,
        preview=request.dryRun,
        organization=request.organization or "organization",
    )
    set_all_config(dict(request.config), list(request.configSecretKeys))
    os.chdir(request.pwd or request.info.program_directory)
    program = str(Path(request.info.program_directory, request.info.entry_point or "."))
    sys.argv = [program, *request.args[1:]]
    return program


def _execute(program: str) -> None:
    folder = program if Path(program).is_dir() else str(Path(program).parent)
    sys.path.insert(0, folder)
    runpy.run_path(program, run_name="__main__")


def _story(error: BaseException) -> str:
    """The traceback from the program's first line on: what called the program is not its author's."""
    story = traceback.TracebackException.from_exception(error)
    part: traceback.TracebackException | None = story
    while part:
        part.stack = traceback.StackSummary.from_list([frame for frame in part.stack if not _is_ours(frame.filename)])
        part = part.__cause__ or part.__context__
    return "the program ended with an error:\n" + "".join(story.format()).rstrip()


def _is_ours(filename: str) -> bool:
    return filename == __file__ or filename.startswith("<frozen runpy") or any(part in filename for part in _MACHINERY)


def _end(loop: asyncio.AbstractEventLoop) -> None:
    for task in asyncio.all_tasks(loop):
        task.cancel()
        with suppress(asyncio.CancelledError, Exception):
            loop.run_until_complete(task)
    loop.close()


if __name__ == "__main__":
    main()
