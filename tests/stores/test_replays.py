"""Which proofs were shown: each counts once, in one process and over several gateways."""

import asyncio
import os
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from gateway.errors import InvalidToken, Overloaded
from gateway.flow.tickets import Tickets
from gateway.model import RequestHead
from gateway.ports import ProofReplays
from gateway.stores.redis_address import parse_redis_url
from gateway.stores.replays_memory import MemoryProofReplays
from gateway.stores.replays_redis import RedisProofReplays
from tests.servers import RedisServer

LIFE = 90.0


@asynccontextmanager
async def replays_on(server: RedisServer, kind: str = "dpop") -> AsyncIterator[RedisProofReplays]:
    replays = RedisProofReplays(parse_redis_url(server.url), LIFE, kind=kind)
    try:
        yield replays
    finally:
        await replays.aclose()


class ReplayRules:
    """Subclasses give the fixture `replays`."""

    async def test_a_proof_counts_once(self, replays: ProofReplays) -> None:
        now = time.time()
        assert await replays.is_first("a", now + 60, now)
        assert not await replays.is_first("a", now + 60, now)
        assert await replays.is_first("b", now + 60, now)

    async def test_of_racers_one_is_the_first(self, replays: ProofReplays) -> None:
        now = time.time()
        answers = await asyncio.gather(*(replays.is_first("a", now + 60, now) for _ in range(20)))
        assert answers.count(True) == 1


class TestMemory(ReplayRules):
    @pytest.fixture
    def replays(self) -> MemoryProofReplays:
        return MemoryProofReplays(LIFE)

    @pytest.mark.parametrize("first_end", [1.0, 60.0, 90.0])
    async def test_a_proof_is_remembered_to_its_very_end(self, first_end: float) -> None:
        replays, now = MemoryProofReplays(LIFE), 1000.0
        await replays.is_first("another", now + first_end, now)
        for begin in (now, now + 45.0, now + 89.0):
            name = f"proof of {begin}"
            assert await replays.is_first(name, begin + LIFE, begin)
            for later in (30.0, 60.0, 89.9):
                await replays.is_first(f"{name} {later}", begin + later + LIFE, begin + later)
                assert not await replays.is_first(name, begin + LIFE, begin + later)

    async def test_the_memory_is_bounded(self) -> None:
        replays = MemoryProofReplays(LIFE, most=1000)
        for number in range(5000):
            assert await replays.is_first(str(number), 1060.0, 1000.0)
            assert len(replays) <= 1000
        assert not await replays.is_first("4999", 1060.0, 1000.0)

    async def test_what_is_long_over_is_forgotten(self) -> None:
        replays = MemoryProofReplays(LIFE)
        for minute in range(10):
            for number in range(100):
                await replays.is_first(f"{minute} {number}", minute * LIFE + LIFE, minute * LIFE)
        assert len(replays) <= 200


class TestRedis(ReplayRules):
    @pytest.fixture
    async def replays(self, redis: RedisServer) -> AsyncIterator[RedisProofReplays]:
        async with replays_on(redis) as replays:
            yield replays

    async def test_gateways_know_what_the_others_have_seen(self, redis: RedisServer) -> None:
        now = time.time()
        async with replays_on(redis) as one, replays_on(redis) as two:
            assert await one.is_first("a", now + 60, now)
            assert not await two.is_first("a", now + 60, now)
        assert 0 < int(redis.tell("PTTL", "{cf}:dpop:a").lstrip(":")) <= 60_000

    async def test_a_ticket_opens_one_of_two_gateways(self, redis: RedisServer) -> None:
        now = time.time()
        head = RequestHead(b"GET", b"/events/", 1, [], b"www.example.com")
        async with replays_on(redis, "ticket") as one, replays_on(redis, "ticket") as two:
            here, there = (Tickets(b"k" * 32, replays, os.urandom) for replays in (one, two))
            head.ticket = here.make(b"token", head.target, now).encode()
            opened = there.open(head, now)
            assert opened.token == b"token"
            await there.spend(opened, now)
            with pytest.raises(InvalidToken):
                await here.spend(here.open(head, now), now)

    async def test_away_each_gateway_still_knows_what_it_has_seen_itself(self, server: RedisServer) -> None:
        now = time.time()
        async with replays_on(server) as replays:
            assert await replays.is_first("a", now + 60, now)
            server.kill()
            assert not await replays.is_first("a", now + 60, now)
            assert await replays.is_first("b", now + 60, now)
            assert not await replays.is_first("b", now + 60, now)

    async def test_a_redis_that_hangs_slows_one_request_in_a_second(self, server: RedisServer) -> None:
        now = time.time()
        async with replays_on(server) as replays:
            await replays.is_first("a", now + 60, now)
            server.freeze()
            try:
                async with asyncio.timeout(2.0):
                    assert all([await replays.is_first(str(number), now + 60, now) for number in range(100)])
            finally:
                server.thaw()

    async def test_a_burst_does_not_let_a_proof_count_twice(self, redis: RedisServer) -> None:
        now = time.time()
        async with replays_on(redis) as one, replays_on(redis) as two:
            names = [str(number) for number in range(3000)]
            firsts = await asyncio.gather(*(one.is_first(name, now + 60, now) for name in names))
            assert all(firsts)
            seconds = await asyncio.gather(*(two.is_first(name, now + 60, now) for name in names))
            assert not any(seconds)

    async def test_what_is_too_much_at_once_is_refused_as_an_overload(self, redis: RedisServer) -> None:
        now = time.time()
        async with replays_on(redis) as one, replays_on(redis) as two:
            assert await one.is_first("captured", now + 60, now)
            flood = [two.is_first(str(number), now + 60, now) for number in range(9000)]
            answers = await asyncio.gather(*flood, two.is_first("captured", now + 60, now), return_exceptions=True)
            assert isinstance(answers[-1], Overloaded)
            assert {type(answer) for answer in answers} == {bool, Overloaded}
            assert not await one.is_first("captured", now + 60, now)
            assert await two.is_first("afterwards", now + 60, now)
            assert not await one.is_first("afterwards", now + 60, now)  # Redis was told: nothing rests
