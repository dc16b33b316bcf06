"""Redis may forget: whatever was revoked stays refused."""

import asyncio
import time
from collections.abc import Sequence

import pytest

from gateway.errors import RevocationUnavailable
from gateway.model import Revocation, RevocationKind
from gateway.stores.revocation_redis import RedisRevocationStore
from tests.servers import RedisServer, eventually
from tests.stores.conformance_revocation_store import FAR, is_refused, revoke
from tests.stores.redis_stores import FAST, RARE, UnsteadyLog, is_let_through, revoke_the_token, running_store
from tests.stores.samples import TOKEN, revocation, token


async def test_a_flushed_redis_is_filled_again_and_lets_nobody_through_meanwhile(
    server: RedisServer, log: UnsteadyLog
) -> None:
    async with running_store(server, log, FAST) as store:
        await revoke_the_token(log, store)
        for _ in range(20):
            server.tell("FLUSHALL")
            assert not await is_let_through(store)
            await eventually(lambda: store.state.is_up)
            assert not await is_let_through(store)
            assert server.tell("GET", "{cf}:seq") == "1"


async def test_a_flush_between_two_requests_is_noticed_by_the_second(server: RedisServer, log: UnsteadyLog) -> None:
    async with running_store(server, log, RARE) as store:
        await revoke_the_token(log, store)
        server.tell("FLUSHALL")
        with pytest.raises(RevocationUnavailable):
            await store.look_up(TOKEN)
        assert store.state.reason == "lost writes"


async def test_a_redis_that_came_back_empty_lets_nobody_through(server: RedisServer, log: UnsteadyLog) -> None:
    async with running_store(server, log, FAST) as store:
        await revoke_the_token(log, store)
        for _ in range(3):
            server.restart()
            until = time.monotonic() + 0.3
            while time.monotonic() < until:
                assert not await is_let_through(store)
                await asyncio.sleep(0.001)
        await eventually(lambda: store.state.is_up)
        assert await is_refused(store, TOKEN)


async def test_a_flush_is_noticed_without_any_request(server: RedisServer, log: UnsteadyLog) -> None:
    async with running_store(server, log, FAST) as store:
        await revoke_the_token(log, store)
        server.tell("FLUSHALL")
        await eventually(lambda: server.tell("EXISTS", "{cf}:sid:f1") == ":1")
        await eventually(lambda: store.state.is_up)


async def test_an_older_state_of_redis_is_not_trusted(server: RedisServer, log: UnsteadyLog) -> None:
    """As after a restored snapshot, or a failover to a replica that was behind."""
    async with running_store(server, log, RARE) as store:
        await revoke_the_token(log, store)
        await revoke(log, store, revocation(RevocationKind.FAMILY, "f2", until=FAR))
        server.tell("DEL", "{cf}:sid:f2")
        server.tell("SET", "{cf}:seq", "1")
        with pytest.raises(RevocationUnavailable):
            await store.look_up(token(session_id="f2"))
        await eventually(lambda: store.state.is_up)
        assert await is_refused(store, token(session_id="f2"))


async def test_a_publication_does_not_hide_that_what_was_before_it_is_lost(
    server: RedisServer, log: UnsteadyLog
) -> None:
    async with running_store(server, log, RARE) as store:
        await revoke_the_token(log, store)
        server.tell("FLUSHALL")
        await revoke(log, store, revocation(RevocationKind.FAMILY, "f2", until=FAR))
        assert not await is_let_through(store)
        await eventually(lambda: store.state.is_up)
        assert await is_refused(store, TOKEN)
        assert await is_refused(store, token(session_id="f2"))


async def test_a_publication_of_another_process_does_not_hide_it_either(server: RedisServer, log: UnsteadyLog) -> None:
    async with running_store(server, log, RARE) as here, running_store(server, log, RARE) as there:
        await revoke_the_token(log, here)
        assert await is_refused(there, TOKEN)
        server.tell("SET", "{cf}:seq", "0")
        server.tell("DEL", "{cf}:sid:f1")
        recorded = await log.record([revocation(RevocationKind.FAMILY, "f2", until=FAR)], 0.0)
        await here.publish(recorded)
        assert not await is_let_through(there)


