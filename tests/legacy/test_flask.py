"""Cookies that a real Flask and Flask-Login wrote: our verdict is what they say themselves."""

import base64
import hashlib
import json
import uuid
from datetime import UTC, datetime
from pathlib import Path

import flask
import pytest
from flask.testing import FlaskClient
from itsdangerous import TimestampSigner

from gateway.codec import UserMapping
from gateway.legacy.flask import FlaskCookie
from gateway.model import Anonymous, LegacySession, Undetermined, Verdict
from tests.legacy.reading import verdict_of
from tests.legacy.real_flask import cookies_of, real_flask, who

USER = UserMapping("main", "_user_id")
CODEC = FlaskCookie(USER, (b"sekrit",))
MONTH = 31 * 86400.0


def now() -> float:
    return datetime.now(UTC).timestamp()


@pytest.fixture
def app() -> flask.Flask:
    return real_flask()


@pytest.fixture
def client(app: flask.Flask) -> FlaskClient:
    return app.test_client()


def session_of(verdict: Verdict) -> LegacySession:
    assert isinstance(verdict, LegacySession)
    return verdict


def test_a_session_that_flask_login_opened_is_its_users(client: FlaskClient) -> None:
    client.post("/login", data={"user": "42"})
    cookies = cookies_of(client)
    session = session_of(verdict_of(CODEC, cookies, now()))
    assert session.subject == "42" == who(client.application, cookies)
    assert session.expires_at is not None
    assert abs(session.expires_at - now() - MONTH) < 60
    assert not session.is_bound, "nobody asked the users table"


@pytest.mark.parametrize("user", ["ada@example.com", "a b", "Zoë", 'q"u;o,te'])
def test_a_user_id_may_hold_any_character(client: FlaskClient, user: str) -> None:
    client.post("/login", data={"user": user, "remember": "1"})
    cookies = cookies_of(client)
    assert session_of(verdict_of(CODEC, cookies, now())).subject == user
    del cookies[b"session"]
    assert session_of(verdict_of(CODEC, cookies, now())).subject == user


def test_logout_leaves_nobody(client: FlaskClient) -> None:
    client.post("/login", data={"user": "42"})
    client.post("/put", json={"cart": [1]})
    client.post("/logout")
    assert verdict_of(CODEC, cookies_of(client), now()) == Anonymous("no_user")


def test_the_remember_cookie_alone_is_a_signed_in_user(client: FlaskClient) -> None:
    client.post("/login", data={"user": "42", "remember": "1"})
    cookies = cookies_of(client)
    del cookies[b"session"]
    session = session_of(verdict_of(CODEC, cookies, now()))
    assert session.subject == "42" == who(client.application, cookies)
    assert session.expires_at is None


def test_the_remember_cookie_counts_beside_a_bad_session(client: FlaskClient) -> None:
    client.post("/login", data={"user": "42", "remember": "1"})
    cookies = cookies_of(client) | {b"session": b"forged.aaaaaa.bbbb"}
    assert session_of(verdict_of(CODEC, cookies, now())).subject == "42" == who(client.application, cookies)


def test_the_remember_cookie_does_not_count_after_flask_login_has_cleared_it(client: FlaskClient) -> None:
    client.post("/login", data={"user": "42", "remember": "1"})
    remember = cookies_of(client)[b"remember_token"]
    other = client.application.test_client()
    other.post("/put", json={"cart": [1]})
    serializer = flask.sessions.SecureCookieSessionInterface().get_signing_serializer(client.application)
    assert serializer is not None
    cookies = {b"session": str(serializer.dumps({"_remember": "clear"})).encode(), b"remember_token": remember}
    assert verdict_of(CODEC, cookies, now()) == Anonymous("no_user")
    assert who(client.application, cookies) == ""


@pytest.mark.parametrize("position", [0, -1])
def test_a_forged_remember_cookie_is_anonymous(client: FlaskClient, position: int) -> None:
    client.post("/login", data={"user": "42", "remember": "1"})
    token = bytearray(cookies_of(client)[b"remember_token"])
    token[position] ^= 1
    cookies = {b"remember_token": bytes(token)}
    assert verdict_of(CODEC, cookies, now()) == Anonymous("bad_signature")
    assert who(client.application, cookies) == ""


