"""The feed brings to every process what any of them revoked, notices when it missed something, and confirms nothing it
does not know."""

import contextlib
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass, field

import pytest

from gateway.errors import RevocationUnavailable
from gateway.model import Revocation, RevocationKind
from gateway.stores.redis_address import parse_redis_url
from gateway.stores.revocation_feed import FeedPolicy, RevocationFeed
from gateway.stores.revocation_memory import MemoryRevocationStore
from gateway.stores.revocation_redis import RedisRevocationStore
from tests.servers import RedisServer, eventually
from tests.stores.conformance_revocation_store import FAR, is_refused, revoke
from tests.stores.redis_stores import FAST, UnsteadyLog, running_store
from tests.stores.samples import TOKEN, RealClock, revocation, token

QUICK = FeedPolicy(beat=0.05, patience=0.2, retry_every=0.02)
FAMILY = revocation(RevocationKind.FAMILY, "f1", until=FAR)


@dataclass
class Reader:
    """What another process has: a mirror that a feed fills. `news` is what it was told of."""

    log: UnsteadyLog
    mirror: MemoryRevocationStore
    feed: RevocationFeed
    news: list[Revocation] = field(default_factory=list)

    async def is_good(self) -> bool:
        try:
            await self.mirror.look_up(TOKEN)
        except RevocationUnavailable:
            return False
        return True


@contextlib.asynccontextmanager
async def reading(
    server: RedisServer, log: UnsteadyLog, writer: RedisRevocationStore, *, staleness: float = 0.5, rests: float = 60.0
) -> AsyncIterator[Reader]:
    """A mirror that reads its log only when it is woken, so that what it knows came by the feed."""
    clock, news = RealClock(), list[Revocation]()
    mirror = MemoryRevocationStore(log, clock, check_every=rests, max_staleness=staleness, announce=news.extend)
    feed = RevocationFeed(parse_redis_url(server.url), writer.keys, mirror, clock, QUICK)
    await mirror.start()
    await feed.start()
    try:
        yield Reader(log, mirror, feed, news)
    finally:
        await feed.close()
        await mirror.close()


async def test_what_one_process_revokes_another_refuses(redis: RedisServer, log: UnsteadyLog) -> None:
    async with running_store(redis, log) as writer, reading(redis, log, writer) as reader:
        await revoke(log, writer, FAMILY)
        log.is_down = True  # the reader has nothing but the feed
        took = await eventually(lambda: reader.news)
        assert await is_refused(reader.mirror, TOKEN)
        assert took < 1.0
        assert [(entry.kind, entry.name, entry.sequence) for entry in reader.news] == [(FAMILY.kind, "f1", 1)]


async def test_every_kind_comes_through_with_its_number_and_its_end(redis: RedisServer, log: UnsteadyLog) -> None:
    async with running_store(redis, log) as writer, reading(redis, log, writer) as reader:
        entries = [
            revocation(RevocationKind.TOKEN, "t1", until=FAR),
            FAMILY,
            revocation(RevocationKind.SUBJECT, "zoë 1", until=FAR),
            revocation(RevocationKind.EVERYTHING, until=FAR),
        ]
        await revoke(log, writer, *entries)
        await eventually(lambda: len(reader.news) == 4)
        assert [(e.kind, e.name, e.expires_at, e.sequence) for e in reader.news] == [
            (e.kind, e.name, FAR, number) for number, e in enumerate(entries, 1)
        ]


async def test_nobody_is_told_twice(redis: RedisServer, log: UnsteadyLog) -> None:
    async with running_store(redis, log) as writer, reading(redis, log, writer, rests=0.01) as reader:
        for number in range(30):
            await revoke(log, writer, revocation(RevocationKind.TOKEN, f"t{number}", until=FAR))
        own = await log.record([FAMILY], 0.0)
        await reader.mirror.publish(own)  # revoked here: who did it ends what is open here
        await writer.publish(own)
        await revoke(log, writer, revocation(RevocationKind.TOKEN, "last", until=FAR))
        await eventually(lambda: any(entry.name == "last" for entry in reader.news))
        assert sorted(entry.sequence for entry in reader.news) == [*range(1, 31), 32]


async def test_without_any_news_the_mirror_stays_good_while_the_log_is_away(
    redis: RedisServer, log: UnsteadyLog
) -> None:
    async with running_store(redis, log) as writer, reading(redis, log, writer, staleness=0.4) as reader:
        log.is_down = True
        until = time.monotonic() + 1.0
        while time.monotonic() < until:
            assert await reader.is_good()
            await eventually(lambda: reader.mirror.staleness < 0.3)


async def test_with_redis_and_the_log_away_the_mirror_says_that_nobody_knows(
    server: RedisServer, log: UnsteadyLog
) -> None:
    async with running_store(server, log) as writer, reading(server, log, writer, staleness=0.4) as reader:
        log.is_down = True
        server.kill()
        await eventually(lambda: reader.mirror.staleness > 0.4)
        assert not await reader.is_good()
        server.start()
        log.is_down = False
        await eventually(lambda: reader.mirror.staleness < 0.3)
        assert await reader.is_good()


