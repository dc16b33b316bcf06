"""The application's PostgreSQL as a place: a user that may SELECT is enough, whatever the type of the key."""

import uuid
from collections.abc import AsyncIterator, Iterator

import asyncpg
import pytest

from gateway.codec import Entry, Lookup
from gateway.stores.postgres_address import parse_postgres_url
from gateway.stores.sessions import PlaceUnavailable
from gateway.stores.sessions_postgres import PostgresPlace, PostgresPlacePolicy
from tests.servers import free_port
from tests.servers_postgres import PostgresServer
from tests.stores.sessions.databases import database_of

UUID = uuid.UUID("0f4a6b1e-6a40-4a0e-b8ac-3f6c7d2b9e11")
TABLES = f"""
CREATE SCHEMA app;
CREATE TABLE app.sessions (id text PRIMARY KEY, body jsonb, "user" int);
INSERT INTO app.sessions VALUES ('abc', '{{"a": 1}}', 7);
CREATE TABLE users (id bigint PRIMARY KEY, name varchar(20));
INSERT INTO users VALUES (7, 'ada');
CREATE TABLE things (id uuid PRIMARY KEY, name text);
INSERT INTO things VALUES ('{UUID}', 'thing');
CREATE TABLE "My ""Table" ("a key" char(3), data bytea);
INSERT INTO "My ""Table" VALUES ('abc', '\\x00ff');
DROP ROLE IF EXISTS reader;
CREATE ROLE reader LOGIN;
GRANT USAGE ON SCHEMA app TO reader;
GRANT SELECT ON app.sessions, users, things, "My ""Table" TO reader;
CREATE TABLE hidden (id text);
"""


@pytest.fixture(scope="module")
def url(shared_postgres: PostgresServer) -> Iterator[str]:
    with database_of(shared_postgres, "application", TABLES) as url:
        yield url


@pytest.fixture
async def place(url: str) -> AsyncIterator[PostgresPlace]:
    place = PostgresPlace(parse_postgres_url(url))
    yield place
    await place.aclose()


@pytest.mark.parametrize(
    ("lookup", "row"),
    [
        (Lookup("app.sessions", "id", "abc", ("user", "body")), (7, '{"a": 1}')),
        (Lookup("app.sessions", "id", "ABC", ("user",)), None),
        (Lookup("users", "id", "7", ("name",)), ("ada",)),
        (Lookup("users", "id", "8", ("name",)), None),
        (Lookup("users", "id", "7 or 1=1", ("name",)), None),
        (Lookup("users", "id", "9" * 30, ("name",)), None),
        (Lookup("users", "name", "ada", ("id",)), (7,)),
        (Lookup("things", "id", str(UUID), ("name",)), ("thing",)),
        (Lookup("things", "id", "no uuid", ("name",)), None),
        (Lookup('My "Table', "a key", "abc", ("data",)), (b"\0\xff",)),
    ],
)
async def test_rows(place: PostgresPlace, lookup: Lookup, row: tuple[object, ...] | None) -> None:
    assert await place.fetch(lookup) == row
    assert await place.fetch(lookup) == row, "the type of the key is known by now"


async def test_a_text_that_no_database_holds_is_unreachable_or_none(place: PostgresPlace) -> None:
    assert await place.fetch(Lookup("users", "name", "a\0b", ("id",))) is None


@pytest.mark.parametrize(
    "lookup",
    [
        Lookup("none", "id", "abc", ("user",)),
        Lookup("users", "none", "abc", ("name",)),
        Lookup("users", "id", "7", ("none",)),
        Lookup("users; DROP TABLE users", "id", "7", ("name",)),
    ],
    ids=["table", "key", "column", "injection"],
)
async def test_what_is_not_there_is_unreachable_and_never_empty(place: PostgresPlace, lookup: Lookup) -> None:
    with pytest.raises(PlaceUnavailable, match="unreachable"):
        await place.fetch(lookup)
    assert await place.fetch(Lookup("users", "id", "7", ("name",))) == ("ada",)


async def test_a_user_that_may_only_select_is_enough(url: str) -> None:
    place = PostgresPlace(parse_postgres_url(url.replace("crossfade@", "reader@")))
    assert await place.fetch(Lookup("users", "id", "7", ("name",))) == ("ada",)
    with pytest.raises(PlaceUnavailable, match="unreachable"):
        await place.fetch(Lookup("hidden", "id", "7", ("id",)))
    await place.aclose()


async def test_a_column_that_got_another_type_is_found_again(place: PostgresPlace, url: str) -> None:
    connection = await asyncpg.connect(url)
    await connection.execute("CREATE TABLE moved (id int); INSERT INTO moved VALUES (1)")
    lookup = Lookup("moved", "id", "1", ("id",))
    assert await place.fetch(lookup) == (1,)
    await connection.execute("ALTER TABLE moved ALTER id TYPE text")
    await connection.close()
    for _ in range(2):
        try:
            row = await place.fetch(lookup)
        except PlaceUnavailable:
            continue
    assert row == ("1",)


async def test_a_table_that_is_locked_is_a_time_out(url: str) -> None:
    place = PostgresPlace(parse_postgres_url(url), PostgresPlacePolicy(patience=0.3))
    connection = await asyncpg.connect(url)
    async with connection.transaction():
        await connection.execute("LOCK TABLE things IN ACCESS EXCLUSIVE MODE")
        with pytest.raises(PlaceUnavailable, match="timeout"):
            await place.fetch(Lookup("things", "id", str(UUID), ("name",)))
    await connection.close()
    await place.aclose()


async def test_a_server_that_is_not_there_is_unreachable() -> None:
    place = PostgresPlace(parse_postgres_url(f"postgresql://a@127.0.0.1:{free_port()}/b"))
    with pytest.raises(PlaceUnavailable, match="unreachable"):
        await place.fetch(Lookup("users", "id", "7", ("name",)))
    await place.aclose()


async def test_it_has_no_entries(place: PostgresPlace) -> None:
    with pytest.raises(PlaceUnavailable, match="unreachable"):
        await place.fetch(Entry("sess:", "abc"))
