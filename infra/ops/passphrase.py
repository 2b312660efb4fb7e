"""Pulumi's secrets under a passphrase, opened in this process: a run of the CLI would take longer than an update's end.

The format is version 1 of the engine's passphrase provider: PBKDF2 with SHA-256 makes the key, AES-GCM encrypts the
value's JSON, and the salt stands in the state before an encrypted word that tells a wrong key.
"""

import base64
import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from infra.ops.environment import engine_environment
from infra.ops.stacks import Stack

_ROUNDS, _KEY_BYTES = 1_000_000, 32
_WORD = "pulumi"
_SIGNATURE, _SECRET = "4dabf18193072939515e22adb298388d", "1b47061264138c4ac30d75fd1eb44270"


class NotOpened(Exception):
    """The secrets are not of this format, or under another passphrase: let the CLI open them, or say why not."""


def opened(stack: Stack, deployment: Mapping[str, Any], value: Any) -> Any:
    """A value of the deployment with every secret in it decrypted. Raises :class:`NotOpened`."""
    provider = deployment.get("secrets_providers") or {}
    if provider.get("type") != "passphrase":
        raise NotOpened
    try:
        return _opened(value, _key(_passphrase(stack), provider["state"]["salt"]))
    except (KeyError, TypeError, ValueError, OSError):
        raise NotOpened from None


def _passphrase(stack: Stack) -> str:
    """As the CLI finds it. Raises `KeyError` where there is none."""
    environ = engine_environment(stack)
    if "PULUMI_CONFIG_PASSPHRASE" in environ:
        return environ["PULUMI_CONFIG_PASSPHRASE"]
    return Path(environ["PULUMI_CONFIG_PASSPHRASE_FILE"]).read_text(encoding="utf-8").strip()


def _key(passphrase: str, state: str) -> bytes:
    """The key. Raises `ValueError` where the salt's encrypted word says that it is another one's."""
    version, salt, word = state.split(":", 2)
    if version != "v1":
        raise ValueError(version)
    key = hashlib.pbkdf2_hmac("sha256", passphrase.encode(), base64.b64decode(salt), _ROUNDS, _KEY_BYTES)
    if _decrypted(word, key) != _WORD:
        raise ValueError(word)
    return key


def _opened(value: Any, key: bytes) -> Any:
    if isinstance(value, list):
        return [_opened(part, key) for part in value]
    if not isinstance(value, Mapping):
        return value
    if _SIGNATURE not in value:
        return {name: _opened(part, key) for name, part in value.items()}
    if value[_SIGNATURE] != _SECRET:
        raise ValueError(value[_SIGNATURE])
    return _opened(json.loads(_decrypted(value["ciphertext"], key)), key)


def _decrypted(text: str, key: bytes) -> str:
    from cryptography.exceptions import InvalidTag
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

    version, nonce, encrypted = text.split(":")
    if version != "v1":
        raise ValueError(version)
    try:
        return AESGCM(key).decrypt(base64.b64decode(nonce), base64.b64decode(encrypted), None).decode()
    except InvalidTag:
        raise ValueError(version) from None
