"""However many race for a refresh token, over however many gateways, it has one successor."""

import asyncio
import random
from collections import Counter
from collections.abc import AsyncIterator

import pytest

from gateway.core.rotation import RotationPolicy, decide, hash_token, new_refresh_token
from gateway.errors import StoreUnavailable
from gateway.records import Decide, Family, RefreshOutcome, RefreshRow, Rotation, RotationDecision
from gateway.stores.postgres import PostgresDatabase, Work
from gateway.stores.postgres_connection import Connection, PostgresPolicy
from gateway.stores.refresh_postgres import PostgresRefreshStore
from tests.servers_postgres import PostgresServer
from tests.stores.conformance_refresh import UNTIL, Stores
from tests.stores.postgres_stores import emptied, opened, stores_of, tell
from tests.stores.samples import NOW, family

PEPPER = b"p" * 32
FAMILY_END = NOW + 100_000
POLICY = PostgresPolicy(connections=12, patience=20.0, lock_timeout=15.0, statement_timeout=15.0)


@pytest.fixture
async def gateways(shared_postgres: PostgresServer) -> AsyncIterator[list[PostgresDatabase]]:
    """Two pools, as two gateways have them."""
    async with emptied(shared_postgres), opened(shared_postgres, POLICY) as one, opened(shared_postgres, POLICY) as two:
        yield [one, two]


def deciding(token: str, fresh: str, now: float) -> Decide:
    """Decide as the gateway does, sealed successor and all."""

    def choose(owner: Family, row: RefreshRow) -> RotationDecision:
        return decide(
            owner,
            row,
            presented=token,
            client_id="web",
            fresh=fresh,
            policy=RotationPolicy(grace=30.0, idle=50_000.0),
            pepper=PEPPER,
            now=now,
        )

    return choose


async def begin(store: PostgresRefreshStore, name: str, draw: random.Random) -> str:
    token = new_refresh_token(draw.randbytes(32))
    row = RefreshRow(hash_token(token), name, 1, NOW, NOW + 50_000)
    owner = family(name, session_hash=b"", idle=NOW + 50_000, absolute=FAMILY_END)
    assert await store.open_family(owner, row, None, cap=1, now=NOW)
    return token


async def test_an_operator_who_waited_for_another_goes_on_with_what_is_left(gateways: list[PostgresDatabase]) -> None:
    """What he had found was ended meanwhile; that is no sign that nothing is left."""
    store = PostgresRefreshStore(gateways[0], measures_age=False)
    for number in range(4):
        await begin(store, f"f{number}", random.Random(number))
    has_ended, may_commit = asyncio.Event(), asyncio.Event()

    async def end_three(connection: Connection) -> None:
        await connection.execute("UPDATE crossfade_families SET ended_at = $1 WHERE id <> 'f3'", NOW)
        has_ended.set()
        await may_commit.wait()

    async def is_waiting() -> bool:
        return bool(await tell(gateways[1], "SELECT count(*) FROM pg_locks WHERE NOT granted"))

    other = asyncio.ensure_future(gateways[1].run(end_three))
    await has_ended.wait()
    mine = asyncio.create_task(store.end_oldest(NOW, "leak", NOW, 2))
    while not await is_waiting():
        assert not mine.done()
        await asyncio.sleep(0.01)
    may_commit.set()
    await other
    assert await mine == 1
    assert await store.end_oldest(NOW, "leak", NOW, 2) == 0


