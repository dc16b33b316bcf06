"""Cookies that a real Rails 7.1 wrote, with its newer and older derivations, and records as its stores keep them."""

import base64
import dataclasses
import hashlib
import json

import pytest

from gateway.codec import Entry, Lookup, Query, Row, UserMapping, find_path
from gateway.formats.rails import DeviseBinding, derive_keys, find_encrypted, open_envelope
from gateway.legacy.rails import RailsCookie
from gateway.legacy.rails_records import RailsAuthentication, RailsRecords
from gateway.model import Anonymous, LegacySession, Undetermined
from tests.legacy.reading import verdict_of
from tests.legacy.vectors import VECTORS

WRITTEN = VECTORS["rails"]["vectors"]
KEYS = derive_keys((b"s" * 64,))
USER = UserMapping("main", "user_id", {"csrf": "_csrf_token"})
DEVISE = UserMapping("main", "warden.user.user.key.0.0")
CODEC = RailsCookie(USER, KEYS, b"_app_session")
VECTOR_NAMES = ["sha256_gcm_meta", "sha1_gcm_meta", "sha256_gcm_marshal", "sha1_cbc_marshal"]
MARSHAL = base64.b64decode(WRITTEN["marshal_b64"])


@pytest.mark.parametrize("name", VECTOR_NAMES)
@pytest.mark.parametrize("secrets", [(b"s" * 64,), (b"new" * 20, b"s" * 64)])
def test_an_encrypted_cookie_is_its_users(name: str, secrets: tuple[bytes, ...]) -> None:
    codec = dataclasses.replace(CODEC, keys=derive_keys(secrets), mapping=DEVISE)
    cookie = WRITTEN[name]["enc"].replace("/", "%2F").replace("+", "%2B").replace("=", "%3D").encode()
    verdict = verdict_of(codec, {b"_app_session": cookie}, 0)
    assert isinstance(verdict, LegacySession)
    assert verdict.subject == "42"


@pytest.mark.parametrize("name", VECTOR_NAMES)
def test_one_byte_more_or_less_is_nobodys(name: str) -> None:
    cookie = WRITTEN[name]["enc"].encode()
    for place in (0, 20, cookie.rindex(b"--") - 3, len(cookie) - 6):
        changed = bytearray(cookie)
        changed[place] = ord("A") if changed[place] != ord("A") else ord("B")
        assert verdict_of(CODEC, {b"_app_session": bytes(changed)}, 0) == Anonymous("bad_signature")
    assert verdict_of(CODEC, {b"_app_session": cookie[4:]}, 0) == Anonymous("bad_signature")


def test_a_cookie_that_was_made_for_another_name_does_not_count() -> None:
    cookie = WRITTEN["sha256_gcm_meta"]["enc"].encode()
    codec = dataclasses.replace(CODEC, cookie=b"_other_session")
    assert verdict_of(codec, {b"_other_session": cookie}, 0) == Anonymous("expired")


def test_an_envelope_tells_when_it_ends() -> None:
    message = base64.b64encode(b'{"user_id":7}').decode()
    envelope = {"_rails": {"message": message, "exp": "2026-01-01T00:00:00.000Z", "pur": "cookie.a"}}
    content = json.dumps(envelope).encode()
    assert open_envelope(content, "a", 1767225599) == {"user_id": 7}
    assert open_envelope(content, "a", 1767225600) is None
    assert open_envelope(content, "b", 0) is None


def test_no_cookie_and_no_user() -> None:
    assert verdict_of(CODEC, {}, 0) == Anonymous("absent")
    codec = dataclasses.replace(CODEC, mapping=UserMapping("main", "nobody"))
    assert verdict_of(codec, {b"_app_session": WRITTEN["sha256_gcm_meta"]["enc"].encode()}, 0) == Anonymous("no_user")


# --- stores ---


PRIVATE = "2::" + hashlib.sha256(b"0123456789abcdef0123456789abcdef").hexdigest()
SHOWN = {b"_app_session": b"0123456789abcdef0123456789abcdef"}


@pytest.mark.parametrize("data", [MARSHAL, b'{"warden.user.user.key":[[42],"$2a$12$abc"]}'], ids=["marshal", "json"])
def test_redis_knows_a_hash_of_the_cookie(data: bytes) -> None:
    asked: list[Query] = []

    def fetch(query: Query) -> Row | None:
        asked.append(query)
        return (data,)

    codec = RailsRecords(DEVISE, b"_app_session", prefix="session:")
    assert verdict_of(codec, SHOWN, 0, fetch) == LegacySession("main", SHOWN[b"_app_session"].decode(), "42")
    assert asked == [Entry("session:", PRIVATE)]


