"""The admin page: sign in, add sources, see how they are, try a question. It works without JavaScript."""

from __future__ import annotations

from functools import cache
from html import escape
from pathlib import Path
from string import Template

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response
from starlette.routing import Route

from pitchbar_app.store import Connection, sources
from pitchbar_app.store.sources import Progress, Source
from pitchbar_app.web import admin_views, answers, api, reading
from pitchbar_app.web.limits import limit_sign_in, was_right
from pitchbar_app.web.services import Services
from pitchbar_app.web.sessions import Sessions, check_form_token, form_token, from_here

FOLDER = Path(__file__).parent
HOME = "/admin"
FILES = {"admin.css": "text/css", "admin.js": "text/javascript"}
POLICY = (
    "default-src 'none'; style-src 'self'; script-src 'self'; connect-src 'self'; img-src data:; "
    "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
HEADERS = {"content-security-policy": POLICY, "cache-control": "no-store", "referrer-policy": "same-origin"}


def routes(services: Services) -> list[Route]:
    """The routes of the admin page."""
    sessions, limits = Sessions(services), services.settings.crawl

    async def home(request: Request) -> Response:
        session = await sessions.current(request)
        if session is None:
            return _page("Sign in", _read("sign_in.html"))
        return await _home(request, session)

    async def _home(request: Request, session: str, notice: str = "", status: int = 200) -> Response:
        rows = await services.stored(_listed)
        question = request.query_params.get("question", "").replace("\x00", "").strip()[: answers.LONGEST_QUESTION]
        found = await services.stored(answers.find, _encodable(question)) if question else None
        content = Template(_read("sources.html")).substitute(
            form_token=form_token(session),
            max_pages=limits.max_pages,
            busy="yes" if any(source.status in ("queued", "crawling") for source, _ in rows) else "no",
            table=admin_views.table(rows, form_token(session)),
            question=escape(_encodable(question)),
            answer=admin_views.answer(found) if found else "",
        )
        return _page("Sources", content, notice, status, admin_views.sign_out(form_token(session)))

    async def sign_in(request: Request) -> Response:
        from_here(request)
        try:
            await limit_sign_in(services, request)
        except HTTPException as refusal:
            return _page("Sign in", _read("sign_in.html"), refusal.detail, refusal.status_code)
        if not sessions.right((await reading.form(request)).get("password", "")):
            return _page("Sign in", _read("sign_in.html"), "This is not the admin's password.", 401)
        await was_right(services, request)
        response = RedirectResponse(HOME, 303)
        await sessions.open(response)
        return response

    async def signed_in(request: Request) -> tuple[str, dict[str, str]] | None:
        """The session and the form of a request that changes something; None where nobody is signed in."""
        from_here(request)
        session = await sessions.current(request)
        if session is None:
            return None
        form = await reading.form(request)
        check_form_token(session, form.get("form_token", ""))
        return session, form

    async def sign_out(request: Request) -> Response:
        response = RedirectResponse(HOME, 303)
        if await signed_in(request):
            await sessions.close(request, response)
        return response

    async def add(request: Request) -> Response:
        known = await signed_in(request)
        if known is None:
            return RedirectResponse(HOME, 303)
        session, form = known
        try:
            await api.add_source(services, form.get("url", ""), limits.max_pages, limits.max_depth)
        except HTTPException as refusal:
            return await _home(request, session, refusal.detail.removeprefix("`url`: "), refusal.status_code)
        return RedirectResponse(HOME, 303)

    async def remove(request: Request) -> Response:
        if await signed_in(request):
            await services.stored(api.remove_source, reading.identifier(request))
        return RedirectResponse(HOME, 303)

    async def file(request: Request) -> Response:
        name = request.path_params["name"]
        if name not in FILES:
            raise HTTPException(404, "There is no such file.")
        headers = {"cache-control": "no-cache"}
        return Response(_read(name, "static"), media_type=FILES[name], headers=headers)

    return [
        Route(HOME, home, methods=["GET"]),
        Route(f"{HOME}/sign-in", sign_in, methods=["POST"]),
        Route(f"{HOME}/sign-out", sign_out, methods=["POST"]),
        Route(f"{HOME}/sources", add, methods=["POST"]),
        Route(f"{HOME}/sources/{{id}}/delete", remove, methods=["POST"]),
        Route(f"{HOME}/{{name}}", file, methods=["GET"]),
    ]


def _listed(connection: Connection) -> list[tuple[Source, Progress]]:
    return [(source, sources.progress(connection, source.id)) for source in sources.newest(connection, 50)]


def _page(title: str, content: str, notice: str = "", status: int = 200, sign_out: str = "") -> HTMLResponse:
    text = Template(_read("admin.html")).substitute(
        title=title,
        sign_out=sign_out,
        notice=f'<p class="notice" role="alert">{escape(notice)}</p>' if notice else "",
        content=content,
    )
    return HTMLResponse(text, status, HEADERS)


def _encodable(text: str) -> str:
    """The text without halves of characters, which a query can smuggle in and nothing can store."""
    return text.encode("utf-8", "ignore").decode()


@cache
def _read(name: str, folder: str = "templates") -> str:
    return (FOLDER / folder / name).read_text(encoding="utf-8")
