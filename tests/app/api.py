"""The app's API as a client uses it."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from typing import Any

from tests.app.processes import SECRETS, Answer, Process
from tests.support.processes import PATIENCE

NEW_KEY = "base64:" + "QUJD" * 10 + "QUI="
"""An APP_KEY after a rotation."""


class Client:
    """Talks to a web process with a token of its own."""

    def __init__(self, web: Process) -> None:
        self.web = web
        made = self.send("POST", "/api/v1/tokens", {"password": SECRETS["ADMIN_PASSWORD"], "name": "tests"}, {})
        assert made.status == 201, made.body
        self.token = made.json["token"]

    @property
    def headers(self) -> dict[str, str]:
        return {"authorization": f"Bearer {self.token}"}

    def send(self, method: str, path: str, body: Any = None, headers: Mapping[str, str] | None = None) -> Answer:
        """One request."""
        text = None if body is None else json.dumps(body)
        return self.web.request(method, path, text, self.headers if headers is None else headers)

    def add(self, url: str, **limits: int) -> int:
        """Add a source; the result is its id."""
        answer = self.send("POST", "/api/v1/sources", {"url": url, **limits})
        assert answer.status == 201, answer.body
        return int(answer.json["id"])

    def source(self, source_id: int) -> dict[str, Any]:
        """A source as it is now."""
        found: dict[str, Any] = self.send("GET", f"/api/v1/sources/{source_id}").json
        return found

    def wait_for(self, source_id: int, *statuses: str, seconds: float = PATIENCE) -> dict[str, Any]:
        """Wait until the source has one of these statuses, by default one of those that last."""
        deadline = time.monotonic() + seconds
        while True:
            source = self.source(source_id)
            if source["status"] in (statuses or ("ready", "failed")):
                return source
            assert time.monotonic() < deadline, source
            time.sleep(0.02)

    def ask(self, question: str, **more: str) -> dict[str, Any]:
        """Ask a question."""
        answer = self.send("POST", "/api/v1/answers", {"question": question, **more}, {})
        assert answer.status == 200, answer.body
        found: dict[str, Any] = answer.json
        return found
