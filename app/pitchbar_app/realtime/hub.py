"""Who is connected, and who hears which channel."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from time import monotonic

from pitchbar_app.broadcast import Event
from pitchbar_app.realtime import protocol
from pitchbar_app.realtime.changes import Changes
from pitchbar_app.realtime.channels import Member, is_presence
from pitchbar_app.realtime.connection import Connection, frame
from pitchbar_app.realtime.roster import Change, Roster

SWEEP_INTERVAL = 1.0


@dataclass
class Channel:
    """The clients of this process that hear one channel, and its roster if it is a presence channel."""

    roster: Roster | None
    listeners: set[Connection] = field(default_factory=set)

    @property
    def subscriptions(self) -> int:
        """How many clients of this process are subscribed."""
        return len(self.listeners) + (len(self.roster.waiting) if self.roster else 0)


class Hub:
    """The connections of this process and their subscriptions."""

    def __init__(self, activity_timeout: int) -> None:
        self.draining = False
        self.changes = Changes()
        self._activity_timeout = activity_timeout
        self._connections: dict[Connection, asyncio.Task[None]] = {}
        self._channels: dict[str, Channel] = {}

    @property
    def size(self) -> int:
        """How many clients are connected."""
        return len(self._connections)

    def add(self, connection: Connection, finisher: asyncio.Task[None]) -> None:
        """A client has connected; `finisher` is the task that closes the connection."""
        self._connections[connection] = finisher

    def remove(self, connection: Connection) -> None:
        """A client has gone."""
        self._leave_all(connection)
        self._connections.pop(connection, None)

    def subscribe(self, connection: Connection, name: str, member: Member | None = None) -> None:
        """Let the client hear the channel (a presence channel as this member), and confirm it as soon as possible."""
        if name in connection.channels:
            self.unsubscribe(connection, name)
        connection.channels.add(name)
        channel = self._channels.get(name)
        if channel is None:
            channel = self._channels[name] = Channel(Roster() if is_presence(name) else None)
        self.changes.channel(name)
        if channel.roster is None or member is None:
            channel.listeners.add(connection)
            connection.send(protocol.subscribed(name))
            return
        if channel.roster.here(member.id) is None:
            self.changes.member(name, member.id)
        self._tell(name, channel, channel.roster.join(connection, member))
        if channel.roster.known is None:
            self.changes.roster(name)
        else:
            self._admit(name, channel, (connection,))

    def unsubscribe(self, connection: Connection, name: str) -> None:
        """Let the client hear the channel no more."""
        channel = self._channels.get(name)
        if channel is None or name not in connection.channels:
            return
        connection.channels.discard(name)
        channel.listeners.discard(connection)
        self.changes.channel(name)
        gone = channel.roster.leave(connection) if channel.roster else None
        if gone is not None:
            self.changes.member(name, gone.id)
        if not channel.subscriptions:
            del self._channels[name]

    def end(self, connection: Connection, code: int, reason: str) -> None:
        """Close a connection; its channels are left at once, whatever the client does about it."""
        self._leave_all(connection)
        connection.close(code, reason)

    def deliver(self, event: Event) -> None:
        """Send an event to everyone who hears one of its channels, except the connection that it comes from."""
        for name in event.channels:
            channel = self._channels.get(name)
            if channel is not None and channel.listeners:
                text = protocol.event(name, event.name, event.data, event.user)
                self._send(channel, text, lambda connection: connection.socket_id == event.sender)

    def member_of(self, connection: Connection, name: str) -> str | None:
        """As which member of a presence channel the client speaks."""
        channel = self._channels.get(name)
        member = channel.roster.member(connection) if channel and channel.roster else None
        return member.id if member else None

    def added(self, name: str, user: str, info: str) -> None:
        """Redis says that someone became a member."""
        if (channel := self._channels.get(name)) and channel.roster:
            self._tell(name, channel, channel.roster.added(user, info))

    def removed(self, name: str, user: str) -> None:
        """Redis says that someone is a member no more."""
        if (channel := self._channels.get(name)) and channel.roster:
            self._tell(name, channel, channel.roster.removed(user))

    def replace(self, name: str, members: Mapping[str, str]) -> None:
        """Redis says who all the members are."""
        if (channel := self._channels.get(name)) and channel.roster:
            self._tell(name, channel, channel.roster.replace(members))
            self._admit(name, channel, tuple(channel.roster.waiting))
            channel.roster.waiting.clear()

    def terminate(self, user: str) -> None:
        """Close every connection of a user, whether signed in or a member of a presence channel."""
        for connection in tuple(self._connections):
            if connection.user == user or any(self.member_of(connection, name) == user for name in connection.channels):
                self.end(connection, protocol.UNAUTHORISED, "The connections of this user were terminated")

    def counts(self, names: Iterable[str] | None = None) -> dict[str, int]:
        """How many clients are subscribed to each of these channels, or to each that has any."""
        chosen = self._channels if names is None else names
        return {name: self._channels[name].subscriptions if name in self._channels else 0 for name in chosen}

    def info_here(self, name: str, user: str) -> str | None:
        """The information about a member who is connected to this process; None for any other."""
        channel = self._channels.get(name)
        return channel.roster.here(user) if channel and channel.roster else None

    def members_here(self) -> list[tuple[str, str, str]]:
        """Channel, id and information of every member who is connected to this process."""
        rosters = ((name, channel.roster) for name, channel in self._channels.items() if channel.roster)
        return [(name, user, info) for name, roster in rosters for user, info in roster.everyone_here().items()]

    def want_rosters(self, unknown_only: bool = False) -> None:
        """Ask Redis again who all the members are, on every presence channel or where nobody knows yet."""
        for name, channel in self._channels.items():
            if channel.roster and not (unknown_only and channel.roster.known is not None):
                self.changes.roster(name)

    async def sweep(self) -> None:
        """Ping clients that have been silent, and close those that did not answer; runs until it is cancelled."""
        while True:
            await asyncio.sleep(min(SWEEP_INTERVAL, self._activity_timeout / 4))
            now = monotonic()
            for connection in tuple(self._connections):
                self._look_at(connection, now)

    def _look_at(self, connection: Connection, now: float) -> None:
        if connection.pinged_at is not None:
            if now - connection.pinged_at >= self._activity_timeout:
                self.end(connection, protocol.NO_PONG, "Pong reply not received")
        elif now - connection.last_heard >= self._activity_timeout:
            connection.pinged_at = now
            connection.send(protocol.ping())

    async def farewell(self, deadline: float) -> None:
        """Ask every client to connect again (to another process), and drop those that do not take the message."""
        self.draining = True
        self.changes.end()
        for connection in tuple(self._connections):
            connection.close(protocol.RECONNECT, "Server is restarting; please reconnect")
        finishers = tuple(self._connections.values())
        if finishers:
            await asyncio.wait(finishers, timeout=deadline)
        for connection, finisher in tuple(self._connections.items()):
            if not finisher.done():
                connection.drop()

    def _leave_all(self, connection: Connection) -> None:
        for name in tuple(connection.channels):
            self.unsubscribe(connection, name)

    def _tell(self, name: str, channel: Channel, change: Change) -> None:
        """Tell those who hear the channel about its members; nobody is told about himself."""
        roster = channel.roster
        if roster is None:
            return
        for user, info in change.added.items():
            self._send(channel, protocol.member_added(name, user, info), _is(roster, user))
        for user in change.removed:
            self._send(channel, protocol.member_removed(name, user), _is(roster, user))

    def _admit(self, name: str, channel: Channel, connections: Iterable[Connection]) -> None:
        """Confirm subscriptions to a presence channel, with the members at this moment."""
        if channel.roster is None or channel.roster.known is None:
            return
        data = frame(protocol.subscribed_among(name, channel.roster.known))
        for connection in connections:
            channel.listeners.add(connection)
            connection.send_frame(data)

    def _send(self, channel: Channel, text: str, leave_out: Callable[[Connection], bool]) -> None:
        data = frame(text)
        for connection in tuple(channel.listeners):
            if not leave_out(connection):
                connection.send_frame(data)


def _is(roster: Roster, user: str) -> Callable[[Connection], bool]:
    """Whether a connection is this member's."""

    def check(connection: Connection) -> bool:
        member = roster.member(connection)
        return member is not None and member.id == user

    return check
