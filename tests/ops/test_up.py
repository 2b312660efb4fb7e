"""`pitchbar up` on the real engine: success only when it works from outside, and the words of each way to fail."""

import fcntl
import json
import os
import pty
import re
import select
import signal
import struct
import termios
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.ops.standin import RELEASE, Release, running
from tests.ops.tiny import Tiny, until
from tests.support.processes import PATIENCE


@pytest.fixture
def release() -> Iterator[Release]:
    with running(Release()) as serving:
        yield serving


@pytest.fixture
def served(made: Tiny, release: Release) -> Tiny:
    """The project whose outputs lead to a running release once it is up again."""
    made.turn(outputs=release.outputs())
    return made


def test_it_verifies_and_says_where_everything_is(served: Tiny, release: Release) -> None:
    finished = served.pitchbar("up", "--yes")
    assert (finished.returncode, finished.stderr) == (0, "")
    end = finished.stdout[finished.stdout.index(f"Release {RELEASE} works") :]
    assert re.sub(r"\d+\.\d s", "N s", end) == (
        "Release r1 works: all 9 checks passed.\n\n"
        "Stack local is up: release r1.\n"
        f"  app       http://app.localhost:{release.app_port}\n"
        f"  widget    http://cdn.localhost:{release.app_port}/widget/widget.js\n"
        f"  realtime  ws://realtime.localhost:{release.realtime_port}\n"
        "The administrator's password, and a shell in which bare `pulumi` works on it:\n"
        '  eval "$(pitchbar env -s local)" && pulumi stack output admin_password --show-secrets\n'
        "Took N s.\n"
    )


def test_json_is_one_document_without_secrets(served: Tiny, release: Release) -> None:
    finished = served.pitchbar("up", "--yes", "--json")
    document = json.loads(finished.stdout)
    assert document["result"] == "succeeded"
    assert document["changes"] == {"same": 3}
    assert document["outputs"] == release.outputs()
    assert document["verification"]["ok"] is True
    assert document["error"] is None
    assert "Updating (local)" in finished.stderr
    assert "hush" not in finished.stdout + finished.stderr


def test_what_is_up_but_does_not_work_is_a_failure(served: Tiny, release: Release) -> None:
    release.broken.add("worker-fails")
    finished = served.pitchbar("up", "--yes")
    assert finished.returncode == 1
    assert finished.stderr.splitlines()[-4:] == [
        "error: Release r1 is up, but 1 of 9 checks from outside failed:",
        "  canary job: The canary job on queue 'default' failed: the row could not be read back.",
        "Look into its logs with: pitchbar logs -s local",
        "Check again with: pitchbar verify -s local",
    ]


def test_a_failure_ends_with_the_resource_its_words_and_what_still_serves(served: Tiny, release: Release) -> None:
    served.pitchbar("up", "--yes")
    words = "The worker process of release r2 ended at its start. Its last log lines:\n    no module named jobs"
    served.turn(outputs=release.outputs(), fail=words)
    finished = served.pitchbar("up", "--yes")
    assert finished.returncode == 1
    assert finished.stderr == (
        f"error: second (tiny:index:Thing): {words}\n"
        f"Release r1 still serves http://app.localhost:{release.app_port}.\n"
        "When it is mended, type: pitchbar up -s local\n"
    )


def test_a_failure_of_the_program_is_told_in_its_words(tiny: Tiny) -> None:
    (tiny.root / "program/__main__.py").write_text(
        "from infra.errors import UserError\nraise UserError('No such region.')\n"
    )
    finished = tiny.pitchbar("up", "--yes")
    assert finished.stderr == (
        "error: No such region.\nNothing serves yet.\nWhen it is mended, type: pitchbar up -s local\n"
    )


def test_a_failure_before_the_engine_starts_is_told_in_the_clis_words(made: Tiny) -> None:
    passphrase = made.root / "home/stacks/local.passphrase"
    passphrase.write_text("another")
    finished = made.pitchbar("up", "--yes")
    assert finished.returncode == 1
    assert "error: `pulumi up` failed: " in finished.stderr
    assert "incorrect passphrase" in finished.stderr


