"""PostgreSQL: a bounded number of connections, and one transaction at a time on each.

Every piece of work is one READ COMMITTED transaction: its time-outs are set inside of it and its statements meet one
server, so that all of it works through a pooler as well (PgBouncer, transaction mode). What is a single statement that
only reads needs none of that, and is one round trip instead of three; see `read`.
"""

import asyncio
import random
from collections.abc import Awaitable, Callable
from typing import TypeVar

import asyncpg

from gateway.errors import ConfigurationError, StoreUnavailable, Unavailable
from gateway.stores.postgres_address import PostgresAddress
from gateway.stores.postgres_connection import Connection, PostgresPolicy, connect
from gateway.stores.postgres_faults import (
    BUSY,
    CLOSED,
    FAILED,
    FOREIGN,
    SLOW,
    TRANSIENT,
    leaves_connection_good,
    rename,
)

Result = TypeVar("Result")

_ATTEMPTS = 3
_JITTER = 0.02
"""The longest pause before another attempt, in seconds."""
_PROBE = 1.0
"""How long an idle connection may take to begin, in seconds; then it is taken for lost, and a new one is opened."""


Work = Callable[[Connection], Awaitable[Result]]
"""What happens inside one transaction. It may be called again, in another one."""

_CarryOut = Callable[[Work[Result], float], Awaitable[Result]]


