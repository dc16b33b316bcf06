"""Rows of `django_session` that a real Django wrote: our verdict is what Django itself says."""

import base64
import json
import zlib
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from gateway.codec import Lookup, Query, Row, UserMapping
from gateway.formats.django import Binding
from gateway.legacy.django import DjangoDatabase
from gateway.model import Anonymous, LegacySession, Undetermined, Verdict
from tests.legacy.reading import Fetch, rows_of, verdict_of
from tests.legacy.real_django import RealDjango

USER = UserMapping("main", "_auth_user_id")


def present() -> float:
    """What the framework itself takes for the time; it has no clock to set."""
    return datetime.now(UTC).timestamp()


SECRETS = (b"a secret",)
CODEC = DjangoDatabase(USER, SECRETS, binding=Binding())

# Written by Django 3.0.14 with the secret "a secret".
ROW_OF_DJANGO_3_0 = (
    "MDA5NjY5MWNmMTQyZjc1NGU5ZmI5OGQxNmExNGJiY2ExNDM4M2IxZDp7Il9hdXRoX3VzZXJfaWQiOiIxIiwiX2F1dGhfdXNlcl9iYWNrZW5kIjoi"
    "ZGphbmdvLmNvbnRyaWIuYXV0aC5iYWNrZW5kcy5Nb2RlbEJhY2tlbmQiLCJfYXV0aF91c2VyX2hhc2giOiI5ZWVjZTM0ZjVkYWQ4NWY1YWE4NWM2"
    "Nzk3MWFlZDQyOTNlM2Q1MTlmIn0="
)
PASSWORD_OF_DJANGO_3_0 = "md5$rX82toZ7Mfmo$5f8f11c4f52b664e076b48716d8b4f84"


@pytest.fixture(scope="module")
def django(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RealDjango]:
    app = RealDjango(tmp_path_factory.mktemp("django") / "app.db")
    yield app
    app.close()


@pytest.fixture
def read(django: RealDjango) -> Callable[[str], Verdict]:
    return lambda cookie: verdict_of(CODEC, {b"sessionid": cookie.encode()}, present(), rows_of(django.database))


def test_a_session_that_django_opened_is_its_users(django: RealDjango, read: Callable[[str], Verdict]) -> None:
    cookie = django.log_in("ada")
    verdict = read(cookie)
    assert isinstance(verdict, LegacySession)
    assert (verdict.site, verdict.key, verdict.subject) == ("main", cookie, django.who(cookie))
    assert verdict.is_bound
    assert verdict.expires_at is not None
    assert abs(verdict.expires_at - present() - 14 * 86400) < 60


def test_a_long_session_is_stored_compressed_and_read_the_same(
    django: RealDjango, read: Callable[[str], Verdict]
) -> None:
    cookie = django.log_in("ada", cart=["a thing"] * 200)
    assert isinstance(read(cookie), LegacySession)


def test_a_visitor_who_never_signed_in_is_anonymous(django: RealDjango, read: Callable[[str], Verdict]) -> None:
    assert read(django.do("visit", session={"cart": [1]})) == Anonymous("no_user")


def test_after_logout_the_row_is_gone(django: RealDjango, read: Callable[[str], Verdict]) -> None:
    cookie = django.log_in("ada")
    django.do("log_out", cookie=cookie)
    assert read(cookie) == Anonymous("gone")


def test_an_expired_row_is_nobodys_although_it_is_still_there(
    django: RealDjango, read: Callable[[str], Verdict]
) -> None:
    cookie = django.log_in("ada")
    django.do("expire", cookie=cookie)
    assert read(cookie) == Anonymous("expired")
    assert django.who(cookie) == ""


@pytest.mark.parametrize(
    ("user", "change"),
    [
        ("grace", {"password": "another"}),
        ("joan", {"is_active": False}),
    ],
)
def test_a_session_that_the_application_would_refuse_is_not_bound(
    django: RealDjango, read: Callable[[str], Verdict], user: str, change: dict[str, object]
) -> None:
    cookie = django.log_in(user)
    assert isinstance(read(cookie), LegacySession)
    django.do("set", user=user, **change)
    assert read(cookie) == Anonymous("not_bound")
    assert django.who(cookie) == ""


def test_a_deleted_user_is_nobody(django: RealDjango, read: Callable[[str], Verdict]) -> None:
    cookie = django.log_in("mary")
    django.do("delete", user="mary")
    assert read(cookie) == Anonymous("not_bound")


