"""Settings are encrypted as Laravel does it, and old ones open with previous keys."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json

from tests.app.inside import inside

KEY = b"secret-app-key-that-is-32-bytes!"
OTHER = b"another-key-that-is-32-bytes-too"
TEXT = "The quick brown fox – naïve"
# Made with OpenSSL alone: `openssl enc -aes-256-cbc` under KEY with the bytes 0 to 15 as vector, and
# `openssl dgst -sha256 -mac HMAC` over the base64 of the vector and of the result, as Laravel's Encrypter does.
PAYLOAD = (
    "eyJpdiI6IkFBRUNBd1FGQmdjSUNRb0xEQTBPRHc9PSIsInZhbHVlIjoiQU43K0p0VTZ2dytrcjJHS3Y0NTBhZXgyM0t5TS93WUp4VnIwTVgzZkxM"
    "bz0iLCJtYWMiOiI5MDJmMWUxYWE0ZTE3M2UzZjM4NmJmMDY4MjAyZWY5OTgzMTFiZGI2NWZlZTk3ZTRmMjI0NTZjNzA5ZjJiMzFjIiwidGFnIjoiIn0="
)
OPEN = """
from pitchbar_app.encryption import Encrypter, Undecipherable
from pitchbar_app.secret import Secret
encrypter = Encrypter([Secret(key) for key in keys])
"""


def named(key: bytes) -> str:
    return "base64:" + base64.b64encode(key).decode()


def decrypt(payload: str, *keys: bytes) -> str:
    code = OPEN + "try:\n  result = encrypter.decrypt(payload)\nexcept Undecipherable as error:\n  result = repr(error)"
    return str(inside(code, payload=payload, keys=[named(key) for key in keys]))


def changed(**parts: str) -> str:
    return base64.b64encode(json.dumps(json.loads(base64.b64decode(PAYLOAD)) | parts).encode()).decode()


def test_a_payload_made_elsewhere_opens() -> None:
    assert decrypt(PAYLOAD, KEY) == TEXT


def test_previous_keys_are_tried_in_order_and_a_strange_key_opens_nothing() -> None:
    assert decrypt(PAYLOAD, OTHER, KEY) == TEXT
    assert "add that one to APP_PREVIOUS_KEYS" in decrypt(PAYLOAD, OTHER)


def test_what_was_tampered_with_is_refused() -> None:
    deep = base64.b64encode(b"[" * 100_000).decode()
    wrong = (changed(value="AAAA"), changed(mac="0" * 64), changed(mac="é" * 64), changed(iv="AAAA"), changed(tag="x"))
    for bad in (*wrong, "e30=", deep, "?", ""):
        assert decrypt(bad, KEY).startswith("Undecipherable("), bad


def test_own_payloads_are_of_the_documented_form() -> None:
    """Opened here step by step with the primitives, not with the code under test."""
    code = """
        import base64, json
        from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
        from pitchbar_app.encryption import Encrypter
        from pitchbar_app.secret import Secret
        payload, again = (Encrypter([Secret(name)]).encrypt(text) for _ in range(2))
        parts = json.loads(base64.b64decode(payload))
        vector, value = base64.b64decode(parts["iv"]), base64.b64decode(parts["value"])
        cipher = Cipher(algorithms.AES(bytes.fromhex(key)), modes.CBC(vector)).decryptor()
        padded = cipher.update(value) + cipher.finalize()
        result = {"parts": parts, "text": padded[: -padded[-1]].decode(), "fresh": payload != again}
    """
    made = inside(code, text=TEXT, key=KEY.hex(), name=named(KEY))
    parts = made["parts"]
    assert made["text"] == TEXT
    assert made["fresh"]
    assert sorted(parts) == ["iv", "mac", "tag", "value"] and parts["tag"] == ""
    assert parts["mac"] == hmac.new(KEY, (parts["iv"] + parts["value"]).encode(), hashlib.sha256).hexdigest()


def test_a_key_of_the_wrong_length_is_named_without_its_value() -> None:
    code = """
        from pitchbar_app.encryption import Encrypter, KeyProblem
        from pitchbar_app.secret import Secret
        try:
            result = repr(Encrypter([Secret("base64:c2hvcnQ=")]))
        except KeyProblem as problem:
            result = str(problem)
    """
    assert inside(code) == "APP_KEY and each of APP_PREVIOUS_KEYS must be `base64:` and 32 bytes in base64."
