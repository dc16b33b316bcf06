"""One background task of a store: it does a round, rests, and does the next."""

import asyncio
from collections.abc import Awaitable, Callable

_REST_AFTER_BUG = 1.0


class Keeper:
    """Calls `round_` again and again: after the rest that it returned (seconds), or as soon as it is woken.

    `round_` handles the failures that it knows. Any other is reported to the loop's exception handler and does not end
    the rounds, since nobody else would repair the store.
    """

    def __init__(self, round_: Callable[[], Awaitable[float]]) -> None:
        self._round = round_
        self._woken = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        self._is_closing = False

    async def start(self) -> None:
        """Do the first round now, the others in the background."""
        rest = await self._do_round()
        self._task = asyncio.get_running_loop().create_task(self._go_on(rest))

    def wake(self) -> None:
        """End the rest under way."""
        self._woken.set()

    async def close(self) -> None:
        """Stop, in the middle of a round where that can be cancelled."""
        if self._task is None:
            return
        self._is_closing = True  # a library that loses a cancellation does not keep the task alive
        self._task.cancel()
        await asyncio.wait([self._task])

    async def _go_on(self, rest: float) -> None:
        while not self._is_closing:
            try:
                async with asyncio.timeout(rest):
                    await self._woken.wait()
            except TimeoutError:
                pass
            self._woken.clear()
            rest = await self._do_round()

    async def _do_round(self) -> float:
        try:
            return await self._round()
        except Exception as error:
            context = {"message": "a store could not be kept up to date", "exception": error}
            asyncio.get_running_loop().call_exception_handler(context)
            return _REST_AFTER_BUG
