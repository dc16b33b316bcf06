"""PostgreSQL away, slow, locked, read-only, frozen or replaced: 503 within a bound, never a replay, nothing halved."""

import asyncio
import time
from collections.abc import AsyncIterator, Iterator
from dataclasses import replace
from typing import Any

import pytest
import uvloop

from gateway.errors import ConfigurationError, DependencyError, StoreUnavailable, VaultUnavailable
from gateway.records import RefreshOutcome
from gateway.stores.families_postgres import succeed
from gateway.stores.postgres import PostgresDatabase
from gateway.stores.postgres_address import parse_postgres_url
from gateway.stores.postgres_connection import Connection, PostgresPolicy
from gateway.stores.postgres_faults import FAILED
from gateway.stores.postgres_migrations import Migrations
from gateway.stores.refresh_postgres import PostgresRefreshStore
from tests.servers import eventually, listening
from tests.servers_postgres import PostgresServer
from tests.stores.conformance_refresh import Stores
from tests.stores.postgres_stores import QUICK, UP, connect, emptied, opened, stores_of, tell
from tests.stores.samples import NOW, SESSION, digest, family, seen

BOUND = 2.5  # seconds; `QUICK` is patient for one


@pytest.fixture(scope="module")
def fragile() -> Iterator[PostgresServer]:
    """A server that the tests of this file hurt."""
    with PostgresServer() as server:
        yield server


@pytest.fixture
async def postgres(fragile: PostgresServer) -> AsyncIterator[PostgresDatabase]:
    async with emptied(fragile), opened(fragile, QUICK) as database:
        yield database


@pytest.fixture(params=[False, True], ids=["", "looks first"])
def stores(request: pytest.FixtureRequest, postgres: PostgresDatabase) -> Stores:
    return replace(stores_of(postgres), looks_first=request.param)


async def refused(*stories: Any) -> list[str]:
    """What each of them is refused with, at once or late, but within the bound."""
    begin = time.monotonic()
    results = await asyncio.gather(*stories, return_exceptions=True)
    assert time.monotonic() - begin < BOUND
    assert all(isinstance(result, StoreUnavailable) for result in results), results
    return [str(result) for result in results]


# --- P2: locks and slowness ---


async def test_a_lock_holder_costs_a_503_and_no_family(fragile: PostgresServer, stores: Stores) -> None:
    await stores.open(family())
    holder = await connect(fragile)
    await holder.execute("BEGIN; SELECT 1 FROM crossfade_families FOR UPDATE")
    assert (
        await refused(*(stores.present("f1-1", f"b{n}") for n in range(4)))
        == ["The database is locked by somebody else."] * 4
    )
    await holder.close()
    assert await stores.present("f1-1", "b") == (RefreshOutcome.ROTATED, "b")
    assert await stores.recorded() == []


async def test_a_statement_that_takes_too_long_is_ended_by_the_server(postgres: PostgresDatabase) -> None:
    assert await refused(tell(postgres, "SELECT pg_sleep(5)")) == ["The database did not answer in time."]
    assert await tell(postgres, "SELECT 1") == 1


# --- P1, P3: away, read-only, back ---


@pytest.mark.parametrize("end", ["stop", "kill"])
async def test_a_server_that_was_ended_is_a_503_until_it_is_back(
    fragile: PostgresServer, stores: Stores, end: str
) -> None:
    await stores.open(family())
    getattr(fragile, end)()
    try:
        await refused(*(stores.present("f1-1", "b") for _ in range(6)))
        with pytest.raises(VaultUnavailable):
            await stores.vault.fetch("f1")
    finally:
        fragile.start()
    assert await stores.present("f1-1", "b") == (RefreshOutcome.ROTATED, "b")


async def test_a_server_that_is_killed_within_a_transaction_has_done_all_of_it_or_nothing(
    fragile: PostgresServer, postgres: PostgresDatabase, stores: Stores
) -> None:
    await stores.open(family())
    is_written, never = asyncio.Event(), asyncio.Event()

    async def rotate_halfway(connection: Connection) -> None:
        await connection.execute("UPDATE refresh_tokens SET used_at = 1, successor_sealed = 'x'")
        await connection.execute("UPDATE crossfade_families SET generation = 2")
        is_written.set()
        await connection.execute("SELECT pg_sleep(60)")
        never.set()

    halfway = postgres.run(rotate_halfway)
    await is_written.wait()
    fragile.restart()
    await refused(halfway)
    assert not never.is_set()
    assert (await stores.row("f1-1")).used_at is None
    assert await stores.families.find_family("f1") == family()
    assert await stores.present("f1-1", "b") == (RefreshOutcome.ROTATED, "b")


