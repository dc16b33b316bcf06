"""One read for many who ask the same."""

import asyncio
from collections.abc import Callable
from functools import partial
from typing import Generic, TypeVar

Result = TypeVar("Result")


class JointRead(Generic[Result]):
    """Those who ask while a read is under way share the next one: nobody gets what was read before it asked.

    `read` begins a read and returns its future; it may raise at once instead.
    """

    def __init__(self, read: Callable[[], "asyncio.Future[Result]"]) -> None:
        self._read = read
        self._waiting: list[asyncio.Future[Result]] = []
        self._is_reading = False

    def ask(self) -> "asyncio.Future[Result]":
        """Return a future of the result, or of what `read` raised."""
        answer: asyncio.Future[Result] = asyncio.get_running_loop().create_future()
        self._waiting.append(answer)
        if not self._is_reading:
            self._begin()
        return answer

    def _begin(self) -> None:
        waiting, self._waiting = self._waiting, []
        try:
            reading = self._read()
        except Exception as error:
            _fail(waiting, error)
            return
        self._is_reading = True
        reading.add_done_callback(partial(self._settle, waiting))

    def _settle(self, waiting: "list[asyncio.Future[Result]]", reading: "asyncio.Future[Result]") -> None:
        self._is_reading = False
        if self._waiting:
            self._begin()
        if reading.cancelled():  # the loop ends: nobody may be left waiting for an answer
            for answer in waiting:
                answer.cancel()
            return
        error = reading.exception()
        if error is not None:
            _fail(waiting, error)
            return
        for answer in waiting:
            if not answer.done():
                answer.set_result(reading.result())


def _fail(waiting: "list[asyncio.Future[Result]]", error: BaseException) -> None:
    for answer in waiting:
        if not answer.done():
            answer.set_exception(error)
            answer.exception()  # a caller may have left: then nobody fetches it, and asyncio would complain
