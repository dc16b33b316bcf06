"""All look-ups of one turn of the event loop as one MGET."""

import asyncio
from collections.abc import Callable, Sequence
from functools import partial

from gateway.errors import RevocationUnavailable
from gateway.model import CLEAR, Standing, VerifiedToken
from gateway.stores.redis_connection import PROTOCOL, RedisConnection, RedisFault
from gateway.stores.redis_keys import RedisKeys, bulk

_LARGEST = 1000
"""Look-ups in one command: Redis serves nobody else while it carries it out."""

Settle = Callable[[Standing | None], None]
"""Is told what Redis knows of a token, None where it cannot say; see `ports.RevocationStore.inquire`."""


class LookUps:
    """Collects look-ups and sends them together over one connection.

    The first two keys of each command are the sequence number and the epoch of everything. `is_complete` judges the
    sequence number that came back: False says that this Redis has lost something, and nobody gets an answer.
    `on_fault` is told why a whole batch failed, before those who wait hear of it: they may look up once more.
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
        self._questions = keys.questions
        self._is_complete = is_complete
        self._on_fault = on_fault
        self._loop = asyncio.get_running_loop()
        self._always = b"$4\r\nMGET\r\n" + bulk(keys.sequence) + bulk(keys.everything)
        self._wanted: list[bytes] = []
        self._waiters: list[Settle] = []

    def ask(self, token: VerifiedToken) -> "asyncio.Future[Standing]":
        """Return a future of what Redis knows of the token; it fails with RevocationUnavailable."""
        waiter: asyncio.Future[Standing] = self._loop.create_future()
        self.inquire(token, partial(_resolve, waiter))
        return waiter

    def inquire(self, token: VerifiedToken, settle: Settle) -> None:
        """Have `settle` told what Redis knows of the token, in a later turn or where too many ask in this one."""
        waiters = self._waiters
        if not waiters:
            self._loop.call_soon(self._flush)
        elif len(waiters) == _LARGEST:
            self._send()
            waiters = self._waiters
        self._wanted.append(self._questions[token.names, token.subject] or self._keys.question(token))
        waiters.append(settle)

    def _flush(self) -> None:
        if self._waiters:
            self._send()

    def _send(self) -> None:
        waiters, self._waiters = self._waiters, []
        wanted, self._wanted = self._wanted, []
        words = b"*%d\r\n" % (3 + self._keys.width * len(waiters))
        self._connection.send(b"".join((words, self._always, *wanted)), partial(self._settle, waiters))

    def _settle(self, waiters: Sequence[Settle], reply: object) -> None:
        width = self._keys.width
        if not isinstance(reply, list) or len(reply) != 2 + width * len(waiters):
            self._refuse(waiters, str(reply) if isinstance(reply, RedisFault) else PROTOCOL)
        elif not self._is_complete(reply[0]):
            self._refuse(waiters, "lost writes")
        elif reply.count(None) == len(reply) - 1 and reply[0] is not None:  # the rule: of nobody is anything known
            for settle in waiters:
                settle(CLEAR)
        else:
            for index, settle in enumerate(waiters):
                start = 2 + width * index
                settle(_standing(reply[1], reply[start : start + width]))

    def _refuse(self, waiters: Sequence[Settle], why: str) -> None:
        self._on_fault(why)
        for settle in waiters:
            settle(None)


def _standing(everything: bytes | None, values: Sequence[bytes | None]) -> Standing | None:
    """Return what the values say, which stand in the order of `RedisKeys.of_token`."""
    token, family, subject, *others = values
    if everything is None and values.count(None) == len(values):
        return CLEAR
    is_revoked = token is not None or any(other is not None for other in others)
    try:
        return Standing(is_revoked, family is not None, int(subject or 0), int(everything or 0))
    except ValueError:  # an epoch that is no number: somebody else writes to our keys
        return None


def _resolve(waiter: "asyncio.Future[Standing]", standing: Standing | None) -> None:
    if waiter.done():
        return
    if standing is None:
        waiter.set_exception(RevocationUnavailable())
        waiter.exception()  # a client may have left: then nobody fetches it, and asyncio would complain
    else:
        waiter.set_result(standing)
