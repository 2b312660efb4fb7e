"""Values encrypted under APP_KEY, in the payload that Laravel's `Crypt::encryptString` writes and reads.

base64 of a JSON object {iv, value, mac, tag}: AES-256-CBC with PKCS #7 padding, and HMAC-SHA256 under the same key over
base64(iv) followed by base64(value). Old values stay readable through APP_PREVIOUS_KEYS, tried in their order.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import json
import os
from collections.abc import Sequence

from pitchbar_app.secret import Secret

KEY_LENGTH = 32
BLOCK = 128


class KeyProblem(Exception):
    """A key is not one of `base64:` and 32 bytes; the text does not tell the key."""


class Undecipherable(Exception):
    """The value was not encrypted under any of the keys, or it was changed."""


class Encrypter:
    """Encrypts under the first key and decrypts under any."""

    def __init__(self, keys: Sequence[Secret]) -> None:
        self._keys = [_key(each) for each in keys]

    def encrypt(self, text: str) -> str:
        """The payload for a text."""
        from cryptography.hazmat.primitives import padding
        from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

        vector, key = os.urandom(16), self._keys[0]
        padder, cipher = padding.PKCS7(BLOCK).padder(), Cipher(algorithms.AES(key), modes.CBC(vector)).encryptor()
        padded = padder.update(text.encode()) + padder.finalize()
        iv, value = _encode(vector), _encode(cipher.update(padded) + cipher.finalize())
        payload = {"iv": iv, "value": value, "mac": _mac(key, iv, value), "tag": ""}
        return _encode(json.dumps(payload).encode())

    def decrypt(self, payload: str) -> str:
        """The text of a payload. Raises `Undecipherable`."""
        vector, value, key = self._open(payload)
        from cryptography.hazmat.primitives import padding
        from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

        cipher, unpadder = Cipher(algorithms.AES(key), modes.CBC(vector)).decryptor(), padding.PKCS7(BLOCK).unpadder()
        try:
            padded = cipher.update(value) + cipher.finalize()
            return (unpadder.update(padded) + unpadder.finalize()).decode()
        except ValueError as error:
            raise Undecipherable("The value is damaged.") from error

    def is_current(self, payload: str) -> bool:
        """Whether the payload opens with the first key, so that the others are not needed for it."""
        return self._open(payload)[2] == self._keys[0]

    def _open(self, payload: str) -> tuple[bytes, bytes, bytes]:
        """The vector and the value, and the key that the payload's seal fits."""
        try:
            parts = json.loads(base64.b64decode(payload, validate=True))
            iv, value, mac = parts["iv"], parts["value"], parts["mac"]
            vector, encrypted = base64.b64decode(iv, validate=True), base64.b64decode(value, validate=True)
            good = len(vector) == 16 and isinstance(mac, str) and mac.isascii() and not parts.get("tag")
        except (ValueError, KeyError, TypeError, RecursionError) as error:
            raise Undecipherable("The value is not an encrypted payload.") from error
        fitting = [key for key in self._keys if good and hmac.compare_digest(_mac(key, iv, value), mac)]
        if not fitting:
            raise Undecipherable("The value was encrypted under another key: add that one to APP_PREVIOUS_KEYS.")
        return vector, encrypted, fitting[0]


def _key(secret: Secret) -> bytes:
    text = secret.reveal()
    try:
        key = base64.b64decode(text.removeprefix("base64:"), validate=True) if text.startswith("base64:") else b""
    except binascii.Error:
        key = b""
    if len(key) != KEY_LENGTH:
        raise KeyProblem("APP_KEY and each of APP_PREVIOUS_KEYS must be `base64:` and 32 bytes in base64.")
    return key


def _mac(key: bytes, iv: str, value: str) -> str:
    return hmac.new(key, (iv + value).encode(), hashlib.sha256).hexdigest()


def _encode(data: bytes) -> str:
    return base64.b64encode(data).decode()
