"""What was seen of a session and could not be written, because a store was away: remembered, and tried again.

In memory only. After a restart the families concerned are looked at anew in any case (see `flow.recheck`).
"""

from collections.abc import Awaitable, Callable, Mapping

from gateway.errors import Unavailable
from gateway.flow.tokens import TokenFlow
from gateway.model import LegacySession

_MOST = 10_000
"""Sessions that are remembered; more changes in one outage are left to the look at each refresh."""

Work = Callable[[float], Awaitable[None]]


class Unfinished:
    """Ends and moves families, now or as soon as the store is back. The newest word about a session counts."""

    def __init__(self, tokens: TokenFlow) -> None:
        self._tokens = tokens
        self._waiting: dict[tuple[str, str], Work] = {}

    async def end(self, session: LegacySession, reason: str, now: float) -> None:
        """End the families of a session that is over. Never raises Unavailable."""
        seen_at = now  # what was signed after this is another login, however late it is written

        async def work(_now: float) -> None:
            await self._tokens.end_session(session, reason, now=seen_at)

        await self._do((session.site, session.key), work, now)

    async def move(self, old: LegacySession, new: LegacySession, cookies: Mapping[bytes, bytes], now: float) -> None:
        """Let the families of a session follow it to its new id. Never raises Unavailable."""

        async def work(now: float) -> None:
            await self._tokens.move_session(old, new, cookies=cookies, now=now)

        await self._do((old.site, old.key), work, now)

    async def finish(self, now: float) -> None:
        """Try everything again that waits, in the order in which it was seen."""
        waiting, self._waiting = self._waiting, {}
        for key, work in waiting.items():
            await self._do(key, work, now)

    async def _do(self, key: tuple[str, str], work: Work, now: float) -> None:
        try:
            await work(now)
        except Unavailable:
            if len(self._waiting) < _MOST:
                self._waiting[key] = work
