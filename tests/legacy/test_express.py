"""Sessions that a real Express wrote with connect-redis, connect-pg-simple and cookie-session."""

import asyncio
import base64
import hmac
import json
from collections.abc import Iterator
from datetime import UTC, datetime
from urllib.parse import quote

import pytest

from gateway.codec import Entry, Lookup, Query, Row, UserMapping
from gateway.legacy.express import ExpressCookie, ExpressRecords
from gateway.model import Anonymous, LegacySession, Undetermined
from gateway.stores.postgres_address import parse_postgres_url
from gateway.stores.sessions_postgres import PostgresPlace
from tests.legacy.browsing import Visitor
from tests.legacy.reading import Fetch, entries_of, verdict_of
from tests.legacy.real_express import RealExpress, needs_express
from tests.legacy.vectors import VECTORS
from tests.servers import RedisServer
from tests.servers_postgres import running_postgres

PASSPORT = UserMapping("main", "passport.user", {"notes": "notes"})
OWN = UserMapping("main", "userId")
SECRETS = (b"sekrit",)
REDIS = ExpressRecords(PASSPORT, SECRETS)
WRITTEN = VECTORS["express"]
SHOWN = {b"connect.sid": WRITTEN["cookie"].encode()}


def present() -> float:
    """What the framework itself takes for the time; it has no clock to set."""
    return datetime.now(UTC).timestamp()


@pytest.fixture(scope="module")
def on_redis(frameworks_redis: RedisServer) -> Iterator[RealExpress]:
    app = RealExpress(store="redis", url=frameworks_redis.url)
    yield app
    app.close()


@pytest.fixture(scope="module")
def on_postgres() -> Iterator[tuple[RealExpress, Fetch]]:
    with running_postgres(is_tcp=True) as server:
        app = RealExpress(store="postgres", url=server.url, user="own")

        def fetch(query: Query) -> Row | None:
            async def look() -> Row | None:
                place = PostgresPlace(parse_postgres_url(server.url))
                try:
                    return await place.fetch(query)
                finally:
                    await place.aclose()

            return asyncio.run(look())

        yield app, fetch
        app.close()


@pytest.fixture(scope="module")
def in_cookie() -> Iterator[RealExpress]:
    app = RealExpress(store="cookie", user="own")
    yield app
    app.close()


@needs_express
def test_redis_from_login_to_logout(on_redis: RealExpress, frameworks_redis: RedisServer) -> None:
    visitor, fetch = Visitor(on_redis), entries_of(frameworks_redis)
    visitor.get("/visit")
    before = dict(visitor.cookies)
    assert verdict_of(REDIS, before, present(), fetch) == Anonymous("no_user")
    visitor.post("/login", user="42")
    visitor.post("/note", text="a")
    verdict = verdict_of(REDIS, visitor.cookies, present(), fetch)
    assert verdict == LegacySession("main", REDIS.locate(visitor.cookies), "42", {"notes": ["a"]})
    assert visitor.get("/who") == "42"
    assert verdict_of(REDIS, before, present(), fetch) == Anonymous("gone"), "passport gave the session another id"
    signed_in = dict(visitor.cookies)
    visitor.post("/logout")
    assert verdict_of(REDIS, signed_in, present(), fetch) == Anonymous("gone")
    assert verdict_of(REDIS, visitor.cookies, present(), fetch) == Anonymous("no_user")


@needs_express
def test_postgres_from_login_to_logout(on_postgres: tuple[RealExpress, Fetch]) -> None:
    app, fetch = on_postgres
    codec = ExpressRecords(OWN, SECRETS, table="session")
    visitor = Visitor(app)
    visitor.post("/login", user="ada")
    verdict = verdict_of(codec, visitor.cookies, present(), fetch)
    assert isinstance(verdict, LegacySession)
    assert verdict.subject == visitor.get("/who") == "ada"
    assert verdict.expires_at is not None
    assert abs(verdict.expires_at - present() - 3600) < 60
    assert verdict_of(codec, visitor.cookies, present() + 3660, fetch) == Anonymous("expired")
    visitor.post("/logout")
    assert visitor.cookies, "Express sets no cookie when it destroys a session"
    assert verdict_of(codec, visitor.cookies, present(), fetch) == Anonymous("gone")


