"""Why a page could not be read, by what should happen next. The texts are for the customer who added the source."""

from __future__ import annotations

PERMANENT = frozenset({400, 401, 403, 404, 410, 451})

_REASONS = {
    400: "it calls our request malformed",
    401: "the page needs a password",
    403: "the site does not let Pitchbar read this page",
    404: "there is no page at this address",
    410: "the page was removed",
    451: "the page is blocked for legal reasons",
}


class CrawlFailure(Exception):
    """A page could not be read; the text is a sentence for the customer, `status` what the site answered, if it did."""

    status = 0


class Permanent(CrawlFailure):
    """Trying again will not help."""


class Passing(CrawlFailure):
    """Trying again later may help."""


class RateLimited(CrawlFailure):
    """The site asked to slow down: try again later, and do not count it."""


class LeftSite(CrawlFailure):
    """The page sends its visitors to another site, at `url`."""

    def __init__(self, url: str) -> None:
        super().__init__(f"The page sends its visitors to another site ({url}).")
        self.url = url


def refuse(status: int, host: str) -> CrawlFailure:
    """What a response's status, which is not a success, means."""
    failure = _failure(status, host)
    failure.status = status
    return failure


def _failure(status: int, host: str) -> CrawlFailure:
    if status == 429:
        return RateLimited(f"{host} asked us to slow down (429).")
    if status in PERMANENT:
        return Permanent(f"{host} answered {status}: {_REASONS[status]}.")
    if status >= 500:
        return Passing(f"{host} has a problem of its own at the moment (it answered {status}). Try again later.")
    return Passing(f"{host} answered {status} instead of the page.")
