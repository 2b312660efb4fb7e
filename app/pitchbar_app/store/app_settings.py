"""Settings that are kept in the database, encrypted under APP_KEY."""

from __future__ import annotations

import json
from typing import Any

from pitchbar_app.encryption import Encrypter, Undecipherable
from pitchbar_app.store import Connection


def put(connection: Connection, encrypter: Encrypter, name: str, value: Any) -> None:
    """Keep a JSON value."""
    connection.execute(
        "INSERT INTO app_settings (name, value) VALUES (%s, %s) "
        "ON CONFLICT (name) DO UPDATE SET value = excluded.value, updated_at = now()",
        (name, encrypter.encrypt(json.dumps(value))),
    )


def get(connection: Connection, encrypter: Encrypter, name: str) -> Any:
    """The value; None where there is none."""
    row = connection.execute("SELECT value FROM app_settings WHERE name = %s", (name,)).fetchone()
    return None if row is None else json.loads(encrypter.decrypt(row[0]))


def remove(connection: Connection, name: str) -> bool:
    """Forget a value; False where there was none."""
    return connection.execute("DELETE FROM app_settings WHERE name = %s", (name,)).rowcount == 1


def renew(connection: Connection, encrypter: Encrypter) -> int:
    """Encrypt under APP_KEY what is still under a previous key, all of it or nothing; the result is how many values.

    Raises `Undecipherable` with the name of each setting that no key opens.
    """
    renewed, unreadable = 0, []
    with connection.transaction():
        for name, value in connection.execute(
            "SELECT name, value FROM app_settings ORDER BY name FOR UPDATE"
        ).fetchall():
            try:
                if encrypter.is_current(value):
                    continue
                payload = encrypter.encrypt(encrypter.decrypt(value))
            except Undecipherable as error:
                unreadable.append(f"{name}: {error}")
                continue
            connection.execute("UPDATE app_settings SET value = %s WHERE name = %s", (payload, name))
            renewed += 1
        if unreadable:
            raise Undecipherable(" ".join(unreadable))
    return renewed
