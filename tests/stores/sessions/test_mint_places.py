"""Where sessions of our own making are written: each with no more rights than it is said to need."""

import asyncio
import sqlite3
from collections.abc import AsyncIterator, Iterator
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import asyncpg
import pytest

from gateway.codec import Entry, Lookup, Query, Row
from gateway.errors import VaultUnavailable
from gateway.formats.minting import NewEntry, NewRow
from gateway.stores.mint_postgres import PostgresMintPlace
from gateway.stores.mint_redis import RedisMintPlace
from gateway.stores.mint_sqlite import SQLiteMintPlace
from gateway.stores.mint_users import PlacedUsers
from gateway.stores.mysql_address import parse_mysql_url
from gateway.stores.postgres_address import parse_postgres_url
from gateway.stores.redis_address import parse_redis_url
from tests.servers import RedisServer
from tests.servers_mysql import mariadb_binary, running_mariadb
from tests.servers_postgres import PostgresServer
from tests.stores.sessions.databases import database_of, tell

MOMENT = datetime(2026, 11, 28, 17, 0, 0, 250_000, tzinfo=UTC)
TABLES = """
CREATE TABLE sessions (
    id bigserial PRIMARY KEY, sid varchar(50) UNIQUE, sess json, data bytea, number int,
    with_zone timestamptz, without timestamp, left_out text DEFAULT 'by default'
);
DROP ROLE IF EXISTS writer;
CREATE ROLE writer LOGIN;
GRANT SELECT, INSERT, DELETE ON sessions TO writer;
GRANT USAGE ON SEQUENCE sessions_id_seq TO writer;
"""
COLUMNS = {
    "sid": "abc",
    "sess": {"user": "ada", "n": 1},
    "data": b"\x00\xff",
    "number": "42",
    "with_zone": MOMENT,
    "without": MOMENT,
}


@pytest.fixture(scope="module")
def url(shared_postgres: PostgresServer) -> Iterator[str]:
    with database_of(shared_postgres, "minted", TABLES) as url:
        yield url


@pytest.fixture
async def postgres(url: str) -> AsyncIterator[PostgresMintPlace]:
    place = PostgresMintPlace(parse_postgres_url(url.replace("crossfade@", "writer@", 1)))
    yield place
    await place.aclose()


async def rows(url: str) -> list[asyncpg.Record]:
    connection = await asyncpg.connect(url)
    found = await connection.fetch("SELECT * FROM sessions ORDER BY id")
    await connection.close()
    return list(found)


async def test_postgres_makes_each_columns_type_of_what_it_is_given(postgres: PostgresMintPlace, url: str) -> None:
    assert await postgres.write(NewRow("sessions", "sid", COLUMNS)) == "abc"
    (row,) = await rows(url)
    assert (row["sess"], row["data"], row["number"]) == ('{"n": 1, "user": "ada"}', b"\x00\xff", 42)
    assert (row["with_zone"], row["without"]) == (MOMENT, MOMENT.replace(tzinfo=None))
    assert row["left_out"] == "by default"
    await postgres.delete(Lookup("sessions", "sid", "other", ()))
    assert len(await rows(url)) == 1
    await postgres.delete(Lookup("sessions", "sid", "abc", ()))
    assert await rows(url) == []


async def test_postgres_tells_the_key_that_it_made(postgres: PostgresMintPlace, url: str) -> None:
    key = await postgres.write(NewRow("public.sessions", "id", {"number": 7}))
    (row,) = await rows(url)
    assert str(row["id"]) == key
    await postgres.delete(Lookup("sessions", "id", "nobody", ()))
    await postgres.delete(Lookup("sessions", "id", key, ()))
    assert await rows(url) == []


@pytest.mark.parametrize(
    "record",
    [
        NewRow("nothing", "sid", COLUMNS),
        NewRow("sessions", "sid", {"sid": "x" * 51}),
        NewRow("sessions", "sid", {"sid": "a", "number": "no number"}),
        NewRow('sessions"; DROP TABLE sessions; --', "sid", {"sid": "a"}),
    ],
)
async def test_what_postgres_refuses_was_not_written(postgres: PostgresMintPlace, url: str, record: NewRow) -> None:
    with pytest.raises(VaultUnavailable):
        await postgres.write(record)
    assert await rows(url) == []


async def test_a_user_who_may_only_read_writes_nothing(url: str) -> None:
    await tell(url, "DROP ROLE IF EXISTS onlooker; CREATE ROLE onlooker LOGIN; GRANT SELECT ON sessions TO onlooker")
    place = PostgresMintPlace(parse_postgres_url(url.replace("crossfade@", "onlooker@", 1)))
    try:
        with pytest.raises(VaultUnavailable):
            await place.write(NewRow("sessions", "sid", COLUMNS))
        with pytest.raises(VaultUnavailable):
            await place.delete(Lookup("sessions", "sid", "abc", ()))
    finally:
        await place.aclose()
        await tell(url, "DROP OWNED BY onlooker; DROP ROLE onlooker")


async def test_sqlite_writes_dates_as_text_without_a_zone(tmp_path: Path) -> None:
    file = tmp_path / "app.db"
    with closing(sqlite3.connect(file)) as connection:
        connection.execute("CREATE TABLE sessions (id integer PRIMARY KEY, sid text, data blob, ends datetime)")
    place = SQLiteMintPlace(file)
    try:
        assert await place.write(NewRow("sessions", "sid", {"sid": "abc", "data": b"\0", "ends": MOMENT})) == "abc"
        assert await place.write(NewRow("sessions", "id", {"sid": "def"})) == "2"
        with closing(sqlite3.connect(file)) as connection:
            found = connection.execute("SELECT * FROM sessions ORDER BY id").fetchall()
        assert found == [(1, "abc", b"\0", "2026-11-28 17:00:00.250000"), (2, "def", None, None)]
        await place.delete(Lookup("sessions", "id", "2", ()))
        await place.delete(Lookup("sessions", "sid", "abc", ()))
        with closing(sqlite3.connect(file)) as connection:
            assert connection.execute("SELECT count(*) FROM sessions").fetchone() == (0,)
        with pytest.raises(VaultUnavailable):
            await place.write(NewRow("nothing", "sid", {"sid": "abc"}))
    finally:
        await place.aclose()
    with pytest.raises(VaultUnavailable):
        await place.delete(Lookup("sessions", "id", "2", ()))


