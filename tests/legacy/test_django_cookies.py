"""Sessions in a cookie signed by a real Django."""

from collections.abc import Iterator
from datetime import UTC, datetime

import pytest

from gateway.codec import Query, Row, UserMapping
from gateway.formats.django import Binding
from gateway.legacy.django import DjangoSignedCookies
from gateway.model import Anonymous, LegacySession, Undetermined, Verdict
from tests.legacy.reading import rows_of, verdict_of
from tests.legacy.real_django import RealDjango

USER = UserMapping("main", "_auth_user_id")
CODEC = DjangoSignedCookies(USER, (b"a secret",))
BOUND = DjangoSignedCookies(USER, (b"a secret",), binding=Binding())


@pytest.fixture(scope="module")
def django(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RealDjango]:
    database = tmp_path_factory.mktemp("django") / "app.db"
    app = RealDjango(database, SESSION_ENGINE="django.contrib.sessions.backends.signed_cookies")
    yield app
    app.close()


def present() -> float:
    """What the framework itself takes for the time; it has no clock to set."""
    return datetime.now(UTC).timestamp()


def read(cookie: str, codec: DjangoSignedCookies = CODEC, now: float | None = None) -> Verdict:
    now = present() if now is None else now
    return verdict_of(codec, {b"sessionid": cookie.encode()}, now)


def test_a_cookie_that_django_signed_is_its_users(django: RealDjango) -> None:
    cookie = django.log_in("ada", cart=list(range(50)))
    verdict = read(cookie)
    assert isinstance(verdict, LegacySession)
    assert verdict.subject == django.who(cookie) == "1"
    assert verdict.signed_at is not None
    assert abs(verdict.signed_at - present()) < 60
    assert verdict.expires_at == verdict.signed_at + 14 * 86400


def test_it_is_good_for_its_age_and_no_longer(django: RealDjango) -> None:
    cookie = django.log_in()
    assert isinstance(read(cookie, now=present() + 14 * 86400 - 60), LegacySession)
    assert read(cookie, now=present() + 14 * 86400 + 60) == Anonymous("expired")


@pytest.mark.parametrize("position", [0, 20, -20, -1])
def test_a_tampered_cookie_is_anonymous_to_both(django: RealDjango, position: int) -> None:
    cookie = bytearray(django.log_in().encode())
    cookie[position] = ord("A") if cookie[position] != ord("A") else ord("E")
    assert read(cookie.decode()) == Anonymous("bad_signature")
    assert django.who(cookie.decode()) == ""


def test_the_password_is_checked_where_a_binding_is_configured(django: RealDjango) -> None:
    cookie = django.log_in("grace")
    shown = {b"sessionid": cookie.encode()}
    verdict = verdict_of(BOUND, shown, present(), rows_of(django.database))
    assert isinstance(verdict, LegacySession)
    assert verdict.is_bound
    django.do("set", user="grace", password="another")
    assert verdict_of(BOUND, shown, present(), rows_of(django.database)) == Anonymous("not_bound")
    assert django.who(cookie) == ""


def test_two_sessions_of_one_user_are_told_apart_by_when_they_were_signed(django: RealDjango) -> None:
    from django.core.signing import Signer

    payload = django.log_in().split(":")[0]
    keys = []
    for timestamp in ("1xVOAo", "1xVOAp"):
        signer = Signer(key="a secret", salt=CODEC.salt.decode(), fallback_keys=[])
        cookie = signer.sign(f"{payload}:{timestamp}")
        for codec in (CODEC, DjangoSignedCookies(USER, (b"a secret",), is_sliding=True)):
            verdict = read(cookie, codec, now=1_770_000_000)
            assert isinstance(verdict, LegacySession)
            keys.append(verdict.key)
    assert keys[0] != keys[2], "signed again means: another session"
    assert keys[1] == keys[3], "unless the application signs with every response"


def test_only_the_users_row_is_worth_sharing() -> None:
    assert CODEC.locate({b"sessionid": b"x"}) == ""
    assert BOUND.locate({b"sessionid": b"x"}) != BOUND.locate({b"sessionid": b"y"})


def test_no_secret_is_shown() -> None:
    assert "a secret" not in repr(CODEC) + CODEC.description


def test_no_cookie_is_no_session() -> None:
    assert verdict_of(CODEC, {}, present()) == Anonymous("absent")


def test_a_timestamp_that_is_none_is_undetermined() -> None:
    from django.core.signing import Signer

    signer = Signer(key="a secret", salt=CODEC.salt.decode(), fallback_keys=[])
    assert read(signer.sign("e30:§")) == Undetermined("unreadable")
    assert read(signer.sign("e30:1xVOAo1xVOAo")) == Undetermined("unreadable")


def test_a_binding_asks_for_one_row_and_no_more() -> None:
    asked: list[Query] = []

    def fetch(query: Query) -> Row | None:
        asked.append(query)
        return None

    verdict_of(BOUND, {b"sessionid": b"forged:1xVOAo:x"}, present(), fetch)
    assert asked == []
