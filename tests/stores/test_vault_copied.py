"""The vault in PostgreSQL with copies in Redis: the database counts, and while it is away the copies do."""

import time
from collections.abc import AsyncIterator, Iterator
from dataclasses import replace

import pytest

from gateway.errors import VaultUnavailable
from gateway.model import RevocationKind
from gateway.records import SealedSession
from gateway.stores.dependency import DependencyState
from gateway.stores.postgres import PostgresDatabase
from gateway.stores.postgres_connection import PostgresPolicy
from gateway.stores.redis_address import parse_redis_url
from gateway.stores.redis_client import connect
from gateway.stores.redis_keys import RedisKeys
from gateway.stores.vault_copied import CopiedVaultStore
from gateway.stores.vault_redis import RedisVaultCopies
from tests.servers import RedisServer, eventually
from tests.servers_postgres import PostgresServer
from tests.stores.conformance_refresh import UNTIL, Stores
from tests.stores.conformance_revocation_store import revoke
from tests.stores.conformance_vault import VaultStoreRules
from tests.stores.postgres_stores import emptied, opened, stores_of
from tests.stores.redis_stores import FAST, UnsteadyLog, running_store
from tests.stores.samples import NOW, RealClock, family, revocation, sealed

FAR = 4_000_000_000.0
COPY = "{cf}:vault:f1"
KEYS = RedisKeys("{cf}:")


def copies_on(server: RedisServer) -> RedisVaultCopies:
    return RedisVaultCopies(connect(parse_redis_url(server.url), 0.3), KEYS)


class Redis:
    """What the store is told of Redis."""

    def __init__(self) -> None:
        self.state = DependencyState(is_up=True, since=1.0)


@pytest.fixture
def known() -> Redis:
    return Redis()


def copied(database: PostgresDatabase, server: RedisServer, known: Redis) -> CopiedVaultStore:
    truth = stores_of(database).vault
    return CopiedVaultStore(
        truth, copies_on(server), RealClock(), state=lambda: known.state, patience=0.3, retry_every=0.2
    )


@pytest.fixture
async def database(shared_postgres: PostgresServer) -> AsyncIterator[PostgresDatabase]:
    async with emptied(shared_postgres), opened(shared_postgres) as database:
        yield database


@pytest.fixture
async def vault(database: PostgresDatabase, redis: RedisServer, known: Redis) -> AsyncIterator[CopiedVaultStore]:
    vault = copied(database, redis, known)
    yield vault
    await vault.aclose()


@pytest.fixture
def stores(database: PostgresDatabase, vault: CopiedVaultStore) -> Stores:
    return replace(stores_of(database), vault=vault)


class TestVaultStore(VaultStoreRules):
    pass


def entry(version: int = 0, content: bytes = b"cookies") -> SealedSession:
    return replace(sealed(version=version, content=content), expires_at=FAR)


async def open_family(stores: Stores) -> None:
    assert await stores.open(family())
    await stores.vault.replace(entry(1), expected_version=0)


async def test_what_is_read_and_what_is_written_is_copied_until_it_expires(stores: Stores, redis: RedisServer) -> None:
    await open_family(stores)
    assert redis.tell("HGET", COPY, "version") == "1"
    assert int(redis.tell("PTTL", COPY).removeprefix(":")) > 86400_000
    redis.tell("DEL", COPY)
    fresh = copied_anew(stores, redis)
    assert await fresh.fetch("f1") == entry(1)
    await eventually(lambda: redis.tell("HGET", COPY, "sealed") == "cookies")
    await fresh.aclose()


def copied_anew(stores: Stores, redis: RedisServer) -> CopiedVaultStore:
    """The same as another process has it, which does not know what was copied."""
    assert isinstance(stores.vault, CopiedVaultStore)
    return CopiedVaultStore(
        stores.vault._truth, copies_on(redis), RealClock(), state=lambda: DependencyState(True, 1.0), retry_every=0.2
    )


async def test_a_redis_that_went_and_came_gets_its_copies_again(
    stores: Stores, redis: RedisServer, known: Redis
) -> None:
    await open_family(stores)
    redis.tell("FLUSHALL")
    await stores.vault.fetch("f1")
    known.state = DependencyState(is_up=True, since=2.0)
    await stores.vault.fetch("f1")
    await eventually(lambda: redis.tell("HGET", COPY, "version") == "1")


async def test_a_copy_is_never_replaced_by_an_older_one(redis: RedisServer) -> None:
    copies = copies_on(redis)
    await copies.keep(entry(2, b"new"))
    await copies.keep(entry(1, b"old"))
    assert await copies.find("f1") == entry(2, b"new")
    await copies.close()


