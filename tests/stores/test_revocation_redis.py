"""The blacklist on a real Redis: what it says, what it costs, and what lies there."""

import asyncio
import gc
import time
from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any

import pytest
import uvloop

from gateway.errors import ConfigurationError, RevocationUnavailable
from gateway.model import CLEAR, RevocationKind, Standing
from gateway.stores.redis_address import parse_redis_url
from gateway.stores.redis_keys import RedisKeys
from gateway.stores.revocation_redis import RedisRevocationStore
from tests.servers import RedisServer, eventually
from tests.stores.conformance_revocation_store import FAR, RevocationStoreRules, is_refused, revoke
from tests.stores.redis_stores import FAST, RARE, UnsteadyLog, running_store
from tests.stores.samples import TOKEN, RealClock, revocation, token


@pytest.fixture
def log() -> UnsteadyLog:
    return UnsteadyLog()


@pytest.fixture
async def store(redis: RedisServer, log: UnsteadyLog) -> AsyncIterator[RedisRevocationStore]:
    async with running_store(redis, log, RARE) as started:
        yield started


class TestRevocationStore(RevocationStoreRules):
    pass


# --- coalescing ---


async def test_all_look_ups_of_one_turn_are_one_mget(redis: RedisServer, store: RedisRevocationStore) -> None:
    before = redis.calls_of("mget")
    standings = await asyncio.gather(*(store.look_up(token(token_id=f"t{n}")) for n in range(300)))
    assert standings == [Standing()] * 300
    assert redis.calls_of("mget") == before + 1


async def test_look_ups_of_different_turns_are_answered_separately(
    redis: RedisServer, store: RedisRevocationStore
) -> None:
    before = redis.calls_of("mget")
    first = asyncio.ensure_future(store.look_up(TOKEN))
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    second = asyncio.ensure_future(store.look_up(TOKEN))
    await asyncio.gather(first, second)
    assert redis.calls_of("mget") == before + 2


async def test_one_command_has_a_largest_size(redis: RedisServer, store: RedisRevocationStore) -> None:
    before = redis.calls_of("mget")
    await asyncio.gather(*(store.look_up(TOKEN) for _ in range(2500)))
    assert redis.calls_of("mget") == before + 3


async def test_each_waiter_of_a_batch_gets_its_own_answer(log: UnsteadyLog, store: RedisRevocationStore) -> None:
    names = [f"t{n}" for n in range(50)]
    await revoke(log, store, *(revocation(RevocationKind.TOKEN, name, until=FAR) for name in names[::2]))
    refused = await asyncio.gather(*(is_refused(store, token(token_id=name)) for name in names))
    assert refused == [True, False] * 25


async def test_a_look_up_can_be_stepped_by_hand(store: RedisRevocationStore) -> None:
    story = store.look_up(TOKEN)
    future = story.send(None)
    assert isinstance(future, asyncio.Future)
    await asyncio.wait([future])
    with pytest.raises(StopIteration) as done:
        story.send(None)
    assert done.value.value == Standing()


# --- inquiries ---


async def test_an_inquiry_is_told_what_a_look_up_returns_in_the_same_mget(
    redis: RedisServer, log: UnsteadyLog, store: RedisRevocationStore
) -> None:
    names = [f"t{n}" for n in range(50)]
    await revoke(log, store, *(revocation(RevocationKind.TOKEN, name, until=FAR) for name in names[::2]))
    before = redis.calls_of("mget")
    told: list[Standing | None] = []
    for name in names:
        assert store.inquire(token(token_id=name), told.append)
    assert await store.look_up(TOKEN) == Standing()
    assert told == [Standing(token_revoked=True), CLEAR] * 25
    assert redis.calls_of("mget") == before + 1


@pytest.mark.parametrize("name", ["all", "jti:t1", "sid:f1", "sub:ada"])
async def test_an_inquiry_sees_each_key_alone(redis: RedisServer, store: RedisRevocationStore, name: str) -> None:
    redis.tell("SET", f"{{cf}}:{name}", "7")
    told: list[Standing | None] = []
    store.inquire(TOKEN, told.append)
    assert await store.look_up(TOKEN) == told[0] != CLEAR