def test_without_a_binding_the_store_alone_is_believed(django: RealDjango) -> None:
    cookie = django.log_in("edith")
    django.do("set", user="edith", password="another")
    verdict = verdict_of(
        DjangoDatabase(USER, SECRETS), {b"sessionid": cookie.encode()}, present(), rows_of(django.database)
    )
    assert isinstance(verdict, LegacySession)
    assert not verdict.is_bound


def test_a_session_signed_with_a_fallback_secret_is_good(tmp_path: Path) -> None:
    """Django goes on accepting them after SECRET_KEY has changed; with the new secret alone we do not."""
    before = RealDjango(tmp_path / "app.db", SECRET_KEY="old")
    cookie = before.log_in()
    before.close()
    after = RealDjango(tmp_path / "app.db", SECRET_KEY="new", SECRET_KEY_FALLBACKS=["older", "old"])
    fetch = rows_of(after.database)
    shown = {b"sessionid": cookie.encode()}

    verdict = verdict_of(DjangoDatabase(USER, (b"new", b"older", b"old"), binding=Binding()), shown, present(), fetch)
    assert isinstance(verdict, LegacySession)
    assert verdict_of(DjangoDatabase(USER, (b"new",)), shown, present(), fetch) == Anonymous("bad_signature")
    assert after.who(cookie) == verdict.subject
    after.close()


def test_dates_without_a_zone_are_in_the_applications_own(tmp_path: Path) -> None:
    app = RealDjango(tmp_path / "app.db", USE_TZ=False, TIME_ZONE="Asia/Tokyo")
    cookie = app.log_in()
    app.close()
    codec = DjangoDatabase(USER, SECRETS, zone=ZoneInfo("Asia/Tokyo"))
    verdict = verdict_of(codec, {b"sessionid": cookie.encode()}, present(), rows_of(app.database))
    assert isinstance(verdict, LegacySession)
    assert verdict.expires_at is not None
    assert abs(verdict.expires_at - present() - 14 * 86400) < 60


def test_claims_come_from_the_session(django: RealDjango) -> None:
    cookie = django.log_in("ada", profile={"roles": ["admin", "staff"]}, plan=None)
    mapping = UserMapping(
        "main", "_auth_user_id", {"roles": "profile.roles", "first": "profile.roles.0", "plan": "plan"}
    )
    verdict = verdict_of(
        DjangoDatabase(mapping, SECRETS), {b"sessionid": cookie.encode()}, present(), rows_of(django.database)
    )
    assert isinstance(verdict, LegacySession)
    assert verdict.claims == {"roles": ["admin", "staff"], "first": "admin"}


# --- rows that no Django of today writes ---


def only(*row: object) -> Fetch:
    return lambda query: row if isinstance(query, Lookup) and query.table == "django_session" else None


def test_a_row_from_before_django_3_1_is_read() -> None:
    def fetch(query: Query) -> Row | None:
        account = (PASSWORD_OF_DJANGO_3_0, 1)
        return (
            account
            if isinstance(query, Lookup) and query.table == "auth_user"
            else (ROW_OF_DJANGO_3_0, "2999-01-01 00:00:00")
        )

    verdict = verdict_of(CODEC, {b"sessionid": b"238qyh0lxlb1ohy6tg4oudnp9068vfk2"}, present(), fetch)
    assert isinstance(verdict, LegacySession)
    assert (verdict.subject, verdict.is_bound) == ("1", True)


@pytest.mark.parametrize(
    ("text", "verdict"),
    [
        (base64.b64encode(b"0" * 40 + b':{"_auth_user_id":"1"}').decode(), Anonymous("bad_signature")),
        ("AAAAA", Undetermined("unreadable")),
        ("eyJhIjoxfQ:1abc:" + "A" * 43, Anonymous("bad_signature")),
        ("é:1abc:x", Anonymous("bad_signature")),
        ("x" * 300_000, Undetermined("unreadable")),
        (b"\x80\x04}\x94.", Undetermined("unreadable")),
        (None, Undetermined("unreadable")),
    ],
    ids=["forged old row", "no base64", "forged", "no ASCII", "too large", "pickle", "null"],
)
def test_what_carries_no_good_signature_is_never_opened(text: object, verdict: Verdict) -> None:
    assert verdict_of(CODEC, {b"sessionid": b"0123456789abcdef"}, present(), only(text, "2999-01-01")) == verdict


