"""What `doctor` says about a Redis."""

import asyncio
from pathlib import Path

import pytest

from gateway.errors import ConfigurationError, DependencyError
from gateway.stores.redis_address import parse_redis_url
from gateway.stores.revocation_redis import RedisRevocationStore
from tests.servers import RedisServer, listening
from tests.stores.redis_stores import UnsteadyLog
from tests.stores.samples import RealClock


async def check(server: RedisServer | str, log: UnsteadyLog | None = None) -> list[str]:
    url = server if isinstance(server, str) else server.url
    store = RedisRevocationStore(parse_redis_url(url), log or UnsteadyLog(), RealClock())
    try:
        return list(await store.check())
    finally:
        await store.close()


async def test_a_good_redis_has_no_findings(redis: RedisServer) -> None:
    assert await check(redis) == []


async def test_a_cluster_is_refused_with_the_reason(tmp_path: Path) -> None:
    with (
        RedisServer(tmp_path, cluster_enabled="yes") as server,
        pytest.raises(ConfigurationError, match="is a Redis Cluster"),
    ):
        await check(server)


async def test_a_server_that_is_too_old_is_refused() -> None:
    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while data := await reader.read(4096):
            info = b"redis_version:5.0.7\r\n"
            bulk = b"$%d\r\n%b\r\n" % (len(info), info)
            writer.write(bulk if b"INFO" in data else b"$-1\r\n" if b"GET" in data else b"+OK\r\n")

    async with listening(answer) as port:
        with pytest.raises(ConfigurationError, match=r"has version 5\.0\.7"):
            await check(f"redis://127.0.0.1:{port}")


async def test_a_replica_and_an_evicting_memory_are_found(tmp_path: Path) -> None:
    with RedisServer(tmp_path, maxmemory="100mb", maxmemory_policy="allkeys-lru") as server:
        (evicting,) = await check(server)
        assert "maxmemory-policy allkeys-lru" in evicting
        server.tell("CONFIG", "SET", "maxmemory-policy", "noeviction")
        server.tell("REPLICAOF", str(tmp_path / "nowhere"), "1")
        (replica,) = await check(server)
        assert "is a replica" in replica


async def test_a_redis_of_another_log_is_found(redis: RedisServer) -> None:
    redis.tell("SET", "{cf}:seq", "12")
    (finding,) = await check(redis)
    assert "12 where this has 0" in finding


async def test_a_log_that_cannot_be_read_is_a_dependency_that_is_away(redis: RedisServer) -> None:
    log = UnsteadyLog()
    log.is_down = True
    with pytest.raises(DependencyError, match="log of revocations"):
        await check(redis, log)


async def test_a_redis_that_cannot_be_reached_is_named(tmp_path: Path) -> None:
    with pytest.raises(DependencyError, match="cannot be reached") as caught:
        await check(f"unix://:s3cret@{tmp_path}/nothing")
    assert caught.value.exit_code == 69
    assert "s3cret" not in str(caught.value)


@pytest.mark.parametrize(("password", "code"), [("", "NOAUTH"), (":wrong@", "WRONGPASS")])
async def test_a_redis_that_does_not_let_us_in_is_named(tmp_path: Path, password: str, code: str) -> None:
    with RedisServer(tmp_path, requirepass="s3cret") as server, pytest.raises(DependencyError, match=code):
        await check(f"unix://{password}{server.socket}")
