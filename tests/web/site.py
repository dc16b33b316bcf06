"""Our endpoints as a client meets them: through an ASGI transport, with the head that a shell would have read."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import httpx
from starlette.types import ASGIApp, Receive, Scope, Send

from gateway.core.cors import CrossOrigin
from gateway.core.phases import Posture, posture_of
from gateway.core.rescue import answer_error
from gateway.errors import GatewayError
from gateway.flow.clients import Client
from gateway.flow.login import PasswordLogin
from gateway.http1.fields import FieldTable
from gateway.http1.head import build_head
from gateway.http1.limits import Limits
from gateway.model import Answer, Peer, Phase, RequestHead
from gateway.web.app import create_token_app
from tests.flow.tokens.world import SITE, World

ORIGIN = "https://www.example.com"
ELSEWHERE = "https://spa.example.net"
PAGE = {"origin": ORIGIN, "x-crossfade": "1", "sec-fetch-site": "same-origin"}
PROGRAM = {"x-crossfade": "1"}
EXCHANGE = {
    "grant_type": "urn:ietf:params:oauth:grant-type:token-exchange",
    "subject_token_type": "urn:crossfade:params:oauth:token-type:session-cookie",
    "client_id": "web",
}
REFRESH = {"grant_type": "refresh_token", "client_id": "web"}
REFRESH_COOKIE = "__Host-crossfade_refresh"
API_SECRET = "correct horse battery staple"
API_HASH = "c4bbcb1fbec99d65bf59d85c8cb62ee2db963f0fe106f483d9afa73bd4e39a8a"

CLIENTS = {
    client.id: client
    for client in (
        Client("web", "cookie"),
        Client("mobile", "body"),
        Client("idle", "body", frozenset({"refresh_token"})),
        Client("api", "body", secret_hash=API_HASH),
        Client("other-api", "body", secret_hash=API_HASH, audiences=("billing",)),
        Client("our-api", "body", secret_hash=API_HASH, audiences=("billing", "app")),
    )
}


@dataclass
class Desk:
    """The part of the request flow that the endpoints use."""

    cross_origin: CrossOrigin
    posture: Posture = field(default_factory=lambda: posture_of(Phase.PARALLEL, "initial"))

    def refuse(self, error: GatewayError, head: RequestHead | None, request_id: str) -> Answer:
        answer = answer_error(error, head=head, request_id=request_id)
        extra = self.cross_origin.response_fields(head) if head is not None else []
        return replace(answer, fields=(*answer.fields, *extra))


class Shell:
    """Reads the head as both shells do and puts it into the scope."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app
        self._table = FieldTable(())

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        target = scope["raw_path"] + (b"?" + scope["query_string"] if scope["query_string"] else b"")
        head = build_head(scope["method"].encode(), target, 1, scope["headers"], self._table, Limits())
        extension = {"head": head, "peer": Peer("192.0.2.1"), "request_id": "r-1"}
        await self._app({**scope, "extensions": {"crossfade": extension}}, receive, send)


class Site:
    """The endpoints over a world of tokens. `browser` keeps cookies, `program` does not."""

    def __init__(
        self,
        world: World,
        *origins: str,
        login: PasswordLogin | None = None,
        clients: Mapping[str, Client] = CLIENTS,
    ) -> None:
        self.world = world
        cross_origin = CrossOrigin(frozenset(origin.encode() for origin in origins or (ELSEWHERE,)))
        self.desk = Desk(cross_origin)
        app = create_token_app(
            tokens=world.tokens,
            flow=self.desk,
            clients=clients,
            public_origin=ORIGIN,
            keys=world.keys,
            policy=world.policy,
            sites=[SITE],
            clock=world.clock,
            cross_origin=cross_origin,
            possession=world.possession,
            login=login,
            tickets=world.tickets,
        )
        transport = httpx.ASGITransport(Shell(app), raise_app_exceptions=False)
        self.browser = httpx.AsyncClient(transport=transport, base_url=ORIGIN, headers=PAGE)
        self.program = _Forgetful(transport=transport, base_url=ORIGIN, headers=PROGRAM)
        self.browser.cookies.set("sessionid", "s1", domain="www.example.com")

    def in_phase(self, phase: Phase) -> None:
        self.desk.posture = posture_of(phase, "store")

    async def exchange(self) -> dict[str, object]:
        """Let the browser exchange its session."""
        return _granted(await self.browser.post("/.crossfade/token", data=EXCHANGE))

    async def exchange_as_program(self, client: str = "mobile") -> dict[str, object]:
        """Let a program exchange its session and get its refresh token in the body."""
        data = {**EXCHANGE, "client_id": client}
        return _granted(await self.program.post("/.crossfade/token", data=data, headers={"cookie": "sessionid=s1"}))

    @property
    def refresh_cookie(self) -> str | None:
        return self.browser.cookies.get(REFRESH_COOKIE)


class _Forgetful(httpx.AsyncClient):
    """A client that keeps no cookies."""

    async def send(self, *arguments: object, **options: object) -> httpx.Response:
        response = await super().send(*arguments, **options)  # type: ignore[arg-type]
        self.cookies.clear()
        return response


def bearer(token: object) -> dict[str, str]:
    return {"authorization": f"Bearer {token}"}


def code(response: httpx.Response) -> tuple[int, str]:
    """Return what identifies an error: its status and its code."""
    return response.status_code, response.json()["code"]


def _granted(response: httpx.Response) -> dict[str, object]:
    assert response.status_code == 200, response.text
    body: dict[str, object] = response.json()
    return body
