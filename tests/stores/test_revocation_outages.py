"""Whatever happens to Redis, in either mode: what was revoked stays refused, what is good is served, and what is
revoked meanwhile is refused at every gateway within a second.

The database is there; the last tests say what holds without it. Each test hurts servers of its own.
"""

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest

from gateway.model import RevocationKind
from tests.servers import RedisServer, eventually, running_redis
from tests.stores.conformance_revocation_store import FAR
from tests.stores.redis_stores import UnsteadyLog
from tests.stores.revoking_gateways import MODES, Door, RevokingGateway, door_to, revoking
from tests.stores.samples import revocation

Fault = Callable[[RedisServer, Door], None]

BOUND = 1.0 + 1.0
"""Seconds from a revocation to the refusal everywhere while Redis is away: the log is read each second; and what a busy
machine adds."""


def tell(*commands: str) -> Fault:
    def inject(server: RedisServer, _door: Door) -> None:
        for command in commands:
            server.tell(*command.split())

    return inject


def shut(_server: RedisServer, door: Door) -> None:
    door.is_shut = True


def load_slowly(server: RedisServer, _door: Door) -> None:
    for number in range(500):
        server.tell("SET", f"ballast:{number}", "x" * 10_000)
    server.tell("SAVE")
    server.kill()
    server.start(key_load_delay="10000")  # microseconds for each key


def ask_for_a_password(server: RedisServer, door: Door) -> None:
    server.tell("CONFIG", "SET", "requirepass", "another")
    door.lead_to(server.socket)


EMPTIED: dict[str, Fault] = {
    "flushed": tell("FLUSHALL"),
    "restarted empty": lambda server, _door: server.restart(),
    "keys deleted by hand": tell("DEL {cf}:sid:before {cf}:seq"),
    "an older state": tell("DEL {cf}:sid:before", "SET {cf}:seq 0"),
}
"""After these, Redis answers as if nothing had happened."""

AWAY: dict[str, Fault] = {
    "killed": lambda server, _door: server.kill(),
    "frozen": lambda server, _door: server.freeze(),
    "black-holed": shut,
    "loading": load_slowly,
    "asks for a password": ask_for_a_password,
}
"""After these, Redis tells nothing."""

FULL: dict[str, Fault] = {
    "out of memory": tell("CONFIG SET maxmemory 1"),
    "a replica now": tell("REPLICAOF 127.0.0.1 1"),
    "a replica without its master": tell("CONFIG SET replica-serve-stale-data no", "REPLICAOF 127.0.0.1 1"),
    "too few replicas": tell("CONFIG SET min-replicas-to-write 1"),
}
"""After these, Redis takes nothing more."""


async def revoke(log: UnsteadyLog, gateway: RevokingGateway, family_id: str) -> None:
    """As the flow does: recorded first, acknowledged then."""
    recorded = await log.record([revocation(RevocationKind.FAMILY, family_id, until=FAR)], 0.0)
    await gateway.store.publish(recorded)


@contextlib.asynccontextmanager
async def two_gateways(url: str, log: UnsteadyLog, mode: str) -> AsyncIterator[tuple[RevokingGateway, RevokingGateway]]:
    async with revoking(url, log, mode) as here, revoking(url, log, mode) as there:
        yield here, there


async def ensure_served_and_refused(gateways: tuple[RevokingGateway, RevokingGateway], *, seconds: float) -> None:
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        for gateway in gateways:
            assert await gateway.verdict("before") == "401"
            assert await gateway.verdict("good") == "200"
        await asyncio.sleep(0.005)


async def ensure_refused_everywhere(
    log: UnsteadyLog, gateways: tuple[RevokingGateway, RevokingGateway], name: str
) -> None:
    here, there = gateways
    await revoke(log, here, name)
    assert await here.verdict(name) == "401"
    began = time.monotonic()
    while await there.verdict(name) != "401":
        assert time.monotonic() - began < BOUND
        await asyncio.sleep(0.005)


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("fault", [*EMPTIED, *AWAY, *FULL])
async def test_nothing_revoked_is_accepted_and_nobody_good_is_turned_away(
    server: RedisServer, log: UnsteadyLog, mode: str, fault: str
) -> None:
    inject = (EMPTIED | AWAY | FULL)[fault]
    async with door_to(server.socket) as door, two_gateways(door.url, log, mode) as gateways:
        await revoke(log, gateways[0], "before")
        await ensure_refused_everywhere(log, gateways, "before too")
        # Only the start of a server that loads takes long enough to be awaited beside.
        loading = asyncio.ensure_future(asyncio.to_thread(inject, server, door)) if fault == "loading" else None
        if loading is None:
            inject(server, door)
        await ensure_served_and_refused(gateways, seconds=0.3)
        await ensure_refused_everywhere(log, gateways, "meanwhile")
        await ensure_served_and_refused(gateways, seconds=0.3)
        if fault in EMPTIED:
            await eventually(lambda: all(gateway.shared.state.is_up for gateway in gateways))
            assert server.tell("EXISTS", "{cf}:sid:before", "{cf}:sid:meanwhile") == ":2"
        else:
            is_taken = fault in FULL and server.tell("EXISTS", "{cf}:sid:meanwhile") == ":1"  # as a Redis before 7 may
            await eventually(lambda: is_taken or not any(gateway.shared.state.is_up for gateway in gateways))
            assert all(gateway.mirror.staleness < 3.0 for gateway in gateways)
        server.thaw() if fault == "frozen" else None
        if loading is not None:
            await loading