async def test_what_was_acknowledged_survives_a_kill(fragile: PostgresServer, stores: Stores) -> None:
    await stores.open(family())
    assert await stores.present("f1-1", "b") == (RefreshOutcome.ROTATED, "b")
    (recorded,) = await stores.families.end_subject("bob", "admin", NOW + 100, NOW)
    fragile.restart()
    assert await stores.present("f1-1", "c") == (RefreshOutcome.GRACE, "b")
    assert await stores.recorded() == [recorded]


async def test_a_server_that_only_reads_is_a_503_and_its_connections_are_left(
    fragile: PostgresServer, postgres: PostgresDatabase, stores: Stores
) -> None:
    await stores.open(family())
    fragile.stop()
    fragile.start(default_transaction_read_only="on")
    try:
        assert await refused(stores.present("f1-1", "b")) == ["The database takes no writes just now."]
        assert postgres.idle == 0
        assert await stores.families.find_family("f1") == family()
    finally:
        fragile.stop()
        fragile.start(default_transaction_read_only="off")
    assert (await stores.row("f1-1")).used_at is None
    assert await stores.present("f1-1", "b") == (RefreshOutcome.ROTATED, "b")


async def test_connections_that_the_server_closed_are_replaced_without_an_error(
    fragile: PostgresServer, stores: Stores
) -> None:
    await asyncio.gather(*(stores.families.is_barred(SESSION, NOW) for _ in range(4)))
    killer = await connect(fragile)
    await killer.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'crossfade'")
    await killer.close()
    assert await asyncio.gather(*(stores.families.is_barred(SESSION, NOW) for _ in range(8))) == [False] * 8


# --- P7, P8: lost answers, a server that hangs ---


async def test_a_commit_whose_answer_was_lost_can_be_presented_again(
    fragile: PostgresServer, postgres: PostgresDatabase, stores: Stores, monkeypatch: pytest.MonkeyPatch
) -> None:
    await stores.open(family())

    async def commit_and_lose(connection: Connection) -> None:
        await connection.execute("COMMIT")
        connection.terminate()
        raise ConnectionResetError

    async def succeed_and_lose(connection: Connection, *arguments: Any, **more: Any) -> None:
        assert await succeed(connection, *arguments, **more) is not None
        connection.terminate()
        raise ConnectionResetError

    with monkeypatch.context() as patch:
        if stores.looks_first:
            patch.setattr("gateway.stores.refresh_postgres.succeed", succeed_and_lose)
        else:
            patch.setattr("gateway.stores.postgres._commit", commit_and_lose)
        await refused(stores.present("f1-1", "b"))
    assert await stores.present("f1-1", "c") == (RefreshOutcome.GRACE, "b")
    assert await stores.recorded() == []


async def test_a_frozen_server_is_a_503_within_the_bound_and_heals(fragile: PostgresServer, stores: Stores) -> None:
    await stores.open(family())
    fragile.freeze()
    try:
        await refused(*(stores.present("f1-1", "b") for _ in range(8)))
    finally:
        fragile.thaw()
    outcome, token = await stores.present("f1-1", "b")
    assert (outcome, token) in {(RefreshOutcome.ROTATED, "b"), (RefreshOutcome.GRACE, "b")}


async def test_a_server_that_accepts_and_says_nothing_is_a_503(postgres: PostgresDatabase) -> None:
    async def say_nothing(reader: asyncio.StreamReader, _: asyncio.StreamWriter) -> None:
        while await reader.read(1024):
            pass

    async with listening(say_nothing) as port:
        database = PostgresDatabase(parse_postgres_url(f"postgresql://u@127.0.0.1:{port}/d?sslmode=disable"), QUICK)
        await refused(tell(database, "SELECT 1"), tell(database, "SELECT 1"))
        await database.aclose()


# --- P5: too many ---


async def test_callers_wait_for_a_connection_and_no_longer_than_their_patience(fragile: PostgresServer) -> None:
    policy = PostgresPolicy(connections=1, patience=0.4, queue=3, statement_timeout=5.0)
    async with emptied(fragile), opened(fragile, policy) as database:
        waiting = [database.run(lambda connection: connection.execute("SELECT pg_sleep(5)")) for _ in range(3)]
        with pytest.raises(StoreUnavailable, match="too much"):
            database.run(lambda connection: connection.fetchval("SELECT 1"))
        assert await refused(*waiting) == ["The database did not answer in time."] * 3
        assert await tell(database, "SELECT 1") == 1


