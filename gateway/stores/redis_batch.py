"""All look-ups of one turn of the event loop as one MGET."""

import asyncio
from collections.abc import Callable, Sequence

from gateway.errors import RevocationUnavailable
from gateway.model import CLEAR, Standing, VerifiedToken
from gateway.stores.redis_connection import PROTOCOL, RedisConnection
from gateway.stores.redis_keys import RedisKeys

_LARGEST = 1000
"""Look-ups in one command: Redis serves nobody else while it carries it out."""


class LookUps:
    """Collects look-ups and sends them together over one connection.

    The first two keys of each command are the sequence number and the epoch of everything. `is_complete` judges the
    sequence number that came back: False says that this Redis has lost something, and nobody gets an answer.
    `on_fault` is told why a whole batch failed.
    """

    def __init__(
        self,
        connection: RedisConnection,
        keys: RedisKeys,
        *,
        is_complete: Callable[[bytes | None], bool],
        on_fault: Callable[[str], None],
    ) -> None:
        self._connection = connection
        self._keys = keys
        self._is_complete = is_complete
        self._on_fault = on_fault
        self._loop = asyncio.get_running_loop()
        self._wanted: list[bytes] = []
        self._waiters: list[asyncio.Future[Standing]] = []

    def ask(self, token: VerifiedToken) -> "asyncio.Future[Standing]":
        """Return a future of what Redis knows of the token; it fails with RevocationUnavailable."""
        if not self._waiters:
            self._loop.call_soon(self._flush)
        elif len(self._waiters) == _LARGEST:
            self._send()
        waiter: asyncio.Future[Standing] = self._loop.create_future()
        self._wanted += self._keys.of_token(token)
        self._waiters.append(waiter)
        return waiter

    def _flush(self) -> None:
        if self._waiters:
            self._send()

    def _send(self) -> None:
        waiters, self._waiters = self._waiters, []
        wanted, self._wanted = self._wanted, []
        call = self._connection.call(b"MGET", self._keys.sequence, self._keys.everything, *wanted)
        call.add_done_callback(lambda reply: self._settle(waiters, reply))

    def _settle(self, waiters: Sequence["asyncio.Future[Standing]"], reply: "asyncio.Future[object]") -> None:
        error = reply.exception()
        values = reply.result() if error is None else None
        width = self._keys.width
        if not isinstance(values, list) or len(values) != 2 + width * len(waiters):
            self._refuse(waiters, str(error or PROTOCOL))
        elif not self._is_complete(values[0]):
            self._refuse(waiters, "lost writes")
        else:
            for index, waiter in enumerate(waiters):
                start = 2 + width * index
                _answer(waiter, values[1], values[start : start + width])

    def _refuse(self, waiters: Sequence["asyncio.Future[Standing]"], why: str) -> None:
        for waiter in waiters:
            _refuse(waiter)
        self._on_fault(why)


def _answer(waiter: "asyncio.Future[Standing]", everything: bytes | None, values: Sequence[bytes | None]) -> None:
    """Wake one waiter. The values stand in the order of `RedisKeys.of_token`."""
    if waiter.done():
        return
    token, family, subject, *others = values
    if everything is None and values.count(None) == len(values):
        waiter.set_result(CLEAR)
        return
    is_revoked = token is not None or any(other is not None for other in others)
    try:
        waiter.set_result(Standing(is_revoked, family is not None, int(subject or 0), int(everything or 0)))
    except ValueError:  # an epoch that is no number: somebody else writes to our keys
        _refuse(waiter)


def _refuse(waiter: "asyncio.Future[Standing]") -> None:
    if not waiter.done():
        waiter.set_exception(RevocationUnavailable())
        waiter.exception()  # a client may have left: then nobody fetches it, and asyncio would complain
