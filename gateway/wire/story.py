"""The only driver of the stories in `flow/`: a coroutine stepped by hand.

A story that ends on its first step, which is the rule, costs no task, no future and no turn of the loop. A story
awaits futures only (see `gateway.ports`); what it awaits belongs to others and goes on when the story is cancelled.
"""

import asyncio
from collections.abc import Coroutine
from typing import Any, Generic, TypeVar

from gateway.errors import GatewayError, InternalError
from gateway.wire.transport import report

T = TypeVar("T")


class Story(Generic[T]):
    """A coroutine that waits for something. A subclass says what becomes of its result or of its error.

    `waits` is what the first step of the coroutine returned: whoever made that step handled the rule, an end at
    once. Exactly one of `succeeded` and `failed` is called later; none after `cancel`.
    """

    __slots__ = ("_coroutine", "_waits")

    def __init__(self, coroutine: Coroutine[Any, Any, T], waits: Any) -> None:
        self._coroutine: Coroutine[Any, Any, T] | None = coroutine
        self._waits: asyncio.Future[Any] | None = None
        self._wait(waits)

    def succeeded(self, result: T) -> None:
        """The story has ended. An error raised here is told to `failed`."""
        raise NotImplementedError

    def failed(self, error: GatewayError) -> None:
        """The story has ended with an error; a bug is an InternalError."""
        raise NotImplementedError

    def cancel(self) -> None:
        """End the story where it waits. What it waits for is shared with others and goes on."""
        coroutine, self._coroutine = self._coroutine, None
        if self._waits is not None:
            self._waits.remove_done_callback(self._step)
            self._waits = None
        if coroutine is not None:
            coroutine.close()

    def _step(self, _: object = None) -> None:
        self._waits = None
        coroutine = self._coroutine
        if coroutine is None:
            return
        try:
            waits = coroutine.send(None)
        except StopIteration as done:
            self._end(done.value)
        except (Exception, asyncio.CancelledError) as error:
            self._fail(error)
        else:
            self._wait(waits)

    def _wait(self, waits: Any) -> None:
        if waits is None:  # a bare yield: go on in the next turn of the loop
            asyncio.get_running_loop().call_soon(self._step)
            return
        # What a task does for the coroutine that it drives: it takes note that the future was handed over.
        waits._asyncio_future_blocking = False
        self._waits = waits
        waits.add_done_callback(self._step)

    def _end(self, result: T) -> None:
        self._coroutine = None
        try:
            self.succeeded(result)
        except Exception as error:
            self._fail(error)

    def _fail(self, error: BaseException) -> None:
        self._coroutine = None
        if isinstance(error, GatewayError):
            self.failed(error)
        else:
            report(error)
            self.failed(InternalError())
