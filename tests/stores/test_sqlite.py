"""One thread, one transaction after the other; nobody waits for ever, and leaving does not undo what was asked for."""

import asyncio
import sqlite3
import threading
from collections.abc import Coroutine
from pathlib import Path
from typing import Any

import pytest

from gateway.errors import StoreUnavailable, VaultUnavailable
from gateway.stores.refresh_sqlite import SqliteRefreshStore
from gateway.stores.sqlite import Database
from tests.servers import eventually
from tests.stores.samples import NOW, SESSION


def put(number: int, *, after: threading.Event | None = None) -> Any:
    """A transaction that writes a row, once it may."""

    def work(connection: sqlite3.Connection) -> int:
        if after is not None:
            assert after.wait(10)
        connection.execute("INSERT INTO barred_sessions VALUES (?, 0, ?)", (b"%032d" % number, NOW))
        return number

    return work


async def rows(database: Database) -> int:
    def count(connection: sqlite3.Connection) -> int:
        return int(connection.execute("SELECT count(*) FROM barred_sessions").fetchone()[0])

    return await database.run(count)


async def test_work_is_done_in_order_off_the_event_loop(database: Database) -> None:
    threads = await asyncio.gather(*(database.run(lambda _: threading.get_ident()) for _ in range(3)))
    assert len(set(threads)) == 1
    assert threads[0] != threading.get_ident()
    assert await asyncio.gather(*(database.run(put(n)) for n in range(5))) == [0, 1, 2, 3, 4]


async def test_work_that_fails_is_undone_and_says_why(database: Database) -> None:
    def fail(connection: sqlite3.Connection) -> None:
        put(1)(connection)
        raise LookupError

    with pytest.raises(LookupError):
        await database.run(fail)
    assert await rows(database) == 0


async def test_what_sqlite_raises_becomes_the_error_that_was_asked_for(database: Database) -> None:
    def fail(connection: sqlite3.Connection) -> None:
        put(1)(connection)
        put(1)(connection)

    with pytest.raises(StoreUnavailable) as caught:
        await database.run(fail)
    assert caught.value.retry_after == 1
    with pytest.raises(VaultUnavailable):
        await database.run(fail, unavailable=VaultUnavailable)
    assert await rows(database) == 0


async def test_a_full_disk_undoes_the_work_and_the_database_goes_on(database: Database) -> None:
    def fill(connection: sqlite3.Connection) -> None:
        pages = connection.execute("PRAGMA page_count").fetchone()[0]
        connection.execute(f"PRAGMA max_page_count={pages}")
        connection.executemany(
            "INSERT INTO phases (phase, changed_by, reason, changed_at) VALUES ('', '', ?, 0)", [("x" * 4096,)] * 50
        )

    with pytest.raises(StoreUnavailable):
        await database.run(fill)
    await database.run(lambda connection: connection.execute("PRAGMA max_page_count=1000000"))
    assert await database.run(put(1)) == 1


async def test_a_caller_that_leaves_does_not_undo_what_it_asked_for(database: Database) -> None:
    go = threading.Event()
    blocking = database.run(put(1, after=go))
    queued = database.run(put(2))
    queued.cancel()
    blocking.cancel()
    go.set()
    assert await rows(database) == 2


async def test_a_caller_that_waited_in_vain_gets_an_error_and_its_work_is_dropped(tmp_path: Path) -> None:
    database = Database.open(tmp_path / "crossfade.db", patience=0.02)
    go = threading.Event()
    blocking = database.run(put(1, after=go))
    queued = database.run(put(2))
    with pytest.raises(StoreUnavailable):
        await queued
    with pytest.raises(StoreUnavailable):
        await blocking
    go.set()
    database.close()  # waits for the one that had begun
    database = Database.open(tmp_path / "crossfade.db")
    assert await rows(database) == 1
    database.close()


async def test_only_so_many_may_wait(tmp_path: Path) -> None:
    database = Database.open(tmp_path / "crossfade.db", queue=2)
    go = threading.Event()
    waiting = [database.run(put(n, after=go)) for n in range(2)]
    with pytest.raises(StoreUnavailable):
        database.run(put(9))
    go.set()
    await asyncio.gather(*waiting)
    assert await database.run(put(3)) == 3
    database.close()


async def test_a_closed_database_is_unavailable(database: Database) -> None:
    database.close()
    with pytest.raises(StoreUnavailable):
        database.run(put(1))


def test_work_outlives_the_event_loop_that_asked_for_it(tmp_path: Path) -> None:
    database = Database.open(tmp_path / "crossfade.db")
    go = threading.Event()

    async def ask_and_leave() -> None:
        database.run(put(1, after=go))

    asyncio.run(ask_and_leave())
    go.set()
    database.close()
    database = Database.open(tmp_path / "crossfade.db")
    assert asyncio.run(rows_later(database)) == 1
    database.close()


async def rows_later(database: Database) -> int:
    return await rows(database)


async def test_the_methods_can_be_stepped_by_hand(database: Database) -> None:
    """As the wire steps its stories: `send`, then wait for the future that came out."""
    results: list[bool] = []

    def step(story: Coroutine[Any, Any, bool]) -> None:
        try:
            future = story.send(None)
        except StopIteration as done:
            results.append(done.value)
        else:
            future._asyncio_future_blocking = False
            future.add_done_callback(lambda _: step(story))

    step(SqliteRefreshStore(database).is_barred(SESSION, NOW))
    await eventually(lambda: results)
    assert results == [False]


async def test_an_error_that_nobody_waits_for_any_more_is_not_complained_about(database: Database) -> None:
    complaints: list[dict[str, Any]] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: complaints.append(context))
    await database.run(put(1))
    forgotten = database.run(put(1))
    await rows(database)
    assert forgotten.done()
    del forgotten
    assert complaints == []
