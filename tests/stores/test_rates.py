"""Counting how often something happens: alone, together over Redis, and alone again while Redis is away."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from gateway.core.rates import Charge, Rate
from gateway.ports import RateLimiter
from gateway.stores.rates_memory import MemoryRateLimiter
from gateway.stores.rates_redis import RedisRateLimiter
from gateway.stores.redis_address import parse_redis_url
from tests.servers import RedisServer

NOW = 1_000_000.0
FIVE = Rate(5, 3600.0)
A, B = Charge("family:a", FIVE), Charge("account:b", Rate(2, 3600.0))


@asynccontextmanager
async def limiter_on(server: RedisServer) -> AsyncIterator[RedisRateLimiter]:
    limiter = RedisRateLimiter(parse_redis_url(server.url))
    try:
        yield limiter
    finally:
        await limiter.aclose()


class RateLimiterRules:
    """Subclasses give the fixture `limiter`."""

    async def test_up_to_the_count_and_no_more(self, limiter: RateLimiter) -> None:
        waits = [await limiter.take([A], NOW) for _ in range(6)]
        assert waits[:5] == [0.0] * 5
        assert 0 < waits[5] <= FIVE.step

    async def test_one_name_does_not_use_up_another(self, limiter: RateLimiter) -> None:
        for _ in range(9):
            await limiter.take([A], NOW)
        assert await limiter.take([Charge("family:b", FIVE)], NOW) == 0.0

    async def test_all_are_taken_or_none(self, limiter: RateLimiter) -> None:
        waits = [await limiter.take([A, B], NOW) for _ in range(4)]
        assert [wait > 0 for wait in waits] == [False, False, True, True]
        rest = [await limiter.take([A], NOW) for _ in range(4)]
        assert [wait > 0 for wait in rest] == [False, False, False, True]

    async def test_racers_do_not_share_the_last_one(self, limiter: RateLimiter) -> None:
        waits = await asyncio.gather(*(limiter.take([A], NOW) for _ in range(20)))
        assert waits.count(0.0) == 5


class TestMemory(RateLimiterRules):
    @pytest.fixture
    def limiter(self) -> MemoryRateLimiter:
        return MemoryRateLimiter()

    async def test_what_was_taken_is_paid_back(self) -> None:
        limiter = MemoryRateLimiter()
        for _ in range(6):
            await limiter.take([A], NOW)
        assert await limiter.take([A], NOW + FIVE.step) == 0.0
        assert await limiter.take([A], NOW + FIVE.step) > 0.0

    async def test_a_flood_of_names_is_held_in_bounded_memory(self) -> None:
        limiter = MemoryRateLimiter(most=1000)
        for number in range(5000):
            assert await limiter.take([Charge(f"address:{number}", FIVE)], NOW) == 0.0
            assert len(limiter) <= 1000

    async def test_who_comes_often_is_remembered_through_a_flood(self) -> None:
        limiter = MemoryRateLimiter(most=1000)
        refused = 0
        for number in range(5000):
            await limiter.take([Charge(f"address:{number}", FIVE)], NOW)
            if number % 100 == 0:
                refused += await limiter.take([A], NOW) > 0
        assert refused == 45


class TestRedis(RateLimiterRules):
    @pytest.fixture
    async def limiter(self, redis: RedisServer) -> AsyncIterator[RedisRateLimiter]:
        async with limiter_on(redis) as limiter:
            yield limiter

    async def test_gateways_count_together_whatever_their_clocks_say(self, redis: RedisServer) -> None:
        async with limiter_on(redis) as one, limiter_on(redis) as two:
            waits = [await (one, two)[n % 2].take([A], NOW + n * 5000.0) for n in range(6)]
        assert [wait > 0 for wait in waits] == [False] * 5 + [True]

    async def test_what_is_kept_expires_by_itself(self, redis: RedisServer) -> None:
        async with limiter_on(redis) as limiter:
            await limiter.take([A], NOW)
        assert 0 < int(redis.tell("PTTL", "{cf}:rate:family:a").lstrip(":")) <= FIVE.step * 1000

    async def test_away_nobody_is_locked_out_and_each_counts_alone(self, server: RedisServer) -> None:
        async with limiter_on(server) as limiter:
            server.kill()
            waits = [await limiter.take([A], NOW) for _ in range(6)]
            assert [wait > 0 for wait in waits] == [False] * 5 + [True]
            server.restart()
            assert await limiter.take([A], NOW + 3.0) == 0.0
            assert server.tell("EXISTS", "{cf}:rate:family:a") == ":1"

    async def test_a_redis_that_hangs_is_not_waited_for_twice(self, server: RedisServer) -> None:
        async with limiter_on(server) as limiter:
            await limiter.take([B], NOW)
            server.freeze()
            try:
                async with asyncio.timeout(2.0):
                    waits = [await limiter.take([A], NOW) for _ in range(100)]
            finally:
                server.thaw()
            assert waits.count(0.0) == 5

    @pytest.mark.parametrize("state", ["OOM", "READONLY"])
    async def test_a_redis_that_takes_no_writes_locks_nobody_out(self, server: RedisServer, state: str) -> None:
        async with limiter_on(server) as limiter:
            if state == "OOM":
                server.tell("CONFIG", "SET", "maxmemory", "1")
            else:
                server.tell("REPLICAOF", "127.0.0.1", "1")
            waits = [await limiter.take([A], NOW) for _ in range(6)]
            assert [wait > 0 for wait in waits] == [False] * 5 + [True]

    async def test_a_burst_switches_nothing_off(self, redis: RedisServer) -> None:
        many = Charge("address:many", Rate(1000, 3600.0))
        async with limiter_on(redis) as one, limiter_on(redis) as two:
            waits = await asyncio.gather(*(one.take([many], NOW) for _ in range(3000)))
            assert waits.count(0.0) == 1000
            assert await two.take([many], NOW) > 0.0
            assert await one.take([A, B], NOW) == 0.0
            assert redis.tell("EXISTS", "{cf}:rate:family:a") == ":1"
