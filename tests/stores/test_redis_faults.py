"""Whatever happens to Redis: never "not revoked", never a long wait, and back within a second.

Each test hurts a server of its own.
"""

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest

from gateway.errors import RevocationUnavailable
from gateway.model import RevocationKind, Standing
from gateway.stores.revocation_redis import RedisPolicy, RedisRevocationStore
from tests.servers import RedisServer, eventually, listening
from tests.stores.conformance_revocation_store import FAR, is_refused, revoke
from tests.stores.redis_stores import FAST, RARE, UnsteadyLog, is_let_through, revoke_the_token, running_store
from tests.stores.samples import TOKEN, revocation, token

AS_SHIPPED = RedisPolicy()
PATIENCE = 10.0


@contextlib.asynccontextmanager
async def slowed(server: RedisServer, delay: float) -> AsyncIterator[str]:
    """A port in front of a server, from which every answer comes later by so many seconds."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        behind_reader, behind_writer = await asyncio.open_unix_connection(server.socket)
        try:
            while data := await reader.read(65536):
                behind_writer.write(data)
                answer = await behind_reader.read(65536)
                await asyncio.sleep(delay)
                writer.write(answer)
        finally:
            behind_writer.transport.abort()

    async with listening(serve) as port:
        yield f"redis://127.0.0.1:{port}"


async def cost_of_a_refusal(store: RedisRevocationStore) -> float:
    begin = time.perf_counter()
    with pytest.raises(RevocationUnavailable):
        await store.look_up(TOKEN)
    return time.perf_counter() - begin


# --- down, silent, frozen ---


async def test_a_frozen_redis_costs_one_deadline_and_then_nothing(server: RedisServer, log: UnsteadyLog) -> None:
    async with running_store(server, log, replace(AS_SHIPPED, check_every=60.0)) as store:
        server.freeze()
        waiting = [cost_of_a_refusal(store) for _ in range(100)]
        costs = await asyncio.gather(*waiting)
        assert 0.045 <= max(costs) <= 0.1  # 50 ms, and what a busy machine adds
        assert store.state.reason == "timeout"
        assert sorted(await asyncio.gather(*(cost_of_a_refusal(store) for _ in range(100))))[90] < 0.001
        server.thaw()
        assert await eventually(lambda: store.state.is_up) <= 1.5
        assert await store.look_up(TOKEN) == Standing()


async def test_a_redis_that_stopped_costs_nothing_and_is_found_again_within_a_second(
    server: RedisServer, log: UnsteadyLog
) -> None:
    async with running_store(server, log, AS_SHIPPED) as store:
        await revoke_the_token(log, store)
        server.kill()
        await eventually(lambda: not store.state.is_up, within=1.0)
        assert await cost_of_a_refusal(store) < 0.005
        server.start()
        assert await eventually(lambda: store.state.is_up) <= 1.0
        assert await is_refused(store, TOKEN)


async def test_a_store_can_start_before_its_redis(server: RedisServer, log: UnsteadyLog) -> None:
    server.kill()
    async with running_store(server, log, FAST) as store:
        assert store.state.reason == "unreachable"
        assert await cost_of_a_refusal(store) < 0.005
        server.start()
        await eventually(lambda: store.state.is_up)


async def test_a_store_can_start_while_its_redis_is_frozen(server: RedisServer, log: UnsteadyLog) -> None:
    server.freeze()
    async with running_store(server, log, replace(FAST, write_timeout=0.05)) as store:
        assert store.state.reason == "unreachable"
        server.thaw()
        await eventually(lambda: store.state.is_up)


async def test_a_frozen_redis_is_noticed_without_any_request(server: RedisServer, log: UnsteadyLog) -> None:
    async with running_store(server, log, FAST) as store:
        server.freeze()
        await eventually(lambda: not store.state.is_up)
        server.thaw()


async def test_no_reply_from_before_is_taken_for_a_later_one(server: RedisServer, log: UnsteadyLog) -> None:
    """CVE-2023-28858, CVE-2023-28859."""
    async with running_store(server, log, FAST) as store:
        await revoke_the_token(log, store)
        server.freeze()
        with pytest.raises(RevocationUnavailable):
            await store.look_up(token(session_id="f2"))
        server.thaw()
        await eventually(lambda: store.state.is_up)
        assert await is_refused(store, TOKEN)
        assert await store.look_up(token(session_id="f2")) == Standing()


async def test_a_pause_of_our_own_process_is_not_held_against_redis(server: RedisServer, log: UnsteadyLog) -> None:
    async with running_store(server, log, RARE) as store:
        waiting = asyncio.ensure_future(store.look_up(TOKEN))
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        time.sleep(0.2)  # noqa: ASYNC251 - the loop is to stand still with the reply on its way
        assert await waiting == Standing()
        assert store.state.is_up


async def test_a_dead_redis_is_given_up_after_a_pause_of_our_own(server: RedisServer, log: UnsteadyLog) -> None:
    async with running_store(server, log, RARE) as store:
        server.freeze()
        waiting = asyncio.ensure_future(store.look_up(TOKEN))
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        time.sleep(0.2)  # noqa: ASYNC251 - the loop is to stand still while nothing comes
        with pytest.raises(RevocationUnavailable):
            await waiting
        server.thaw()


async def test_the_state_says_since_when(server: RedisServer, log: UnsteadyLog) -> None:
    async with running_store(server, log, FAST) as store:
        came_up = store.state.since
        assert abs(came_up - time.time()) < 5
        server.kill()
        await eventually(lambda: not store.state.is_up)
        went_down = store.state.since
        assert went_down >= came_up
        await eventually(lambda: store.state.reason == "unreachable")
        assert store.state.since == went_down


# --- it answers, but with an error ---


async def test_a_replica_takes_no_revocation_and_so_answers_nobody(
    server: RedisServer, log: UnsteadyLog, tmp_path: Path
) -> None:
    async with running_store(server, log, FAST) as store:
        server.tell("REPLICAOF", str(tmp_path / "nowhere"), "1")
        await revoke_the_token(log, store)
        assert not await is_let_through(store)
        await eventually(lambda: store.state.reason == "READONLY")
        server.tell("REPLICAOF", "NO", "ONE")
        await eventually(lambda: store.state.is_up)
        assert await is_refused(store, TOKEN)


async def test_a_replica_that_lost_its_master_answers_nobody(
    server: RedisServer, log: UnsteadyLog, tmp_path: Path
) -> None:
    async with running_store(server, log, FAST) as store:
        server.tell("CONFIG", "SET", "replica-serve-stale-data", "no")
        server.tell("REPLICAOF", str(tmp_path / "nowhere"), "1")
        with pytest.raises(RevocationUnavailable):
            await store.look_up(TOKEN)
        await eventually(lambda: store.state.reason == "MASTERDOWN")
        server.tell("REPLICAOF", "NO", "ONE")
        await eventually(lambda: store.state.is_up)


async def test_a_redis_without_memory_takes_no_revocation_and_so_answers_nobody(
    server: RedisServer, log: UnsteadyLog
) -> None:
    async with running_store(server, log, FAST) as store:
        server.tell("CONFIG", "SET", "maxmemory", "1")
        await revoke_the_token(log, store)
        assert not await is_let_through(store)
        await eventually(lambda: store.state.reason == "OOM")
        server.tell("CONFIG", "SET", "maxmemory", "0")
        await eventually(lambda: store.state.is_up)
        assert await is_refused(store, TOKEN)


async def test_a_redis_with_too_few_replicas_takes_no_revocation(server: RedisServer, log: UnsteadyLog) -> None:
    async with running_store(server, log, FAST) as store:
        server.tell("CONFIG", "SET", "min-replicas-to-write", "1")
        await revoke_the_token(log, store)
        assert not await is_let_through(store)
        server.tell("CONFIG", "SET", "min-replicas-to-write", "0")
        await eventually(lambda: store.state.is_up)
        assert await is_refused(store, TOKEN)


async def test_a_redis_that_asks_for_another_password_answers_nobody(server: RedisServer, log: UnsteadyLog) -> None:
    server.tell("CONFIG", "SET", "requirepass", "s3cret")
    async with running_store(server, log, FAST) as store:
        assert store.state.reason in {"NOAUTH", "unreachable"}  # redis-py does not tell the code of servers before 7
        assert await cost_of_a_refusal(store) < 0.005
    url = server.url.replace("unix://", "unix://:wrong@")
    async with running_store(url, log, FAST) as store:
        assert store.state.reason in {"WRONGPASS", "unreachable"}
    async with running_store(url.replace("wrong", "s3cret") + "?db=3", log, FAST) as store:
        assert store.state.is_up
        assert await store.look_up(TOKEN) == Standing()


async def test_a_user_without_rights_answers_nobody(server: RedisServer, log: UnsteadyLog) -> None:
    async with running_store(server, log, RARE) as store:
        server.tell("ACL", "SETUSER", "default", "-mget")
        with pytest.raises(RevocationUnavailable):
            await store.look_up(TOKEN)
        assert store.state.reason == "NOPERM"


async def test_a_user_that_may_not_ask_for_statistics_can_be_used(server: RedisServer, log: UnsteadyLog) -> None:
    server.tell("ACL", "SETUSER", "default", "-info")
    async with running_store(server, log, FAST) as store:
        assert store.state.is_up
        await revoke_the_token(log, store)
        assert await is_refused(store, TOKEN)


async def test_a_redis_that_is_loading_answers_nobody(server: RedisServer, log: UnsteadyLog) -> None:
    if server.tell("CONFIG", "GET", "loading-process-events-interval-bytes") == "*0":
        pytest.skip("a Redis before 7 cannot be made to answer while it loads little")
    async with running_store(server, log, FAST) as store:
        await revoke_the_token(log, store)
        for start in range(0, 3000, 500):
            server.tell("MSET", *(word for n in range(start, start + 500) for word in (f"key{n}", "x")))
        server.tell("SAVE")
        server.kill()
        await eventually(lambda: not store.state.is_up)
        server.start(key_load_delay="300", loading_process_events_interval_bytes="1024")
        await eventually(lambda: store.state.reason == "LOADING")
        assert not await is_let_through(store)
        await eventually(lambda: store.state.is_up, within=10.0)
        assert await is_refused(store, TOKEN)


# --- slow ---


async def test_a_redis_that_is_slower_than_the_deadline_stays_down(server: RedisServer, log: UnsteadyLog) -> None:
    """It would answer the patient, but each try would cost requests their deadline."""
    async with slowed(server, 0.1) as url, running_store(url, log, FAST) as store:
        assert store.state.reason == "timeout"
        assert await cost_of_a_refusal(store) < 0.005


async def test_closing_waits_for_what_is_being_published(server: RedisServer, log: UnsteadyLog) -> None:
    async with running_store(server, log, RARE) as store:
        server.tell("CLIENT", "PAUSE", "50", "WRITE")
        publishing = asyncio.ensure_future(revoke_the_token(log, store))
        await asyncio.sleep(0)
        await asyncio.sleep(0)
    assert publishing.done()
    assert server.tell("EXISTS", "{cf}:sid:f1") == ":1"


async def test_a_publication_that_gets_no_answer_ends_in_time_and_is_made_good(
    server: RedisServer, log: UnsteadyLog
) -> None:
    policy = replace(FAST, write_timeout=0.05, check_every=60.0)
    async with running_store(server, log, policy) as store:
        server.tell("CLIENT", "PAUSE", "60000", "WRITE")
        await asyncio.wait_for(revoke_the_token(log, store), PATIENCE)  # far less than the pause
        assert server.tell("EXISTS", "{cf}:sid:f1") == ":0"
        assert not await is_let_through(store)
        server.tell("CLIENT", "UNPAUSE")
        await eventually(lambda: store.state.is_up)
        assert await is_refused(store, TOKEN)


async def test_publications_that_wait_behind_a_failed_one_do_not_wait_long(
    server: RedisServer, log: UnsteadyLog
) -> None:
    count, policy = 50, replace(FAST, write_timeout=0.1, check_every=60.0, retry_every=60.0)
    async with running_store(server, log, policy) as store:
        server.tell("CLIENT", "PAUSE", "60000", "WRITE")
        begin = time.monotonic()
        await asyncio.gather(
            *(revoke(log, store, revocation(RevocationKind.TOKEN, f"t{n}", until=FAR)) for n in range(count))
        )
        one_after_the_other = count * policy.write_timeout
        assert time.monotonic() - begin < one_after_the_other / 2


async def test_an_unforeseen_failure_is_reported_and_does_not_end_the_watch(
    server: RedisServer, log: UnsteadyLog
) -> None:
    class BrokenLog(UnsteadyLog):
        is_broken = False

        async def sequence(self) -> int:
            if self.is_broken:
                raise ZeroDivisionError
            return await super().sequence()

    log = BrokenLog()
    reported: list[object] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: reported.append(context["exception"]))
    async with running_store(server, log, FAST) as store:
        log.is_broken = True
        await eventually(lambda: reported)
        assert isinstance(reported[0], ZeroDivisionError)
        log.is_broken = False
        await log.record([revocation(RevocationKind.FAMILY, "f1", until=FAR)], 0.0)
        await eventually(lambda: server.tell("GET", "{cf}:seq") == "1")
        assert await is_refused(store, TOKEN)