@pytest.mark.parametrize("mode", MODES)
async def test_a_failover_that_loses_the_last_writes_accepts_nothing_revoked(
    tmp_path: Path, log: UnsteadyLog, mode: str
) -> None:
    """The replica had fallen behind when the primary died: it takes over without the last revocation."""
    with running_redis(tmp_path / "primary", is_tcp=True) as primary, running_redis(tmp_path / "replica") as replica:
        primary_socket = str(tmp_path / "primary.sock")
        primary.restart(unixsocket=primary_socket, repl_diskless_sync_delay="0")  # by itself it waits 5 s for others
        async with door_to(primary_socket) as door, two_gateways(door.url, log, mode) as gateways:
            await revoke(log, gateways[0], "before")
            replica.tell("REPLICAOF", "127.0.0.1", str(primary.port))
            await eventually(lambda: replica.tell("EXISTS", "{cf}:sid:before") == ":1")
            replica.tell("REPLICAOF", "NO", "ONE")
            await ensure_refused_everywhere(log, gateways, "lost")
            assert replica.tell("EXISTS", "{cf}:sid:lost") == ":0"
            primary.kill()
            door.lead_to(replica.socket)
            until = time.monotonic() + 1.5
            while time.monotonic() < until:
                for gateway in gateways:
                    assert await gateway.verdict("lost") == "401"
                    assert await gateway.verdict("before") == "401"
                    assert await gateway.verdict("good") == "200"
                await asyncio.sleep(0.005)
            await eventually(lambda: all(gateway.shared.state.is_up for gateway in gateways))
            assert replica.tell("EXISTS", "{cf}:sid:lost") == ":1"


@pytest.mark.parametrize("mode", MODES)
async def test_keys_that_redis_throws_out_count_still(server: RedisServer, log: UnsteadyLog, mode: str) -> None:
    async with two_gateways(server.url, log, mode) as gateways:
        await revoke(log, gateways[0], "before")
        server.tell("CONFIG", "SET", "maxmemory-policy", "allkeys-lru")
        server.tell("CONFIG", "SET", "maxmemory", "1")
        await eventually(lambda: server.tell("EXISTS", "{cf}:sid:before") == ":0")
        await ensure_served_and_refused(gateways, seconds=1.2)
        await eventually(lambda: not any(gateway.shared.state.is_up for gateway in gateways))
        server.tell("CONFIG", "SET", "maxmemory", "0")
        await ensure_served_and_refused(gateways, seconds=0.3)
        await eventually(lambda: all(gateway.shared.state.is_up for gateway in gateways))


@pytest.mark.parametrize("mode", MODES)
async def test_without_the_database_redis_is_enough(server: RedisServer, log: UnsteadyLog, mode: str) -> None:
    async with revoking(server.url, log, mode, staleness=2.0) as gateway:
        await revoke(log, gateway, "before")
        log.is_down = True
        await ensure_served_and_refused((gateway, gateway), seconds=3.0)


@pytest.mark.parametrize("mode", MODES)
async def test_without_both_nobody_can_say_and_nobody_is_told_otherwise(
    server: RedisServer, log: UnsteadyLog, mode: str
) -> None:
    async with revoking(server.url, log, mode, staleness=0.5) as gateway:
        await revoke(log, gateway, "before")
        log.is_down = True
        server.kill()
        verdicts = set()
        until = time.monotonic() + 1.5
        while time.monotonic() < until:
            verdicts.add(await gateway.verdict("before"))
            await asyncio.sleep(0.005)
        assert verdicts == {"401", "503"}
        assert await gateway.verdict("good") == "503"
        log.is_down = False
        began = time.monotonic()
        while await gateway.verdict("good") != "200":
            assert time.monotonic() - began < BOUND
            await asyncio.sleep(0.005)


async def test_where_another_service_keeps_a_blacklist_redis_must_answer(server: RedisServer, log: UnsteadyLog) -> None:
    async with revoking(server.url, log, "strict", also_check=("blacklist:{sid}",)) as gateway:
        server.tell("SET", "blacklist:theirs", "1")
        assert await gateway.verdict("theirs") == "401"
        assert await gateway.verdict("good") == "200"
        server.kill()
        await eventually(lambda: not gateway.shared.state.is_up)
        assert await gateway.verdict("theirs") == "503"
        assert await gateway.verdict("good") == "503"
