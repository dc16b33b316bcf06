"""The application's MariaDB as a place: a user that may SELECT is enough, and only the very key is found."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from gateway.codec import Entry, Lookup
from gateway.stores.mysql_address import parse_mysql_url
from gateway.stores.sessions import PlaceUnavailable
from gateway.stores.sessions_mysql import MySQLPlace
from tests.servers import free_port, listening
from tests.servers_mysql import mariadb_binary, running_mariadb

needs_mariadb = pytest.mark.skipif(not mariadb_binary(), reason="MariaDB is not installed: make test-frameworks")
STATEMENTS = (
    "CREATE DATABASE app",
    "USE app",
    "CREATE TABLE sessions (id varchar(100) PRIMARY KEY, payload longtext, last_activity int)",
    "INSERT INTO sessions VALUES ('AbC', 'text', 12)",
    "CREATE TABLE users (id bigint PRIMARY KEY, name varchar(20), born datetime, active tinyint(1), photo blob)",
    "INSERT INTO users VALUES (7, 'Zoë', '2000-01-02 03:04:05', 1, x'00ff')",
    "CREATE TABLE `odd ``table` (`a key` char(3), `order` int)",
    "INSERT INTO `odd ``table` VALUES ('abc', 1)",
    "CREATE TABLE hidden (id int)",
    "CREATE USER reader@localhost IDENTIFIED BY 'p/w'",
    "GRANT SELECT ON app.sessions TO reader@localhost",
    "GRANT SELECT ON app.users TO reader@localhost",
    "GRANT SELECT ON app.`odd ``table` TO reader@localhost",
)


@pytest.fixture(scope="module")
def socket() -> Iterator[Path]:
    with running_mariadb(*STATEMENTS) as socket:
        yield socket


@pytest.fixture
async def place(socket: Path) -> AsyncIterator[MySQLPlace]:
    place = MySQLPlace(parse_mysql_url(f"mysql://reader:p%2Fw@/app?unix_socket={socket}"))
    yield place
    await place.aclose()


@needs_mariadb
@pytest.mark.parametrize(
    ("lookup", "row"),
    [
        (Lookup("sessions", "id", "AbC", ("payload", "last_activity")), ("text", 12)),
        (Lookup("app.sessions", "id", "AbC", ("payload",)), ("text",)),
        (Lookup("sessions", "id", "abc", ("payload",)), None),
        (Lookup("sessions", "id", "AbC ", ("payload",)), None),
        (Lookup("users", "id", "7", ("name", "active", "photo")), ("Zoë", 1, b"\0\xff")),
        (Lookup("users", "id", "7 or so", ("name",)), None),
        (Lookup("users", "id", "07", ("name",)), None),
        (Lookup("users", "id", "8", ("name",)), None),
        (Lookup("users", "name", "Zoë", ("id",)), (7,)),
        (Lookup("users", "name", "' OR 1=1 -- ", ("id",)), None),
        (Lookup("odd `table", "a key", "abc", ("order",)), (1,)),
    ],
)
async def test_rows(place: MySQLPlace, lookup: Lookup, row: tuple[object, ...] | None) -> None:
    assert await place.fetch(lookup) == row


@needs_mariadb
@pytest.mark.parametrize(
    "lookup",
    [
        Lookup("none", "id", "7", ("name",)),
        Lookup("users", "none", "7", ("name",)),
        Lookup("users", "id", "7", ("none",)),
        Lookup("hidden", "id", "7", ("id",)),
    ],
)
async def test_what_is_not_there_or_not_granted_is_unreachable(place: MySQLPlace, lookup: Lookup) -> None:
    with pytest.raises(PlaceUnavailable, match="unreachable"):
        await place.fetch(lookup)
    assert await place.fetch(Lookup("users", "id", "7", ("name",))) == ("Zoë",)


@needs_mariadb
async def test_many_at_once(place: MySQLPlace) -> None:
    rows = await asyncio.gather(*(place.fetch(Lookup("users", "id", "7", ("name",))) for _ in range(60)))
    assert set(rows) == {("Zoë",)}


async def test_a_server_that_is_not_there_is_unreachable() -> None:
    place = MySQLPlace(parse_mysql_url(f"mysql://a@127.0.0.1:{free_port()}/b"))
    with pytest.raises(PlaceUnavailable, match="unreachable"):
        await place.fetch(Lookup("users", "id", "7", ("name",)))
    await place.aclose()


async def test_a_server_that_hangs_is_a_time_out() -> None:
    async def hang(reader: asyncio.StreamReader, _: asyncio.StreamWriter) -> None:
        await reader.read()

    async with listening(hang) as port:
        place = MySQLPlace(parse_mysql_url(f"mysql://a@127.0.0.1:{port}/b"), timeout=0.1)
        with pytest.raises(PlaceUnavailable, match="timeout"):
            await place.fetch(Lookup("users", "id", "7", ("name",)))
        await place.aclose()


async def test_it_has_no_entries() -> None:
    place = MySQLPlace(parse_mysql_url("mysql://a@127.0.0.1/b"))
    with pytest.raises(PlaceUnavailable, match="unreachable"):
        await place.fetch(Entry("sess:", "abc"))
