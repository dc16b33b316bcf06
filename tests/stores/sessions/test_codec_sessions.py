"""A codec over a place: the sessions of a real Django and a real Flask, resolved as the gateway does."""

import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from gateway.codec import Query, Row, UserMapping
from gateway.formats.django import Binding
from gateway.legacy.django import DjangoDatabase, DjangoSignedCookies
from gateway.legacy.flask import FlaskCookie
from gateway.model import Anonymous, LegacySession, SessionCookie, Undetermined
from gateway.stores.sessions import CodecSessions, PlaceUnavailable
from gateway.stores.sessions_cookie import NoPlace
from gateway.stores.sessions_sqlite import SQLitePlace
from gateway.stores.sessions_stale import StaleCodecGuard
from tests.legacy.real_django import RealDjango
from tests.legacy.real_flask import cookies_of, real_flask
from tests.stores.sessions.stepping import step_by_hand

DJANGO = DjangoDatabase(UserMapping("main", "_auth_user_id"), (b"a secret",), binding=Binding())


def shown(value: str, name: bytes = b"sessionid") -> SessionCookie:
    return SessionCookie("main", ((name, value.encode()),))


@pytest.fixture(scope="module")
def django(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RealDjango]:
    app = RealDjango(tmp_path_factory.mktemp("django") / "app.db")
    yield app
    app.close()


@pytest.fixture
def sessions(django: RealDjango) -> Iterator[CodecSessions]:
    place = SQLitePlace(django.database)
    yield CodecSessions(DJANGO, place, StaleCodecGuard())
    place.close()


async def test_from_login_to_logout(django: RealDjango, sessions: CodecSessions) -> None:
    cookie = django.log_in("ada")
    session = await sessions.resolve(shown(cookie), time.time())
    assert isinstance(session, LegacySession)
    assert (session.subject, session.is_bound) == (django.who(cookie), True)
    django.do("log_out", cookie=cookie)
    sessions.forget(session)
    assert await sessions.resolve(shown(cookie), time.time(), fresh=True) == Anonymous("gone")


async def test_a_story_that_is_stepped_by_hand_may_await_it(django: RealDjango, sessions: CodecSessions) -> None:
    verdict = await step_by_hand(sessions.resolve(shown(django.log_in()), time.time()))
    assert isinstance(verdict, LegacySession)


async def test_a_flask_session_needs_no_wait_at_all() -> None:
    client = real_flask().test_client()
    client.post("/login", data={"user": "42"})
    cookies = SessionCookie("main", tuple(cookies_of(client).items()))
    sessions = CodecSessions(FlaskCookie(UserMapping("main", "_user_id"), (b"sekrit",)), NoPlace(), StaleCodecGuard())
    assert sessions.locate(cookies) == ""
    with pytest.raises(StopIteration) as end:
        sessions.resolve(cookies, time.time()).send(None)
    assert isinstance(end.value.value, LegacySession)
    await sessions.close()


@pytest.mark.parametrize("reason", ["unreachable", "timeout", "unreadable"])
async def test_a_place_that_cannot_answer_is_undetermined(reason: str) -> None:
    class Away:
        async def fetch(self, query: Query) -> Row | None:
            raise PlaceUnavailable(reason)

        async def aclose(self) -> None:
            pass

    sessions = CodecSessions(DJANGO, Away(), StaleCodecGuard())
    assert await sessions.resolve(shown("0123456789"), 0) == Undetermined(reason)


async def test_a_record_that_cannot_be_read_is_undetermined() -> None:
    class Odd:
        async def fetch(self, query: Query) -> Row | None:
            return (None, None)

        async def aclose(self) -> None:
            pass

    sessions = CodecSessions(DJANGO, Odd(), StaleCodecGuard())
    assert await sessions.resolve(shown("0123456789"), 0) == Undetermined("unreadable")


async def test_a_binding_without_a_place_is_undetermined(tmp_path: Path) -> None:
    app = RealDjango(tmp_path / "app.db", SESSION_ENGINE="django.contrib.sessions.backends.signed_cookies")
    cookie = app.log_in()
    app.close()
    codec = DjangoSignedCookies(UserMapping("main", "_auth_user_id"), (b"a secret",), binding=Binding())
    sessions = CodecSessions(codec, NoPlace(), StaleCodecGuard())
    assert await sessions.resolve(shown(cookie), time.time()) == Undetermined("unreachable")


async def test_when_the_applications_secret_changes_nobody_is_logged_out(django: RealDjango, tmp_path: Path) -> None:
    """The rows are good, the configured secret is not: 19 are anonymous, then nobody is until one fits again."""
    app = RealDjango(tmp_path / "app.db", SECRET_KEY="the new secret")
    cookies = [app.log_in() for _ in range(21)]
    app.close()
    place = SQLitePlace(app.database)
    codec = DjangoDatabase(UserMapping("main", "_auth_user_id"), (b"the old secret",))
    sessions = CodecSessions(codec, place, StaleCodecGuard())
    verdicts = [await sessions.resolve(shown(cookie), time.time()) for cookie in cookies]
    assert verdicts == [Anonymous("bad_signature")] * 19 + [Undetermined("stale_codec")] * 2
    place.close()
