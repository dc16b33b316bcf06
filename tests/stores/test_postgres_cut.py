"""A connection that ends while asyncpg is between two steps of one statement is an outage, and never a bug of ours."""

import itertools
from collections.abc import AsyncIterator
from typing import Any

import pytest

from gateway.errors import StoreUnavailable
from gateway.stores.postgres import PostgresDatabase
from gateway.stores.postgres_connection import Connection
from tests.servers_postgres import PostgresServer
from tests.stores.postgres_stores import emptied, opened


class CutBehindPrepare:
    """The protocol of a connection that is ended just when the server has prepared a statement."""

    def __init__(self, connection: Any) -> None:
        self._connection = connection
        self._protocol = connection._protocol

    def __getattr__(self, name: str) -> Any:
        return getattr(self._protocol, name)

    async def prepare(self, *arguments: Any, **options: Any) -> Any:
        statement = await self._protocol.prepare(*arguments, **options)
        self._connection.terminate()
        return statement


class Adding:
    """Work whose connection is cut the first so many times that it is done. No statement was prepared before."""

    _numbers = itertools.count()

    def __init__(self, cuts: int) -> None:
        self.cuts = cuts
        self.times = 0

    async def __call__(self, connection: Any) -> int:
        self.times += 1
        if self.times <= self.cuts:
            connection._protocol = CutBehindPrepare(connection)
        return int(await connection.fetchval(f"SELECT $1::int + 1 -- {next(self._numbers)}", 41))


@pytest.fixture
async def database(shared_postgres: PostgresServer) -> AsyncIterator[PostgresDatabase]:
    async with emptied(shared_postgres), opened(shared_postgres) as database:
        yield database


async def idle_one(database: PostgresDatabase) -> None:
    """Leave a connection behind that comes from before."""

    async def look(connection: Connection) -> None:
        await connection.execute("SELECT 1")

    await database.read(look)
    assert database.idle == 1


async def test_what_changes_something_is_told_that_nobody_knows(database: PostgresDatabase) -> None:
    for begin in (database.run, database.change):
        work = Adding(cuts=1)
        with pytest.raises(StoreUnavailable):
            await begin(work)
        assert work.times == 1
        assert database.idle == 0
        assert await begin(work) == 42


async def test_what_only_reads_reads_again_on_another_connection(database: PostgresDatabase) -> None:
    await idle_one(database)
    assert await database.read(Adding(cuts=1)) == 42


async def test_a_fault_of_the_work_itself_stays_what_it_is(database: PostgresDatabase) -> None:
    async def wrong(connection: Any) -> None:
        connection.no_such_method()

    with pytest.raises(AttributeError):
        await database.run(wrong)