def test_records_from_before_lie_under_the_cookie_itself() -> None:
    def fetch(query: Query) -> Row | None:
        assert isinstance(query, Entry)
        return (MARSHAL,) if query.name == SHOWN[b"_app_session"].decode() else None

    codec = RailsRecords(DEVISE, b"_app_session", prefix="session:")
    assert isinstance(verdict_of(codec, SHOWN, 0, fetch), LegacySession)
    assert verdict_of(codec, SHOWN, 0) == Anonymous("gone")


@pytest.mark.parametrize(
    "data",
    [
        base64.encodebytes(MARSHAL).decode(),
        json.dumps({"value": {"warden.user.user.key": [[42], "$2a$12$abc"]}}),
    ],
    ids=["marshal", "json"],
)
def test_active_record_keeps_base64_or_json(data: str) -> None:
    codec = RailsRecords(DEVISE, b"_app_session", table="sessions")
    verdict = verdict_of(codec, SHOWN, 0, lambda _: (data,))
    assert isinstance(verdict, LegacySession)
    assert verdict.subject == "42"
    assert verdict_of(codec, SHOWN, 0, lambda _: (b"\xff",)) == Undetermined("unreadable")


# --- what Rails 8 generates ---


@pytest.mark.parametrize("name", VECTOR_NAMES)
def test_a_signed_cookie_is_the_number_of_a_row(name: str) -> None:
    asked: list[Query] = []

    def fetch(query: Query) -> Row | None:
        asked.append(query)
        return (5, "192.0.2.1")

    codec = RailsAuthentication(UserMapping("main", "user_id", {"ip": "ip_address"}), KEYS)
    cookies = {b"session_id": WRITTEN[name]["signed"].replace("=", "%3D").encode()}
    assert verdict_of(codec, cookies, 0, fetch) == LegacySession("main", "7", "5", {"ip": "192.0.2.1"})
    assert asked == [Lookup("sessions", "id", "7", ("user_id", "ip_address"))]
    assert codec.locate(cookies)
    assert verdict_of(codec, cookies, 0) == Anonymous("gone")


def test_a_signed_cookie_that_was_changed_asks_for_nothing() -> None:
    def fetch(_: Query) -> Row | None:
        raise AssertionError

    codec = RailsAuthentication(UserMapping("main", "user_id"), KEYS)
    cookies = {b"session_id": b"Nw==--" + b"0" * 40}
    assert verdict_of(codec, cookies, 0, fetch) == Anonymous("bad_signature")
    assert codec.locate(cookies) == ""
    assert verdict_of(codec, {}, 0, fetch) == Anonymous("absent")


# --- what Devise holds a session against ---

SALT = "$2a$12$abcdefghijklmnopqrstuv"
RECORD = json.dumps({"warden.user.user.key": [[42], SALT]}).encode()


@pytest.mark.parametrize(
    ("stored", "verdict"),
    [
        (SALT + "the rest", LegacySession("main", SHOWN[b"_app_session"].decode(), "42", is_bound=True)),
        ("$2a$12$another" + "x" * 40, Anonymous("not_bound")),
        ("", Anonymous("not_bound")),
        (None, Anonymous("not_bound")),
    ],
)
def test_a_session_from_before_a_change_of_password_is_nobodys(
    stored: str | None, verdict: LegacySession | Anonymous
) -> None:
    asked: list[Query] = []

    def fetch(query: Query) -> Row | None:
        asked.append(query)
        return (RECORD,) if isinstance(query, Entry) else (stored,)

    codec = RailsRecords(DEVISE, b"_app_session", prefix="session:", binding=DeviseBinding())
    assert verdict_of(codec, SHOWN, 0, fetch) == verdict
    assert asked[1] == Lookup("users", "id", "42", ("encrypted_password",))


def test_a_cookie_is_held_against_the_password_too() -> None:
    codec = RailsCookie(DEVISE, KEYS, b"_app_session", DeviseBinding())
    cookies = {b"_app_session": WRITTEN["sha256_gcm_meta"]["enc"].encode()}
    content = find_encrypted(cookies[b"_app_session"], KEYS)
    assert content is not None
    salt = find_path(open_envelope(content, "_app_session", 0), "warden.user.user.key.1")
    verdict = verdict_of(codec, cookies, 0, lambda _: (f"{salt}the rest",))
    assert isinstance(verdict, LegacySession)
    assert verdict.is_bound
    assert verdict_of(codec, cookies, 0, lambda _: ("another" * 9,)) == Anonymous("not_bound")
    assert len(codec.locate(cookies)) == 64
    assert codec.locate({b"_app_session": b"x"}) == ""


def test_a_session_without_a_whole_salt_says_nothing() -> None:
    codec = RailsCookie(DEVISE, KEYS, b"_app_session", DeviseBinding(salt="user_id"))
    cookies = {b"_app_session": WRITTEN["sha256_gcm_meta"]["enc"].encode()}
    assert verdict_of(codec, cookies, 0, lambda _: ("x" * 60,)) == Undetermined("unreadable")
