"""The application is asked: over real sockets where bytes count, over respx where only the answer does."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable

import httpx
import pytest
import respx

from gateway.codec import UserMapping
from gateway.legacy.whoami import WhoamiRules
from gateway.model import Anonymous, LegacySession, SessionCookie, Undetermined, Verdict
from gateway.stores.sessions_cached import CachedSessions
from gateway.stores.sessions_whoami import WhoamiQuestion, WhoamiSessions
from tests.stores.sessions.stepping import step_by_hand

RULES = WhoamiRules(UserMapping("main", "user"), login_url="/login/")
SHOWN = SessionCookie("main", ((b"sid", b"one"), (b"remember", b"two")))
URL = "http://app.test/api/me"


def sessions_at(url: str = URL, **question: object) -> WhoamiSessions:
    return WhoamiSessions(WhoamiQuestion(url, **question), RULES)  # type: ignore[arg-type]


@pytest.fixture
async def sessions() -> AsyncIterator[WhoamiSessions]:
    sessions = sessions_at()
    yield sessions
    await sessions.close()


# --- what the answer says ---


@pytest.mark.parametrize(
    ("answer", "verdict"),
    [
        (httpx.Response(200, json={"user": "ada"}), "ada"),
        (httpx.Response(200, json={"user": None}), Anonymous("no_user", is_hearsay=True)),
        (httpx.Response(401), Anonymous("no_user", is_hearsay=True)),
        (httpx.Response(302, headers={"location": "/login/?next=/api/me"}), Anonymous("no_user", is_hearsay=True)),
        (httpx.Response(302, headers={"location": "/elsewhere"}), Undetermined("unreadable")),
        (httpx.Response(429), Undetermined("unreachable")),
        (httpx.Response(503), Undetermined("unreachable")),
        (httpx.Response(200, text="<html>"), Undetermined("unreadable")),
        (httpx.Response(200, content=b'"' + b"x" * 70_000 + b'"'), Undetermined("unreadable")),
        (httpx.Response(200, headers={"content-encoding": "gzip"}, content=b"\x1f"), Undetermined("unreadable")),
        (httpx.ConnectError("refused"), Undetermined("unreachable")),
        (httpx.ReadError("reset"), Undetermined("unreachable")),
        (httpx.RemoteProtocolError("nonsense"), Undetermined("unreachable")),
        (httpx.ReadTimeout("slow"), Undetermined("timeout")),
        (httpx.PoolTimeout("busy"), Undetermined("timeout")),
    ],
)
@respx.mock
async def test_the_answer_and_its_verdict(
    sessions: WhoamiSessions, answer: httpx.Response | Exception, verdict: Verdict | str
) -> None:
    route = respx.get(URL)
    if isinstance(answer, Exception):
        route.side_effect = answer
    else:
        route.return_value = answer
    found = await sessions.resolve(SHOWN, 0)
    if isinstance(verdict, str):
        assert isinstance(found, LegacySession)
        assert (found.subject, found.is_bound) == (verdict, True)
    else:
        assert found == verdict


@respx.mock
async def test_redirects_are_not_followed(sessions: WhoamiSessions) -> None:
    respx.get(URL).respond(302, headers={"location": "http://app.test/api/you"})
    other = respx.get("http://app.test/api/you").respond(json={"user": "eve"})
    assert await sessions.resolve(SHOWN, 0) == Undetermined("unreadable")
    assert not other.called


async def test_without_a_cookie_nobody_is_asked(sessions: WhoamiSessions) -> None:
    assert await sessions.resolve(SessionCookie("main", ()), 0) == Anonymous("absent")
    assert sessions.locate(SessionCookie("main", ())) == ""


async def test_each_cookie_may_decide_and_so_names_the_question(sessions: WhoamiSessions) -> None:
    """Two browsers with one stale session cookie and different remember cookies are two users."""
    other = SessionCookie("main", ((b"sid", b"one"), (b"remember", b"three")))
    assert sessions.locate(SHOWN) != sessions.locate(other)


# --- over real sockets ---

Handler = Callable[[bytes, asyncio.StreamWriter], Awaitable[None]]


class App:
    """A server that notes each request head and lets the test write the answer."""

    def __init__(self) -> None:
        self.heads: list[bytes] = []
        self.answer = answer(b'{"user": "ada"}')
        self.held = asyncio.Event()
        self.held.set()
        self.asked = asyncio.Event()
        self.port = 0

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while True:
                self.heads.append(await reader.readuntil(b"\r\n\r\n"))
                self.asked.set()
                await self.held.wait()
                writer.write(self.answer)
                await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/api/me?full=1"


def answer(body: bytes, *fields: bytes) -> bytes:
    head = b"\r\n".join([b"HTTP/1.1 200 OK", b"content-length: %d" % len(body), *fields])
    return head + b"\r\n\r\n" + body


@pytest.fixture
async def app() -> AsyncIterator[App]:
    app = App()
    server = await asyncio.start_server(app.serve, "127.0.0.1", 0)
    app.port = server.sockets[0].getsockname()[1]
    yield app
    app.held.set()
    server.close()
    await server.wait_closed()


async def test_the_question_carries_the_cookies_and_what_is_configured_and_nothing_else(app: App) -> None:
    fields = (("Host", "www.example.com"), ("X-Forwarded-Proto", "https"))
    sessions = sessions_at(app.url, fields=fields)
    assert isinstance(await sessions.resolve(SHOWN, 0), LegacySession)
    await sessions.close()
    line, *lines = app.heads[0].decode().strip().split("\r\n")
    assert line == "GET /api/me?full=1 HTTP/1.1"
    assert sorted(lines) == [
        "Accept-Encoding: identity",
        "Cookie: sid=one; remember=two",
        "Host: www.example.com",
        "X-Forwarded-Proto: https",
    ]


async def test_one_users_set_cookie_is_never_sent_with_the_next_question(app: App) -> None:
    app.answer = answer(b'{"user": "ada"}', b"set-cookie: sid=adas; path=/")
    sessions = sessions_at(app.url, connections=1)
    await sessions.resolve(SHOWN, 0)
    await sessions.resolve(SessionCookie("main", ((b"sid", b"bobs"),)), 0)
    await sessions.close()
    assert b"Cookie: sid=bobs\r\n" in app.heads[1]
    assert b"adas" not in app.heads[1]


async def test_an_application_that_says_nothing_is_a_time_out(app: App) -> None:
    app.held.clear()
    sessions = sessions_at(app.url, timeout=0.05)
    assert await sessions.resolve(SHOWN, 0) == Undetermined("timeout")
    await sessions.close()


async def test_an_answer_that_never_ends_is_a_time_out(app: App) -> None:
    app.answer = b"HTTP/1.1 200 OK\r\ncontent-length: 1000\r\n\r\n{"
    sessions = sessions_at(app.url, timeout=0.05)
    assert await sessions.resolve(SHOWN, 0) == Undetermined("timeout")
    await sessions.close()


async def test_nobody_listening_is_unreachable(app: App) -> None:
    sessions = sessions_at("http://127.0.0.1:1/api/me")
    assert await sessions.resolve(SHOWN, 0) == Undetermined("unreachable")
    await sessions.close()


async def test_a_cookie_that_no_header_can_carry_is_undetermined(app: App) -> None:
    sessions = sessions_at(app.url)
    verdict = await sessions.resolve(SessionCookie("main", ((b"sid", b"a\r\nX: y"),)), 0)
    assert verdict == Undetermined("unreachable")
    assert app.heads == []
    await sessions.close()


async def test_a_story_that_is_stepped_by_hand_may_await_it_and_leave(app: App) -> None:
    sessions = sessions_at(app.url)
    assert isinstance(await step_by_hand(sessions.resolve(SHOWN, 0)), LegacySession)
    story = sessions.resolve(SHOWN, 0)
    story.send(None)
    story.close()
    assert isinstance(await sessions.resolve(SHOWN, 0), LegacySession)
    await asyncio.gather(*sessions._tasks)
    await sessions.close()


async def test_a_flight_of_questions_is_one_question(app: App) -> None:
    cached = CachedSessions(sessions := sessions_at(app.url))
    app.held.clear()
    waiters = [asyncio.ensure_future(cached.resolve(SHOWN, 0)) for _ in range(20)]
    await app.asked.wait()
    app.held.set()
    assert len({id(verdict) for verdict in await asyncio.gather(*waiters)}) == 1
    assert len(app.heads) == 1
    await sessions.close()


async def test_each_step_is_told(app: App) -> None:
    sessions = sessions_at(app.url)
    steps: list[str] = []
    await sessions.explain(SHOWN, 0, steps.append)
    assert steps == [f"The application itself is asked: GET {app.url}.", "It answered 200."]
    sessions.forget(LegacySession("main", "key", "ada"))
    await sessions.close()
