"""`doctor` looks into the places of sessions as a request would, with a key that nobody has."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from gateway.cli.session_checks import check_mints, check_places
from tests.servers import RedisServer, free_port
from tests.settings.samples import MINIMAL, settings_of

TABLES = """
CREATE TABLE django_session (session_key, session_data, expire_date);
CREATE TABLE auth_user (id, password, is_active);
CREATE TABLE sessions (id, session_id, sid, data, expiry, payload, last_activity, user_id, ends);
CREATE TABLE spring_session (session_id, principal_name, expiry_time);
CREATE TABLE users (id, is_active, roles);
"""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "app.db"
    with closing(sqlite3.connect(path)) as connection:
        connection.executescript(TABLES)
    return path


@pytest.fixture(scope="module")
def redis(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisServer]:
    with RedisServer(tmp_path_factory.mktemp("redis")) as server:
        yield server


def told(session: str) -> list[tuple[str, str, str]]:
    text = f"{MINIMAL}tokens: {{ trust_store_alone: true }}\nsessions: [{{ name: main, {session} }}]\n"
    outcomes = check_places(settings_of(text), {"KEY": "k" * 32})
    return [(outcome.what, str(outcome.state), outcome.sentence) for outcome in outcomes]


SECRET = "secrets: { env: KEY }"


@pytest.mark.parametrize(
    ("session", "tables"),
    [
        (f"format: django, {SECRET}", "django_session and auth_user"),
        (f"format: flask, {SECRET}", "sessions"),
        (f"format: laravel, {SECRET}", "sessions"),
        ("format: rails, cookies: [_a]", "sessions"),
        (f"format: rails, cookies: [a], {SECRET}, options: {{ store: authentication }}", "sessions"),
        ("format: spring", "spring_session"),
        ("format: columns, cookies: [a], options: { table: sessions, expires: ends }", "sessions"),
        (
            f"format: laravel, {SECRET}, users: {{ table: users, active: is_active, claims: {{ roles: roles }} }}",
            "sessions and users",
        ),
    ],
)
def test_tables_that_are_there(file: Path, session: str, tables: str) -> None:
    outcome = told(f"{session}, place: {{ sqlite: {{ file: '{file}' }} }}")
    assert outcome == [("sessions.main.place", "ok", f"it has {tables}")]


@pytest.mark.parametrize(
    "session",
    [
        "format: columns, cookies: [a], options: { table: none }",
        "format: columns, cookies: [a], options: { table: sessions, expires: none }",
        f"format: django, {SECRET}, options: {{ binding: {{ table: none }} }}",
        f"format: flask, {SECRET}, users: {{ table: users, active: none }}",
    ],
)
def test_a_table_or_column_that_is_not_there(file: Path, session: str) -> None:
    ((what, state, sentence),) = told(f"{session}, place: {{ sqlite: {{ file: '{file}' }} }}")
    assert (what, state) == ("sessions.main.place", "unreachable")
    assert "cannot be read. The place where sessions lie could not be reached" in sentence


@pytest.mark.parametrize(
    ("session", "prefix"),
    [
        (f"format: django, {SECRET}", ":1:django.contrib.sessions.cache"),
        (f"format: express, {SECRET}", "sess:"),
        (f"format: laravel, {SECRET}", "laravel-database-laravel-cache-"),
        ("format: php", "PHPREDIS_SESSION:"),
        ("format: spring", "spring:session:sessions:"),
        ("format: json_record, cookies: [a], options: { prefix: 's:' }", "s:"),
    ],
)
def test_entries_that_can_be_read(redis: RedisServer, session: str, prefix: str) -> None:
    outcome = told(f"{session}, place: {{ redis: {{ url: '{redis.url}' }} }}")
    assert outcome == [("sessions.main.place", "ok", f"it has entries like {prefix}…")]


def test_a_server_or_a_folder_that_is_not_there(tmp_path: Path) -> None:
    for place in (f"redis: {{ url: 'redis://127.0.0.1:{free_port()}' }}", f"file: {{ directory: '{tmp_path}/none' }}"):
        ((_, state, _),) = told(f"format: php, place: {{ {place} }}")
        assert state == "unreachable"


def test_an_address_that_is_not_there() -> None:
    ((_, state, sentence),) = told("format: php, place: { redis: { env: NONE } }")
    assert state == "finding"
    assert "NONE is not set" in sentence


def test_sessions_that_lie_nowhere_are_not_looked_for() -> None:
    assert told(f"format: starlette, {SECRET}, place: {{ cookie: {{}} }}") == []
    assert told("format: whoami, cookies: [a], place: { whoami: { url: 'http://127.0.0.1:1/' } }") == []


@pytest.mark.parametrize(("table", "state"), [("sessions", "ok"), ("nothing", "unreachable")])
def test_where_sessions_are_made_one_that_nobody_has_is_deleted(file: Path, table: str, state: str) -> None:
    place = f"place: {{ sqlite: {{ file: {file} }} }}"
    mint = f"mint: {{ session: {{ _user_id: '{{subject}}' }}, {place} }}"
    session = f"format: flask, {SECRET}, {place}, options: {{ table: {table} }}, bridge: mint, {mint}"
    text = f"{MINIMAL}tokens: {{ trust_store_alone: true }}\nsessions: [{{ name: main, {session} }}]\n"
    (outcome,) = check_mints(settings_of(text), {"KEY": "k" * 32})
    assert (outcome.what, str(outcome.state)) == ("sessions.main.mint.place", state)


def test_a_made_session_that_will_follow_none_is_told() -> None:
    place = f"place: {{ redis: {{ url: 'redis://127.0.0.1:{free_port()}' }} }}"
    mint = f"mint: {{ session: {{ _user_id: '{{subject}}' }}, {place} }}"
    session = f"format: flask, {SECRET}, {place}, bridge: mint, {mint}"
    text = f"{MINIMAL}tokens: {{ trust_store_alone: true }}\nsessions: [{{ name: main, {session} }}]\n"
    outcome, _ = check_mints(settings_of(text), {"KEY": "k" * 32})
    assert (outcome.what, str(outcome.state)) == ("sessions.main.bridge", "finding")