async def test_a_number_that_is_none_is_taken_for_a_loss(server: RedisServer, log: UnsteadyLog) -> None:
    async with running_store(server, log, RARE) as store:
        await revoke_the_token(log, store)
        server.tell("SET", "{cf}:seq", "many")
        with pytest.raises(RevocationUnavailable):
            await store.look_up(TOKEN)
        await eventually(lambda: store.state.is_up)
        assert server.tell("GET", "{cf}:seq") == "1"


async def test_evicted_keys_are_written_again(server: RedisServer, log: UnsteadyLog) -> None:
    async with running_store(server, log, FAST) as store:
        await revoke_the_token(log, store)
        server.tell("CONFIG", "SET", "maxmemory-policy", "volatile-random")
        server.tell("CONFIG", "SET", "maxmemory", "1")
        await eventually(lambda: server.tell("EXISTS", "{cf}:sid:f1") == ":0")
        await eventually(lambda: not store.state.is_up)
        server.tell("CONFIG", "SET", "maxmemory", "0")
        await eventually(lambda: store.state.is_up)
        assert await is_refused(store, TOKEN)


@pytest.mark.parametrize("moment", [500, 1200], ids=["in the middle", "just before its end"])
async def test_a_flush_during_a_rebuild_does_not_end_it_early(server: RedisServer, moment: int) -> None:
    class FlushingLog(UnsteadyLog):
        flushes = 1

        async def live(self, now: float, *, after: int = 0, limit: int | None = None) -> Sequence[Revocation]:
            page = await super().live(now, after=after, limit=limit)
            if after == moment and self.flushes:
                self.flushes -= 1
                server.tell("FLUSHALL")
            return page

    log = FlushingLog()
    await log.record([revocation(RevocationKind.TOKEN, f"t{n}", until=FAR) for n in range(1200)], 0.0)
    async with running_store(server, log, FAST) as store:
        assert store.state.reason == "lost writes"
        await eventually(lambda: store.state.is_up)
        assert await is_refused(store, token(token_id="t1"))


async def test_what_is_revoked_while_redis_is_filled_is_not_forgotten(server: RedisServer, log: UnsteadyLog) -> None:
    class BusyLog(UnsteadyLog):
        store: RedisRevocationStore | None = None

        async def live(self, now: float, *, after: int = 0, limit: int | None = None) -> Sequence[Revocation]:
            page = await super().live(now, after=after, limit=limit)
            store, self.store = self.store, None
            if not page and store is not None:
                await revoke(self, store, revocation(RevocationKind.FAMILY, "f1", until=FAR))
            return page

    log = BusyLog()
    async with running_store(server, log, RARE) as store:
        log.store = store
        server.tell("FLUSHALL")
        assert not await is_let_through(store)
        await eventually(lambda: store.state.is_up)
        assert await is_refused(store, TOKEN)


async def test_what_could_not_be_written_while_redis_was_filled_is_not_forgotten(
    server: RedisServer, log: UnsteadyLog
) -> None:
    class RefusingLog(UnsteadyLog):
        store: RedisRevocationStore | None = None

        async def live(self, now: float, *, after: int = 0, limit: int | None = None) -> Sequence[Revocation]:
            page = await super().live(now, after=after, limit=limit)
            store, self.store = self.store, None
            if not page and store is not None:
                server.tell("CONFIG", "SET", "maxmemory", "1")
                await revoke(self, store, revocation(RevocationKind.FAMILY, "f1", until=FAR))
                server.tell("CONFIG", "SET", "maxmemory", "0")
            return page

    log = RefusingLog()
    async with running_store(server, log, RARE) as store:
        log.store = store
        server.tell("FLUSHALL")
        assert not await is_let_through(store)
        await eventually(lambda: store.state.reason == "behind")
        await eventually(lambda: store.state.is_up)
        assert await is_refused(store, TOKEN)
