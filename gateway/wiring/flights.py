"""One flight for all who want the same, as tasks of their own."""

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

from gateway.errors import Overloaded, StoreUnavailable
from gateway.flow.grants import Grant


class GrantFlights:
    """See `flow.delivery.Flights`. What a flight brought is given to all who ask within `kept` seconds after it landed.

    At most `most` are under way or kept. A flight that failed is not kept.
    """

    def __init__(self, *, kept: float = 0.0, most: int = 4096) -> None:
        self._kept = kept
        self._most = most
        self._tasks: dict[str, asyncio.Task[Grant]] = {}

    async def join(self, key: str, begin: Callable[[], Coroutine[Any, Any, Grant]], *, wait: float) -> Grant:
        """See `flow.delivery.Flights`."""
        task = self._tasks.get(key)
        if task is None:
            if len(self._tasks) >= self._most:
                raise Overloaded
            task = self._take_off(key, begin)
        if not task.done():
            await asyncio.wait({task}, timeout=wait)
        if not task.done():
            raise StoreUnavailable("The tokens take too long.")
        return task.result()

    def _take_off(self, key: str, begin: Callable[[], Coroutine[Any, Any, Grant]]) -> asyncio.Task[Grant]:
        task = self._tasks[key] = asyncio.get_running_loop().create_task(begin())
        task.add_done_callback(lambda landed: self._land(key, landed))
        return task

    def _land(self, key: str, task: asyncio.Task[Grant]) -> None:
        # Asked for its exception here, too: perhaps nobody waits any more, and nobody is to be told of it then.
        if self._kept and not task.cancelled() and task.exception() is None:
            asyncio.get_running_loop().call_later(self._kept, self._tasks.pop, key, None)
        else:
            del self._tasks[key]
