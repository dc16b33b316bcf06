"""A logout carried into the application, over real sockets."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace

import httpx
import pytest

from gateway.bridge.csrf import CsrfPairs
from gateway.bridge.logout import FormLogout, LogoutForm
from gateway.core.credentials import Site
from gateway.core.csrf import CsrfCheck, plain
from gateway.model import Anonymous, LegacySession, SessionCookie, Undetermined, VaultedSession, Verdict

SITE = Site("main", "app", (b"sessionid",), logout_paths=("/logout/",))
VAULTED = VaultedSession("f-1", "ada", "main", ((b"sessionid", b"s1"), (b"remember", b"r1")), "s1")


class FixedClock:
    def wall(self) -> float:
        return 1000.0

    def monotonic(self) -> float:
        return 1000.0


@dataclass
class Application:
    """A server that answers each request with the next of `answers` and keeps what it was asked."""

    answers: list[bytes]
    requests: list[bytes] = field(default_factory=list)
    verdict: Verdict = field(default_factory=lambda: Anonymous("gone"))
    resolved: list[SessionCookie] = field(default_factory=list)
    url: str = ""
    asked: asyncio.Event = field(default_factory=asyncio.Event)
    answered: asyncio.Event = field(default_factory=asyncio.Event)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while head := await reader.readuntil(b"\r\n\r\n"):
                self.requests.append(head)
                self.asked.set()
                answer = self.answers.pop(0)
                writer.write(answer)
                if not answer:
                    await self.answered.wait()
                    return
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()

    async def resolve(self, shown: SessionCookie, now: float, *, fresh: bool = False) -> Verdict:
        assert fresh
        assert now == 1000.0
        self.resolved.append(shown)
        return self.verdict

    def forget(self, session: LegacySession) -> None: ...


@asynccontextmanager
async def serving(application: Application) -> AsyncIterator[str]:
    server = await asyncio.start_server(application.serve, "127.0.0.1", 0)
    host, port = server.sockets[0].getsockname()
    try:
        yield f"http://{host}:{port}/logout/"
    finally:
        application.answered.set()
        server.close()


def ender(
    application: Application, url: str, transport: httpx.AsyncHTTPTransport, *, timeout: float = 5.0, host: str = ""
) -> FormLogout:
    return FormLogout(
        site=SITE,
        form=LogoutForm(url, "https://www.example.com", timeout, host),
        transport=transport,
        csrf=CsrfPairs(
            public_origin="https://www.example.com",
            entropy=lambda length: b"\xab" * length,
            checks={"main": CsrfCheck(b"X-CSRFToken", plain, b"csrftoken")},
        ),
        sessions=application,
        clock=FixedClock(),
    )


def answer(status: str, *fields: str) -> bytes:
    return "\r\n".join([f"HTTP/1.1 {status}", "content-length: 0", *fields, "", ""]).encode()


async def end(application: Application, change: Callable[[FormLogout], None] = lambda ender: None) -> bool:
    async with serving(application) as url, httpx.AsyncHTTPTransport() as transport:
        asked = ender(application, url, transport)
        change(asked)
        return await asked.end(VAULTED)


async def test_the_logout_form_is_posted_as_a_page_of_the_site_would() -> None:
    application = Application([answer("302 Found", "location: /")])
    assert await end(application)
    (request,) = application.requests
    lines = request.lower().split(b"\r\n")
    assert lines[0] == b"post /logout/ http/1.1"
    assert {
        b"host: www.example.com",
        b"x-forwarded-host: www.example.com",
        b"x-forwarded-proto: https",
        b"cookie: sessionid=s1; remember=r1; csrftoken=" + b"ab" * 16,
        b"x-csrftoken: " + b"ab" * 16,
        b"origin: https://www.example.com",
        b"referer: https://www.example.com/",
        b"content-length: 0",
    } <= set(lines)


async def test_n63_no_redirect_is_followed_and_no_cookie_is_kept() -> None:
    application = Application([answer("302 Found", "location: /home", "set-cookie: sessionid=other; Path=/")] * 2)
    async with serving(application) as url, httpx.AsyncHTTPTransport() as transport:
        asked = ender(application, url, transport)
        await asked.end(VAULTED)
        await asked.end(replace(VAULTED, cookies=((b"sessionid", b"s2"),)))
    assert len(application.requests) == 2
    assert b"other" not in application.requests[1]
    assert b"sessionid=s2;" in application.requests[1]


@pytest.mark.parametrize(
    ("statuses", "methods"),
    [
        (["302 Found"], [b"POST"]),
        (["404 Not Found", "204 No Content"], [b"POST", b"DELETE"]),
        (["405 Method Not Allowed", "405 Method Not Allowed", "302 Found"], [b"POST", b"DELETE", b"GET"]),
        (["404 Not Found", "404 Not Found", "404 Not Found"], [b"POST", b"DELETE", b"GET"]),
        (["403 Forbidden"], [b"POST"]),
    ],
)
async def test_an_application_that_logs_out_otherwise_is_asked_so(statuses: list[str], methods: list[bytes]) -> None:
    application = Application([answer(status) for status in statuses])
    assert await end(application)
    assert [request.split(b" ")[0] for request in application.requests] == methods


async def test_where_the_form_has_ended_nothing_it_is_asked_by_delete() -> None:
    application = Application([answer("302 Found"), answer("204 No Content")], verdict=LegacySession("main", "s1", "7"))
    assert not await end(application)
    assert [request.split(b" ")[0] for request in application.requests] == [b"POST", b"DELETE"]


@pytest.mark.parametrize(
    ("verdict", "is_gone"),
    [
        (Anonymous("gone"), True),
        (Anonymous("expired"), True),
        (Anonymous("no_user"), True),
        (Anonymous("not_bound"), True),
        (Anonymous("bad_signature"), False),
        (Anonymous("absent"), False),
        (Undetermined("unreachable"), False),
        (LegacySession("main", "s1", "ada"), False),
    ],
)
async def test_the_session_is_gone_when_its_store_says_so_and_not_before(verdict: Verdict, is_gone: bool) -> None:
    application = Application([answer("200 OK")], verdict=verdict)
    assert await end(application) is is_gone
    assert application.resolved[-1] == SessionCookie("main", VAULTED.cookies)


async def test_an_application_that_is_away_is_no_error() -> None:
    application = Application([], verdict=Undetermined("unreachable"))
    async with serving(application) as url:
        pass
    async with httpx.AsyncHTTPTransport() as transport:
        assert await ender(application, url, transport).end(VAULTED) is False


async def test_an_application_that_talks_nonsense_is_no_error() -> None:
    assert await end(Application([b"SSH-2.0-OpenSSH\r\n\r\n"], verdict=Undetermined("unreachable"))) is False


async def test_an_application_that_never_answers_is_not_waited_for() -> None:
    application = Application([b""], verdict=Undetermined("timeout"))
    async with serving(application) as url, httpx.AsyncHTTPTransport() as transport:
        assert await ender(application, url, transport, timeout=0.05).end(VAULTED) is False


async def test_a_store_that_never_answers_is_not_waited_for_either() -> None:
    application = Application([answer("200 OK")])

    async def silent(shown: SessionCookie, now: float, *, fresh: bool = False) -> Verdict:
        await asyncio.Event().wait()
        raise AssertionError

    application.resolve = silent  # type: ignore[method-assign]
    async with serving(application) as url, httpx.AsyncHTTPTransport() as transport:
        asked = ender(application, url, transport, timeout=0.05)
        assert await asyncio.wait_for(asked.end(VAULTED), timeout=5) is False


async def test_an_application_that_never_answers_leaves_time_to_look_at_its_session() -> None:
    application = Application([b""], verdict=Anonymous("gone"))
    async with serving(application) as url, httpx.AsyncHTTPTransport() as transport:
        assert await ender(application, url, transport, timeout=0.25).end(VAULTED) is True


async def test_an_application_that_wants_its_own_host_gets_it_and_hears_of_the_public_one() -> None:
    application = Application([answer("302 Found", "location: /")])
    async with serving(application) as url, httpx.AsyncHTTPTransport() as transport:
        assert await ender(application, url, transport, host="app.internal:8000").end(VAULTED)
    lines = application.requests[0].lower().split(b"\r\n")
    assert {b"host: app.internal:8000", b"x-forwarded-host: www.example.com"} <= set(lines)


async def test_a_client_that_leaves_does_not_stop_the_logout() -> None:
    application = Application([b""])
    async with serving(application) as url, httpx.AsyncHTTPTransport() as transport:
        asked = ender(application, url, transport)
        caller = asyncio.create_task(asked.end(VAULTED))
        await application.asked.wait()
        caller.cancel()
        (running,) = asked._running
        application.answered.set()  # the connection closes, the store is asked
        assert await running is True
    with pytest.raises(asyncio.CancelledError):
        await caller


async def test_a_site_without_a_known_protection_gets_no_pair() -> None:
    application = Application([answer("200 OK")])

    def plain(asked: FormLogout) -> None:
        asked._site = replace(SITE, name="other")

    assert await end(application, plain)
    assert b"csrf" not in application.requests[0].lower()
    assert b"origin: https://www.example.com" in application.requests[0].lower()
