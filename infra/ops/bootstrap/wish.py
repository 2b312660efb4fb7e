"""What a bootstrap is asked for, and what it answers."""

import re
from dataclasses import asdict, dataclass, field
from typing import Any, Literal

from infra.errors import UserError

Action = Literal["created", "changed", "unchanged"]
_REPOSITORY = re.compile(r"[A-Za-z0-9][A-Za-z0-9-]{0,38}/[A-Za-z0-9._-]{1,100}")
_SUBJECT = re.compile(r"[A-Za-z0-9@._/-]+(:[A-Za-z0-9@._/-]+)*")


@dataclass(frozen=True, kw_only=True)
class Wish:
    """``repository``: ``owner/name`` on GitHub, whose workflows may deploy. ``subject_prefix``: how its tokens' ``sub``
    begins, where that isn't ``repo:owner/name`` (newer repositories have ids in it)."""

    product: str
    account: str
    region: str
    environments: tuple[str, ...]
    repository: str = ""
    subject_prefix: str = ""
    dry_run: bool = False

    def __post_init__(self) -> None:
        """Raise :class:`UserError` with everything that is wrong."""
        problems = []
        if self.repository and not _REPOSITORY.fullmatch(self.repository):
            problems.append(f'--github: found "{self.repository}". It is owner/name, such as pitchbar/pitchbar.')
        if self.subject_prefix and not _SUBJECT.fullmatch(self.subject_prefix):
            problems.append(
                f'--subject-prefix: found "{self.subject_prefix}". It is the beginning of the tokens\' sub, without '
                "wildcards, such as repo:pitchbar@1234/platform@5678."
            )
        if self.subject_prefix and not self.repository:
            problems.append("--subject-prefix: it needs --github owner/name beside it.")
        if problems:
            raise UserError("The bootstrap can't begin:", problems)

    @property
    def subject(self) -> str:
        """How the ``sub`` of the repository's tokens begins."""
        return self.subject_prefix or f"repo:{self.repository}"


@dataclass(frozen=True)
class Change:
    """One thing: what it is, its name, what was done (with a dry run: what would be), and which parts of it."""

    what: str
    name: str
    action: Action
    parts: tuple[str, ...] = field(default=())


@dataclass(frozen=True)
class Report:
    """All of it, and what to type next."""

    wish: Wish
    changes: tuple[Change, ...]
    roles: dict[str, str]
    backend: str

    @property
    def changed(self) -> bool:
        """Whether anything was or would be done."""
        return any(change.action != "unchanged" for change in self.changes)

    def document(self) -> dict[str, Any]:
        """The report for programs."""
        return {
            "account": self.wish.account,
            "region": self.wish.region,
            "dry_run": self.wish.dry_run,
            "changes": [asdict(change) for change in self.changes],
            "roles": self.roles,
            "backend": self.backend,
        }