def test_the_golden_remember_cookie() -> None:
    vector = json.loads((Path(__file__).parent / "vectors.json").read_text())["flask_login"]
    codec = FlaskCookie(USER, (vector["SECRET_KEY"].encode(),))
    verdict = verdict_of(codec, {b"remember_token": vector["remember_token"].encode()}, 0)
    assert session_of(verdict).subject == "42"


def test_a_secret_that_is_not_latin_is_used_as_flask_login_uses_it() -> None:
    app = real_flask(SECRET_KEY="schlüssel")
    client = app.test_client()
    client.post("/login", data={"user": "42", "remember": "1"})
    cookies = cookies_of(client)
    codec = FlaskCookie(USER, ("schlüssel".encode(),))
    assert session_of(verdict_of(codec, cookies, now())).subject == "42"
    assert session_of(verdict_of(codec, {b"remember_token": cookies[b"remember_token"]}, now())).subject == "42"


def test_a_secret_of_bytes_is_used_as_it_is() -> None:
    secret = b"\xff\xfe\x00secret"
    app = real_flask(SECRET_KEY=secret)
    client = app.test_client()
    client.post("/login", data={"user": "42", "remember": "1"})
    cookies = cookies_of(client)
    del cookies[b"session"]
    assert session_of(verdict_of(FlaskCookie(USER, (secret,)), cookies, now())).subject == "42"


def test_where_flask_login_is_not_used_a_remember_cookie_means_nothing(client: FlaskClient) -> None:
    client.post("/login", data={"user": "42", "remember": "1"})
    cookies = cookies_of(client)
    del cookies[b"session"]
    codec = FlaskCookie(USER, (b"sekrit",), remember=b"")
    assert verdict_of(codec, cookies, now()) == Anonymous("absent")
    assert "remember" not in codec.description


def test_a_cookie_signed_with_a_fallback_secret_is_good() -> None:
    client = real_flask(SECRET_KEY="old").test_client()
    client.post("/login", data={"user": "42"})
    cookies = cookies_of(client)
    assert who(real_flask(SECRET_KEY="new", SECRET_KEY_FALLBACKS=["old"]), cookies) == "42"
    assert session_of(verdict_of(FlaskCookie(USER, (b"new", b"old")), cookies, now())).subject == "42"
    assert verdict_of(FlaskCookie(USER, (b"new",)), cookies, now()) == Anonymous("bad_signature")


@pytest.mark.parametrize(
    ("later", "verdict"),
    [(MONTH - 60, None), (MONTH + 60, Anonymous("expired")), (-30, None), (-3600, Anonymous("expired"))],
    ids=["good", "too old", "its clock is a little ahead", "of the future"],
)
def test_a_cookie_is_good_for_its_age(client: FlaskClient, later: float, verdict: Verdict | None) -> None:
    client.post("/login", data={"user": "42"})
    found = verdict_of(CODEC, cookies_of(client), now() + later)
    assert found == verdict if verdict else isinstance(found, LegacySession)


# --- the identity of a session ---


def test_flashed_messages_do_not_make_another_session(client: FlaskClient) -> None:
    client.post("/login", data={"user": "42", "permanent": "1"})
    before = session_of(verdict_of(CODEC, cookies_of(client), now()))
    client.post("/put", json={"_flashes": [["message", "Saved."]], "_fresh": False})
    after = session_of(verdict_of(CODEC, cookies_of(client), now()))
    assert before.key == after.key


def cookie_at(content: dict[str, object], when: int) -> dict[bytes, bytes]:
    """Sign as Flask does, at a chosen second."""

    class Signer(TimestampSigner):
        def get_timestamp(self) -> int:
            return when

    payload = base64.urlsafe_b64encode(json.dumps(content).encode()).rstrip(b"=")
    signer = Signer(b"sekrit", b"cookie-session", key_derivation="hmac", digest_method=hashlib.sha1)
    return {b"session": signer.sign(payload)}