@needs_express
def test_cookie_session_from_login_to_logout(in_cookie: RealExpress) -> None:
    codec = ExpressCookie(OWN, (b"new", *SECRETS))
    visitor = Visitor(in_cookie)
    visitor.post("/login", user="Zoë")
    verdict = verdict_of(codec, visitor.cookies, present())
    assert isinstance(verdict, LegacySession)
    assert verdict.subject == visitor.get("/who") == "Zoë"
    assert verdict.signed_at is None
    old = dict(visitor.cookies)
    visitor.post("/logout")
    assert verdict_of(codec, visitor.cookies, present()) == Anonymous("absent")
    assert isinstance(verdict_of(codec, old, present()), LegacySession), "which is why it has to be allowed"


@needs_express
@pytest.mark.parametrize("position", [4, 20, -3, -1])
def test_a_tampered_cookie_is_anonymous_to_both(on_redis: RealExpress, position: int) -> None:
    visitor = Visitor(on_redis)
    visitor.post("/login", user="42")
    cookie = bytearray(visitor.cookies[b"connect.sid"])
    cookie[position] = ord("A") if cookie[position] != ord("A") else ord("E")
    visitor.cookies[b"connect.sid"] = bytes(cookie)
    assert verdict_of(REDIS, visitor.cookies, present(), nothing) in {Anonymous("bad_signature"), Anonymous("absent")}
    assert REDIS.locate(visitor.cookies) == ""
    assert visitor.get("/who") == ""


def nothing(_: Query) -> Row | None:
    raise AssertionError("a cookie that no secret fits asks for nothing")


# --- what Express wrote once ---


def test_a_record_of_passport() -> None:
    asked: list[Query] = []

    def fetch(query: Query) -> Row:
        asked.append(query)
        return (WRITTEN["redis_value"].encode(),)

    key = "8joWMaCNpeAz51wHSbcUqYbO1CkL-Wqb"
    assert verdict_of(REDIS, SHOWN, 9e9, fetch) == LegacySession("main", key, "42"), "a touched one keeps its date"
    assert asked == [Entry("sess:", key)]


def test_a_row_of_postgres_has_the_time_zone_of_the_application() -> None:
    codec = ExpressRecords(PASSPORT, SECRETS, table="session")
    asked: list[Query] = []

    def fetch(query: Query) -> Row:
        asked.append(query)
        return (WRITTEN["redis_value"], datetime.fromisoformat("1970-01-01T00:01:00"))

    assert isinstance(verdict_of(codec, SHOWN, 60, fetch), LegacySession)
    assert verdict_of(codec, SHOWN, 61, fetch) == Anonymous("expired")
    assert asked[0] == Lookup("session", "sid", REDIS.locate(SHOWN), ("sess", "expire"))


def test_any_of_the_secrets_verifies() -> None:
    assert ExpressRecords(PASSPORT, (b"new", *SECRETS)).locate(SHOWN) == REDIS.locate(SHOWN) != ""
    assert verdict_of(ExpressRecords(PASSPORT, (b"new",)), SHOWN, 0, nothing) == Anonymous("bad_signature")


@pytest.mark.parametrize("cookie", [b"", b"x", b"j:{}", b"8joWMaCNpeAz51wHSbcUqYbO1CkL-Wqb"])
def test_a_cookie_that_is_not_signed_is_no_session(cookie: bytes) -> None:
    assert verdict_of(REDIS, {b"connect.sid": cookie}, 0, nothing) == Anonymous("absent")


@pytest.mark.parametrize("key", ["", "x" * 201, "é"])
def test_a_key_that_express_never_makes_is_nobodys(key: str) -> None:
    signature = base64.b64encode(hmac.digest(b"sekrit", key.encode(), "sha256")).decode().rstrip("=")
    cookie = quote(f"s:{key}.{signature}").encode()
    assert verdict_of(REDIS, {b"connect.sid": cookie}, 0, nothing) == Anonymous("bad_signature")


@pytest.mark.parametrize("record", [b"{", b"[]", b'"x"', json.dumps({"passport": {"user": {"id": 1}}}).encode()])
def test_a_record_without_a_plain_user_is_unreadable(record: bytes) -> None:
    assert verdict_of(REDIS, SHOWN, 0, lambda _: (record,)) == Undetermined("unreadable")


def test_a_cookie_of_cookie_session() -> None:
    written = VECTORS["cookie_session"]
    codec = ExpressCookie(PASSPORT, SECRETS)
    cookies = {b"session": written["session"].encode(), b"session.sig": written["session.sig"].encode()}
    verdict = verdict_of(codec, cookies, 0)
    assert isinstance(verdict, LegacySession)
    assert verdict.subject == "42"
    del cookies[b"session.sig"]
    assert verdict_of(codec, cookies, 0) == Anonymous("bad_signature")
