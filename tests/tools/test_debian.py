"""What root has apt-get install: at once where the package lists are fresh, after an update where they are not."""

import io
from pathlib import Path

import pytest

from tools.provision import debian
from tools.provision.context import Context
from tools.provision.execute import CommandFailed
from tools.provision.progress import Progress

_APT_GET = """\
#!/bin/sh
echo "$@" >> {folder}/calls
case "$*" in
  update) touch {folder}/fresh ;;
  *{lacking}) echo "E: Unable to locate package" && exit 100 ;;
  *) [ -e {folder}/fresh ] ;;
esac
"""
_INSTALL = "-o DPkg::Lock::Timeout=300 install --yes --no-install-recommends"


@pytest.fixture
def calls(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A stand-in for apt-get, which must not touch this machine; the file lists what it was asked."""
    program = tmp_path / "apt-get"
    program.write_text(_APT_GET.format(folder=tmp_path, lacking="nonsense"))
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    return tmp_path / "calls"


def context(folder: Path) -> Context:
    return Context(folder, folder / "cache", dev=True, progress=Progress(io.StringIO()))


def test_old_package_lists_are_renewed_once(calls: Path) -> None:
    debian.install(context(calls.parent), "Docker", "wget")
    debian.install(context(calls.parent), "Docker", "wget")
    assert calls.read_text().splitlines() == [f"{_INSTALL} wget", "update", f"{_INSTALL} wget", f"{_INSTALL} wget"]


def test_what_the_distribution_lacks_is_said_in_apts_words(calls: Path) -> None:
    with pytest.raises(CommandFailed, match="Unable to locate package"):
        debian.install(context(calls.parent), "Docker", "nonsense")
