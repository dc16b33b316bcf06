"""A brownout ends by itself when it hurts: the phase is paused, and the history says why."""

import asyncio
from collections.abc import Callable

import structlog

from gateway.core.brownout import Window, is_harmful
from gateway.errors import GatewayError
from gateway.facts import Event
from gateway.flow.posture import PostureControl
from gateway.observe.tally import Counts
from gateway.ports import Facts

_log = structlog.get_logger()

_STEP = 2.0  # seconds between two looks


class BrownoutGuard:
    """Compares what was refused with what was admitted since a window opened. `bound` is in percent."""

    def __init__(self, control: PostureControl, count: Callable[[], Counts], bound: float, facts: Facts) -> None:
        self._control = control
        self._count = count
        self._bound = bound
        self._facts = facts
        self._window: Window | None = None
        self._before = Counts()
        self._look_at = 0.0
        self._abort: asyncio.Task[None] | None = None

    def look(self, now: float) -> None:
        """Look at the window that is open; to be called about once a second, in one process of a gateway."""
        window = self._control.posture.brownout.find_window(now)
        if window is None or now < self._look_at:
            self._window = window and self._window
            return
        self._look_at = now + _STEP
        counts = self._count()
        if window != self._window:
            self._window, self._before = window, counts
            return
        before = self._before
        refused = counts.retired - before.retired
        admitted = counts.by_token - before.by_token + counts.by_session - before.by_session
        if is_harmful(refused, admitted, self._bound) and self._abort is None:
            share = 100.0 * refused / (refused + admitted)
            self._abort = asyncio.ensure_future(self._pause(share, now))

    async def _pause(self, share: float, now: float) -> None:
        reason = f"{share:.1f}% of the signed-in requests were refused, and {self._bound:g}% may be"
        try:
            await self._control.pause(is_paused=True, by="brownout guard", reason=reason, now=now)
            self._facts.count(Event.BROWNOUT_ABORTED)
            _log.warning("the brownout was aborted", reason=reason)
        except GatewayError as error:
            _log.error("the brownout cannot be aborted", reason=reason, fault=error.code)
        finally:
            self._abort = None
