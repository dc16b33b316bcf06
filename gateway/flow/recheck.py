"""Families from before: while tokens were off, or the gateway was down, logouts were not seen.

A token that was issued before `since` counts only after the session behind its family was looked at once more. One
that was issued later needs no second look: an exchange and a refresh resolve the session first.
"""

from collections.abc import Awaitable, Callable

from gateway.core.verdicts import is_over_for
from gateway.errors import SessionEnded, SessionUndetermined
from gateway.flow.behind import SessionsBehind
from gateway.model import LegacySession, VerifiedToken
from gateway.ports import Vault

End = Callable[[VerifiedToken, float], Awaitable[object]]
"""Ends the family of a token, durably."""


class Recheck:
    """Looks at each old family once. `since` is in seconds since 1970, `life` how long a token can live at most."""

    def __init__(
        self,
        *,
        vault: Vault,
        behind: SessionsBehind,
        end: End,
        since: float,
        life: float = 3600.0,
    ) -> None:
        self._vault = vault
        self._behind = behind
        self._end = end
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
        if self._behind.knows(vaulted.site):
            _, verdict = await self._behind.resolve(vaulted, lambda: self._vault.open(token), now, fresh=True)
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
