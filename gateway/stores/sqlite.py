"""The embedded database: one SQLite file, one process, one connection, one thread.

The file is locked exclusively for as long as it is open, so that a second process cannot serve with a stale copy of the
revocations. Every piece of work is one transaction and is flushed to the disk before it is acknowledged.
"""

import asyncio
import contextlib
import sqlite3
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Self, TypeVar

from gateway.errors import StoreUnavailable, Unavailable
from gateway.stores.sqlite_file import open_exclusively

Result = TypeVar("Result")
Work = Callable[[sqlite3.Connection], Result]
"""What happens inside one transaction. It runs in the database's thread and may be given any parameters beforehand."""

_BUSY = "The database has too much to do."
_SLOW = "The database did not answer in time."
_FAILED = "The database cannot be read or written."
_CLOSED = "The database is closed."


class Database:
    """Runs transactions one after the other, off the event loop.

    `patience` is how long a caller waits (seconds), `queue` how many callers may wait at once.
    """

    def __init__(self, connection: sqlite3.Connection, *, patience: float = 5.0, queue: int = 2000) -> None:
        self._connection = connection
        self._patience = patience
        self._queue = queue
        self._waiting = 0
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="crossfade-sqlite")

    @classmethod
    def open(cls, path: Path, *, patience: float = 5.0, queue: int = 2000) -> Self:
        """Open the file, or create it with mode 0600, and bring its schema up to date.

        Raises:
            ConfigurationError: another process has it, or it cannot be used; the message says what to do.
        """
        return cls(open_exclusively(path), patience=patience, queue=queue)

    def run(self, work: Work[Result], *, unavailable: type[Unavailable] = StoreUnavailable) -> "asyncio.Future[Result]":
        """Carry out `work` as one transaction and return a future of its result.

        A caller that goes away does not undo what it asked for; a caller that waited in vain does, unless its
        transaction has begun by then. What `work` raises itself rolls back and is passed on.

        Raises:
            Unavailable: of the given class, now or by the future: nothing was changed, unless it was too slow.
        """
        if self._waiting >= self._queue:
            raise unavailable(_BUSY)
        loop = asyncio.get_running_loop()
        answer: asyncio.Future[Result] = loop.create_future()
        try:
            job = self._thread.submit(self._transact, work, unavailable)
        except RuntimeError as error:
            raise unavailable(_CLOSED) from error
        self._waiting += 1
        timer = loop.call_later(self._patience, self._give_up, job, answer, unavailable)

        def finished(_: "Future[Result]") -> None:
            # When the loop is gone, nobody waits any more.
            with contextlib.suppress(RuntimeError):
                loop.call_soon_threadsafe(self._settle, job, answer, timer)

        job.add_done_callback(finished)
        return answer

    def close(self) -> None:
        """Finish what was asked for, then close the file. Blocks for that long."""
        self._thread.shutdown(wait=True)
        self._connection.close()

    def _transact(self, work: Work[Result], unavailable: type[Unavailable]) -> Result:
        try:
            self._connection.execute("BEGIN IMMEDIATE")
            try:
                result = work(self._connection)
                self._connection.execute("COMMIT")
            except BaseException:
                if self._connection.in_transaction:  # SQLite itself rolls back when the disk is full
                    self._connection.execute("ROLLBACK")
                raise
        except sqlite3.Error as error:
            raise unavailable(_FAILED) from error
        return result

    def _give_up(self, job: "Future[Result]", answer: "asyncio.Future[Result]", unavailable: type[Unavailable]) -> None:
        job.cancel()
        if not answer.done():
            _fail(answer, unavailable(_SLOW))

    def _settle(self, job: "Future[Result]", answer: "asyncio.Future[Result]", timer: asyncio.TimerHandle) -> None:
        self._waiting -= 1
        timer.cancel()
        if answer.done():
            return
        try:
            answer.set_result(job.result())
        except Exception as error:
            _fail(answer, error)


def _fail(answer: "asyncio.Future[Result]", error: BaseException) -> None:
    answer.set_exception(error)
    answer.exception()  # a caller may have left: then nobody fetches it, and asyncio would complain
