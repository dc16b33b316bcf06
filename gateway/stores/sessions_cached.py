"""What legacy sessions resolved to a moment ago, and one flight for all who ask about the same one."""

import asyncio
from typing import NamedTuple

from gateway.model import LegacySession, SessionCookie, Undetermined, Verdict
from gateway.stores.sessions import LocatableSessions, Tell


class _Entry(NamedTuple):
    session: LegacySession
    since: float
    until: float


class _Flight(NamedTuple):
    task: asyncio.Task[Verdict]
    generation: int


class CachedSessions:
    """Remembers users for `ttl` seconds, at most `entries` of them; nothing else is remembered.

    Resolutions run as tasks of their own, each at most `timeout` seconds and `flights` at once: a request that leaves
    never ends one that others wait for. What was forgotten while a flight was under way is not remembered from it.
    """

    def __init__(
        self,
        sessions: LocatableSessions,
        *,
        ttl: float = 5.0,
        timeout: float = 3.0,
        entries: int = 4096,
        flights: int = 512,
    ) -> None:
        self._sessions = sessions
        self._ttl = ttl
        self._timeout = timeout
        self._most_entries = entries
        self._most_flights = flights
        self._entries: dict[str, _Entry] = {}
        self._flights: dict[str, _Flight] = {}
        self._tasks: set[asyncio.Task[Verdict]] = set()
        self._generation = 0

    def glance(self, shown: SessionCookie, now: float) -> LegacySession | None:
        """See `RememberedSessions`."""
        entry = self._entries.get(self._sessions.locate(shown))
        return entry.session if entry is not None and entry.since <= now < entry.until else None

    async def resolve(self, shown: SessionCookie, now: float, *, fresh: bool = False) -> Verdict:
        """See `SessionStore`. A fresh resolution never joins a flight that took off before it."""
        name = self._sessions.locate(shown)
        if not name:
            return await self._sessions.resolve(shown, now, fresh=fresh)
        entry = None if fresh else self._entries.get(name)
        if entry is not None and entry.since <= now < entry.until:
            return entry.session
        flight = None if fresh else self._flights.get(name)
        if flight is None or flight.generation != self._generation:
            if len(self._tasks) >= self._most_flights:
                return Undetermined("timeout")
            flight = self._take_off(name, shown, now, fresh=fresh)
        return await asyncio.shield(flight.task)

    async def explain(self, shown: SessionCookie, now: float, tell: Tell) -> Verdict:
        """See `ExplainableSessions`. The cache has no say in it."""
        return await self._sessions.explain(shown, now, tell)

    def forget(self, session: LegacySession) -> None:
        """Drop what is remembered of the session. Flights that are under way will not be joined or remembered."""
        self._generation += 1
        for name in [name for name, entry in self._entries.items() if entry.session.key == session.key]:
            del self._entries[name]
        self._sessions.forget(session)

    async def close(self) -> None:
        """See `ExplainableSessions`."""
        await self._sessions.close()

    def _take_off(self, name: str, shown: SessionCookie, now: float, *, fresh: bool) -> _Flight:
        task = asyncio.get_running_loop().create_task(self._fly(shown, now, fresh=fresh))
        flight = self._flights[name] = _Flight(task, self._generation)
        self._tasks.add(task)
        task.add_done_callback(lambda _: self._land(name, flight, now))
        return flight

    async def _fly(self, shown: SessionCookie, now: float, *, fresh: bool) -> Verdict:
        try:
            async with asyncio.timeout(self._timeout):
                return await self._sessions.resolve(shown, now, fresh=fresh)
        except TimeoutError:
            return Undetermined("timeout")

    def _land(self, name: str, flight: _Flight, now: float) -> None:
        self._tasks.discard(flight.task)
        if self._flights.get(name) is not flight:
            return  # a fresh one took off later, and knows better
        del self._flights[name]
        if flight.task.cancelled() or flight.task.exception() is not None or flight.generation != self._generation:
            return
        self._remember(name, flight.task.result(), now)

    def _remember(self, name: str, verdict: Verdict, now: float) -> None:
        self._entries.pop(name, None)
        if not isinstance(verdict, LegacySession):
            return
        until = now + self._ttl if verdict.expires_at is None else min(now + self._ttl, verdict.expires_at)
        self._entries[name] = _Entry(verdict, now, until)
        if len(self._entries) > self._most_entries:
            del self._entries[next(iter(self._entries))]