@pytest.mark.parametrize("command", ["FLUSHALL", "SET {cf}:seq 0", "SET {cf}:sub:ada x"])
async def test_where_redis_makes_no_sense_an_inquiry_is_told_that_nobody_knows(
    redis: RedisServer, log: UnsteadyLog, store: RedisRevocationStore, command: str
) -> None:
    await revoke(log, store, revocation(RevocationKind.SUBJECT, "bob", until=FAR))
    redis.tell(*command.split())
    told: list[Standing | None] = []
    store.inquire(TOKEN, told.append)
    with pytest.raises(RevocationUnavailable):
        await store.look_up(TOKEN)
    assert told == [None]


async def test_who_is_told_that_nobody_knows_finds_the_store_down(
    redis: RedisServer, store: RedisRevocationStore
) -> None:
    """Or the story that follows would wait for the same silence once more."""
    told: list[tuple[Standing | None, bool]] = []
    redis.freeze()
    for _ in range(2):
        store.inquire(TOKEN, lambda standing: told.append((standing, store.inquire(TOKEN, lambda _: None))))
    try:
        await eventually(lambda: len(told) == 2)
    finally:
        redis.thaw()
    assert told == [(None, False)] * 2


# --- waiters that leave ---


async def test_waiters_that_leave_never_harm_the_others(store: RedisRevocationStore) -> None:
    """CVE-2023-28858, CVE-2023-28859: a reply never goes to somebody else."""
    waiting = [asyncio.ensure_future(store.look_up(TOKEN)) for _ in range(20)]
    await asyncio.sleep(0)
    for leaving in waiting[::2]:
        leaving.cancel()
    results = await asyncio.gather(*waiting, return_exceptions=True)
    assert [isinstance(result, asyncio.CancelledError) for result in results] == [True, False] * 10
    assert results[1::2] == [Standing()] * 10
    assert store.state.is_up


async def test_all_waiters_of_a_batch_may_leave_before_it_is_sent(store: RedisRevocationStore) -> None:
    for _ in range(5):
        story = store.look_up(TOKEN)
        story.send(None).cancel()
        story.close()
    assert await store.look_up(TOKEN) == Standing()


async def test_a_caller_that_leaves_does_not_stop_a_publication(
    redis: RedisServer, log: UnsteadyLog, store: RedisRevocationStore
) -> None:
    recorded = await log.record([revocation(RevocationKind.FAMILY, "f1", until=FAR)], 0.0)
    publishing = asyncio.ensure_future(store.publish(recorded))
    await asyncio.sleep(0)
    publishing.cancel()
    await eventually(lambda: redis.tell("EXISTS", "{cf}:sid:f1") == ":1")
    assert await is_refused(store, TOKEN)


# --- what lies in Redis ---


async def test_entries_expire_by_themselves(redis: RedisServer, log: UnsteadyLog, store: RedisRevocationStore) -> None:
    now = time.time()
    await revoke(
        log,
        store,
        revocation(RevocationKind.TOKEN, "t1", until=now + 100),
        revocation(RevocationKind.SUBJECT, "ada", until=now + 200),
        revocation(RevocationKind.EVERYTHING, until=now + 300),
    )
    lives = [int(redis.tell("PTTL", key)[1:]) for key in ("{cf}:jti:t1", "{cf}:sub:ada", "{cf}:all")]
    assert [round(life / 100_000) for life in lives] == [1, 2, 3]


async def test_a_later_publication_never_shortens_a_life_or_lowers_an_epoch(
    redis: RedisServer, log: UnsteadyLog, store: RedisRevocationStore
) -> None:
    now = time.time()
    long = replace(revocation(RevocationKind.SUBJECT, "ada", until=now + 300), sequence=9)
    await store.publish([long])
    await store.publish([replace(long, sequence=8, expires_at=now + 10)])
    assert redis.tell("GET", "{cf}:sub:ada") == "9"
    assert int(redis.tell("PTTL", "{cf}:sub:ada")[1:]) > 200_000


async def test_what_expired_on_the_way_is_not_written_but_counted(
    redis: RedisServer, log: UnsteadyLog, store: RedisRevocationStore
) -> None:
    await revoke(log, store, revocation(RevocationKind.FAMILY, "f1", until=time.time() - 1))
    assert redis.tell("EXISTS", "{cf}:sid:f1") == ":0"
    assert redis.tell("GET", "{cf}:seq") == "1"


async def test_the_feed_tells_others_what_was_revoked(
    redis: RedisServer, log: UnsteadyLog, store: RedisRevocationStore
) -> None:
    await revoke(log, store, revocation(RevocationKind.FAMILY, "f1", until=FAR))
    await revoke(log, store, revocation(RevocationKind.EVERYTHING, until=FAR))
    assert redis.tell("XLEN", "{cf}:feed") == ":2"