async def test_with_the_end_of_the_family_its_copy_goes_and_none_comes_after_it(
    redis: RedisServer, log: UnsteadyLog
) -> None:
    copies = copies_on(redis)
    await copies.keep(entry())
    async with running_store(redis, log, FAST) as blacklist:
        await revoke(log, blacklist, revocation(RevocationKind.FAMILY, "f1", until=FAR))
        assert await copies.find("f1") is None
        await copies.keep(entry(7))  # by a process that read it just before
        assert await copies.find("f1") is None
    await copies.close()


async def test_a_family_that_ended_in_the_database_has_no_copy(stores: Stores, redis: RedisServer) -> None:
    await open_family(stores)
    await stores.families.end_families(["f1"], "logout", UNTIL, NOW)
    assert await stores.vault.fetch("f1") is None
    await eventually(lambda: redis.tell("EXISTS", COPY) == ":0")


async def test_the_database_counts_while_it_answers(stores: Stores, redis: RedisServer) -> None:
    await open_family(stores)
    redis.tell("HSET", COPY, "version", "9", "sealed", "planted")
    assert await stores.vault.fetch("f1") == entry(1)


# --- the database is away ---

QUICK = PostgresPolicy(connections=4, patience=1.0, connect_timeout=0.5, statement_timeout=0.8, lock_timeout=0.2)


@pytest.fixture
def own_postgres() -> Iterator[PostgresServer]:
    with PostgresServer() as server:
        yield server


@pytest.mark.parametrize("fault", ["killed", "frozen"])
async def test_while_the_database_is_away_the_copies_serve(
    own_postgres: PostgresServer, redis: RedisServer, known: Redis, fault: str
) -> None:
    async with emptied(own_postgres), opened(own_postgres, QUICK) as database:
        vault = copied(database, redis, known)
        stores = replace(stores_of(database), vault=vault)
        await open_family(stores)
        assert await stores.open(family("f2"))
        own_postgres.freeze() if fault == "frozen" else own_postgres.kill()
        try:
            assert await vault.fetch("f1") == entry(1)
            times = []
            for _ in range(50):
                began = time.monotonic()
                assert await vault.fetch("f1") == entry(1)
                times.append(time.monotonic() - began)
            assert sorted(times)[25] < 0.1  # the database is not waited for each time
            with pytest.raises(VaultUnavailable):
                await vault.fetch("f2")  # nobody has used it yet
            with pytest.raises(VaultUnavailable):
                await vault.replace(entry(2), expected_version=1)
            known.state = DependencyState(is_up=False, since=2.0)
            with pytest.raises(VaultUnavailable):
                await vault.fetch("f1")
        finally:
            own_postgres.thaw() if fault == "frozen" else own_postgres.start()
        known.state = DependencyState(is_up=True, since=1.0)
        await eventually_written(vault)
        assert await vault.fetch("f1") == entry(2, b"newer")
        await vault.aclose()


async def eventually_written(vault: CopiedVaultStore) -> None:
    until = time.monotonic() + 10
    while True:
        try:
            assert await vault.replace(entry(2, b"newer"), expected_version=1)
        except VaultUnavailable:
            assert time.monotonic() < until
        else:
            return


async def test_a_copy_that_is_older_than_what_this_process_knows_does_not_serve(
    own_postgres: PostgresServer, redis: RedisServer, known: Redis
) -> None:
    async with emptied(own_postgres), opened(own_postgres, QUICK) as database:
        vault = copied(database, redis, known)
        stores = replace(stores_of(database), vault=vault)
        await open_family(stores)
        known.state = DependencyState(is_up=False, since=2.0)
        assert await vault.replace(entry(2), expected_version=1)  # the copy could not follow
        known.state = DependencyState(is_up=True, since=3.0)
        own_postgres.kill()
        with pytest.raises(VaultUnavailable):
            await vault.fetch("f1")
        own_postgres.start()
        await vault.aclose()


async def test_a_copy_that_is_none_does_not_serve(
    own_postgres: PostgresServer, redis: RedisServer, known: Redis
) -> None:
    async with emptied(own_postgres), opened(own_postgres, QUICK) as database:
        vault = copied(database, redis, known)
        await open_family(replace(stores_of(database), vault=vault))
        own_postgres.kill()
        redis.tell("HSET", COPY, "version", "many")
        with pytest.raises(VaultUnavailable):
            await vault.fetch("f1")
        redis.tell("HDEL", COPY, "sealed")
        with pytest.raises(VaultUnavailable):
            await vault.fetch("f1")
        redis.tell("DEL", COPY)
        redis.tell("SET", COPY, "a string")
        with pytest.raises(VaultUnavailable):
            await vault.fetch("f1")
        own_postgres.start()
        await vault.aclose()