@pytest.mark.parametrize(("racers", "families", "rounds"), [(2, 20, 4), (5, 10, 4), (20, 4, 4), (50, 2, 4)])
async def test_racers_on_two_gateways_get_one_successor(
    gateways: list[PostgresDatabase], racers: int, families: int, rounds: int
) -> None:
    draw = random.Random(racers)
    stores = [PostgresRefreshStore(database, measures_age=False) for database in gateways]
    tokens = {f"f{n}": await begin(stores[0], f"f{n}", draw) for n in range(families)}

    async def race(name: str, now: float) -> str:
        token = tokens[name]

        async def present(n: int) -> Rotation:
            """Half of them have looked at the token before, as it was before the first of them came."""
            decide_it = deciding(token, new_refresh_token(draw.randbytes(32)), now)
            return await stores[n % 2].rotate(hash_token(token), decide_it, now, seen=seen if n % 4 < 2 else None)

        seen = await stores[0].find_presented(hash_token(token))
        rotations = await asyncio.gather(*map(present, range(racers)))
        outcomes = Counter(rotation.decision.outcome for rotation in rotations)
        assert outcomes == {RefreshOutcome.ROTATED: 1, RefreshOutcome.GRACE: racers - 1}
        (successor,) = {rotation.decision.token for rotation in rotations}
        return successor

    for number in range(1, rounds + 1):
        now = NOW + number * 100.0
        successors = await asyncio.gather(*(race(name, now) for name in tokens))
        tokens = dict(zip(tokens, successors, strict=True))
    assert await stores[0].count_live(NOW + rounds * 100.0) == {"web": families}
    assert await tell(gateways[0], "SELECT count(*) FROM refresh_tokens WHERE used_at IS NULL") == families
    assert await tell(gateways[0], "SELECT count(*) FROM crossfade_revocations") == 0


async def test_rotations_logouts_and_sweeps_at_once_never_stand_in_each_others_way(
    gateways: list[PostgresDatabase],
) -> None:
    """No deadlock and no time-out: all transactions take their locks in one order."""
    stores = [stores_of(database) for database in gateways]
    for n in range(8):
        assert await stores[0].open(family(f"f{n}", subject=f"s{n % 2}"), cap=20)

    def work(one: Stores, n: int) -> list[object]:
        return [
            one.present(f"f{n}-1", f"next {n}"),
            one.families.move_families(b"s" * 32, b"o" * 32, NOW),
            one.families.end_families([f"f{n}", f"f{7 - n}", f"f{(n * 3) % 8}"], "logout", UNTIL, NOW),
            one.families.end_subject(f"s{n % 2}", "admin", UNTIL, NOW),
            one.open(family(f"g{n}", subject=f"s{n % 2}"), cap=100),
            one.families.delete_expired(NOW, 100),
        ]

    results = await asyncio.gather(
        *(job for n in range(8) for job in work(stores[n % 2], n)),  # type: ignore[call-overload]
        return_exceptions=True,
    )
    assert [result for result in results if isinstance(result, BaseException)] == []
    assert await tell(gateways[0], "SELECT deadlocks FROM pg_stat_database WHERE datname = 'postgres'") == 0


async def test_a_transaction_that_another_one_hindered_is_tried_again(gateways: list[PostgresDatabase]) -> None:
    """40P01: two that lock the same rows in opposite orders; both get their result."""
    stores = stores_of(gateways[0])
    await stores.open(family("a"))
    await stores.open(family("b"))
    tries: Counter[str] = Counter()
    both_began = asyncio.Barrier(2)

    def locking(first: str, second: str) -> Work[str]:
        async def work(connection: Connection) -> str:
            tries[first] += 1
            await connection.execute("SET LOCAL deadlock_timeout = 20")
            lock = "SELECT 1 FROM crossfade_families WHERE id = $1 FOR UPDATE"
            await connection.execute(lock, first)
            if sum(tries.values()) <= 2:
                await both_began.wait()
            await connection.execute(lock, second)
            return first

        return work

    results = await asyncio.gather(gateways[0].run(locking("a", "b")), gateways[1].run(locking("b", "a")))
    assert list(results) == ["a", "b"]
    assert sorted(tries.values()) == [1, 2]


async def test_a_transaction_that_is_hindered_for_ever_is_given_up_unchanged(gateways: list[PostgresDatabase]) -> None:
    tries = 0

    async def work(connection: Connection) -> None:
        nonlocal tries
        tries += 1
        await connection.execute("INSERT INTO crossfade_barred_sessions VALUES ($1, 0, 0)", b"x" * 32)
        await connection.execute("DO $$ BEGIN RAISE EXCEPTION 'x' USING ERRCODE = '40001'; END $$")

    with pytest.raises(StoreUnavailable):
        await gateways[0].run(work)
    assert tries == 3
    assert await tell(gateways[0], "SELECT count(*) FROM crossfade_barred_sessions") == 0
