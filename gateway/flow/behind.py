"""The legacy session behind a token, as it is now: the one that the vault has, or the one that it has become meanwhile.

An application that gives a session another id removes the old record first and answers then. Whoever looks in between,
for another request or for a refresh, finds it gone, which is what a logout looks like. So a record that is gone is
waited for: by then the answer has come, and the vault has the cookies that it set.
"""

from collections.abc import Awaitable, Callable, Mapping

from gateway.flow.inference import Inference
from gateway.model import Anonymous, Undetermined, VaultedSession, Verdict
from gateway.ports import SessionStore

Pause = Callable[[float], Awaitable[object]]
"""Waits for so many seconds."""
Reopen = Callable[[], Awaitable[VaultedSession]]
"""Reads the vault's entry again."""

_ROTATING = (0.02, 0.08, 0.2)
"""Seconds between looks at the vault, while the answer to another request may be on its way."""


class SessionsBehind:
    """Resolves vaulted sessions; what the application says of them is judged by `inference`."""

    def __init__(self, *, sessions: Mapping[str, SessionStore], inference: Inference, pause: Pause) -> None:
        self._sessions = sessions
        self._inference = inference
        self._pause = pause

    def knows(self, site: str) -> bool:
        """Whether the site is still configured."""
        return site in self._sessions

    async def resolve(
        self, vaulted: VaultedSession, reopen: Reopen, now: float, *, fresh: bool = False
    ) -> tuple[VaultedSession, Verdict]:
        """Return the session that the vault has in the end, and whose it is. What `reopen` raises passes through."""
        verdict = await self._look(vaulted, now, fresh=fresh)
        for seconds in _ROTATING:
            if not isinstance(verdict, Anonymous) or verdict.reason != "gone":
                break
            await self._pause(seconds)
            later = await reopen()
            if later.session_key != vaulted.session_key:
                vaulted, verdict = later, await self._look(later, now, fresh=True)
        return vaulted, verdict

    async def _look(self, vaulted: VaultedSession, now: float, *, fresh: bool) -> Verdict:
        store = self._sessions.get(vaulted.site)
        if store is None:
            return Undetermined("unreachable")
        seen = await store.resolve(vaulted.as_shown, now, fresh=fresh)
        return self._inference.judge(vaulted.site, vaulted.session_key, seen, now)