class PostgresDatabase:
    """Runs transactions on its connections. Nothing is opened before the first one."""

    def __init__(self, address: PostgresAddress, policy: PostgresPolicy | None = None) -> None:
        self.address = address
        self._policy = policy or PostgresPolicy()
        self._slots = asyncio.Semaphore(self._policy.connections)
        self._idle: list[Connection] = []
        self._tasks: set[asyncio.Task[None]] = set()
        self._is_closed = False
        self.lock_timeout = self._policy.lock_timeout
        lock, statement, patience = (
            round(seconds * 1000)
            for seconds in (self._policy.lock_timeout, self._policy.statement_timeout, self._policy.patience)
        )
        self._begin = (
            f"BEGIN ISOLATION LEVEL READ COMMITTED; SET LOCAL lock_timeout = {lock}; "
            f"SET LOCAL statement_timeout = {statement}; "
            # A gateway that hangs within a transaction does not keep its locks.
            f"SET LOCAL idle_in_transaction_session_timeout = {patience}; "
            # Acknowledged means durable, whatever the server was told for the others.
            "SELECT set_config('synchronous_commit', 'on', true) WHERE current_setting('synchronous_commit') = 'off'"
        )

    def run(self, work: Work[Result], *, unavailable: type[Unavailable] = StoreUnavailable) -> "asyncio.Future[Result]":
        """Carry out `work` as one transaction and return a future of its result.

        A caller that goes away does not undo what it asked for. What `work` raises itself rolls back and is passed on.

        Raises:
            Unavailable: of the given class, now or by the future: nothing was changed, unless the commit itself was
                lost; then nobody knows, and presenting the same again is safe.
        """
        return self._begin_work(work, unavailable, self._transact)

    def read(
        self, work: Work[Result], *, unavailable: type[Unavailable] = StoreUnavailable
    ) -> "asyncio.Future[Result]":
        """As `run`, for work that is one SELECT without a lock.

        It is a transaction by itself. Its only time-out is ours, which is enough for what waits for nobody. Behind a
        pooler it is not used: there a statement is prepared and carried out in two steps, which may meet two servers.
        """
        return self._begin_work(work, unavailable, self._read if self._policy.has_statement_cache else self._transact)

    def change(
        self, work: Work[Result], *, unavailable: type[Unavailable] = StoreUnavailable
    ) -> "asyncio.Future[Result]":
        """As `run`, for work that is one statement which bounds its own waiting for locks, and may find nothing to do.

        It is a transaction by itself. Once it was sent it is not sent again: nobody knows whether it was carried out.
        """
        return self._begin_work(work, unavailable, self._change if self._policy.has_statement_cache else self._transact)

    def _begin_work(
        self, work: Work[Result], unavailable: type[Unavailable], carry_out: "_CarryOut[Result]"
    ) -> "asyncio.Future[Result]":
        if self._is_closed:
            raise unavailable(CLOSED)
        if len(self._tasks) >= self._policy.queue:
            raise unavailable(BUSY)
        loop = asyncio.get_running_loop()
        answer: asyncio.Future[Result] = loop.create_future()
        task = loop.create_task(self._answer(work, unavailable, carry_out, answer))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return answer

    @property
    def idle(self) -> int:
        """How many connections wait for work."""
        return len(self._idle)

    async def aclose(self) -> None:
        """Finish what was asked for, which takes at most `patience`, then close all connections."""
        self._is_closed = True
        if self._tasks:
            await asyncio.wait(set(self._tasks))
        while self._idle:
            connection = self._idle.pop()
            try:
                async with asyncio.timeout(1.0):
                    await connection.close()
            except FOREIGN:
                connection.terminate()

    # --- one caller ---

    async def _answer(
        self,
        work: Work[Result],
        unavailable: type[Unavailable],
        carry_out: "_CarryOut[Result]",
        answer: "asyncio.Future[Result]",
    ) -> None:
        try:
            result = await self._attempt(work, carry_out, asyncio.get_running_loop().time() + self._policy.patience)
        except FOREIGN as error:
            renamed = rename(error, unavailable)
            renamed.__cause__ = error
            _fail(answer, renamed)
        except ConfigurationError as error:
            renamed = unavailable(FAILED)  # its sentence names the host, which is no client's business
            renamed.__cause__ = error
            _fail(answer, renamed)
        except Exception as error:
            _fail(answer, error)
        except BaseException:
            answer.cancel()  # the loop ends: nobody may be left waiting for an answer
            raise
        else:
            if not answer.done():
                answer.set_result(result)

    async def _attempt(self, work: Work[Result], carry_out: "_CarryOut[Result]", until: float) -> Result:
        """Carry it out, again where another transaction was in the way, and never beyond `until`."""
        async with asyncio.timeout_at(until):
            await self._slots.acquire()
        try:
            for _ in range(_ATTEMPTS - 1):
                try:
                    return await carry_out(work, until)
                except TRANSIENT:
                    await asyncio.sleep(random.uniform(0, _JITTER))  # noqa: S311 - spreads the attempts
            return await carry_out(work, until)
        finally:
            self._slots.release()

    async def _transact(self, work: Work[Result], until: float) -> Result:
        connection = await self._open_transaction(until)
        # asyncpg is never cancelled: it would ask a server that hangs to stop, over another connection.
        watchdog = asyncio.get_running_loop().call_at(until, connection.terminate)
        try:
            result = await _carry_out(work, connection)
            await _commit(connection)
        except BaseException as error:
            await self._give_back_failed(connection, error)
            if asyncio.get_running_loop().time() >= until and connection.is_closed():
                raise TimeoutError(SLOW) from error
            raise
        finally:
            watchdog.cancel()
        self._give_back(connection)
        return result

    async def _read(self, work: Work[Result], until: float) -> Result:
        """Read on an idle connection, or on a new one where those of before were lost: reading again harms nobody."""
        while (connection := self._find_idle()) is not None:
            try:
                return await self._work_on(connection, work, min(until, asyncio.get_running_loop().time() + _PROBE))
            except FOREIGN:
                if not connection.is_closed():
                    raise
                self._drop_idle()
        async with asyncio.timeout_at(until):
            connection = await connect(self.address, self._policy)
        return await self._work_on(connection, work, until)

    async def _change(self, work: Work[Result], until: float) -> Result:
        connection = self._find_idle()
        if connection is None:
            async with asyncio.timeout_at(until):
                connection = await connect(self.address, self._policy)
        try:
            return await self._work_on(connection, work, until)
        except FOREIGN:
            if connection.is_closed():
                self._drop_idle()
            raise

    async def _work_on(self, connection: Connection, work: Work[Result], until: float) -> Result:
        watchdog = asyncio.get_running_loop().call_at(until, connection.terminate)
        try:
            result = await _carry_out(work, connection)
        except BaseException as error:
            if not leaves_connection_good(error):
                connection.terminate()
            self._give_back(connection)
            raise
        finally:
            watchdog.cancel()
        self._give_back(connection)
        return result

    async def _open_transaction(self, until: float) -> Connection:
        """Begin on an idle connection, or on a new one where those of before were lost: nothing has happened yet."""
        connection = self._find_idle()
        while connection is not None:
            try:
                await self._begin_on(connection, min(until, asyncio.get_running_loop().time() + _PROBE))
            except FOREIGN:
                self._drop_idle()
                connection = self._find_idle()
            else:
                return connection
        async with asyncio.timeout_at(until):
            connection = await connect(self.address, self._policy)
        await self._begin_on(connection, until)
        return connection

    async def _begin_on(self, connection: Connection, until: float) -> None:
        watchdog = asyncio.get_running_loop().call_at(until, connection.terminate)
        try:
            await connection.execute(self._begin)
        except BaseException:
            connection.terminate()
            raise
        finally:
            watchdog.cancel()

    def _find_idle(self) -> Connection | None:
        while self._idle:
            connection = self._idle.pop()
            if not connection.is_closed():
                return connection
        return None

    def _drop_idle(self) -> None:
        """Close all idle connections: what happened to one, such as a failover, has happened to them as well."""
        while self._idle:
            self._idle.pop().terminate()

    def _give_back(self, connection: Connection) -> None:
        if not connection.is_closed():
            self._idle.append(connection)

    async def _give_back_failed(self, connection: Connection, error: BaseException) -> None:
        if connection.is_closed() or not leaves_connection_good(error):
            connection.terminate()
            self._drop_idle()
            return
        try:
            await connection.execute("ROLLBACK")
        except FOREIGN:
            connection.terminate()
        else:
            self._give_back(connection)


async def _carry_out(work: Work[Result], connection: Connection) -> Result:
    """Do the work. On a connection that was ended between two of its steps asyncpg goes on with a protocol it lacks."""
    try:
        return await work(connection)
    except AttributeError as error:
        if connection.is_closed():
            raise asyncpg.ConnectionDoesNotExistError("the connection was ended meanwhile") from error
        raise


async def _commit(connection: Connection) -> None:
    """Commit. A transaction that failed unnoticed ends with another tag, and is not taken for committed."""
    if await connection.execute("COMMIT") != "COMMIT":
        raise asyncpg.InterfaceError("the transaction was rolled back")


def _fail(answer: "asyncio.Future[Result]", error: BaseException) -> None:
    if not answer.done():
        answer.set_exception(error)
        answer.exception()  # a caller may have left: then nobody fetches it, and asyncio would complain
