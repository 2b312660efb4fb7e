"""The environment variables that let the Pulumi CLI work on one stack, for this command and for people's own shells.

What people set themselves wins: their backend always, their passphrase where this command has not generated one for
the stack. What an earlier ``eval "$(pitchbar env ...)"`` set is told apart from that and replaced, so that one shell
can change between stacks and checkouts.
"""

import os
import shlex
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import unquote

from infra import paths, toolchain
from infra.errors import UserError
from infra.ops.stacks import Stack, known

_BACKEND = "PULUMI_BACKEND_URL"
_OUR_BACKEND = "PITCHBAR_BACKEND_URL"
_PASSPHRASE = "PULUMI_CONFIG_PASSPHRASE"
_PASSPHRASE_FILE = "PULUMI_CONFIG_PASSPHRASE_FILE"
_CONFIG_FILE = "PULUMI_OPTION_CONFIG_FILE"
_NO_PLUGINS = "PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION"


def engine_environment(stack: str | Stack) -> dict[str, str]:
    """This process' environment with what the Pulumi CLI needs for the stack."""
    found = stack if isinstance(stack, Stack) else known(stack)
    merged: dict[str, str | None] = {**os.environ, **variables(found)}
    return {name: value for name, value in merged.items() if value is not None}


def variables(stack: Stack, environ: Mapping[str, str] | None = None) -> dict[str, str | None]:
    """The variables to set, in the order to show them; None unsets one that belongs to another stack."""
    environ = os.environ if environ is None else environ
    return {
        "PATH": _path(environ.get("PATH", os.defpath)),
        "PULUMI_STACK": stack.name,
        "PULUMI_OPTION_STACK": None,
        "PULUMI_OPTION_CWD": str(paths.project_root()),
        _CONFIG_FILE: _config_file(stack, environ),
        "PULUMI_SKIP_UPDATE_CHECK": "true",
        _NO_PLUGINS: "true" if stack.local else None,
        **_backend(stack, environ),
        **_passphrase(stack, environ),
        **_homes(environ),
    }


def shell_lines(stack: Stack) -> list[str]:
    """The variables as commands for sh, bash and zsh."""
    return [
        f"unset {name}" if value is None else f"export {name}={shlex.quote(value)}"
        for name, value in variables(stack).items()
        if value is not None or name in os.environ
    ]


def default_backend() -> str:
    """The file backend in the project home."""
    return file_url(paths.state_dir())


def file_url(folder: Path) -> str:
    """A folder as a backend address, which the CLI takes apart like any URL."""
    place = str(folder)
    for character in "%#?":
        place = place.replace(character, f"%{ord(character):02X}")
    return f"file://{place}"


def backend_folder(environ: Mapping[str, str]) -> Path | None:
    """The folder of a file backend; None for every other backend."""
    url = environ.get(_BACKEND, "")
    if not url.startswith("file://"):
        return None
    place = unquote(url.removeprefix("file://").partition("?")[0])
    folder = Path(place).expanduser()
    return folder if folder.is_absolute() else paths.project_root() / folder


def backend_of_user(environ: Mapping[str, str]) -> str | None:
    """The backend that the user chose, if they chose one."""
    chosen = environ.get(_BACKEND)
    return chosen if chosen and chosen != environ.get(_OUR_BACKEND) else None


def passphrase_of_user(environ: Mapping[str, str]) -> bool:
    """Whether the user has set a passphrase, by value or by file."""
    if _PASSPHRASE in environ:
        return True
    file = environ.get(_PASSPHRASE_FILE)
    return bool(file) and not _is_ours(Path(str(file)))


def _backend(stack: Stack, environ: Mapping[str, str]) -> dict[str, str | None]:
    chosen = backend_of_user(environ)
    if chosen:
        return {_BACKEND: chosen, _OUR_BACKEND: None}
    ours = default_backend() if stack.local else None
    return {_BACKEND: ours, _OUR_BACKEND: ours}


def _passphrase(stack: Stack, environ: Mapping[str, str]) -> dict[str, str | None]:
    generated = paths.passphrase_file(stack.name)
    if stack.local and generated.is_file():
        return {_PASSPHRASE_FILE: str(generated), _PASSPHRASE: None}
    if passphrase_of_user(environ):
        return {name: environ[name] for name in (_PASSPHRASE_FILE,) if name in environ}
    return {_PASSPHRASE_FILE: None}


def _config_file(stack: Stack, environ: Mapping[str, str]) -> str | None:
    if stack.local:
        return str(stack.config_file)
    chosen = environ.get(_CONFIG_FILE)
    return None if chosen is None or _is_ours(Path(chosen)) else chosen


def _homes(environ: Mapping[str, str]) -> dict[str, str | None]:
    """Pitchbar's own folders where the user moved them, absolute, so that they are the same in every folder."""
    moved = {
        "PITCHBAR_HOME": paths.home,
        "PITCHBAR_DATA_HOME": paths.data_home,
        "PITCHBAR_CACHE_HOME": toolchain.cache_home,
    }
    return {name: str(folder()) for name, folder in moved.items() if environ.get(name)}


def _is_ours(file: Path) -> bool:
    """Whether a file is one that this command keeps for a stack, in this checkout or in another one."""
    return file.parent.name == "stacks" and file.suffix in (".yaml", ".passphrase")


def _path(current: str) -> str:
    """PATH with the engine first, and this command last, where its `python` hides nobody's own."""
    tools = toolchain.locate()
    first = [str(folder) for folder in (tools.language_host, tools.pulumi.parent) if folder]
    last = str(paths.project_root() / ".venv" / "bin")
    entries = current.split(os.pathsep)
    broken = [folder for folder in first if os.pathsep in folder]
    if broken:
        raise UserError(
            f"{broken[0]} can't stand on PATH, because it holds a colon. Set PITCHBAR_CACHE_HOME to another folder."
        )
    rest = [entry for entry in entries if entry not in first]
    return os.pathsep.join([*dict.fromkeys(first), *rest, *([] if last in rest else [last])])