async def test_a_server_without_room_says_so(fragile: PostgresServer) -> None:
    with PostgresServer(max_connections="4", superuser_reserved_connections="0", max_wal_senders="0") as small:
        others = [await connect(small) for _ in range(4)]
        async with opened(small, QUICK) as database:
            assert await refused(tell(database, "SELECT 1")) == ["The database takes no more connections."]
            await others.pop().close()
            await eventually_answers(database)
        for other in others:
            await other.close()


async def eventually_answers(database: PostgresDatabase) -> None:
    for _ in range(100):
        try:
            assert await tell(database, "SELECT 1") == 1
        except StoreUnavailable:
            await asyncio.sleep(0.01)
        else:
            return
    raise AssertionError("it did not come back")


async def test_a_caller_that_leaves_does_not_undo_what_it_asked_for(postgres: PostgresDatabase, stores: Stores) -> None:
    leaving = asyncio.ensure_future(stores.families.bar_session(SESSION, NOW + 10, NOW))
    await asyncio.sleep(0)
    leaving.cancel()
    with pytest.raises(asyncio.CancelledError):
        await leaving
    await postgres.aclose()  # finishes what was asked for
    assert postgres.idle == 0


async def test_an_error_that_nobody_waits_for_any_more_is_not_complained_about(postgres: PostgresDatabase) -> None:
    complaints: list[dict[str, Any]] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: complaints.append(context))
    forgotten = postgres.run(lambda connection: connection.execute("SELECT 1/0"))
    await eventually(forgotten.done)
    del forgotten
    assert complaints == []


# --- what the errors say ---


async def test_a_pooler_that_shares_connections_is_named_with_the_remedy(
    postgres: PostgresDatabase, stores: Stores
) -> None:
    """What PgBouncer does to prepared statements, by hand: they are gone, or somebody else's."""
    await stores.families.bar_session(SESSION, NOW, NOW)
    await tell(postgres, "SELECT 1")

    async def lose_statements(connection: Connection) -> None:
        await connection.execute("DEALLOCATE ALL")

    await postgres.run(lose_statements)
    (sentence,) = await refused(stores.families.bar_session(SESSION, NOW, NOW))
    assert "PgBouncer" in sentence
    assert "stores.postgres.statement_cache to off" in sentence


async def test_without_a_statement_cache_nothing_stays_on_a_connection(fragile: PostgresServer) -> None:
    policy = PostgresPolicy(connections=1, has_statement_cache=False)
    async with emptied(fragile), opened(fragile, policy) as database:
        stores = stores_of(database)
        await stores.open(family())
        await stores.present("f1-1", "b")
        assert await tell(database, "SELECT count(*) FROM pg_prepared_statements WHERE name <> ''") == 0
        assert await tell(database, "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory'") == 0
        assert await tell(database, "SELECT current_setting('lock_timeout')") == "2s"
    connection = await connect(fragile)
    assert await connection.fetchval("SHOW lock_timeout") == "0"
    await connection.close()


@pytest.mark.parametrize(("told", "kept"), [("off", "on"), ("remote_apply", "remote_apply")])
async def test_an_acknowledged_write_is_on_the_disk_whatever_others_do_without(
    fragile: PostgresServer, told: str, kept: str
) -> None:
    fragile.stop()
    fragile.start(synchronous_commit=told)
    try:
        async with emptied(fragile), opened(fragile, QUICK) as database:
            assert await tell(database, "SHOW synchronous_commit") == kept
            assert await bounds_of_rotations(database) == [[kept, QUICK_LOCK]] * 2
    finally:
        fragile.stop()
        fragile.start(synchronous_commit="on")


QUICK_LOCK = f"{QUICK.lock_timeout * 1000:.0f}ms"


async def bounds_of_rotations(database: PostgresDatabase) -> list[list[object]]:
    """What holds while a rotation writes: in a transaction of several statements, and in a single one."""
    await database.run(_watch)
    stores = stores_of(database)
    await stores.open(family())
    await stores.present("f1-1", "b")
    await replace(stores, looks_first=True).present("b", "c", NOW + 60)
    rows = await database.run(lambda connection: connection.fetch("SELECT durable, waits FROM watched ORDER BY at"))
    await database.run(
        lambda connection: connection.execute(
            "DROP TRIGGER note ON refresh_tokens; DROP FUNCTION note; DROP TABLE watched"
        )
    )
    return [list(row) for row in rows]


