"""The schema goes up, down and up again beside an application at work, by `psql` and by the runner."""

import asyncio
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from importlib.resources import as_file, files
from pathlib import Path

import asyncpg
import pytest

from gateway.errors import ConfigurationError, DependencyError
from gateway.stores.postgres_address import parse_postgres_url
from gateway.stores.postgres_migrations import VERSION, Migrations, SchemaState
from tests.servers import eventually
from tests.servers_postgres import PostgresServer
from tests.stores.postgres_stores import DOWN, QUICK, UP, connect, opened, stores_of
from tests.stores.samples import NOW, family

CURRENT = SchemaState(VERSION, VERSION)


@pytest.fixture(scope="module")
def server() -> Iterator[PostgresServer]:
    with PostgresServer() as started:
        yield started


@pytest.fixture
async def admin(server: PostgresServer) -> AsyncIterator[asyncpg.Connection]:
    """A connection to a database without a table."""
    connection = await connect(server)
    await connection.execute("DROP SCHEMA public CASCADE; CREATE SCHEMA public")
    yield connection
    await connection.close()


@pytest.fixture
def migrations(server: PostgresServer, admin: asyncpg.Connection) -> Migrations:
    return Migrations(parse_postgres_url(server.url), QUICK)


async def tables(admin: asyncpg.Connection) -> list[str]:
    rows = await admin.fetch("SELECT tablename FROM pg_tables WHERE schemaname = 'public' ORDER BY 1")
    return [row[0] for row in rows]


@pytest.fixture
def scripts() -> Iterator[tuple[Path, Path]]:
    """Copies of the two files that the user of the server may read."""
    with as_file(files("gateway") / "migrations") as folder:
        yield folder / "002_add_refresh_tokens.sql", folder / "rollback" / "002_rollback.sql"


async def test_psql_carries_out_both_files_as_often_as_one_likes(
    server: PostgresServer, admin: asyncpg.Connection, scripts: tuple[Path, Path], migrations: Migrations
) -> None:
    up, down = scripts
    server.psql(up)
    made = await tables(admin)
    assert "refresh_tokens" in made
    server.psql(up)
    assert await migrations.state() == CURRENT
    assert await tables(admin) == made
    for _ in range(2):
        server.psql(down)
        assert await tables(admin) == []
    server.psql(up)
    assert await tables(admin) == made


async def test_the_runner_does_the_same(migrations: Migrations, admin: asyncpg.Connection) -> None:
    assert await migrations.state() == SchemaState()
    for _ in range(2):
        assert await migrations.up() == CURRENT
    for _ in range(2):
        assert await migrations.down() == SchemaState()
    assert await tables(admin) == []


async def test_going_up_again_keeps_what_is_there(server: PostgresServer, migrations: Migrations) -> None:
    await migrations.up()
    async with opened(server) as database:
        stores = stores_of(database)
        await stores.open(family())
        await migrations.up()
        assert await stores.families.find_family("f1") == family()
        assert await migrations.count_live_families(NOW) == 1


async def test_two_at_once_come_one_after_the_other(migrations: Migrations) -> None:
    assert await asyncio.gather(*(migrations.up() for _ in range(4))) == [CURRENT] * 4


async def test_no_table_refers_to_one_that_is_not_ours(migrations: Migrations, admin: asyncpg.Connection) -> None:
    await migrations.up()
    rows = await admin.fetch("SELECT DISTINCT confrelid::regclass::text FROM pg_constraint WHERE contype = 'f'")
    assert [row[0] for row in rows] == ["crossfade_families"]


async def test_no_number_of_a_revocation_comes_back_after_down_and_up(
    migrations: Migrations, admin: asyncpg.Connection
) -> None:
    counter = "SELECT sequence FROM crossfade_revocation_counter"
    await migrations.up()
    before = await admin.fetchval(counter)
    assert abs(before - time.time()) < 10
    await migrations.down()
    await migrations.up()
    assert await admin.fetchval(counter) >= before


# --- beside the application ---


@asynccontextmanager
async def legacy_under_load(server: PostgresServer) -> AsyncIterator[list[int]]:
    """A table that somebody writes to, with one UPDATE that is never committed; gives the rows written so far.

    A write that has to wait for a lock of somebody else for 100 ms fails; being slow for another reason does not.
    """
    writer, holder = await connect(server), await connect(server)
    await writer.execute("CREATE TABLE users (id bigint PRIMARY KEY, name text)")
    await writer.execute("INSERT INTO users SELECT n, 'x' FROM generate_series(1, 1000) n")
    await holder.execute("BEGIN; UPDATE users SET name = 'held' WHERE id = 1")
    await writer.execute("SET lock_timeout = '100ms'")
    written: list[int] = []

    async def write() -> None:
        number = 1
        while True:
            number = number % 999 + 1
            await writer.execute("UPDATE users SET name = $1 WHERE id = $2", str(number), number + 1)
            written.append(number)

    writing = asyncio.create_task(write())
    try:
        yield written
        assert not writing.done() or writing.exception() is None
    finally:
        writing.cancel()
        await asyncio.gather(writing, return_exceptions=True)
        writer.terminate()
        holder.terminate()