async def test_the_feed_is_bounded(redis: RedisServer, log: UnsteadyLog) -> None:
    async with running_store(redis, log, replace(RARE, feed_length=100)) as store:
        for start in range(0, 1000, 250):
            names = [f"t{n}" for n in range(start, start + 250)]
            await revoke(log, store, *(revocation(RevocationKind.TOKEN, name, until=FAR) for name in names))
    assert 100 <= int(redis.tell("XLEN", "{cf}:feed")[1:]) < 400


async def test_another_prefix_is_another_blacklist(redis: RedisServer, log: UnsteadyLog) -> None:
    async with running_store(redis, log, replace(RARE, prefix="{staging}:")) as store:
        await revoke(log, store, revocation(RevocationKind.FAMILY, "f1", until=FAR))
        assert redis.tell("EXISTS", "{staging}:sid:f1") == ":1"
        assert redis.tell("EXISTS", "{cf}:sid:f1") == ":0"


# --- blacklists of others ---


async def test_the_blacklist_of_another_service_counts(redis: RedisServer, log: UnsteadyLog) -> None:
    policy = replace(RARE, also_check=("blacklist:{jti}", "users:{sub}:{sid}:locked"))
    async with running_store(redis, log, policy) as store:
        assert not await is_refused(store, TOKEN)
        redis.tell("SET", "blacklist:t1", "whatever")
        assert await is_refused(store, TOKEN)
        assert not await is_refused(store, token(token_id="t2"))
        redis.tell("SET", "users:ada:f1:locked", "1")
        assert await is_refused(store, token(token_id="t2"))


def test_values_of_a_token_are_put_into_patterns_as_they_are() -> None:
    keys = RedisKeys("{cf}:", ["{jti}:{sub}"])
    assert keys.of_token(token(token_id="{sub}", subject="{jti}"))[-1] == b"{sub}:{jti}"


@pytest.mark.parametrize("pattern", ["blacklist", "blacklist:{user}", ""])
def test_a_pattern_that_names_nothing_of_the_token_is_refused(pattern: str) -> None:
    with pytest.raises(ConfigurationError, match="same for every token"):
        RedisKeys("{cf}:", [pattern])


# --- several processes ---


async def test_what_one_process_publishes_holds_in_all(redis: RedisServer, log: UnsteadyLog) -> None:
    async with running_store(redis, log, RARE) as here, running_store(redis, log, RARE) as there:
        await revoke(log, here, revocation(RevocationKind.FAMILY, "f1", until=FAR))
        assert await is_refused(there, TOKEN)


async def test_the_number_is_not_raised_over_what_another_process_has_still_to_write(
    redis: RedisServer, log: UnsteadyLog, store: RedisRevocationStore
) -> None:
    entries = [revocation(RevocationKind.FAMILY, name, until=FAR) for name in ("f1", "f2")]
    first, second = await log.record(entries, 0.0)
    await store.publish([second])
    assert redis.tell("GET", "{cf}:seq") == "0"
    assert await is_refused(store, token(session_id="f2"))
    await store.publish([first])
    assert redis.tell("GET", "{cf}:seq") == "1"


async def test_what_was_recorded_but_never_published_comes_by_itself(redis: RedisServer, log: UnsteadyLog) -> None:
    async with running_store(redis, log, FAST) as store:
        await log.record([revocation(RevocationKind.FAMILY, "f1", until=FAR)], 0.0)
        await eventually(lambda: redis.tell("GET", "{cf}:seq") == "1")
        assert await is_refused(store, TOKEN)
        assert redis.tell("XLEN", "{cf}:feed") == ":1"


async def test_the_number_grows_over_entries_that_have_expired(redis: RedisServer, log: UnsteadyLog) -> None:
    async with running_store(redis, log, FAST):
        await log.record([revocation(RevocationKind.FAMILY, "f1", until=time.time() - 1)], 0.0)
        await eventually(lambda: redis.tell("GET", "{cf}:seq") == "1")


# --- starting ---


async def test_a_start_writes_what_the_log_has(redis: RedisServer, log: UnsteadyLog) -> None:
    entries = [revocation(RevocationKind.TOKEN, f"t{n}", until=FAR) for n in range(1201)]
    await log.record(entries, 0.0)
    async with running_store(redis, log, RARE) as store:
        assert await is_refused(store, token(token_id="t0"))
        assert await is_refused(store, token(token_id="t1200"))
        assert redis.tell("GET", "{cf}:seq") == "1201"
        assert redis.tell("EXISTS", "{cf}:feed") == ":0"  # readers see the gap, and need not hear a million entries
        assert redis.tell("DBSIZE") == ":1202"


