"""Sessions of an application whose user numbers are its own: the subject says whose user 42 is meant."""

from dataclasses import replace

from gateway.model import LegacySession, SessionCookie, Verdict
from gateway.stores.sessions import LocatableSessions, Tell


class RealmSessions:
    """Names each user `<realm>|<user>`, so that two applications with users of their own never meet in one subject."""

    def __init__(self, sessions: LocatableSessions, realm: str) -> None:
        self._sessions = sessions
        self._realm = realm

    def locate(self, shown: SessionCookie) -> str:
        """See `LocatableSessions`."""
        return self._sessions.locate(shown)

    async def resolve(self, shown: SessionCookie, now: float, *, fresh: bool = False) -> Verdict:
        """See `SessionStore`."""
        return self._named(await self._sessions.resolve(shown, now, fresh=fresh))

    async def explain(self, shown: SessionCookie, now: float, tell: Tell) -> Verdict:
        """See `ExplainableSessions`."""
        return self._named(await self._sessions.explain(shown, now, tell))

    def forget(self, session: LegacySession) -> None:
        """See `SessionStore`."""
        self._sessions.forget(session)

    async def close(self) -> None:
        """See `ExplainableSessions`."""
        await self._sessions.close()

    def _named(self, verdict: Verdict) -> Verdict:
        if not isinstance(verdict, LegacySession):
            return verdict
        return replace(verdict, subject=f"{self._realm}|{verdict.subject}")
