"""The application's store says that a session's record was removed: a reason to look, and nothing more.

Applications remove a record when a user logs out, and also when they give his session another id.
"""

from collections.abc import Mapping
from contextlib import suppress

from gateway.core.verdicts import is_over_for
from gateway.errors import SessionEnded, Unavailable
from gateway.facts import Event
from gateway.family_ports import RefreshStore
from gateway.flow.behind import Pause, SessionsBehind
from gateway.flow.live import Live
from gateway.flow.tokens import TokenFlow
from gateway.model import LegacySession
from gateway.ports import Facts, SessionStore, Vault
from gateway.records import Family

_SETTLING = 0.3
"""Seconds after which a rotation is known to be one, where no family tells."""


class Removals:
    """Looks at sessions whose records were removed. What a store of ours cannot do now is found at the next look."""

    def __init__(
        self,
        *,
        tokens: TokenFlow,
        families: RefreshStore,
        vault: Vault,
        behind: SessionsBehind,
        sessions: Mapping[str, SessionStore],
        live: Live,
        facts: Facts,
        pause: Pause,
    ) -> None:
        self._tokens = tokens
        self._families = families
        self._vault = vault
        self._behind = behind
        self._sessions = sessions
        self._live = live
        self._facts = facts
        self._pause = pause

    async def look(self, site: str, key: str, now: float) -> None:
        """End the tokens of a session, and the streams that its cookie opened, if it is really over. Never raises."""
        session = LegacySession(site, key, subject="")
        self._sessions[site].forget(session)
        with suppress(Unavailable):
            families = await self._families.families_of_session(self._tokens.session_hash(site, key), now)
            if not families:
                await self._pause(_SETTLING)
                self._live.end_session(site, key)
            elif any([await self._is_over(family, key, now) for family in families]):
                self._facts.count(Event.LOGOUT_SEEN)
                await self._tokens.end_session(session, "legacy_logout", now=now)

    async def _is_over(self, family: Family, key: str, now: float) -> bool:
        with suppress(SessionEnded, Unavailable):
            vaulted = await self._vault.open_family(family)
            seen, verdict = await self._behind.resolve(
                vaulted, lambda: self._vault.open_family(family), now, fresh=True
            )
            return seen.session_key == key and is_over_for(family.subject, verdict)
        return False