def test_two_logins_of_one_user_are_two_sessions() -> None:
    first, second = (session_of(verdict_of(CODEC, cookie_at({"_user_id": "42"}, when), 1000)) for when in (900, 901))
    assert first.key != second.key
    assert (first.signed_at, second.signed_at) == (900, 901)


def test_a_permanent_session_stays_the_same_although_each_response_signs_it_anew() -> None:
    content: dict[str, object] = {"_user_id": "42", "_permanent": True}
    first, second = (session_of(verdict_of(CODEC, cookie_at(content, when), 1000)) for when in (900, 901))
    assert first.key == second.key


# --- what the payload may hold ---


def test_tagged_values_are_read_as_far_as_json_goes(client: FlaskClient) -> None:
    identifier = uuid.UUID(int=7)
    app = client.application
    serializer = flask.sessions.SecureCookieSessionInterface().get_signing_serializer(app)
    assert serializer is not None
    content = {
        "uid": identifier,
        "roles": ("admin", "staff"),
        "raw": b"\x01",
        "at": datetime(2026, 1, 1, tzinfo=UTC),
        "odd": {" t": [1]},
        "deep": {"list": [{"id": identifier, "at": 1}]},
    }
    cookies = {b"session": str(serializer.dumps(content)).encode()}
    mapping = UserMapping(
        "main", "uid", {"roles": "roles", "at": "at", "odd": "odd", "id": "deep.list.0.id", "raw": "raw"}
    )
    session = session_of(verdict_of(FlaskCookie(mapping, (b"sekrit",)), cookies, now()))
    assert session.subject == str(identifier)
    assert session.claims == {
        "roles": ["admin", "staff"],
        "at": "Thu, 01 Jan 2026 00:00:00 GMT",
        "odd": {" t": [1]},
        "id": str(identifier),
        "raw": "AQ==",
    }


def test_a_long_session_is_compressed_and_read_the_same(client: FlaskClient) -> None:
    client.post("/login", data={"user": "42"})
    client.post("/put", json={"cart": ["a thing"] * 100})
    cookies = cookies_of(client)
    assert cookies[b"session"].startswith(b".")
    assert session_of(verdict_of(CODEC, cookies, now())).subject == "42"


def raw(payload: bytes) -> dict[bytes, bytes]:
    signer = TimestampSigner(b"sekrit", b"cookie-session", key_derivation="hmac", digest_method=hashlib.sha1)
    return {b"session": signer.sign(payload)}


@pytest.mark.parametrize(
    "payload",
    [
        base64.urlsafe_b64encode(b"[1]"),
        base64.urlsafe_b64encode(b"{"),
        base64.urlsafe_b64encode(b'{"a":' + b"[" * 700 + b"]" * 700 + b"}"),
        b".AAAA",
        b"A",
    ],
    ids=["no object", "no JSON", "too deep", "no zlib", "no base64"],
)
def test_a_signed_session_that_cannot_be_read_is_undetermined(payload: bytes) -> None:
    assert verdict_of(CODEC, raw(payload), now()) == Undetermined("unreadable")


def test_a_time_that_no_calendar_has_is_undetermined() -> None:
    assert verdict_of(CODEC, cookie_at({"_user_id": "1"}, 1 << 60), now()) == Undetermined("unreadable")


def test_a_tag_that_is_none_stays_as_it_is() -> None:
    mapping = UserMapping("main", "user", {"id": "id"})
    cookies = cookie_at({"user": "42", "id": {" u": "no uuid"}}, 900)
    assert session_of(verdict_of(FlaskCookie(mapping, (b"sekrit",)), cookies, 1000)).claims == {"id": "no uuid"}


def test_there_is_nothing_to_fetch() -> None:
    assert CODEC.locate({b"session": b"x"}) == ""
    assert verdict_of(CODEC, {}, now()) == Anonymous("absent")
    assert "sekrit" not in repr(CODEC) + CODEC.description
