"""How a stack of the local target is made and forgotten: every step can be interrupted and repeated."""

import contextlib
import os
import secrets
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from infra import paths
from infra.errors import UserError
from infra.ops import checkpoint, stacks
from infra.ops.console import Console
from infra.ops.engine import EngineError, capture
from infra.ops.environment import backend_folder, engine_environment, passphrase_of_user
from infra.ops.stacks import Stack
from infra.ops.typed import in_shell, typed


@dataclass(frozen=True)
class Wish:
    """What the command line says about a stack; None is no wish."""

    name: str
    environment: str | None = None
    target: str | None = None


def ensure(wish: Wish, console: Console) -> Stack:
    """The stack, made now if it is new. Raises `UserError` where the wish contradicts what the stack is."""
    stack = stacks.find(wish.name)
    if stack:
        _must_agree(stack, wish)
        if stack.local and not exists(stack):
            _initialize(stack, generated=False)
        return stack
    target = wish.target or "local"
    if target != "local":
        raise UserError(
            f"There is no Pulumi.{wish.name}.yaml: stacks of target {target} are described by a file in the checkout. "
            f"Copy the nearest one, for example: cp Pulumi.staging.yaml Pulumi.{wish.name}.yaml"
        )
    stack = Stack(wish.name, True, paths.stack_config_file(wish.name))
    _make(stack, wish.environment or "local", console)
    return stack


def exists(stack: Stack) -> bool:
    """Whether the backend has the stack; a file backend is looked into, because that is faster."""
    import json

    folder = backend_folder(engine_environment(stack))
    if folder:
        return checkpoint.exists(folder, stack)
    found = json.loads(capture(stack, ["stack", "ls", "--json"]))
    return any(entry["name"].rpartition("/")[2] == stack.name for entry in found)


def forget(stack: Stack) -> None:
    """Remove what the project home keeps for a local stack; the passphrase last, because it opens the rest."""
    paths.stack_config_file(stack.name).unlink(missing_ok=True)
    paths.passphrase_file(stack.name).unlink(missing_ok=True)


def domain_of(name: str) -> str:
    """The domain of a local stack."""
    return "localhost" if name == stacks.DEFAULT else f"{name}.localhost"


def _must_agree(stack: Stack, wish: Wish) -> None:
    settings = stacks.settings(stack)
    target = settings.get("target", "local")
    environment = settings.get("environment", "local" if stack.local else stack.name)
    if wish.target and wish.target != target:
        raise UserError(
            f"Stack {stack.name} is of target {target} (see {_shown(stack.config_file)}), not {wish.target}, "
            f"and a stack does not move. Take another name: "
            + typed(f"up -s {stack.name}-{wish.target} --environment {wish.environment or environment}")
            + f" --target {wish.target}"
        )
    if wish.environment and wish.environment != environment:
        raise UserError(
            f"Stack {stack.name} is environment {environment} (see {_shown(stack.config_file)}), "
            f"not {wish.environment}. "
            f"To change it, type: " + in_shell(stack.name, f"pulumi config set pitchbar:environment {wish.environment}")
        )


def _make(stack: Stack, environment: str, console: Console) -> None:
    console.say(f"Making stack {stack.name}: environment {environment} on this machine.")
    stacks.make_home()
    generated = not passphrase_of_user(os.environ) and _generate_passphrase(paths.passphrase_file(stack.name))
    document = _initialize(stack, generated)
    document["config"] = {
        "pitchbar:environment": environment,
        "pitchbar:target": "local",
        "pitchbar:domain": domain_of(stack.name),
    }
    write_config(stack.config_file, document)


def _initialize(stack: Stack, generated: bool) -> dict[str, Any]:
    """Make the stack in the backend; return what the CLI wrote into its configuration: the salt.

    The CLI writes beside Pulumi.yaml, so it is given a Pulumi.yaml elsewhere. In our own backend it is not asked: the
    stack is one file there, and its first update makes the salt.
    """
    backend = backend_folder(engine_environment(stack))
    if backend:
        backend.mkdir(mode=0o700, parents=True, exist_ok=True)
    if backend == paths.state_dir() and checkpoint.make_empty(backend, stack):
        return {}
    with tempfile.TemporaryDirectory(prefix="pitchbar-") as folder:
        project = Path(folder, "Pulumi.yaml")
        project.write_text(f"name: {stacks.project_name()}\nruntime: python\n", encoding="utf-8")
        arguments = ["stack", "init", stack.name, "--no-select", "--secrets-provider", "passphrase", "--cwd", folder]
        try:
            capture(stack, arguments)
        except EngineError as error:
            if "already exists" not in str(error):
                raise
            if generated and _has_secrets(stack):
                paths.passphrase_file(stack.name).unlink()
                raise UserError(
                    f"Stack {stack.name} is in this backend already, but its passphrase is not here. "
                    "Set it, then repeat: export PULUMI_CONFIG_PASSPHRASE_FILE=..."
                ) from None
        written = Path(folder, f"Pulumi.{stack.name}.yaml")
        return stacks.read_yaml(written) if written.is_file() else {}


def _has_secrets(stack: Stack) -> bool:
    import json

    state = json.loads(capture(stack, ["stack", "export"]))
    return bool((state.get("deployment") or {}).get("secrets_providers"))


def _generate_passphrase(file: Path) -> bool:
    """Write a new passphrase (0600, in one step); False where there is one already."""
    if file.is_file():
        return False
    _write_private(file, secrets.token_urlsafe(32))
    return True


def write_config(file: Path, document: dict[str, Any]) -> None:
    """Write a local stack's configuration (0600, in one step).

    Texts of digits are quoted: to Pulumi's reader, unlike to this writer, the release 350061099e34 is a number.
    """
    import yaml

    class Dumper(yaml.SafeDumper):
        """Quotes what could be a number."""

    def text(dumper: yaml.SafeDumper, value: str) -> yaml.ScalarNode:
        return dumper.represent_scalar("tag:yaml.org,2002:str", value, '"' if value[:1] in "0123456789.+-" else None)

    Dumper.add_representer(str, text)
    _write_private(file, yaml.dump(document, Dumper=Dumper, sort_keys=False))


def _write_private(file: Path, text: str) -> None:
    file = file.resolve()  # A link of the user's stays one.
    descriptor, draft = tempfile.mkstemp(dir=file.parent, prefix=f".{file.name}-")
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8") as stream:
            stream.write(text)
            stream.flush()
            os.fsync(stream.fileno())
        Path(draft).replace(file)
    except BaseException:
        with contextlib.suppress(FileNotFoundError):
            Path(draft).unlink()
        raise


def _shown(file: Path) -> str:
    try:
        return str(file.relative_to(paths.project_root()))
    except ValueError:
        return str(file)
