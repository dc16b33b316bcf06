"""The application's Redis as a place: a user that may GET is enough, and away is never empty."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from gateway.codec import MAX_TEXT, Entry, Lookup
from gateway.stores.redis_address import parse_redis_url
from gateway.stores.sessions import PlaceUnavailable
from gateway.stores.sessions_redis import RedisPlace
from tests.servers import RedisServer, eventually, free_port

ENTRY = Entry("sess:", "abc")


@pytest.fixture
async def place(redis: RedisServer) -> AsyncIterator[RedisPlace]:
    place = RedisPlace(parse_redis_url(redis.url))
    yield place
    await place.aclose()


async def test_a_value_and_none(redis: RedisServer, place: RedisPlace) -> None:
    redis.tell("SET", "sess:abc", "text")
    assert await place.fetch(ENTRY) == (b"text",)
    assert await place.fetch(Entry("sess:", "other")) is None


async def test_an_entry_that_expired_is_none(redis: RedisServer, place: RedisPlace) -> None:
    redis.tell("SET", "sess:abc", "text", "PX", "1")
    await eventually(lambda: redis.tell("EXISTS", "sess:abc") == ":0")
    assert await place.fetch(ENTRY) is None


async def test_fields_of_a_hash(redis: RedisServer, place: RedisPlace) -> None:
    redis.tell("HSET", "sess:abc", "a", "1", "b", "2")
    assert await place.fetch(Entry("sess:", "abc", ("b", "none"))) == (b"2", None)
    assert await place.fetch(Entry("sess:", "abc", ("none",))) is None


@pytest.mark.parametrize("name", ["a b", "a\r\nDEL sess:abc", "é", "x" * 5000])
async def test_any_name_is_one_name(redis: RedisServer, place: RedisPlace, name: str) -> None:
    redis.tell("SET", f"sess:{name}", "text")
    assert await place.fetch(Entry("sess:", name)) == (b"text",)


async def test_a_value_that_is_too_large_is_unreadable(redis: RedisServer, place: RedisPlace) -> None:
    redis.tell("SETRANGE", "sess:abc", str(MAX_TEXT), "x")
    with pytest.raises(PlaceUnavailable, match="unreadable"):
        await place.fetch(ENTRY)


async def test_a_user_that_may_only_get_is_enough(server: RedisServer) -> None:
    server.tell("ACL", "SETUSER", "reader", "on", ">pw", "~sess:*", "+get", "+hmget")
    server.tell("SET", "sess:abc", "text")
    url = server.url.replace("unix://", "unix://reader:pw@", 1)
    place = RedisPlace(parse_redis_url(url))
    assert await place.fetch(ENTRY) == (b"text",)
    with pytest.raises(PlaceUnavailable, match="unreachable"):
        await place.fetch(Entry("other:", "abc"))
    await place.aclose()


async def test_a_value_of_another_type_is_unreachable_and_never_empty(redis: RedisServer, place: RedisPlace) -> None:
    redis.tell("LPUSH", "sess:abc", "text")
    with pytest.raises(PlaceUnavailable, match="unreachable"):
        await place.fetch(ENTRY)


async def test_a_server_that_is_not_there_is_unreachable() -> None:
    place = RedisPlace(parse_redis_url(f"redis://127.0.0.1:{free_port()}"))
    with pytest.raises(PlaceUnavailable, match="unreachable"):
        await place.fetch(ENTRY)
    await place.aclose()


async def test_a_server_that_hangs_is_a_time_out_and_is_found_again(tmp_path: Path, server: RedisServer) -> None:
    place = RedisPlace(parse_redis_url(server.url), timeout=0.1)
    server.tell("SET", "sess:abc", "text")
    assert await place.fetch(ENTRY) == (b"text",)
    server.freeze()
    with pytest.raises(PlaceUnavailable, match="timeout"):
        await place.fetch(ENTRY)
    server.thaw()
    server.tell("PING")
    assert await place.fetch(ENTRY) == (b"text",)
    await place.aclose()


async def test_a_server_that_was_restarted_is_found_again(server: RedisServer) -> None:
    place = RedisPlace(parse_redis_url(server.url))
    assert await place.fetch(ENTRY) is None
    server.restart()
    server.tell("SET", "sess:abc", "text")
    try:
        row = await place.fetch(ENTRY)
    except PlaceUnavailable:  # the connection of before broke just then
        row = await place.fetch(ENTRY)
    assert row == (b"text",)
    await place.aclose()


async def test_many_at_once_share_a_few_connections(redis: RedisServer) -> None:
    redis.tell("SET", "sess:abc", "text")
    place = RedisPlace(parse_redis_url(redis.url), connections=3)
    rows = await asyncio.gather(*(place.fetch(ENTRY) for _ in range(100)))
    assert set(rows) == {(b"text",)}
    assert int(redis.tell("INFO", "clients").partition("connected_clients:")[2].split()[0]) <= 3 + 2
    await place.aclose()


async def test_it_has_no_rows(place: RedisPlace) -> None:
    with pytest.raises(PlaceUnavailable, match="unreachable"):
        await place.fetch(Lookup("t", "k", "v", ("c",)))
