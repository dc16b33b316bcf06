"""Records that a real Flask-Session wrote to Redis and to a SQL table, with Flask-Login beside it."""

import pickle
import warnings
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import flask
import msgpack
import pytest
import redis
from flask.testing import FlaskClient
from flask_session import Session
from flask_sqlalchemy import SQLAlchemy

from gateway.codec import Row, UserMapping
from gateway.legacy.flask_session import FlaskSessionRecords
from gateway.model import Anonymous, LegacySession, Undetermined
from tests.legacy.reading import Fetch, entries_of, rows_of, verdict_of
from tests.legacy.real_flask import cookies_of, real_flask, who
from tests.servers import RedisServer

USER = UserMapping("main", "_user_id", {"cart": "cart"})
REDIS = FlaskSessionRecords(USER, (b"sekrit",))
TABLE = FlaskSessionRecords(USER, (b"sekrit",), table="sessions")
SIGNED = FlaskSessionRecords(USER, (b"sekrit",), is_signed=True)


def present() -> float:
    """What the framework itself takes for the time; it has no clock to set."""
    return datetime.now(UTC).timestamp()


def on_redis(server: RedisServer, **config: object) -> Iterator[FlaskClient]:
    connection = redis.Redis.from_url(server.url)
    app = real_flask(SESSION_TYPE="redis", SESSION_REDIS=connection, **config)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # SESSION_USE_SIGNER is, and is read all the same
        Session(app)
    yield app.test_client()
    connection.close()


@pytest.fixture(params=["msgpack", "json"])
def client(request: pytest.FixtureRequest, frameworks_redis: RedisServer) -> Iterator[FlaskClient]:
    yield from on_redis(frameworks_redis, SESSION_SERIALIZATION_FORMAT=request.param)


@pytest.fixture
def signing(frameworks_redis: RedisServer) -> Iterator[FlaskClient]:
    yield from on_redis(frameworks_redis, SESSION_USE_SIGNER=True)


@pytest.fixture
def fetch(frameworks_redis: RedisServer) -> Fetch:
    return entries_of(frameworks_redis)


def test_from_login_to_logout(client: FlaskClient, fetch: Fetch) -> None:
    client.post("/login", data={"user": "42"})
    client.post("/put", json={"cart": [1, 2]})
    cookies = cookies_of(client)
    verdict = verdict_of(REDIS, cookies, present(), fetch)
    assert verdict == LegacySession("main", REDIS.locate(cookies), "42", {"cart": [1, 2]})
    assert who(client.application, cookies) == "42"
    client.post("/logout")
    assert verdict_of(REDIS, cookies, present(), fetch) == Anonymous("no_user")
    assert who(client.application, cookies) == ""


def test_a_key_that_nobody_knows(fetch: Fetch) -> None:
    assert verdict_of(REDIS, {b"session": b"x" * 43}, present(), fetch) == Anonymous("gone")


def test_a_signed_key(signing: FlaskClient, fetch: Fetch) -> None:
    signing.post("/login", data={"user": "42"})
    cookies = cookies_of(signing)
    assert isinstance(verdict_of(SIGNED, cookies, present(), fetch), LegacySession)
    cookies[b"session"] = cookies[b"session"][:-1] + (b"A" if cookies[b"session"][-1:] != b"A" else b"E")
    assert verdict_of(SIGNED, cookies, present(), no_row) == Anonymous("bad_signature")
    assert SIGNED.locate(cookies) == ""


def no_row(_: object) -> Row | None:
    raise AssertionError("it asks for nothing")


def test_the_remember_cookie_alone_is_a_signed_in_user(client: FlaskClient, fetch: Fetch) -> None:
    client.post("/login", data={"user": "42", "remember": "1"})
    cookies = cookies_of(client)
    located = REDIS.locate(cookies)
    del cookies[b"session"]
    verdict = verdict_of(REDIS, cookies, present(), no_row)
    assert isinstance(verdict, LegacySession)
    assert verdict.subject == who(client.application, cookies) == "42"
    assert located != REDIS.locate({b"session": b"x"})
    client.post("/logout")
    assert verdict_of(REDIS, cookies_of(client), present(), fetch) == Anonymous("absent")


def test_a_sql_table(tmp_path: Path) -> None:
    database = tmp_path / "app.db"
    app = real_flask(SQLALCHEMY_DATABASE_URI=f"sqlite:///{database}")
    tables = SQLAlchemy(app)
    app.config |= {"SESSION_TYPE": "sqlalchemy", "SESSION_SQLALCHEMY": tables}
    with app.app_context():
        Session(app)
        tables.create_all()
    client = app.test_client()
    client.post("/login", data={"user": "42"})
    cookies = cookies_of(client)
    verdict = verdict_of(TABLE, cookies, present(), rows_of(database))
    assert isinstance(verdict, LegacySession)
    assert verdict.subject == who(app, cookies) == "42"
    assert verdict.expires_at is not None
    assert abs(verdict.expires_at - present() - 31 * 86400) < 60
    assert verdict_of(TABLE, cookies, verdict.expires_at + 60, rows_of(database)) == Anonymous("expired")
    with app.app_context():
        tables.engine.dispose()


@pytest.mark.parametrize(
    ("data", "verdict"),
    [
        (pickle.dumps({"_user_id": "7"}), "7"),
        (msgpack.packb({"_user_id": 7}), "7"),
        (msgpack.packb({}), Anonymous("no_user")),
        (msgpack.packb({"_user_id": b"7"}), Undetermined("unreadable")),
        (msgpack.packb({"_user_id": msgpack.ExtType(1, b"7")}), Undetermined("unreadable")),
        (msgpack.packb([1]), Undetermined("unreadable")),
        (b"\x81\xa8_user_id", Undetermined("unreadable")),
        (b"", Undetermined("unreadable")),
        (pickle.dumps({"_user_id": UserMapping}), Undetermined("unreadable")),
    ],
)
def test_what_a_record_may_hold(data: bytes, verdict: str | Anonymous | Undetermined) -> None:
    read = verdict_of(REDIS, {b"session": b"x" * 43}, 0, lambda _: (data,))
    assert (read.subject if isinstance(read, LegacySession) else read) == verdict


def test_no_cookie() -> None:
    assert verdict_of(REDIS, {}, 0, no_row) == Anonymous("absent")
    assert verdict_of(REDIS, {b"session": b"../../x"}, 0, no_row) == Anonymous("absent")


def test_flask_itself_is_of_the_same_opinion_about_its_own_name() -> None:
    assert flask.Flask("app").config["SESSION_COOKIE_NAME"] == REDIS.cookie.decode()
