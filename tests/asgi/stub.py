"""A gateway whose flow says what a test wants, and a server that is a list of messages."""

import asyncio
from collections.abc import AsyncIterator, Iterable, Mapping, MutableMapping
from contextlib import asynccontextmanager
from typing import Any

import httpx
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from gateway.core.rescue import answer_error
from gateway.core.response import Looked
from gateway.core.trust import NOBODY, TrustedProxies
from gateway.errors import GatewayError, StartError
from gateway.flow.live import Live
from gateway.headers import Pairs
from gateway.http1.fields import FieldTable
from gateway.http1.limits import Limits
from gateway.http1.response import ResponseHead
from gateway.model import (
    Answer,
    Credential,
    Identity,
    Peer,
    Permit,
    RequestHead,
    Revocation,
    RevocationKind,
    VerifiedToken,
    Visit,
)
from gateway.wire.pool import Pool
from tests.facts import RememberedFacts

ALICE = Identity("alice", Credential.BEARER, "f1")
TOKEN = VerifiedToken("alice", "f1", "t1", "web", 1, 0.0, 0.0, 4e9, {})
PERMIT = Permit("app", "/*")
PERMIT_OF_ALICE = Permit("app", "/*", credential=Credential.BEARER, identity=ALICE, token=TOKEN, is_private=True)

Outcome = Permit | Visit | Answer | Exception


class StubFlow:
    """Says `outcome` to everything."""

    def __init__(self, outcome: Outcome) -> None:
        self.outcome = outcome
        self.heads: list[RequestHead] = []
        self.peers: list[Peer] = []

    def begin(self, head: RequestHead, peer: Peer, now: float) -> Permit | Visit | Answer:
        self.heads.append(head)
        self.peers.append(peer)
        if isinstance(self.outcome, Exception):
            raise self.outcome
        return self.outcome

    def refuse(self, error: GatewayError, head: RequestHead | None, request_id: str) -> Answer:
        return answer_error(error, head=head, request_id=request_id)


class StubWatch:
    """Marks what it has edited and what it has looked at; `error` is raised by the look."""

    def __init__(self) -> None:
        self.error: GatewayError | None = None
        self.logout_path = b""
        self.seen: list[str] = []

    def find_lines(self, permit: Permit, head: RequestHead, response: ResponseHead) -> bytes | None:
        return None

    def edit(self, permit: Permit, head: RequestHead, status: int, fields: Pairs, ours: Pairs | None = None) -> Pairs:
        return [*fields, (b"x-edited", b"%d" % status), *permit.answer]

    def needs_look(self, permit: Permit, head: RequestHead, status: int, fields: Pairs) -> bool:
        return any(name == b"set-cookie" for name, _ in fields)

    async def look(self, permit: Permit, head: RequestHead, status: int, fields: Pairs, now: float) -> Looked:
        self.seen.append("look")
        await asyncio.sleep(0)
        if self.error is not None:
            raise self.error
        return Looked([*fields, (b"x-looked-at", b"1")])

    def awaits_logout(self, permit: Permit, head: RequestHead) -> bool:
        return head.path == self.logout_path

    async def look_after(self, permit: Permit, head: RequestHead, now: float) -> None:
        self.seen.append("look after")


