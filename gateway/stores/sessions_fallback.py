"""Sessions that we read ourselves as far as we can, and the application's own word where we cannot."""

from dataclasses import replace

from gateway.model import LegacySession, SessionCookie, Undetermined, Verdict
from gateway.stores.sessions import LocatableSessions, Tell


class FallbackSessions:
    """Asks `second` where `first` cannot say, whatever the reason. A user or an anonymous verdict of `first` stands."""

    def __init__(self, first: LocatableSessions, second: LocatableSessions) -> None:
        self._first = first
        self._second = second

    def locate(self, shown: SessionCookie) -> str:
        """See `LocatableSessions`."""
        return self._first.locate(shown) or self._second.locate(shown)

    async def resolve(self, shown: SessionCookie, now: float, *, fresh: bool = False) -> Verdict:
        """See `SessionStore`."""
        verdict = await self._first.resolve(shown, now, fresh=fresh)
        if not isinstance(verdict, Undetermined):
            return verdict
        return self._named(await self._second.resolve(shown, now, fresh=fresh), shown)

    async def explain(self, shown: SessionCookie, now: float, tell: Tell) -> Verdict:
        """See `ExplainableSessions`."""
        verdict = await self._first.explain(shown, now, tell)
        if not isinstance(verdict, Undetermined):
            return verdict
        return self._named(await self._second.explain(shown, now, tell), shown)

    def forget(self, session: LegacySession) -> None:
        """See `SessionStore`."""
        self._first.forget(session)
        self._second.forget(session)

    async def close(self) -> None:
        """See `ExplainableSessions`."""
        await self._first.close()
        await self._second.close()

    def _named(self, verdict: Verdict, shown: SessionCookie) -> Verdict:
        """Give the session the id under which `first` knows it, so that it stays one whoever is asked."""
        name = self._first.locate(shown)
        return replace(verdict, key=name) if name and isinstance(verdict, LegacySession) else verdict
