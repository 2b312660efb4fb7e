"""The admin page's forms as a browser without JavaScript sends them."""

from __future__ import annotations

import re
from urllib.parse import urlencode

from tests.app.processes import SECRETS, Answer, Process

HOST = {"host": "app.localhost", "origin": "http://app.localhost"}
PASSWORD = SECRETS["ADMIN_PASSWORD"]


class Browser:
    """Keeps a cookie and sends forms."""

    def __init__(self, web: Process) -> None:
        self.web = web
        self.cookie = ""

    def get(self, path: str = "/admin") -> Answer:
        return self.web.get(path, {"cookie": self.cookie, **HOST})

    def post(self, path: str, headers: dict[str, str] | None = None, **fields: str) -> Answer:
        form = {"content-type": "application/x-www-form-urlencoded", "cookie": self.cookie, **(HOST | (headers or {}))}
        answer = self.web.request("POST", path, urlencode(fields), form)
        if cookie := answer.headers.get("set-cookie"):
            self.cookie = cookie.partition(";")[0]
        return answer

    def sign_in(self) -> str:
        """Sign in; the result is the token of the forms."""
        assert self.post("/admin/sign-in", password=PASSWORD).status == 303
        found = re.search(r'name="form_token" value="([0-9a-f]{64})"', self.get().body.decode())
        assert found
        return found[1]
