"""Gateways whose clocks differ agree about the grace, because the age of a token is measured by the database."""

import random
import time
from collections.abc import AsyncIterator

import pytest

from gateway.bridge.vault import SealedVault, VaultKeys
from gateway.core.rotation import hash_token, new_refresh_token
from gateway.errors import InvalidRequest
from gateway.records import Family, RefreshOutcome, RefreshRow, Rotation
from gateway.stores.postgres import PostgresDatabase
from gateway.stores.refresh_postgres import PostgresRefreshStore
from gateway.stores.revocation_postgres import PostgresRevocationLog
from gateway.stores.vault_postgres import PostgresVaultStore
from tests.flow.tokens.world import World
from tests.servers_postgres import PostgresServer
from tests.stores.postgres_stores import emptied, opened, tell
from tests.stores.test_postgres_races import deciding

APART = 600.0  # seconds between the clocks, twenty times the grace
DRAW = random.Random(1)


@pytest.fixture
async def postgres(shared_postgres: PostgresServer) -> AsyncIterator[PostgresDatabase]:
    async with emptied(shared_postgres), opened(shared_postgres) as database:
        yield database


def draw() -> str:
    return new_refresh_token(DRAW.randbytes(32))


async def begin(store: PostgresRefreshStore, now: float) -> str:
    """Open a family on a gateway where it is `now`; its token is old enough to be rotated for everybody."""
    token = draw()
    end = now + 604_800
    owner = Family("f1", "ada", "web", "main", b"", {}, 1, now, end, end)
    row = RefreshRow(hash_token(token), "f1", 1, issued_at=now, expires_at=end)
    assert await store.open_family(owner, row, None, cap=1, now=now)
    return token


async def present(store: PostgresRefreshStore, token: str, now: float) -> Rotation:
    return await store.rotate(hash_token(token), deciding(token, draw(), now), now)


async def age(database: PostgresDatabase, seconds: float) -> None:
    """Let the past of all tokens lie further back."""
    await tell(
        database,
        "WITH aged AS (UPDATE refresh_tokens SET issued_at = issued_at - $1, used_at = used_at - $1 RETURNING 1) "
        "SELECT count(*) FROM aged",
        seconds,
    )


@pytest.mark.parametrize("ahead", [-APART, 0.0, APART])
async def test_a_retry_at_a_gateway_of_another_time_gets_the_same_successor(
    postgres: PostgresDatabase, ahead: float
) -> None:
    store, now = PostgresRefreshStore(postgres), time.time()
    token = await begin(store, now)
    await age(postgres, 31)
    first = await present(store, token, now)
    again = await present(store, token, now + ahead)
    assert (first.decision.outcome, again.decision.outcome) == (RefreshOutcome.ROTATED, RefreshOutcome.GRACE)
    assert again.decision.token == first.decision.token


@pytest.mark.parametrize("ahead", [-APART, 0.0, APART])
async def test_the_grace_is_over_for_a_gateway_of_another_time_too(postgres: PostgresDatabase, ahead: float) -> None:
    store, now = PostgresRefreshStore(postgres), time.time()
    token = await begin(store, now)
    await age(postgres, 31)
    await present(store, token, now)
    await age(postgres, 31)
    assert (await present(store, token, now + ahead)).decision.outcome is RefreshOutcome.REPLAY


@pytest.mark.parametrize("ahead", [-APART, 0.0, APART])
async def test_a_new_token_is_young_for_a_gateway_of_another_time_too(postgres: PostgresDatabase, ahead: float) -> None:
    store, now = PostgresRefreshStore(postgres), time.time()
    token = await begin(store, now + ahead)
    assert (await present(store, token, now)).decision.outcome is RefreshOutcome.TOO_YOUNG
    await age(postgres, 31)
    assert (await present(store, token, now)).decision.outcome is RefreshOutcome.ROTATED


async def test_a_sweep_of_a_gateway_of_another_time_takes_no_successor_within_the_grace(
    postgres: PostgresDatabase,
) -> None:
    store, now = PostgresRefreshStore(postgres), time.time()
    token = await begin(store, now)
    await age(postgres, 31)
    first = await present(store, token, now)
    await store.delete_expired(now + APART, 100)
    assert (await present(store, token, now)).decision.token == first.decision.token
    await age(postgres, 301)
    await store.delete_expired(now - APART, 100)
    assert await tell(postgres, "SELECT count(*) FROM refresh_tokens WHERE successor_sealed IS NOT NULL") == 0


async def test_an_exchange_can_be_repeated_at_a_gateway_of_another_time(postgres: PostgresDatabase) -> None:
    world = World()
    world.log, world.vaulted = PostgresRevocationLog(postgres), PostgresVaultStore(postgres)  # type: ignore[assignment]
    world.families = PostgresRefreshStore(postgres)  # type: ignore[assignment]
    world.vault = SealedVault(
        store=world.vaulted,
        families=world.families,
        keys=VaultKeys("v1", {"v1": bytes(32)}),
        clock=world.clock,
        entropy=world.entropy,
    )
    world.tokens = world.flow()
    world.app.log_in(b"s1", "ada")
    first = await world.exchange(key="a-key-of-mine")
    world.pass_time(APART)
    again = await world.exchange(key="a-key-of-mine")
    assert (again.family.id, again.refresh_token) == (first.family.id, first.refresh_token)
    world.pass_time(-2 * APART)
    await age(postgres, 31)
    with pytest.raises(InvalidRequest):
        await world.exchange(key="a-key-of-mine")
