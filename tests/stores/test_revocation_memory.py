"""The blacklist of the embedded mode is a copy of the log that never suspends and never answers before it is filled."""

from collections.abc import AsyncIterator, Sequence

import pytest

from gateway.errors import RevocationUnavailable, StoreUnavailable
from gateway.model import Revocation, RevocationKind, Standing
from gateway.stores.revocation_log_memory import MemoryRevocationLog
from gateway.stores.revocation_memory import MemoryRevocationStore
from tests.servers import eventually
from tests.stores.conformance_revocation_store import FAR, RevocationStoreRules, is_refused
from tests.stores.samples import NOW, TOKEN, revocation, token


class FixedClock:
    def __init__(self, now: float = NOW) -> None:
        self.now = now

    def wall(self) -> float:
        return self.now

    def monotonic(self) -> float:
        return self.now


class FailingLog(MemoryRevocationLog):
    is_down = True

    async def live(self, now: float, *, after: int = 0, limit: int | None = None) -> Sequence[Revocation]:
        if self.is_down:
            raise StoreUnavailable
        return await super().live(now, after=after, limit=limit)


@pytest.fixture
def log() -> MemoryRevocationLog:
    return MemoryRevocationLog()


@pytest.fixture
async def store(log: MemoryRevocationLog) -> AsyncIterator[MemoryRevocationStore]:
    started = MemoryRevocationStore(log, FixedClock())
    await started.start()
    yield started
    await started.close()


def swept(store: MemoryRevocationStore, now: float) -> int:
    """How many are forgotten in one turn through everything."""
    return sum(store.sweep(now) for _ in range(256))


class TestRevocationStore(RevocationStoreRules):
    pass


async def test_nobody_gets_an_answer_before_the_log_was_read(log: MemoryRevocationLog) -> None:
    """CVE-2022-41316: revocations count from the first request on."""
    await log.record([revocation(RevocationKind.FAMILY, "f1", until=FAR)], NOW)
    store = MemoryRevocationStore(log, FixedClock())
    with pytest.raises(RevocationUnavailable):
        await store.look_up(TOKEN)
    await store.catch_up()
    assert await is_refused(store, TOKEN)


async def test_a_look_up_never_suspends(store: MemoryRevocationStore) -> None:
    with pytest.raises(StopIteration) as done:
        store.look_up(TOKEN).send(None)
    assert done.value.value == Standing()


async def test_what_was_recorded_but_never_published_is_read_from_the_log(log: MemoryRevocationLog) -> None:
    store = MemoryRevocationStore(log, FixedClock(), check_every=0.01)
    await store.start()
    await log.record([revocation(RevocationKind.FAMILY, "f1")], NOW)
    await eventually(lambda: len(store) == 1)
    assert await is_refused(store, TOKEN)
    await store.close()


async def test_what_another_published_out_of_order_does_not_hide_what_came_before(log: MemoryRevocationLog) -> None:
    store = MemoryRevocationStore(log, FixedClock())
    await store.catch_up()
    entries = [revocation(RevocationKind.FAMILY, "f1"), revocation(RevocationKind.FAMILY, "f2")]
    _, second = await log.record(entries, NOW)
    await store.publish([second])
    await store.catch_up()
    assert await is_refused(store, TOKEN)


async def test_a_log_that_cannot_be_read_leaves_it_unavailable_until_it_can() -> None:
    log = FailingLog()
    await log.record([revocation(RevocationKind.FAMILY, "f1")], NOW)
    store = MemoryRevocationStore(log, FixedClock(), check_every=0.01)
    await store.start()
    with pytest.raises(RevocationUnavailable):
        await store.look_up(TOKEN)
    log.is_down = False
    await eventually(lambda: len(store) == 1)
    assert await is_refused(store, TOKEN)
    await store.close()


async def test_names_are_forgotten_after_they_expired_and_never_before(store: MemoryRevocationStore) -> None:
    await store.publish([revocation(RevocationKind.FAMILY, "f1", until=NOW + 100, sequence=1)])
    assert swept(store, NOW + 99) == 0
    assert await is_refused(store, TOKEN)
    assert swept(store, NOW + 100 + 1800) == 1
    assert not await is_refused(store, TOKEN)
    assert len(store) == 0


async def test_a_name_that_is_revoked_for_longer_is_kept_for_longer(store: MemoryRevocationStore) -> None:
    await store.publish([revocation(RevocationKind.FAMILY, "f1", until=NOW + 9000, sequence=1)])
    await store.publish([revocation(RevocationKind.FAMILY, "f1", until=NOW + 100, sequence=2)])
    await store.publish([revocation(RevocationKind.FAMILY, "f1", until=NOW + 20000, sequence=3)])
    swept(store, NOW + 12000)
    assert await is_refused(store, TOKEN)
    swept(store, NOW + 22000)
    assert not await is_refused(store, TOKEN)


async def test_epochs_are_forgotten_after_they_expired(store: MemoryRevocationStore) -> None:
    await store.publish([revocation(RevocationKind.SUBJECT, "ada", until=NOW + 100, sequence=1)])
    store.sweep(NOW + 99)
    assert await is_refused(store, TOKEN)
    assert store.sweep(NOW + 100) == 1
    assert not await is_refused(store, TOKEN)


async def test_the_keeper_sweeps(log: MemoryRevocationLog) -> None:
    clock = FixedClock()
    store = MemoryRevocationStore(log, clock, check_every=0.001)
    await store.start()
    await store.publish([revocation(RevocationKind.FAMILY, "f1", sequence=1)])
    clock.now += 9000
    await eventually(lambda: len(store) == 0)
    await store.close()


async def test_a_long_log_is_read_in_pages(log: MemoryRevocationLog) -> None:
    await log.record([revocation(RevocationKind.TOKEN, f"t{n}") for n in range(20_001)], NOW)
    store = MemoryRevocationStore(log, FixedClock())
    await store.catch_up()
    assert len(store) == 20_001
    assert await is_refused(store, token(token_id="t20000"))
