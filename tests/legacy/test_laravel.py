"""Cookies and payloads that a real Laravel 12 wrote, in each of its drivers."""

import base64
import dataclasses
import hmac
import json

import pytest

from gateway.codec import Entry, Lookup, Query, Row, UserMapping
from gateway.formats.laravel import find_decrypted
from gateway.legacy.laravel import LaravelRecords, login_key
from gateway.model import Anonymous, LegacySession, Undetermined
from tests.legacy.reading import verdict_of
from tests.legacy.vectors import VECTORS

WRITTEN = VECTORS["laravel"]["vectors"]
KEY = b"k" * 32
ID = "A1b2" * 10
USER = UserMapping("main", login_key(), {"intended": "url.intended"})
CODEC = LaravelRecords(USER, (KEY,), table="sessions")
REDIS = LaravelRecords(USER, (KEY,), prefix="laravel-database-laravel-cache-")
FILE = LaravelRecords(USER, (KEY,))
PAYLOAD = base64.b64decode(WRITTEN["sess"])
COOKIE = {b"laravel_session": WRITTEN["aes-256-cbc"].encode()}


def test_the_name_of_the_user_is_what_laravel_calls_it() -> None:
    assert login_key() == WRITTEN["guard"]


@pytest.mark.parametrize("cipher", ["aes-256-cbc", "aes-256-gcm"])
@pytest.mark.parametrize("quoted", [False, True])
def test_the_cookie_is_the_encrypted_key(cipher: str, quoted: bool) -> None:
    cookie = WRITTEN[cipher].encode().replace(b"=", b"%3D" if quoted else b"=")
    assert CODEC.locate({b"laravel_session": cookie}) == ID
    assert dataclasses.replace(CODEC, secrets=(b"n" * 32, KEY)).locate({b"laravel_session": cookie}) == ID


def test_the_database_driver() -> None:
    asked: list[Query] = []

    def fetch(query: Query) -> Row:
        asked.append(query)
        return WRITTEN["sess"], 1000

    verdict = verdict_of(CODEC, COOKIE, 8000, fetch)
    assert verdict == LegacySession("main", ID, "42", {"intended": "/x"}, expires_at=8200)
    assert asked == [Lookup("sessions", "id", ID, ("payload", "last_activity"))]
    assert verdict_of(CODEC, COOKIE, 8201, fetch) == Anonymous("expired")


def test_the_redis_driver_serializes_twice() -> None:
    asked: list[Query] = []

    def fetch(query: Query) -> Row:
        asked.append(query)
        return (base64.b64decode(WRITTEN["redis_value"]),)

    assert verdict_of(REDIS, COOKIE, 0, fetch) == LegacySession("main", ID, "42", {"intended": "/x"})
    assert asked == [Entry("laravel-database-laravel-cache-", ID)]


def test_the_file_driver_ends_a_session_by_the_time_of_the_file() -> None:
    assert verdict_of(FILE, COOKIE, 8000, lambda _: (PAYLOAD, 1000.0)) == LegacySession(
        "main", ID, "42", {"intended": "/x"}, expires_at=8200
    )
    assert verdict_of(FILE, COOKIE, 8201, lambda _: (PAYLOAD, 1000.0)) == Anonymous("expired")


def test_sessions_may_be_json_and_encrypted() -> None:
    document = json.dumps({login_key(): 7}).encode()
    assert verdict_of(REDIS, COOKIE, 0, lambda _: (document,)) == LegacySession("main", ID, "7")
    sealed = WRITTEN["aes-256-cbc"].encode()  # encrypted, but no session
    assert verdict_of(REDIS, COOKIE, 0, lambda _: (sealed,)) == Undetermined("unreadable")


def test_a_session_of_nobody() -> None:
    assert verdict_of(REDIS, COOKIE, 0, lambda _: (b'a:1:{s:6:"_token";s:1:"x";}',)) == Anonymous("no_user")
    assert verdict_of(REDIS, COOKIE, 0) == Anonymous("gone")
    assert verdict_of(REDIS, {}, 0) == Anonymous("absent")


def no_row(_: Query) -> Row | None:
    raise AssertionError("a cookie that no secret fits asks for nothing")


@pytest.mark.parametrize(
    ("cipher", "name"),
    [("aes-256-cbc", name) for name in ("iv", "value", "mac", "tag")]
    + [("aes-256-gcm", name) for name in ("iv", "value", "tag")],
)
def test_a_cookie_that_was_changed_anywhere_is_nobodys(cipher: str, name: str) -> None:
    sealed = json.loads(base64.b64decode(WRITTEN[cipher]))
    sealed[name] = ("A" if sealed[name][:1] != "A" else "B") + sealed[name][1:] if sealed[name] else "AAAA"
    cookie = base64.b64encode(json.dumps(sealed).encode())
    assert verdict_of(CODEC, {b"laravel_session": cookie}, 0, no_row) == Anonymous("bad_signature")
    assert CODEC.locate({b"laravel_session": cookie}) == ""


@pytest.mark.parametrize("cookie", [b"x", b"%zz", b"e30=", b"bnVsbA==", b"eyJpdiI6MX0=", b"eyJpdiI6IsOpIn0="])
def test_what_laravel_never_writes_is_nobodys(cookie: bytes) -> None:
    assert verdict_of(CODEC, {b"laravel_session": cookie}, 0, no_row) == Anonymous("bad_signature")


def test_another_cookie_of_the_application_is_no_session() -> None:
    """Laravel begins each plain text with a MAC of the cookie's name (`CookieValuePrefix`)."""
    other = {b"XSRF-TOKEN": COOKIE[b"laravel_session"]}
    codec = dataclasses.replace(CODEC, cookie=b"XSRF-TOKEN")
    assert verdict_of(codec, other, 0, no_row) == Anonymous("bad_signature")


def test_the_mac_is_looked_at_before_anything_is_decrypted() -> None:
    sealed = json.loads(base64.b64decode(WRITTEN["aes-256-cbc"]))
    sealed["value"] = base64.b64encode(b"short").decode()  # no whole block: a cipher would complain
    assert find_decrypted(base64.b64encode(json.dumps(sealed).encode()), (KEY,)) is None
    sealed["mac"] = hmac.digest(KEY, (sealed["iv"] + sealed["value"]).encode(), "sha256").hex()
    assert find_decrypted(base64.b64encode(json.dumps(sealed).encode()), (KEY,)) is None