async def test_a_start_leaves_alone_what_is_there_already(redis: RedisServer, log: UnsteadyLog) -> None:
    async with running_store(redis, log, RARE) as store:
        await revoke(log, store, revocation(RevocationKind.FAMILY, "f1", until=FAR))
    before = redis.calls_of("set")
    async with running_store(redis, log, RARE) as store:
        assert await is_refused(store, TOKEN)
    assert redis.calls_of("set") == before


async def test_a_redis_that_is_ahead_of_the_log_gets_all_that_the_log_has(redis: RedisServer, log: UnsteadyLog) -> None:
    """The log was restored from a backup: its numbers mean something else now."""
    redis.tell("SET", "{cf}:seq", "50")
    await log.record([revocation(RevocationKind.FAMILY, "f1", until=FAR)], 0.0)
    async with running_store(redis, log, FAST) as store:
        assert await is_refused(store, TOKEN)
        await revoke(log, store, revocation(RevocationKind.FAMILY, "f2", until=FAR))
        assert await is_refused(store, token(session_id="f2"))
        assert redis.tell("GET", "{cf}:seq") == "50"


async def test_nobody_gets_an_answer_before_the_start(redis: RedisServer, log: UnsteadyLog) -> None:
    store = RedisRevocationStore(parse_redis_url(redis.url), log, RealClock())
    with pytest.raises(RevocationUnavailable):
        await store.look_up(TOKEN)
    assert store.state.reason == "starting"
    await store.close()


async def test_a_log_that_cannot_be_read_at_the_start_is_waited_for(redis: RedisServer, log: UnsteadyLog) -> None:
    log.is_down = True
    async with running_store(redis, log, FAST) as store:
        assert store.state.reason == "log unavailable"
        log.is_down = False
        await eventually(lambda: store.state.is_up)


async def test_a_log_that_goes_away_later_does_not_matter(redis: RedisServer, log: UnsteadyLog) -> None:
    async with running_store(redis, log, FAST) as store:
        await revoke(log, store, revocation(RevocationKind.FAMILY, "f1", until=FAR))
        log.is_down = True
        before = redis.calls_of("info")
        await eventually(lambda: redis.calls_of("info") > before + 3)
        assert await is_refused(store, TOKEN)


async def test_a_closed_store_has_no_connection_left(redis: RedisServer, log: UnsteadyLog) -> None:
    async with running_store(redis, log, RARE) as store:
        await revoke(log, store, revocation(RevocationKind.FAMILY, "f1", until=FAR))
    with pytest.raises(RevocationUnavailable):
        await store.look_up(TOKEN)
    await store.publish([revocation(RevocationKind.FAMILY, "f2", until=FAR, sequence=2)])
    await eventually(lambda: redis.tell("CLIENT", "LIST").count("\n") == 1)  # the one that asks


# --- errors that nobody waits for ---


async def test_answers_that_nobody_fetches_are_not_complained_about(store: RedisRevocationStore) -> None:
    complaints: list[dict[str, Any]] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: complaints.append(context))
    for _ in range(3):
        story = store.look_up(TOKEN)
        story.send(None)
        story.close()
    await asyncio.sleep(0)
    await store.close()
    gc.collect()
    assert complaints == []


async def test_an_epoch_that_is_no_number_is_not_taken_for_none(
    redis: RedisServer, store: RedisRevocationStore
) -> None:
    redis.tell("SET", "{cf}:sub:ada", "soon")
    other = token(subject="bob")
    refused, good = await asyncio.gather(store.look_up(TOKEN), store.look_up(other), return_exceptions=True)
    assert isinstance(refused, RevocationUnavailable)
    assert good == Standing()


# --- the event loop of the data path ---


def test_all_of_it_works_on_uvloop(redis: RedisServer) -> None:
    async def work() -> None:
        log = UnsteadyLog()
        async with running_store(redis, log, FAST) as store:
            assert await store.look_up(TOKEN) == Standing()
            await revoke(log, store, revocation(RevocationKind.FAMILY, "f1", until=FAR))
            assert await is_refused(store, TOKEN)
            before = store.state.since
            redis.tell("CLIENT", "KILL", "TYPE", "normal")
            await eventually(lambda: store.state.is_up and store.state.since > before)
            assert await is_refused(store, TOKEN)

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(work())
