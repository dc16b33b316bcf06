"""A session that leaves the application's Redis is over here without any request; one that moves is not."""

import asyncio
import json
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from gateway.errors import InvalidGrant
from gateway.flow.clients import Client
from gateway.flow.tokens import Grant
from gateway.model import LegacySession, Permit, SessionCookie
from gateway.settings.load import load_settings
from gateway.wiring.gateway import Gateway
from tests.servers import RedisServer, eventually
from tests.settings.samples import MINIMAL, faults_of

CONFIGURATION = """\
public_url: https://www.example.com
upstreams: { app: { url: http://127.0.0.1:9 } }
stores: { embedded: { file: run/crossfade.db, single_instance: true } }
tokens: { trust_store_alone: true, algorithm: ES256 }
sessions:
  - name: main
    format: json_record
    place: { redis: { env: SESSIONS, events: true } }
    cookies: [sid]
    options: { prefix: "sess:" }
"""
MOBILE = Client("mobile", "body")


@pytest.fixture(scope="module")
def redis(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisServer]:
    with RedisServer(tmp_path_factory.mktemp("redis"), notify_keyspace_events="Egx") as server:
        yield server


class Site:
    """A gateway that listens, and what a user of it has."""

    def __init__(self, gateway: Gateway, redis: RedisServer) -> None:
        self.gateway = gateway
        self.redis = redis

    def log_in(self, key: str, user: str = "ada") -> None:
        self.redis.tell("SET", f"sess:{key}", json.dumps({"user_id": user}))

    async def exchange(self, key: str) -> Grant:
        shown = SessionCookie("main", ((b"sid", key.encode()),))
        return await self.gateway.tokens.exchange(shown, MOBILE, now=self.gateway.now())

    async def is_live(self, grant: Grant) -> bool:
        family = await self.gateway.stores.families.find_family(grant.family.id)
        return family is not None and family.ended_at is None

    async def until_ended(self, grant: Grant) -> None:
        for _ in range(500):  # five seconds, on a busy machine
            if not await self.is_live(grant):
                return
            await asyncio.sleep(0.01)
        raise AssertionError("it goes on")

    def open_stream(self, **parts: object) -> list[str]:
        ended: list[str] = []
        self.gateway.live.add(Permit("app", "/*", **parts), lambda: ended.append("end"))  # type: ignore[arg-type]
        return ended


async def open_site(folder: Path, redis: RedisServer) -> Gateway:
    (folder / "gateway.yaml").write_text(CONFIGURATION)
    environ = {"SESSIONS": redis.url}
    gateway = await Gateway.open(load_settings(folder / "gateway.yaml", environ), environ)
    await gateway.start()
    return gateway


@pytest.fixture
async def site(tmp_path: Path, redis: RedisServer) -> AsyncIterator[Site]:
    gateway = await open_site(tmp_path, redis)
    yield Site(gateway, redis)
    await gateway.aclose()


async def test_a_removed_session_ends_its_tokens_and_streams_without_a_request(site: Site) -> None:
    site.log_in("a")
    site.log_in("b", "bob")
    grant, other = await site.exchange("a"), await site.exchange("b")
    token = await site.gateway.tokens.verify(grant.access_token.encode(), now=site.gateway.now())
    by_token = site.open_stream(token=token)
    by_cookie = site.open_stream(session=LegacySession("main", "a", "ada"))
    site.redis.tell("DEL", "sess:a")
    await site.until_ended(grant)
    await eventually(lambda: by_token == by_cookie == ["end"])
    assert await site.is_live(other)


async def test_a_session_that_expires_is_over_too(site: Site) -> None:
    site.log_in("a")
    grant = await site.exchange("a")
    site.redis.tell("PEXPIRE", "sess:a", "5")
    await site.until_ended(grant)


async def test_a_stream_that_only_the_cookie_opened_ends_with_the_session(site: Site) -> None:
    ended = site.open_stream(session=LegacySession("main", "alone", "ada"))
    site.log_in("alone")
    site.redis.tell("DEL", "sess:alone")
    await eventually(lambda: ended == ["end"])


async def test_what_was_remembered_of_the_session_is_forgotten_at_once(site: Site) -> None:
    site.log_in("a")
    shown = SessionCookie("main", ((b"sid", b"a"),))
    sessions = site.gateway.sessions["main"]
    assert isinstance(await sessions.resolve(shown, site.gateway.now()), LegacySession)
    site.redis.tell("DEL", "sess:a")
    await eventually(lambda: not sessions._entries)


async def test_a_session_that_gets_another_id_is_not_over(site: Site) -> None:
    site.log_in("old")
    grant = await site.exchange("old")
    site.log_in("new")
    site.redis.tell("DEL", "sess:old")
    await asyncio.sleep(0.05)  # the answer that says so takes its time
    old, new = LegacySession("main", "old", "ada"), LegacySession("main", "new", "ada")
    await site.gateway.tokens.move_session(old, new, cookies={b"sid": b"new"}, now=site.gateway.now())
    await eventually(lambda: not site.gateway._listeners._looks)
    assert await site.is_live(grant)


async def test_a_record_that_came_back_is_a_session_that_goes_on(site: Site) -> None:
    site.log_in("a")
    grant = await site.exchange("a")
    site.redis.tell("DEL", "sess:a")
    site.log_in("a")
    await eventually(lambda: not site.gateway._listeners._looks)
    assert await site.is_live(grant)


async def test_lost_events_end_nothing_and_the_next_look_finds_out(tmp_path: Path) -> None:
    redis = RedisServer(tmp_path / "redis", is_tcp=True, notify_keyspace_events="Egx").start()
    gateway = await open_site(tmp_path, redis)
    site = Site(gateway, redis)
    try:
        site.log_in("a")
        grant = await site.exchange("a")
        redis.restart()  # empty: no event tells of it
        await eventually(lambda: gateway._listeners.states() == {"main": "on"})
        assert await site.is_live(grant)
        with pytest.raises(InvalidGrant):
            await gateway.tokens.refresh(grant.refresh_token, MOBILE, now=gateway.now())
        assert not await site.is_live(grant)
    finally:
        await gateway.aclose()
        redis.stop()


async def test_a_server_that_sends_no_events_is_a_line_in_the_log_and_a_dependency_that_is_away(tmp_path: Path) -> None:
    with RedisServer(tmp_path / "redis") as silent, capture_logs() as lines:
        gateway = await open_site(tmp_path, silent)
        gateway.glance(gateway.now())
        assert not gateway.gauges.are_up["events:main"]
        await gateway.aclose()
    (line,) = [line for line in lines if line.get("name") == "events:main"]
    assert (line["event"], line["log_level"]) == ("a dependency is away", "warning")
    assert "notify-keyspace-events" in line["reason"]


def test_rails_names_its_records_otherwise() -> None:
    text = f"{MINIMAL}tokens: {{ trust_store_alone: true }}\nsessions:\n  - name: main\n    format: rails\n"
    text += "    cookies: [_a]\n    place: { redis: { url: 'redis://127.0.0.1/0', events: true } }\n"
    (fault,) = faults_of(text)
    assert "sessions[0].place.redis.events" in str(fault)
