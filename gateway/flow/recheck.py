"""Families from before: while tokens were off, or the gateway was down, logouts were not seen.

A token that was issued before `since` counts only after the session behind its family was looked at once more. One
that was issued later needs no second look: an exchange and a refresh resolve the session first.
"""

from collections.abc import Awaitable, Callable, Mapping

from gateway.core.verdicts import is_over_for
from gateway.errors import SessionEnded, SessionUndetermined
from gateway.flow.inference import Inference
from gateway.model import LegacySession, SessionCookie, VerifiedToken
from gateway.ports import SessionStore, Vault

End = Callable[[VerifiedToken, float], Awaitable[object]]
"""Ends the family of a token, durably."""


class Recheck:
    """Looks at each old family once. `since` is in seconds since 1970, `life` how long a token can live at most."""

    def __init__(
        self,
        *,
        vault: Vault,
        sessions: Mapping[str, SessionStore],
        end: End,
        inference: Inference,
        since: float,
        life: float = 3600.0,
    ) -> None:
        self._vault = vault
        self._sessions = sessions
        self._end = end
        self._inference = inference
        self._since = since
        self._life = life
        self._alive: set[str] = set()

    def begin(self, now: float) -> None:
        """Distrust every family that was opened before now: tokens were just switched on again."""
        self._since = now
        self._alive.clear()

    def is_needless(self, token: VerifiedToken) -> bool:
        """Whether a token's family is known to be alive, or was opened later."""
        return token.issued_at >= self._since or token.session_id in self._alive

    async def ensure_alive(self, token: VerifiedToken, now: float) -> None:
        """Let a token pass whose family is known to be alive.

        Raises:
            SessionEnded: the session behind it is over or somebody else's; the family was ended.
            SessionUndetermined: nobody can say now; nothing was ended.
            VaultUnavailable: its vaulted session cannot be read.
        """
        if self.is_needless(token):
            return
        vaulted = await self._vault.open(token)
        store = self._sessions.get(vaulted.site)
        if store is not None:
            seen = await store.resolve(SessionCookie(vaulted.site, vaulted.cookies), now, fresh=True)
            verdict = self._inference.judge(vaulted.site, vaulted.session_key, seen, now)
            if is_over_for(token.subject, verdict):
                await self._end(token, now)
                raise SessionEnded
            if not isinstance(verdict, LegacySession):
                raise SessionUndetermined
        self._alive.add(token.session_id)

    def forget(self, now: float) -> None:
        """Drop what is remembered once no token from before can be alive any more."""
        if self._alive and now > self._since + self._life:
            self._alive.clear()
