"""Legacy sessions: a codec, which knows the format, over a place, which knows where records lie."""

from collections.abc import Callable
from typing import Protocol

from gateway.codec import Entry, Lookup, Query, Row, SessionCodec, UnreadableSession
from gateway.model import LegacySession, SessionCookie, Undetermined, Verdict
from gateway.ports import SessionStore
from gateway.stores.sessions_stale import StaleCodecGuard

Tell = Callable[[str], None]
"""Takes one plain sentence about a step; never a cookie, a key or a secret."""


class PlaceUnavailable(Exception):
    """A place cannot answer. `reason` is a word of `Undetermined`: unreachable, timeout or unreadable."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class Place(Protocol):
    """Where records of sessions lie; only ever read."""

    async def fetch(self, query: Query) -> Row | None:
        """Return the row, or None where there is none. A place that has no answers of that kind is unreachable.

        Raises:
            PlaceUnavailable: nobody can say whether there is one.
        """
        ...

    async def aclose(self) -> None:
        """Let go of what it holds; nothing can be fetched any more."""
        ...


def ensure_lookup(query: Query) -> Lookup:
    """Return a query for a place that has rows only.

    Raises:
        PlaceUnavailable: it asks for something else.
    """
    if not isinstance(query, Lookup):
        raise PlaceUnavailable("unreachable")
    return query


def ensure_entry(query: Query) -> Entry:
    """Return a query for a place that has entries only.

    Raises:
        PlaceUnavailable: it asks for something else.
    """
    if not isinstance(query, Entry):
        raise PlaceUnavailable("unreachable")
    return query


class ExplainableSessions(SessionStore, Protocol):
    """A session store that can tell how it comes to its verdict."""

    async def explain(self, shown: SessionCookie, now: float, tell: Tell) -> Verdict:
        """Resolve afresh and tell each step. Never raises."""
        ...

    async def close(self) -> None:
        """Let go of threads and connections."""
        ...


class LocatableSessions(ExplainableSessions, Protocol):
    """A session store whose work can be shared between requests."""

    def locate(self, shown: SessionCookie) -> str:
        """Name what would be fetched: equal names mean equal verdicts. Empty when nothing is fetched."""
        ...


class CodecSessions:
    """One entry of `sessions` whose format we read ourselves."""

    def __init__(self, codec: SessionCodec, place: Place, guard: StaleCodecGuard) -> None:
        self._codec = codec
        self._place = place
        self._guard = guard

    def locate(self, shown: SessionCookie) -> str:
        """See `LocatableSessions`."""
        return self._codec.locate(dict(shown.cookies))

    async def resolve(self, shown: SessionCookie, now: float, *, fresh: bool = False) -> Verdict:
        """See `SessionStore`. Nothing is cached here."""
        return self._guard.judge(await self._read(shown, now, say_nothing), shown, now)

    async def explain(self, shown: SessionCookie, now: float, tell: Tell) -> Verdict:
        """See `ExplainableSessions`. The guard neither learns from it nor has a say."""
        tell(self._codec.description)
        return await self._read(shown, now, tell)

    def forget(self, session: LegacySession) -> None:
        """See `SessionStore`."""

    async def close(self) -> None:
        """See `ExplainableSessions`."""
        await self._place.aclose()

    async def _read(self, shown: SessionCookie, now: float, tell: Tell) -> Verdict:
        """Carry what the codec asks for to the place, and back."""
        reading = self._codec.read(dict(shown.cookies), now)
        row: Row | None = None
        try:
            query = next(reading)
            while True:
                row = await self._place.fetch(query)
                tell(query.say(is_found=row is not None))
                query = reading.send(row)
        except StopIteration as end:
            verdict: Verdict = end.value
            return verdict
        except UnreadableSession:
            return Undetermined("unreadable")
        except PlaceUnavailable as error:
            return Undetermined(error.reason)


def say_nothing(_: str) -> None:
    """A `Tell` for when nobody listens."""