def test_a_failure_of_a_wanted_release_is_told_in_its_words(made: Tiny) -> None:
    made.turn(fail="Release 0123456789ab is not in the release store.")
    finished = made.pitchbar("up", "--yes", "--release", "0123456789ab")
    assert finished.stderr == (
        "error: second (tiny:index:Thing): Release 0123456789ab is not in the release store.\n"
        "Nothing serves yet.\n"
        "When it is mended, type: pitchbar up -s local\n"
    )


def test_an_interrupt_is_passed_on_and_reported(tiny: Tiny, tmp_path: Path) -> None:
    tiny.turn(mark=str(tmp_path / "began"), sleep=4)
    running = tiny.start("up", "--yes")
    until((tmp_path / "began").exists)
    running.send_signal(signal.SIGINT)
    _, errors = running.communicate(timeout=2 * PATIENCE)
    assert running.returncode == 130
    assert errors.endswith(
        "error: `pulumi up` was interrupted; what it had done is in the state.\n"
        "Nothing serves yet.\nTo go on, type: pitchbar up -s local\n"
    )
    assert "Traceback" not in errors
    assert tiny.locks() == []
    assert not (tiny.root / "home/stacks/local.lock").exists()
    assert "pending_operations" not in tiny.state()


def test_a_release_is_pinned_before_the_update(served: Tiny) -> None:
    # To a YAML reader of another kind this id is a number.
    served.pitchbar("up", "--yes", "--release", "350061099e34")
    assert 'pitchbar:release: "350061099e34"' in (served.root / "home/stacks/Pulumi.local.yaml").read_text()
    history = served.shell('eval "$(pitchbar env)" && pulumi stack history --json')
    assert json.loads(history.stdout)[0]["config"]["pitchbar:release"]["value"] == "350061099e34"
    assert "pitchbar:release" in (served.root / "home/stacks/Pulumi.local.yaml").read_text()


class TestOnATerminal:
    """With a real pseudo-terminal in front of it."""

    def answer(self, tiny: Tiny, keys: bytes, began: Path | None = None, then: bytes = b"") -> tuple[int, str]:
        """Run `pitchbar up`, press keys when it asks, and others when a resource has begun to be made."""
        pid, terminal = pty.fork()
        if pid == 0:
            fcntl.ioctl(0, termios.TIOCSWINSZ, struct.pack("HHHH", 40, 120, 0, 0))
            command = tiny.command("up")
            os.execve(command[0], command, tiny.environ | {"TERM": "screen"})  # not asked for its colours
        shown, asked, deadline = b"", False, time.monotonic() + 4 * PATIENCE
        while time.monotonic() < deadline:
            if asked and began and began.exists():
                os.write(terminal, then)
                began = None
            if not select.select([terminal], [], [], 0.05)[0]:
                continue
            try:
                shown += os.read(terminal, 65536)
            except OSError:
                break
            if not asked and b"> no" in shown:
                os.write(terminal, keys)
                asked = True
        os.close(terminal)
        return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]), shown.decode(errors="replace")

    def test_it_shows_the_preview_and_asks(self, served: Tiny) -> None:
        code, shown = self.answer(served, b"\x1b[A\r")  # up, from `no` to `yes`
        assert "Previewing update (local)" in shown
        assert "Stack local is up: release r1." in shown
        assert code == 0

    @pytest.mark.parametrize("keys", [b"\r", b"\x03"], ids=["no", "ctrl-c"])
    def test_what_is_not_confirmed_changes_nothing(self, served: Tiny, keys: bytes) -> None:
        code, shown = self.answer(served, keys)
        assert shown.endswith("error: `pulumi up` was not confirmed, so nothing is changed.\r\n")
        assert code == 1

    def test_ctrl_c_in_the_middle_reaches_the_engine_once(self, tiny: Tiny, tmp_path: Path) -> None:
        tiny.turn(mark=str(tmp_path / "began"), sleep=4)
        code, shown = self.answer(tiny, b"\x1b[A\r", tmp_path / "began", b"\x03")
        assert code == 130, shown[-900:]
        assert "error: `pulumi up` was interrupted; what it had done is in the state." in shown
        assert "pending_operations" not in tiny.state()
