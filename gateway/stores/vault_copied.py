"""The vault in the database, with a copy in Redis that bridges an outage of the database.

The database is asked first, always: a copy counts only while it does not answer. Each entry that it gives is copied, so
that whoever used a token in the last days has one.
"""

import asyncio
from collections import OrderedDict
from collections.abc import Callable, Coroutine
from contextlib import suppress
from typing import Any, Protocol, TypeVar

from gateway.ports import Clock, VaultStore
from gateway.records import SealedSession
from gateway.stores.dependency import DependencyState
from gateway.stores.redis_connection import RedisFault

Result = TypeVar("Result")

_REMEMBERED = 10_000
"""Sessions whose newest version this process remembers."""
_NOTHING = (-1, -1.0)


class Copies(Protocol):
    """Where copies lie; see `vault_redis.RedisVaultCopies`."""

    async def keep(self, entry: SealedSession) -> None:
        """Keep a copy. Raises RedisFault."""
        ...

    async def find(self, session_id: str) -> SealedSession | None:
        """Return the copy. Raises RedisFault."""
        ...

    async def discard(self, session_id: str) -> None:
        """Delete the copy. Raises RedisFault."""
        ...

    async def close(self) -> None:
        """Close all connections."""
        ...


class CopiedVaultStore:
    """The VaultStore over a database and its copies.

    A database that has not answered within `patience` is taken for away: then the copies are asked first, and every
    `retry_every` the database again. Both in seconds. `state` is that of Redis, which may have lost copies each time it
    went and came.
    """

    def __init__(
        self,
        truth: VaultStore,
        copies: Copies,
        clock: Clock,
        *,
        state: Callable[[], DependencyState],
        patience: float = 1.0,
        retry_every: float = 1.0,
    ) -> None:
        self._truth = truth
        self._copies = copies
        self._clock = clock
        self._state = state
        self._patience = patience
        self._retry_every = retry_every
        self._is_away = False
        self._next_look = 0.0
        self._known: OrderedDict[str, tuple[int, float]] = OrderedDict()
        """The newest version of each entry, and since when Redis was up when it was copied; -1 where it was not."""
        self._tasks: set[asyncio.Task[Any]] = set()

    async def fetch(self, session_id: str) -> SealedSession | None:
        """Return the entry, its copy while the database is away, or None when the family has ended or never had one.

        Raises:
            VaultUnavailable: the database cannot be read, and there is no copy.
        """
        return await asyncio.ensure_future(self._fetch(session_id))

    async def replace(self, entry: SealedSession, *, expected_version: int) -> bool:
        """Compare-and-set on the version, in the database alone; then the copy follows.

        Raises:
            VaultUnavailable: the database cannot be written.
        """
        is_stored = await self._truth.replace(entry, expected_version=expected_version)
        if is_stored:
            await asyncio.shield(self._start(self._copy(entry)))
        return is_stored

    async def aclose(self) -> None:
        """Finish what is being copied."""
        while self._tasks:
            await asyncio.wait(set(self._tasks))
        await self._copies.close()

    async def _fetch(self, session_id: str) -> SealedSession | None:
        if self._is_away:
            copy = await self._find_copy(session_id)
            if copy is not None:
                self._look_after_the_database(session_id)
                return copy
        asked = self._start(self._ask(session_id))
        await asyncio.wait({asked}, timeout=self._patience)
        if not asked.done() or asked.exception() is not None:
            self._is_away = True
            copy = await self._find_copy(session_id)
            if copy is not None:
                return copy
        return await asked

    async def _ask(self, session_id: str) -> SealedSession | None:
        entry = await self._truth.fetch(session_id)
        self._is_away = False
        self._start(self._follow(session_id, entry))
        return entry

    def _look_after_the_database(self, session_id: str) -> None:
        """Ask the database again, once in a while and while nobody waits for it."""
        now = self._clock.monotonic()
        if now >= self._next_look:
            self._next_look = now + self._retry_every
            self._start(self._ask(session_id))

    async def _find_copy(self, session_id: str) -> SealedSession | None:
        """Return the copy, unless this process knows of a newer entry."""
        if not self._state().is_up:
            return None
        try:
            copy = await self._copies.find(session_id)
        except RedisFault:
            return None
        newest, _ = self._known.get(session_id, _NOTHING)
        return None if copy is None or copy.version < newest else copy

    async def _follow(self, session_id: str, entry: SealedSession | None) -> None:
        """Bring the copy to what the database said."""
        if entry is not None:
            await self._copy(entry)
        elif self._known.pop(session_id, None) is not None:
            with suppress(RedisFault):
                await self._copies.discard(session_id)

    async def _copy(self, entry: SealedSession) -> None:
        state = self._state()
        newest, copied_in = self._known.get(entry.session_id, _NOTHING)
        if newest > entry.version or (newest == entry.version and copied_in == state.since):
            return
        self._note(entry, -1.0)
        if state.is_up:
            with suppress(RedisFault):
                await self._copies.keep(entry)
                self._note(entry, state.since)

    def _note(self, entry: SealedSession, copied_in: float) -> None:
        self._known[entry.session_id] = (entry.version, copied_in)
        self._known.move_to_end(entry.session_id)
        if len(self._known) > _REMEMBERED:
            self._known.popitem(last=False)

    def _start(self, work: Coroutine[None, None, Result]) -> "asyncio.Task[Result]":
        """Do it even if nobody waits for it any more."""
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._end)
        return task

    def _end(self, task: "asyncio.Task[Result]") -> None:
        self._tasks.discard(task)
        if not task.cancelled():
            task.exception()  # an error that nobody fetches is no reason for asyncio to complain