async def test_sqlite_makes_no_file_where_there_is_none(tmp_path: Path) -> None:
    place = SQLiteMintPlace(tmp_path / "none.db")
    try:
        with pytest.raises(VaultUnavailable):
            await place.write(NewRow("sessions", "sid", {"sid": "abc"}))
    finally:
        await place.aclose()
    assert not (tmp_path / "none.db").exists()


async def test_sqlite_lets_nobody_wait_for_all_who_came_before(tmp_path: Path) -> None:
    file = tmp_path / "app.db"
    with closing(sqlite3.connect(file, isolation_level=None)) as holder:
        holder.execute("CREATE TABLE sessions (sid text)")
        holder.execute("BEGIN EXCLUSIVE")
        place = SQLiteMintPlace(file, busy_timeout=0.5, patience=0.2)
        try:
            writes = [place.write(NewRow("sessions", "sid", {"sid": str(number)})) for number in range(100)]
            async with asyncio.timeout(20):
                ends = await asyncio.gather(*writes, return_exceptions=True)
        finally:
            await place.aclose()
    assert {type(end) for end in ends} == {VaultUnavailable}


async def test_users_are_not_waited_for_forever() -> None:
    class Silent:
        async def fetch(self, query: Query) -> Row | None:
            await asyncio.Event().wait()
            raise AssertionError

        async def aclose(self) -> None: ...

    users = PlacedUsers(Silent(), timeout=0.01)
    with pytest.raises(VaultUnavailable):
        await asyncio.wait_for(users.find(Lookup("users", "id", "ada", ("id",))), 20)


async def test_redis_needs_set_and_del_and_writes_over_nothing(server: RedisServer) -> None:
    server.tell("ACL", "SETUSER", "minter", "on", ">pw", "~sess:*", "+set", "+del")
    place = RedisMintPlace(parse_redis_url(server.url.replace("unix://", "unix://minter:pw@", 1)))
    try:
        assert await place.write(NewEntry("sess:", "abc", b"content", 60)) == "abc"
        assert 0 < int(server.tell("TTL", "sess:abc").removeprefix(":")) <= 60
        with pytest.raises(VaultUnavailable):
            await place.write(NewEntry("sess:", "abc", b"other", 60))
        await place.delete(Entry("sess:", "abc"))
        assert server.tell("EXISTS", "sess:abc") == ":0"
        await place.delete(Entry("sess:", "abc"))
        with pytest.raises(VaultUnavailable):
            await place.write(NewEntry("other:", "abc", b"content", 60))
        with pytest.raises(VaultUnavailable):
            await place.delete(Entry("other:", "abc"))
    finally:
        await place.aclose()


@pytest.fixture(scope="module")
def mariadb() -> Iterator[str]:
    if not mariadb_binary():
        pytest.skip("MariaDB is not installed: make test-frameworks")
    with running_mariadb(
        "CREATE DATABASE app",
        "CREATE TABLE app.sessions (id int AUTO_INCREMENT PRIMARY KEY, sid varchar(50), data blob, ends datetime(6))",
        "CREATE USER writer@localhost",
        "GRANT INSERT, SELECT, DELETE ON app.sessions TO writer@localhost",
        "CREATE USER reader@localhost",
        "GRANT SELECT ON app.sessions TO reader@localhost",
    ) as socket:
        yield f"mysql://writer@/app?unix_socket={socket}"


async def test_mysql_deletes_the_very_key_and_no_other(mariadb: str) -> None:
    from gateway.stores.mint_mysql import MySQLMintPlace
    from gateway.stores.sessions_mysql import MySQLPlace

    place, reading = MySQLMintPlace(parse_mysql_url(mariadb)), MySQLPlace(parse_mysql_url(mariadb))
    try:
        assert await place.write(NewRow("sessions", "sid", {"sid": "AbC", "data": b"\0", "ends": MOMENT})) == "AbC"
        assert await place.write(NewRow("sessions", "id", {"sid": "def"})) == "2"
        lookup = Lookup("sessions", "sid", "AbC", ("data", "ends"))
        assert await reading.fetch(lookup) == (b"\0", MOMENT.replace(tzinfo=None))
        await place.delete(Lookup("sessions", "sid", "abc", ()))
        await place.delete(Lookup("sessions", "id", "2 or so", ()))
        assert await reading.fetch(lookup) is not None
        await place.delete(Lookup("sessions", "sid", "AbC", ()))
        await place.delete(Lookup("app.sessions", "id", "2", ()))
        assert await reading.fetch(lookup) is None
        assert await reading.fetch(Lookup("sessions", "sid", "def", ("id",))) is None
        with pytest.raises(VaultUnavailable):
            await place.write(NewRow("sessions", "sid", {"sid": "x" * 51}))
        with pytest.raises(VaultUnavailable):
            await MySQLMintPlace(parse_mysql_url(mariadb.replace("writer", "reader"))).write(
                NewRow("sessions", "sid", {"sid": "abc"})
            )
    finally:
        await place.aclose()
        await reading.aclose()
