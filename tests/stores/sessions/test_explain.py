"""`session explain` says whose session it is or why not, and never shows a cookie or a secret."""

import time
from collections.abc import Iterator

import httpx
import pytest
import respx

from gateway.codec import UserMapping
from gateway.core.credentials import Site
from gateway.formats.django import Binding
from gateway.legacy.django import DjangoDatabase
from gateway.legacy.whoami import WhoamiRules
from gateway.stores.sessions import CodecSessions
from gateway.stores.sessions_cached import CachedSessions
from gateway.stores.sessions_explain import REASONS, explain
from gateway.stores.sessions_sqlite import SQLitePlace
from gateway.stores.sessions_stale import StaleCodecGuard
from gateway.stores.sessions_whoami import WhoamiQuestion, WhoamiSessions
from tests.legacy.real_django import RealDjango

SITE = Site("main", "app", (b"sessionid", b"balancer"))


@pytest.fixture(scope="module")
def django(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RealDjango]:
    app = RealDjango(tmp_path_factory.mktemp("django") / "app.db")
    yield app
    app.close()


@pytest.fixture
def sessions(django: RealDjango) -> Iterator[CachedSessions]:
    place = SQLitePlace(django.database)
    mapping = UserMapping("main", "_auth_user_id", {"plan": "plan"})
    codec = DjangoDatabase(mapping, (b"a secret",), binding=Binding())
    yield CachedSessions(CodecSessions(codec, place, StaleCodecGuard()))
    place.close()


async def test_a_users_session(django: RealDjango, sessions: CachedSessions) -> None:
    cookie = django.log_in("ada", plan="gold")
    steps = await explain(f"theme=dark; sessionid={cookie}".encode(), SITE, sessions, time.time())
    assert steps[:-1] == [
        "Of the cookies of `main` the request shows `sessionid`.",
        "It does not show `balancer`.",
        "Django keeps the session in `django_session`; the cookie `sessionid` is the key of its row.",
        "`django_session` has a row for it, looked up by `session_key`.",
        "`auth_user` has a row for it, looked up by `id`.",
        "It is the session of user `1`.",
        "It lends tokens the claims plan.",
    ]
    assert steps[-1].startswith("It ends at 20")
    assert cookie not in " ".join(steps)
    assert "a secret" not in " ".join(steps)


async def test_a_session_that_is_gone(sessions: CachedSessions) -> None:
    steps = await explain(b"sessionid=0123456789abcdef; balancer=a; balancer=b", SITE, sessions, time.time())
    assert "`django_session` has no row for it, looked up by `session_key`." in steps
    assert "A cookie occurs more than once; the last one counts, as for the application." in steps
    assert steps[-2:] == [REASONS["gone"], "It is anonymous."]


@pytest.mark.parametrize("cookie", [None, b"", b"theme=dark"])
async def test_no_cookie_of_the_site(sessions: CachedSessions, cookie: bytes | None) -> None:
    assert await explain(cookie, SITE, sessions, 0) == [
        "The request shows none of the cookies of `main`: `sessionid`, `balancer`.",
        "It is anonymous.",
    ]


async def test_a_header_that_is_refused_altogether(sessions: CachedSessions) -> None:
    steps = await explain(b'sessionid="a; b', SITE, sessions, 0)
    assert len(steps) == 1
    assert steps[0].startswith("The Cookie header is refused: ")


@pytest.mark.parametrize(
    ("answer", "step", "reason"),
    [
        (httpx.Response(500), "It answered 500.", "unreachable"),
        (httpx.ReadTimeout(""), "It did not answer in time.", "timeout"),
        (httpx.ConnectError(""), "It could not be reached, or its answer was not valid HTTP.", "unreachable"),
        (httpx.Response(200, content=b"x" * 99_999), "Its answer was too large or compressed.", "unreadable"),
    ],
)
@respx.mock
async def test_an_application_that_cannot_say(answer: httpx.Response | Exception, step: str, reason: str) -> None:
    respx.get("http://app.test/me").mock(side_effect=[answer])
    sessions = WhoamiSessions(WhoamiQuestion("http://app.test/me"), WhoamiRules(UserMapping("main", "user")))
    steps = await explain(b"sessionid=x", SITE, sessions, 0)
    await sessions.close()
    assert steps[-3:] == [step, REASONS[reason], "Nobody can say whose it is; that is not anonymous."]


@respx.mock
async def test_a_session_without_a_binding_says_so(django: RealDjango) -> None:
    place = SQLitePlace(django.database)
    sessions = CodecSessions(
        DjangoDatabase(UserMapping("main", "_auth_user_id"), (b"a secret",)), place, StaleCodecGuard()
    )
    steps = await explain(f"sessionid={django.log_in('ada')}".encode(), SITE, sessions, time.time())
    place.close()
    assert steps[-1] == "Nobody checked that the application would still accept it: no binding is configured."