async def test_up_down_and_up_hinder_no_write_to_a_legacy_table(server: PostgresServer, migrations: Migrations) -> None:
    """Neither waits for the other: not for a row that is held, and no write for a lock of the migration."""
    async with legacy_under_load(server) as written:
        await eventually(lambda: len(written) >= 10)
        assert await migrations.up() == CURRENT
        assert await migrations.down() == SchemaState()
        assert await migrations.up() == CURRENT
        before = len(written)
        await eventually(lambda: len(written) >= before + 10)


async def test_down_beside_a_gateway_that_does_not_let_go_gives_up_and_changes_nothing(
    server: PostgresServer, admin: asyncpg.Connection, migrations: Migrations
) -> None:
    await migrations.up()
    gateway = await connect(server)
    await gateway.execute("BEGIN; SELECT 1 FROM refresh_tokens")
    begin = time.monotonic()
    with pytest.raises(DependencyError, match="locked by somebody else"):
        await migrations.down()
    assert time.monotonic() - begin < 3
    await gateway.execute("ROLLBACK")
    await gateway.close()
    assert await migrations.state() == CURRENT


# --- what it refuses ---


async def test_a_table_of_that_name_of_somebody_else_is_never_taken_for_ours(
    admin: asyncpg.Connection, migrations: Migrations
) -> None:
    await admin.execute("CREATE TABLE refresh_tokens (theirs text)")
    with pytest.raises(DependencyError, match="that is not ours"):
        await migrations.up()
    await migrations.down()
    assert await tables(admin) == ["refresh_tokens"]
    assert await migrations.state() == SchemaState()


async def test_a_missing_schema_is_refused_with_the_command(migrations: Migrations) -> None:
    with pytest.raises(ConfigurationError, match=r"has no Crossfade tables.* Run: crossfade migrate up"):
        await migrations.ensure_usable()
    await migrations.up()
    await migrations.ensure_usable()


async def test_an_older_schema_is_refused_with_the_command(admin: asyncpg.Connection, migrations: Migrations) -> None:
    await migrations.up()
    await admin.execute("UPDATE crossfade_schema SET version = 1, works_with = 1")
    with pytest.raises(ConfigurationError, match=r"has version 1 .* Run: crossfade migrate up"):
        await migrations.ensure_usable()


async def test_an_unknown_schema_is_refused_unless_it_says_that_it_works_with_ours(
    admin: asyncpg.Connection, migrations: Migrations
) -> None:
    await migrations.up()
    await admin.execute("INSERT INTO crossfade_schema VALUES (3, 'later', 3)")
    with pytest.raises(ConfigurationError, match="does not know"):
        await migrations.ensure_usable()
    with pytest.raises(DependencyError, match="newer version"):
        await migrations.down()
    await admin.execute("UPDATE crossfade_schema SET works_with = 2 WHERE version = 3")
    await migrations.ensure_usable()
    assert (await migrations.up()).version == 3


async def test_a_user_who_may_not_is_told_so(server: PostgresServer, admin: asyncpg.Connection) -> None:
    await admin.execute("DROP ROLE IF EXISTS guest; CREATE ROLE guest LOGIN")
    guest = Migrations(parse_postgres_url(server.url.replace("crossfade@", "guest@")), QUICK)
    with pytest.raises(DependencyError, match="grant USAGE and CREATE"):
        await guest.up()


async def test_a_database_or_a_user_that_does_not_exist_is_told(server: PostgresServer) -> None:
    nowhere = Migrations(parse_postgres_url(server.url.replace("/postgres", "/nowhere")), QUICK)
    with pytest.raises(DependencyError, match="no database of that name"):
        await nowhere.state()
    nobody = Migrations(parse_postgres_url(server.url.replace("crossfade@", "nobody@")), QUICK)
    with pytest.raises(DependencyError, match="does not let us in"):
        await nobody.state()


# --- waiting ---


async def test_waiting_ends_when_the_tables_are_there(migrations: Migrations) -> None:
    waiting = asyncio.create_task(migrations.wait(20))
    await asyncio.sleep(0)
    await migrations.up()
    async with asyncio.timeout(5):
        await waiting


async def test_waiting_has_an_end(migrations: Migrations) -> None:
    with pytest.raises(DependencyError, match="still has no usable version"):
        await migrations.wait(0)
    away = Migrations(parse_postgres_url("postgresql://127.0.0.1:1/d"), QUICK)
    with pytest.raises(DependencyError, match="cannot be reached"):
        await away.wait(0)


def test_the_files_are_what_the_runner_reads(scripts: tuple[Path, Path]) -> None:
    assert [path.read_text() for path in scripts] == [UP, DOWN]