def signed(payload: bytes, timestamp: str = "1abcde") -> str:
    """Sign as Django does, whatever the payload is."""
    from django.core.signing import Signer

    salt = "django.contrib.sessions.SessionStore"
    return str(Signer(key="a secret", salt=salt, fallback_keys=[]).sign(f"{payload.decode()}:{timestamp}"))


def packed(data: bytes) -> bytes:
    return b"." + base64.urlsafe_b64encode(zlib.compress(data)).rstrip(b"=")


@pytest.mark.parametrize(
    "payload",
    [
        packed(b'{"a":"' + b"x" * 2_000_000 + b'"}'),
        packed(b"not JSON"),
        packed(b"[" * 100_000),
        packed(b"[1]"),
        packed(b'{"_auth_user_id": {"id": 1}}'),
        packed(b'{"_auth_user_id": true}'),
        packed(b'{"_auth_user_id": "\\ud800"}'),
        packed(json.dumps({"_auth_user_id": "x" * 256}).encode()),
        packed(b'{"_auth_user_id": "1"}')[:-8],
        b".bm90IHpsaWI",
        b"A",
    ],
    ids=[
        "zip bomb", "no JSON", "too deep", "no object", "object", "boolean", "no Unicode", "too long", "cut",
        "no zlib", "no base64",
    ],
)  # fmt: skip
def test_a_signed_session_that_cannot_be_read_is_undetermined(payload: bytes) -> None:
    row = only(signed(payload), "2999-01-01 00:00:00")
    assert verdict_of(CODEC, {b"sessionid": b"0123456789abcdef"}, present(), row) == Undetermined("unreadable")


@pytest.mark.parametrize("date", ["tomorrow", None, 17, "0001-01-01 00:00:00+23:59"])
def test_a_date_that_is_none_is_undetermined(date: object) -> None:
    row = only(signed(packed(b'{"_auth_user_id": "1"}')), date)
    verdict = verdict_of(CODEC, {b"sessionid": b"0123456789abcdef"}, present(), row)
    assert verdict in (Undetermined("unreadable"), Anonymous("expired"))


def test_dates_may_be_dates_already() -> None:
    """PostgreSQL's drivers return them so."""
    later = present() + 60
    row = only(signed(packed(b'{"_auth_user_id": 7}')), datetime.fromtimestamp(later, UTC))
    verdict = verdict_of(DjangoDatabase(USER, SECRETS), {b"sessionid": b"0123456789abcdef"}, present(), row)
    assert verdict == LegacySession("main", "0123456789abcdef", "7", expires_at=later)


@pytest.mark.parametrize("cookie", [b"", b"short", b"x" * 41, b"with space here", b"sp\xc3\xa9cial-cookie", b'""'])
def test_a_cookie_that_cannot_be_a_key_is_no_session_and_asks_for_nothing(cookie: bytes) -> None:
    def fetch(query: Query) -> Row | None:
        raise AssertionError

    assert verdict_of(CODEC, {b"sessionid": cookie}, present(), fetch) == Anonymous("absent")
    assert CODEC.locate({b"sessionid": cookie}) == ""


def test_the_session_key_names_what_is_fetched() -> None:
    assert CODEC.locate({b"sessionid": b"0123456789abcdef"}) == "0123456789abcdef"
    assert CODEC.locate({b"sessionid": b'"0123456789abcdef"'}) == "0123456789abcdef"


# --- binding ---


@pytest.mark.parametrize(
    ("binding", "row", "holds"),
    [
        (Binding(), (PASSWORD_OF_DJANGO_3_0, 1), True),
        (Binding(), (PASSWORD_OF_DJANGO_3_0, 0), False),
        (Binding(active=""), (PASSWORD_OF_DJANGO_3_0,), True),
        (Binding(), (None, 1), False),
        (Binding(), None, False),
    ],
)
def test_a_binding_holds_for_an_active_user_with_the_same_password(
    binding: Binding, row: Row | None, holds: bool
) -> None:
    shown = "9eece34f5dad85f5aa85c67971aed4293e3d519f"
    assert binding.holds(row, shown, SECRETS) is holds
    assert not binding.holds(row, None, SECRETS)


def test_a_user_is_looked_up_by_the_column_that_is_configured() -> None:
    key = "6f1c1c8e-9a8a-4f2f-8d2e-0123456789ab"
    assert Binding(hex_keys=True).lookup(key).value == key.replace("-", "")
    assert Binding(table="accounts", key="uuid", active="").lookup(key) == Lookup(
        "accounts", "uuid", key, ("password",)
    )


def test_no_secret_is_shown() -> None:
    assert "a secret" not in repr(CODEC) + CODEC.description