async def _watch(connection: Connection) -> None:
    """Note the settings that each new refresh token is written under."""
    await connection.execute(
        "CREATE TABLE watched (at bigint GENERATED ALWAYS AS IDENTITY, durable text, waits text); "
        "CREATE FUNCTION note() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN INSERT INTO watched (durable, waits) "
        "VALUES (current_setting('synchronous_commit'), current_setting('lock_timeout')); RETURN NEW; END $$; "
        "CREATE TRIGGER note BEFORE UPDATE OF used_at ON refresh_tokens FOR EACH ROW EXECUTE FUNCTION note()"
    )


async def test_tables_that_vanished_are_named_with_the_remedy(fragile: PostgresServer) -> None:
    async with emptied(fragile), opened(fragile, QUICK) as database:
        await Migrations(database.address, QUICK).down()
        assert await refused(stores_of(database).log.sequence()) == [
            "The database has no tables of Crossfade: run crossfade migrate up."
        ]
        connection = await connect(fragile)
        await connection.execute(UP)
        await connection.close()


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("mysql://h/d", "another scheme"),
        ("postgresql:///d", "names no host"),
        ("postgresql://[h/d", "cannot be read"),
        ("", "another scheme"),
    ],
)
def test_an_address_that_is_none_is_refused(url: str, words: str) -> None:
    with pytest.raises(ConfigurationError, match=words):
        parse_postgres_url(url)


def test_an_address_names_the_place_and_never_the_password() -> None:
    address = parse_postgres_url("postgresql://ada:s%40cret@db1:5432,db2:5433/app?target_session_attrs=primary")
    assert str(address) == "db1:5432,db2:5433/app"
    assert address.has_password
    assert "cret" not in repr(address)
    assert not parse_postgres_url("postgresql://ada@h/d").has_password
    assert parse_postgres_url("postgresql://h/d?password=x").has_password


async def test_an_option_that_nobody_knows_is_told_without_the_url(postgres: PostgresDatabase) -> None:
    address = parse_postgres_url("postgresql://ada:secret@127.0.0.1:1/d?sslmode=perhaps")
    with pytest.raises(ConfigurationError) as caught:
        await Migrations(address, QUICK).state()
    assert "secret" not in str(caught.value)
    database = PostgresDatabase(address, QUICK)
    assert await refused(tell(database, "SELECT 1")) == [FAILED]
    await database.aclose()


async def test_a_database_that_is_away_at_the_start_is_told_without_the_url() -> None:
    address = parse_postgres_url("postgresql://ada:secret@127.0.0.1:1/d")
    with pytest.raises(DependencyError, match=r"127\.0\.0\.1:1/d cannot be reached") as caught:
        await Migrations(address, QUICK).ensure_usable()
    assert "secret" not in str(caught.value)


# --- loops ---


def test_all_of_it_works_on_uvloop(fragile: PostgresServer) -> None:
    async def use() -> None:
        async with emptied(fragile), opened(fragile, QUICK) as database:
            stores = stores_of(database)
            await stores.open(family())
            assert await stores.present("f1-1", "b") == (RefreshOutcome.ROTATED, "b")
            fragile.freeze()
            try:
                await refused(stores.present("b", "c"))
            finally:
                fragile.thaw()
            assert (await stores.families.rotate(digest("b"), seen([]), NOW)).family is not None

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(use())


async def test_the_methods_can_be_stepped_by_hand(postgres: PostgresDatabase) -> None:
    """As the wire steps its stories: `send`, then wait for the future that came out."""
    results: list[bool] = []

    def step(story: Any) -> None:
        try:
            future = story.send(None)
        except StopIteration as done:
            results.append(done.value)
        else:
            future._asyncio_future_blocking = False
            future.add_done_callback(lambda _: step(story))

    step(PostgresRefreshStore(postgres).is_barred(SESSION, NOW))
    await eventually(lambda: results)
    assert results == [False]


async def test_a_read_that_the_server_ended_leaves_its_connection(postgres: PostgresDatabase) -> None:
    """57014: whoever set that time-out, for a role or a database, did not break the connection."""

    async def bound(connection: Connection) -> None:
        await connection.execute("SET statement_timeout = 50")

    async def sleep(connection: Connection) -> None:
        await connection.execute("SELECT pg_sleep(5)")

    await postgres.read(bound)
    (sentence,) = await refused(postgres.read(sleep))
    assert "in time" in sentence
    assert postgres.idle == 1