class StubGateway:
    """Everything that a shell needs."""

    def __init__(self, outcome: Outcome = PERMIT, *, limits: Limits | None = None) -> None:
        self.flow = StubFlow(outcome)
        self.watch = StubWatch()
        self.live = Live()
        self.own: ASGIApp = answering(b"ours")
        self.pools: Mapping[str, Pool] = {}
        self.table = FieldTable(("X-Auth-Subject",))
        self.limits = limits or Limits()
        self.proxies: TrustedProxies = NOBODY
        self.facts = RememberedFacts()
        self.start_error: StartError | None = None
        self.life: list[str] = []
        self.ticked = asyncio.Event()
        self.glanced = asyncio.Event()
        self.is_stuck = False

    async def start(self) -> None:
        if self.start_error is not None:
            raise self.start_error
        self.life.append("started")

    async def tick(self, now: float) -> None:
        self.ticked.set()
        if self.is_stuck:
            await asyncio.Event().wait()
        raise RuntimeError("a bug in a tick")

    def glance(self, now: float) -> None:
        self.glanced.set()
        raise RuntimeError("a bug in a glance")

    async def aclose(self) -> None:
        self.life.append("closed")

    async def build(self) -> "StubGateway":
        self.life.append("built")
        return self

    def revoke(self) -> int:
        """Revoke the family of `TOKEN`."""
        return self.live.end([Revocation(RevocationKind.FAMILY, "f1", 4e9, "logout")])


def answering(body: bytes, fields: Iterable[tuple[bytes, bytes]] = (), status: int = 200) -> ASGIApp:
    """An application with one answer."""

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": status, "headers": list(fields)})
        await send({"type": "http.response.body", "body": body})

    return app


def scope_of(
    path: bytes = b"/", fields: Iterable[tuple[bytes, bytes]] = (), **changes: object
) -> MutableMapping[str, Any]:
    """A scope as servers make it."""
    raw, _, query = path.partition(b"?")
    return {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "method": "GET",
        "scheme": "http",
        "path": raw.decode(),
        "raw_path": raw,
        "query_string": query,
        "root_path": "",
        "headers": [(b"host", b"www.example.com"), *fields],
        "client": ("192.0.2.7", 5000),
        "server": ("127.0.0.1", 80),
        **changes,
    }


class Server:
    """The server's side of one connection: `sent` is what the application said."""

    def __init__(self, *messages: Message) -> None:
        self.sent: list[Message] = []
        self.news = asyncio.Event()
        self._messages: asyncio.Queue[Message] = asyncio.Queue()
        for message in messages:
            self._messages.put_nowait(message)

    def say(self, message: Message) -> None:
        self._messages.put_nowait(message)

    async def receive(self) -> Message:
        return await self._messages.get()

    async def send(self, message: Message) -> None:
        self.sent.append(message)
        self.news.set()

    async def has_sent(self, kind: str) -> Message:
        """Wait for a message of a kind."""
        async with asyncio.timeout(5):
            while True:
                for message in self.sent:
                    if message["type"] == kind:
                        return message
                self.news.clear()
                await self.news.wait()

    @property
    def status(self) -> int:
        return int(self.sent[0]["status"])

    @property
    def fields(self) -> dict[bytes, bytes]:
        return dict(self.sent[0]["headers"])

    @property
    def body(self) -> bytes:
        return b"".join(message.get("body", b"") for message in self.sent)


def body(*pieces: bytes) -> list[Message]:
    """Messages of a request body."""
    pieces = pieces or (b"",)
    return [
        {"type": "http.request", "body": piece, "more_body": number < len(pieces)}
        for number, piece in enumerate(pieces, 1)
    ]


async def visit(app: ASGIApp, scope: Scope, *messages: Message) -> Server:
    """Make one request and return what was answered."""
    server = Server(*(messages or body()))
    await app(scope, server.receive, server.send)
    return server


@asynccontextmanager
async def living(app: ASGIApp) -> AsyncIterator[httpx.AsyncClient]:
    """Give an application its life, as a server does, and a client."""
    server = Server({"type": "lifespan.startup"})
    task = asyncio.ensure_future(app({"type": "lifespan", "asgi": {"version": "3.0"}}, server.receive, server.send))
    while not server.sent:
        server.news.clear()
        await server.news.wait()
    if server.sent[0]["type"] == "lifespan.startup.failed":
        await task
        raise AssertionError(server.sent[0]["message"])
    transport = httpx.ASGITransport(app)
    try:
        async with httpx.AsyncClient(transport=transport, base_url="http://www.example.com") as client:
            yield client
    finally:
        server.say({"type": "lifespan.shutdown"})
        await task
