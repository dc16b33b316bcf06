"""Cookies that a real Starlette wrote: our verdict is what its SessionMiddleware says."""

import asyncio
import base64
import json
from datetime import UTC, datetime
from typing import Any

import httpx
import pytest
from itsdangerous import TimestampSigner
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.middleware.sessions import SessionMiddleware
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from gateway.codec import UserMapping
from gateway.legacy.starlette import StarletteCookie
from gateway.model import Anonymous, LegacySession, Undetermined, Verdict
from tests.legacy.reading import verdict_of

CODEC = StarletteCookie(UserMapping("main", "user.id", {"roles": "user.roles"}), (b"sekrit",))
FORTNIGHT = 14 * 86400


def present() -> float:
    """What the framework itself takes for the time; it has no clock to set."""
    return datetime.now(UTC).timestamp()


async def put(request: Request) -> JSONResponse:
    request.session.clear()
    request.session.update(await request.json())
    return JSONResponse({})


async def show(request: Request) -> JSONResponse:
    return JSONResponse(dict(request.session))


class RealStarlette:
    """An application with SessionMiddleware, and what a browser would do with its cookie."""

    def __init__(self) -> None:
        routes = [Route("/put", put, methods=["POST"]), Route("/show", show)]
        self._app = Starlette(routes=routes, middleware=[Middleware(SessionMiddleware, secret_key="sekrit")])
        self.cookie = ""

    def put(self, **session: object) -> bytes:
        """Make this the session; return the cookie."""
        self._ask("POST", "/put", session)
        return self.cookie.encode()

    def show(self) -> Any:
        """Return the session as the application sees it."""
        return self._ask("GET", "/show").json()

    def _ask(self, method: str, path: str, body: object = None) -> httpx.Response:
        async def ask() -> httpx.Response:
            cookies = {"session": self.cookie} if self.cookie else {}
            async with httpx.AsyncClient(transport=httpx.ASGITransport(self._app), cookies=cookies) as client:
                answer = await client.request(method, f"http://app.test{path}", json=body)
            if "set-cookie" in answer.headers:
                self.cookie = answer.headers["set-cookie"].partition(";")[0].partition("=")[2].replace("null", "")
            return answer

        return asyncio.run(ask())


@pytest.fixture
def client() -> RealStarlette:
    return RealStarlette()


def read(cookie: bytes, codec: StarletteCookie = CODEC, now: float | None = None) -> Verdict:
    return verdict_of(codec, {b"session": cookie}, present() if now is None else now)


@pytest.mark.parametrize("user", ["42", "Zoë", 7, 'a b;,\\"'])
def test_a_cookie_that_starlette_signed_is_its_users(client: RealStarlette, user: object) -> None:
    verdict = read(client.put(user={"id": user, "roles": ["admin"]}))
    assert isinstance(verdict, LegacySession)
    assert verdict.subject == str(client.show()["user"]["id"])
    assert verdict.claims == {"roles": ["admin"]}
    assert verdict.signed_at is not None
    assert verdict.expires_at == verdict.signed_at + FORTNIGHT


def test_it_is_good_for_its_age_and_no_longer(client: RealStarlette) -> None:
    cookie = client.put(user={"id": 1})
    assert isinstance(read(cookie, now=present() + FORTNIGHT - 60), LegacySession)
    assert read(cookie, now=present() + FORTNIGHT + 60) == Anonymous("expired")
    assert read(cookie, now=present() - 3600) == Anonymous("expired"), "nobody signs in the future"


def test_logout_leaves_nobody(client: RealStarlette) -> None:
    client.put(user={"id": 1})
    assert read(client.put()) == Anonymous("absent")
    assert read(b"null") == Anonymous("absent"), "what Starlette sets when a session ends"
    assert read(client.put(cart=[1])) == Anonymous("no_user")


@pytest.mark.parametrize("position", [0, 10, -30, -1])
def test_a_tampered_cookie_is_anonymous_to_both(client: RealStarlette, position: int) -> None:
    cookie = bytearray(client.put(user={"id": 1}))
    cookie[position] = ord("A") if cookie[position] != ord("A") else ord("E")
    assert read(bytes(cookie)) == Anonymous("bad_signature")
    client.cookie = cookie.decode()
    assert client.show() == {}


def test_a_secret_that_was_before_counts_where_it_is_configured(client: RealStarlette) -> None:
    cookie = client.put(user={"id": 1})
    assert isinstance(read(cookie, StarletteCookie(CODEC.mapping, (b"new", b"sekrit"))), LegacySession)
    assert read(cookie, StarletteCookie(CODEC.mapping, (b"new",))) == Anonymous("bad_signature")


def test_one_session_has_one_identity_however_often_it_is_signed() -> None:
    content = base64.b64encode(b'{"user": {"id": 1}}')
    first, second = (sign(content, at) for at in (1_700_000_000, 1_700_000_100))
    sessions = [read(cookie, now=1_700_000_200) for cookie in (first, second)]
    assert len({session.key for session in sessions if isinstance(session, LegacySession)}) == 1
    fixed = StarletteCookie(CODEC.mapping, CODEC.secrets, is_sliding=False)
    apart = [read(cookie, fixed, 1_700_000_200) for cookie in (first, second)]
    assert len({session.key for session in apart if isinstance(session, LegacySession)}) == 2


def sign(content: bytes, at: int) -> bytes:
    class Signer(TimestampSigner):
        def get_timestamp(self) -> int:
            return at

    return Signer("sekrit").sign(content)


@pytest.mark.parametrize("content", [b"%%%", b"", base64.b64encode(b"[1]"), base64.b64encode(b"{")])
def test_what_is_signed_and_no_session_is_unreadable(content: bytes) -> None:
    assert read(sign(content, 1_700_000_000), now=1_700_000_000) == Undetermined("unreadable")


def test_a_time_that_no_calendar_has_is_unreadable() -> None:
    assert read(sign(base64.b64encode(json.dumps({}).encode()), 10**13), now=0) == Undetermined("unreadable")
