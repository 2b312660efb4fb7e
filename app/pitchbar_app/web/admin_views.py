"""Pieces of the admin page's HTML that depend on data; everything that comes from outside is escaped here."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

from pitchbar_app.index.answering import Answer
from pitchbar_app.store.sources import Progress, Source

WORDS = {"queued": "Waiting", "crawling": "Reading", "ready": "Ready", "failed": "Failed"}


def sign_out(token: str) -> str:
    """The button to sign out."""
    return (
        f'<form method="post" action="/admin/sign-out">{_hidden(token)}<button class="plain">Sign out</button></form>'
    )


def table(rows: Sequence[tuple[Source, Progress]], token: str) -> str:
    """The list of sources."""
    if not rows:
        return '<p class="hint">There is none yet.</p>'
    body = "".join(_row(source, progress, token) for source, progress in rows)
    names = ("Address", "Status", "Pages", "Passages", "")
    head = "".join(f'<th scope="col">{name}</th>' if name else "<td></td>" for name in names)
    return f'<div class="table"><table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div>'


def answer(found: Answer) -> str:
    """An answer with its links."""
    links = "".join(
        f'<li><a href="{escape(each.link)}" rel="noopener noreferrer">{escape(each.text)}</a></li>'
        for each in found.sources
    )
    more = f"<p>Read on:</p><ul>{links}</ul>" if links else ""
    return f'<div role="status"><blockquote>{escape(found.text)}</blockquote>{more}</div>'


def _row(source: Source, progress: Progress, token: str) -> str:
    error = f'<span class="error">{escape(source.error)}</span>' if source.error else ""
    status = f'<span class="{source.status}">{WORDS[source.status]}</span>{error}{_problems(source, progress)}'
    pages = f"{progress.pages['done']} of {sum(progress.pages.values())}"
    label = f' aria-label="Remove {escape(source.url)}"'
    remove = (
        f'<form method="post" action="/admin/sources/{source.id}/delete">{_hidden(token)}'
        f'<button class="plain"{label}>Remove</button></form>'
    )
    address = (
        f'<td class="address"><a href="{escape(source.url)}" rel="noopener noreferrer">{escape(source.url)}</a></td>'
    )
    return f"<tr>{address}<td>{status}</td><td>{pages}</td><td>{progress.chunks}</td><td>{remove}</td></tr>"


def _problems(source: Source, progress: Progress) -> str:
    """The pages that could not be read, unless there is only the one whose reason is told already."""
    told = [each for each in progress.problems if each != (source.url, source.error)]
    if not told:
        return ""
    items = "".join(f"<li>{escape(url)}: {escape(error)}</li>" for url, error in told)
    return f"<details><summary>Notes on {len(told)} pages</summary><ul>{items}</ul></details>"


def _hidden(token: str) -> str:
    return f'<input type="hidden" name="form_token" value="{token}">'
