"""One presence channel as this process knows it: who its own members are, and who it has told them about.

All clients of a channel on one process hear the same changes in the same order, so one roster for all of them is
enough, and no change can be told twice. Redis decides who is a member on other processes; who is a member here is
known here first.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from pitchbar_app.realtime.channels import Member
from pitchbar_app.realtime.connection import Connection


@dataclass(frozen=True)
class Change:
    """Members to tell the channel's clients about."""

    added: Mapping[str, str] = field(default_factory=dict)
    removed: tuple[str, ...] = ()


NOTHING = Change()


class Roster:
    """The members of one presence channel; `known` is None until Redis has told about the other processes."""

    def __init__(self) -> None:
        self.known: dict[str, str] | None = None
        self.waiting: set[Connection] = set()
        self._here: dict[str, set[Connection]] = {}
        self._infos: dict[str, str] = {}
        self._members: dict[Connection, Member] = {}

    def join(self, connection: Connection, member: Member) -> Change:
        """A client of this process becomes a member."""
        self._members[connection] = member
        self._here.setdefault(member.id, set()).add(connection)
        self._infos.setdefault(member.id, member.info)
        if self.known is None:
            self.waiting.add(connection)
            return NOTHING
        return self.added(member.id, member.info)

    def leave(self, connection: Connection) -> Member | None:
        """A client of this process is gone; the member when it was that member's last connection here."""
        self.waiting.discard(connection)
        member = self._members.pop(connection, None)
        if member is None:
            return None
        here = self._here[member.id]
        here.discard(connection)
        if here:
            return None
        del self._here[member.id], self._infos[member.id]
        return member

    def member(self, connection: Connection) -> Member | None:
        """Which member a client is."""
        return self._members.get(connection)

    def here(self, user: str) -> str | None:
        """The information about a member who has a connection to this process; None for any other."""
        return self._infos.get(user)

    def everyone_here(self) -> Mapping[str, str]:
        """The members who have a connection to this process."""
        return self._infos

    def added(self, user: str, info: str) -> Change:
        """Someone became a member, here or on another process."""
        if self.known is None or user in self.known:
            return NOTHING
        self.known[user] = info
        return Change(added={user: info})

    def removed(self, user: str) -> Change:
        """Nobody holds this member any more, as far as Redis knew; who is connected here stays."""
        if self.known is None or user in self._here or user not in self.known:
            return NOTHING
        del self.known[user]
        return Change(removed=(user,))

    def replace(self, members: Mapping[str, str]) -> Change:
        """Take the whole truth from Redis; the result is what is new about it."""
        truth = {**members, **self._infos}
        before, self.known = self.known, truth
        if before is None:
            return NOTHING
        added = {user: info for user, info in truth.items() if user not in before}
        return Change(added, tuple(user for user in before if user not in truth))