@pytest.mark.parametrize("fault", ["killed", "frozen"])
async def test_while_redis_is_away_the_log_is_read_at_once(server: RedisServer, log: UnsteadyLog, fault: str) -> None:
    async with running_store(server, log) as writer, reading(server, log, writer) as reader:
        server.freeze() if fault == "frozen" else server.kill()
        await log.record([FAMILY], 0.0)  # by a gateway that cannot reach it either
        await eventually(lambda: reader.news)
        assert await is_refused(reader.mirror, TOKEN)
        server.thaw() if fault == "frozen" else server.start()
        await eventually(lambda: reader.feed.is_connected and writer.state.is_up)
        await revoke(log, writer, revocation(RevocationKind.TOKEN, "t2", until=FAR))
        await eventually(lambda: len(reader.news) == 2)


async def test_a_feed_that_lost_its_beginning_is_noticed_and_the_log_read(redis: RedisServer, log: UnsteadyLog) -> None:
    async with running_store(redis, log) as writer, reading(redis, log, writer) as reader:
        await reader.feed.close()
        for number in range(5):
            await revoke(log, writer, revocation(RevocationKind.TOKEN, f"t{number}", until=FAR))
        redis.tell("XTRIM", "{cf}:feed", "MAXLEN", "1")
        feed = RevocationFeed(parse_redis_url(redis.url), writer.keys, reader.mirror, RealClock(), QUICK)
        await feed.start()
        await eventually(lambda: len(reader.news) == 5)
        assert await is_refused(reader.mirror, token(token_id="t0"))
        await feed.close()


async def test_a_gap_costs_neither_a_connection_nor_a_command_that_redis_refuses(
    redis: RedisServer, log: UnsteadyLog
) -> None:
    async with running_store(redis, log) as writer, reading(redis, log, writer) as reader:
        await eventually(lambda: reader.mirror.staleness < 0.3)
        redis.tell("CONFIG", "RESETSTAT")
        for number in range(1, 4):
            await log.record([revocation(RevocationKind.TOKEN, f"t{number}", until=FAR)], 0.0)
            redis.tell("SET", "{cf}:seq", str(number))  # as after a rebuild, which tells the stream nothing
            await eventually(lambda number=number: len(reader.news) == number)  # type: ignore[misc]
        await revoke(log, writer, FAMILY)
        await eventually(lambda: len(reader.news) == 4)
        assert "errorstat_" not in redis.tell("INFO", "errorstats")
        assert reader.feed.is_connected


async def test_a_flushed_redis_hides_nothing(redis: RedisServer, log: UnsteadyLog) -> None:
    async with running_store(redis, log, FAST) as writer, reading(redis, log, writer) as reader:
        await revoke(log, writer, FAMILY)
        await eventually(lambda: reader.news)
        for number in range(10):
            redis.tell("FLUSHALL")
            await eventually(lambda: writer.state.is_up)
            await revoke(log, writer, revocation(RevocationKind.TOKEN, f"t{number}", until=FAR))
            await eventually(lambda number=number: len(reader.news) == number + 2)  # type: ignore[misc]
        assert await is_refused(reader.mirror, TOKEN)


async def test_a_stream_of_which_the_clock_went_back_is_noticed(redis: RedisServer, log: UnsteadyLog) -> None:
    """As after a failover to a machine whose clock is late: new entries have smaller ids than those that were read."""
    async with running_store(redis, log) as writer, reading(redis, log, writer) as reader:
        await revoke(log, writer, FAMILY)
        await eventually(lambda: reader.news)
        redis.tell("DEL", "{cf}:feed")
        redis.tell("XADD", "{cf}:feed", "1-1", "seq", "2", "kind", "jti", "name", "t2", "until", "4000000000000")
        await log.record([revocation(RevocationKind.TOKEN, "t2", until=FAR)], 0.0)
        redis.tell("SET", "{cf}:seq", "2")
        await eventually(lambda: len(reader.news) == 2)
        assert await is_refused(reader.mirror, token(token_id="t2"))


@pytest.mark.parametrize("content", [("seq", "one"), ("seq", "2", "kind", "all"), ("odd",)])
async def test_an_entry_that_is_none_of_ours_hides_nothing(
    redis: RedisServer, log: UnsteadyLog, content: tuple[str, ...]
) -> None:
    async with running_store(redis, log) as writer, reading(redis, log, writer) as reader:
        fields = content if len(content) % 2 == 0 else (*content, "")
        redis.tell("XADD", "{cf}:feed", "*", *fields)
        await revoke(log, writer, FAMILY)
        await eventually(lambda: reader.news)
        assert await is_refused(reader.mirror, TOKEN)


async def test_many_at_once_come_through(redis: RedisServer, log: UnsteadyLog) -> None:
    async with running_store(redis, log) as writer, reading(redis, log, writer) as reader:
        entries = [revocation(RevocationKind.TOKEN, f"t{number}", until=FAR) for number in range(3500)]
        await revoke(log, writer, *entries)
        await eventually(lambda: len(reader.news) == 3500)
        await eventually(lambda: reader.mirror.staleness < 0.3)
        assert await is_refused(reader.mirror, token(token_id="t3499"))


async def test_a_log_that_lost_its_end_is_read_from_its_beginning(redis: RedisServer, log: UnsteadyLog) -> None:
    async with running_store(redis, log) as writer, reading(redis, log, writer, rests=0.01) as reader:
        await log.record([revocation(RevocationKind.TOKEN, "lost", until=FAR), FAMILY], 0.0)
        await eventually(lambda: len(reader.news) == 2)
        log.forget_all()
        await eventually(lambda: reader.mirror.staleness < 0.3)
        await log.record([revocation(RevocationKind.TOKEN, "t9", until=FAR)], 0.0)
        await eventually(lambda: any(entry.name == "t9" for entry in reader.news))
        assert await is_refused(reader.mirror, token(token_id="t9"))
