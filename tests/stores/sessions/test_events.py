"""Removed sessions are heard of from a real Redis, and whatever goes wrong there ends nothing."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from gateway.stores.redis_address import parse_redis_url
from gateway.stores.session_events import EventPolicy, Hearing, SessionEvents
from tests.servers import RedisServer, eventually, free_port

QUICK = EventPolicy(beat=0.1, retry_every=0.05, timeout=0.5)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisServer]:
    with RedisServer(tmp_path_factory.mktemp("events"), notify_keyspace_events="Egx") as server:
        yield server


class Listener:
    """Listens, and keeps what is heard."""

    def __init__(self, url: str, prefix: str = "sess:") -> None:
        self.heard: list[str] = []
        self.events = SessionEvents(parse_redis_url(url), prefix, self.heard.append, QUICK)

    async def hears(self, *names: str) -> None:
        await eventually(lambda: sorted(self.heard) == sorted(names))


@pytest.fixture
async def listener(server: RedisServer) -> AsyncIterator[Listener]:
    listener = Listener(server.url)
    await listener.events.start()
    yield listener
    await listener.events.close()


async def test_what_is_removed_is_heard_under_its_key_and_nothing_else_is(
    server: RedisServer, listener: Listener
) -> None:
    assert listener.events.hearing is Hearing.ON
    for name in ("sess:deleted", "sess:unlinked", "sess:renamed", "sess:kept", "other:deleted"):
        server.tell("SET", name, "x")
    server.tell("SET", "sess:expired", "x", "PX", "1")
    server.tell("DEL", "other:deleted")
    server.tell("DEL", "sess:deleted")
    server.tell("UNLINK", "sess:unlinked")
    server.tell("RENAME", "sess:renamed", "sess:other")
    server.tell("SET", "sess:kept", "y")
    await listener.hears("deleted", "unlinked", "expired")


async def test_any_name_is_heard(server: RedisServer, listener: Listener) -> None:
    for name in ("a b", "a\r\nDEL x", "é"):
        server.tell("SET", f"sess:{name}", "x")
        server.tell("DEL", f"sess:{name}")
    await listener.hears("a b", "a\r\nDEL x", "é")


async def test_another_database_is_another_application(server: RedisServer) -> None:
    listener = Listener(f"{server.url}?db=3")
    await listener.events.start()
    server.tell("SET", "sess:a", "x")
    server.tell("DEL", "sess:a")
    server.tell("EVAL", "redis.call('SELECT', 3) redis.call('SET', 'sess:b', 'x') redis.call('DEL', 'sess:b')", "0")
    await listener.hears("b")
    await listener.events.close()


async def test_a_server_that_sends_none_is_noticed_and_so_is_one_that_begins_to(tmp_path: Path) -> None:
    with RedisServer(tmp_path) as silent:
        listener = Listener(silent.url)
        await listener.events.start()
        assert listener.events.hearing == "off"
        silent.tell("CONFIG", "SET", "notify-keyspace-events", "KEA")
        silent.tell("SET", "sess:a", "x")
        silent.tell("DEL", "sess:a")
        await listener.hears("a")
        assert listener.events.hearing == "on"
        await listener.events.close()


@pytest.mark.parametrize(
    ("flags", "hearing"), [("Egx", "on"), ("KEA", "on"), ("AE", "on"), ("Kgx", "off"), ("Ex", "off")]
)
async def test_which_settings_suffice(tmp_path: Path, flags: str, hearing: str) -> None:
    with RedisServer(tmp_path, notify_keyspace_events=flags) as server:
        listener = Listener(server.url)
        assert await listener.events.examine() == hearing
        await listener.events.close()


async def test_a_user_that_may_subscribe_and_no_more_is_enough(server: RedisServer) -> None:
    server.tell("ACL", "SETUSER", "ear", "on", ">pw", "resetchannels", "&__keyevent@*", "+subscribe", "+ping")
    listener = Listener(server.url.replace("unix://", "unix://ear:pw@", 1))
    await listener.events.start()
    assert listener.events.hearing is Hearing.ON
    server.tell("SET", "sess:a", "x")
    server.tell("DEL", "sess:a")
    await listener.hears("a")
    await asyncio.sleep(0.3)  # three silences, each with its question
    assert listener.events.hearing is Hearing.ON
    await listener.events.close()


async def test_a_user_that_may_not_subscribe_hears_nothing_and_says_so(server: RedisServer) -> None:
    server.tell("ACL", "SETUSER", "deaf", "on", ">pw", "resetchannels", "+subscribe", "+ping")
    listener = Listener(server.url.replace("unix://", "unix://deaf:pw@", 1))
    assert await listener.events.examine() is Hearing.AWAY
    await listener.events.close()


async def test_a_server_that_goes_and_comes_back_is_listened_to_again(tmp_path: Path) -> None:
    server = RedisServer(tmp_path, is_tcp=True, notify_keyspace_events="Egx").start()
    listener = Listener(server.url)
    await listener.events.start()
    try:
        server.kill()
        await eventually(lambda: listener.events.hearing is Hearing.AWAY)
        server.start()
        await eventually(lambda: listener.events.hearing is Hearing.ON)
        server.tell("SET", "sess:a", "x")
        server.tell("DEL", "sess:a")
        await listener.hears("a")
    finally:
        await listener.events.close()
        server.stop()


async def test_a_server_that_fell_silent_is_away(tmp_path: Path) -> None:
    with RedisServer(tmp_path, notify_keyspace_events="Egx") as server:
        listener = Listener(server.url)
        await listener.events.start()
        server.freeze()
        try:
            await eventually(lambda: listener.events.hearing is Hearing.AWAY)
        finally:
            server.thaw()
        await eventually(lambda: listener.events.hearing is Hearing.ON)
        await listener.events.close()


async def test_where_nobody_is_nothing_is_heard_and_the_start_goes_on() -> None:
    listener = Listener(f"redis://127.0.0.1:{free_port()}")
    await listener.events.start()
    assert listener.events.hearing is Hearing.AWAY
    await listener.events.close()
