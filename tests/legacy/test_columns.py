"""Sessions of one's own making: a column names the user, or a record of JSON does. And what a table of users adds."""

import base64
import hashlib
import json
from datetime import datetime
from zoneinfo import ZoneInfo

import pytest

from gateway.codec import Entry, Lookup, Query, Row, UserMapping
from gateway.legacy.columns import ColumnRecords, JsonRecords
from gateway.legacy.users import WithUsers
from gateway.model import Anonymous, LegacySession, Undetermined
from tests.legacy.reading import verdict_of

COOKIE = {b"sid": b"a%2Bb"}
CODEC = ColumnRecords(
    UserMapping("main", "user_id", {"plan": "plan"}), b"sid", "sessions", "token", expires="ends", date_form="seconds"
)


def test_a_column_names_the_user() -> None:
    asked: list[Query] = []

    def fetch(query: Query) -> Row:
        asked.append(query)
        return (100, 7, "gold")

    assert verdict_of(CODEC, COOKIE, 99, fetch) == LegacySession("main", "a+b", "7", {"plan": "gold"}, expires_at=100)
    assert asked == [Lookup("sessions", "token", "a+b", ("ends", "user_id", "plan"))]
    assert verdict_of(CODEC, COOKIE, 100, fetch) == Anonymous("expired")
    assert verdict_of(CODEC, COOKIE, 0) == Anonymous("gone")
    assert verdict_of(CODEC, {}, 0) == Anonymous("absent")


@pytest.mark.parametrize(
    ("form", "value", "ends"),
    [
        ("seconds", 12, 12.0),
        ("milliseconds", 12000, 12.0),
        ("date", "1970-01-01 01:00:12", 12.0),
        ("date", datetime.fromisoformat("1970-01-01T01:00:12"), 12.0),
        ("date", None, None),
    ],
)
def test_how_a_column_says_when_a_session_ends(form: str, value: object, ends: float | None) -> None:
    codec = ColumnRecords(
        UserMapping("main", "user_id"),
        b"sid",
        "sessions",
        "id",
        expires="ends",
        date_form=form,  # type: ignore[arg-type]
        zone=ZoneInfo("Europe/Berlin"),
    )
    assert verdict_of(codec, COOKIE, 0, lambda _: (value, 7)) == LegacySession("main", "a+b", "7", expires_at=ends)


def test_a_date_that_is_none_is_unreadable() -> None:
    assert verdict_of(CODEC, COOKIE, 0, lambda _: ("soon", 7, None)) == Undetermined("unreadable")


@pytest.mark.parametrize(
    ("form", "cookie", "key"),
    [
        ("plain", b"abc", "abc"),
        ("sha256", b"abc", hashlib.sha256(b"abc").hexdigest()),
        ("base64", base64.b64encode(b"abc"), "abc"),
        ("base64", b"%%", ""),
        ("plain", b"a b", ""),
        ("plain", b"\xff", ""),
        ("plain", b"x" * 257, ""),
    ],
)
def test_how_a_key_is_made_from_a_cookie(form: str, cookie: bytes, key: str) -> None:
    codec = JsonRecords(UserMapping("main", "user.id"), b"sid", "sess:", form)  # type: ignore[arg-type]
    assert codec.locate({b"sid": cookie}) == key


def test_a_record_of_json_names_the_user() -> None:
    asked: list[Query] = []

    def fetch(query: Query) -> Row:
        asked.append(query)
        return (json.dumps({"user": {"id": 7}}).encode(),)

    codec = JsonRecords(UserMapping("main", "user.id"), b"sid", "sess:")
    assert verdict_of(codec, COOKIE, 0, fetch) == LegacySession("main", "a+b", "7")
    assert asked == [Entry("sess:", "a+b")]
    assert verdict_of(codec, COOKIE, 0) == Anonymous("gone")
    assert verdict_of(codec, COOKIE, 0, lambda _: (b"{",)) == Undetermined("unreadable")


# --- users ---

INNER = JsonRecords(UserMapping("main", "user", {"theme": "theme"}), b"sid", "sess:")
USERS = WithUsers(INNER, "main", "users", active="enabled", subject="uuid", claims={"roles": "role_list"})


def test_the_users_row_adds_claims_and_another_subject() -> None:
    asked: list[Query] = []

    def fetch(query: Query) -> Row:
        asked.append(query)
        return (b'{"user":7,"theme":"dark"}',) if isinstance(query, Entry) else (7, 1, "u-7", "admin")

    assert verdict_of(USERS, COOKIE, 0, fetch) == LegacySession(
        "main", "a+b", "u-7", {"theme": "dark", "roles": "admin"}, is_bound=True
    )
    assert asked[1] == Lookup("users", "id", "7", ("id", "enabled", "uuid", "role_list"))


@pytest.mark.parametrize("user", [None, (7, 0, "u-7", "admin")])
def test_a_user_who_is_gone_or_inactive_is_nobody(user: Row | None) -> None:
    verdict = verdict_of(USERS, COOKIE, 0, lambda query: (b'{"user":7}',) if isinstance(query, Entry) else user)
    assert verdict == Anonymous("not_bound")


def test_a_row_of_the_user_is_no_binding_where_the_application_looks_at_the_password() -> None:
    codec = WithUsers(INNER, "main", "users", is_binding=False)
    verdict = verdict_of(codec, COOKIE, 0, lambda query: (b'{"user":7}',) if isinstance(query, Entry) else (7,))
    assert verdict == LegacySession("main", "a+b", "7")


def test_what_is_anonymous_asks_for_no_user() -> None:
    def fetch(query: Query) -> Row | None:
        assert isinstance(query, Entry)
        return None

    assert verdict_of(USERS, COOKIE, 0, fetch) == Anonymous("gone")
    assert USERS.locate(COOKIE) == "a+b"
    assert USERS.locate({b"sid": b""}) != ""
