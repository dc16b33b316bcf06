"""The application's SQLite file as a place: read only, never waited for long, and silent about nothing."""

import asyncio
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from gateway.codec import Lookup
from gateway.stores.sessions import PlaceUnavailable
from gateway.stores.sessions_sqlite import SQLitePlace

LOOKUP = Lookup("django_session", "session_key", "abc", ("session_data", "expire_date"))


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "a #1?.db"
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("CREATE TABLE django_session (session_key TEXT PRIMARY KEY, session_data, expire_date TEXT)")
        connection.execute("INSERT INTO django_session VALUES ('abc', 'text', '2999-01-01')")
        connection.commit()
    return path


@pytest.fixture
def place(file: Path) -> Iterator[SQLitePlace]:
    place = SQLitePlace(file, busy_timeout=0.01)
    yield place
    place.close()


def write(file: Path, *statements: str) -> None:
    with closing(sqlite3.connect(file)) as connection:
        for statement in statements:
            connection.execute(statement)
        connection.commit()


async def test_it_returns_the_columns_in_order(place: SQLitePlace) -> None:
    assert await place.fetch(LOOKUP) == ("text", "2999-01-01")


async def test_no_row_is_none(place: SQLitePlace) -> None:
    assert await place.fetch(Lookup("django_session", "session_key", "x", ("session_data",))) is None


async def test_an_integer_key_is_found_by_its_text(file: Path, place: SQLitePlace) -> None:
    write(
        file, "CREATE TABLE auth_user (id INTEGER PRIMARY KEY, password TEXT)", "INSERT INTO auth_user VALUES (7, 'p')"
    )
    assert await place.fetch(Lookup("auth_user", "id", "7", ("password",))) == ("p",)


async def test_any_name_of_a_table_or_column_is_a_name(file: Path, place: SQLitePlace) -> None:
    write(file, 'CREATE TABLE "my ""table" ("a key", "order")', """INSERT INTO "my ""table" VALUES ('k', 1)""")
    assert await place.fetch(Lookup('my "table', "a key", "k", ("order",))) == (1,)


@pytest.mark.parametrize(
    "lookup",
    [
        Lookup("no_such_table", "session_key", "abc", ("session_data",)),
        Lookup("django_session", "no_such_column", "no_such_column", ("session_data",)),
        Lookup("django_session", "session_key", "abc", ("no_such_column",)),
        Lookup("django_session; DROP TABLE django_session", "session_key", "abc", ("session_data",)),
    ],
    ids=["table", "key", "column", "injection"],
)
async def test_what_is_not_there_is_unreachable_and_never_empty(place: SQLitePlace, lookup: Lookup) -> None:
    with pytest.raises(PlaceUnavailable, match="unreachable"):
        await place.fetch(lookup)


async def test_a_missing_file_is_unreachable_and_is_not_made(tmp_path: Path) -> None:
    place = SQLitePlace(tmp_path / "none.db")
    with pytest.raises(PlaceUnavailable, match="unreachable"):
        await place.fetch(LOOKUP)
    assert not (tmp_path / "none.db").exists()
    place.close()


async def test_a_file_that_is_no_database_is_unreachable(tmp_path: Path) -> None:
    path = tmp_path / "text.db"
    path.write_text("not a database, " * 100)
    place = SQLitePlace(path)
    with pytest.raises(PlaceUnavailable, match="unreachable"):
        await place.fetch(LOOKUP)
    place.close()


async def test_a_locked_file_is_a_time_out(file: Path, place: SQLitePlace) -> None:
    with closing(sqlite3.connect(file)) as writer:
        writer.execute("BEGIN EXCLUSIVE")
        with pytest.raises(PlaceUnavailable, match="timeout"):
            await place.fetch(LOOKUP)
    assert await place.fetch(LOOKUP) is not None


async def test_a_row_that_is_too_large_is_unreadable(file: Path, place: SQLitePlace) -> None:
    write(file, "UPDATE django_session SET session_data = zeroblob(1000000)")
    with pytest.raises(PlaceUnavailable, match="unreadable"):
        await place.fetch(LOOKUP)


async def test_a_file_in_wal_mode_is_read_while_its_writer_is_at_work(file: Path, place: SQLitePlace) -> None:
    write(file, "PRAGMA journal_mode=WAL")
    with closing(sqlite3.connect(file)) as writer:
        writer.execute("BEGIN IMMEDIATE")
        writer.execute("DELETE FROM django_session")
        assert await place.fetch(LOOKUP) is not None
        writer.commit()
        assert await place.fetch(LOOKUP) is None


async def test_a_file_that_was_replaced_is_noticed(file: Path, place: SQLitePlace, tmp_path: Path) -> None:
    assert await place.fetch(LOOKUP) is not None
    other = tmp_path / "other.db"
    write(other, "CREATE TABLE django_session (session_key TEXT PRIMARY KEY, session_data, expire_date TEXT)")
    other.replace(file)
    assert await place.fetch(LOOKUP) is None


async def test_many_lookups_at_once(place: SQLitePlace) -> None:
    rows = await asyncio.gather(*(place.fetch(LOOKUP) for _ in range(50)))
    assert set(rows) == {("text", "2999-01-01")}


async def test_after_close_it_is_unreachable(place: SQLitePlace) -> None:
    place.close()
    with pytest.raises(PlaceUnavailable, match="unreachable"):
        await place.fetch(LOOKUP)
