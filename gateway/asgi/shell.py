"""The flow behind any ASGI server: admits what the server has parsed and hands on what is permitted.

The server reads the client's bytes, so that what it lets through of malformed framing cannot be refused here; see
docs/deployment.md.
"""

import itertools
import secrets
import time
from urllib.parse import unquote_to_bytes

import structlog
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from gateway.asgi.answers import refuse_handshake, send_answer
from gateway.asgi.conversation import ClientGone
from gateway.asgi.exchange import Exchange, Forward, limited
from gateway.asgi.gateway import Build, Gateway, Life
from gateway.asgi.lifespan import Lifespan
from gateway.asgi.scope import peer_of, read_head
from gateway.errors import GatewayError, InternalError, Refusal
from gateway.facts import Event, RequestFact
from gateway.model import Answer, Credential, Peer, Permit, RequestHead, Visit
from gateway.wire.exchange import CLIENT_CLOSED

_OWN_BODY = 65536
_STARTS = {"http.response.start", "websocket.http.response.start"}

_log = structlog.get_logger()


class Shell:
    """An ASGI application. `forward` gets what is permitted; `app`, if there is one, hears of the server's life."""

    def __init__(self, build: Build, forward: Forward, app: ASGIApp | None = None) -> None:
        self._life = Life(build)
        self._forward = forward
        self._lifespan = Lifespan(self._life, app)
        self._prefix = secrets.token_hex(4)
        self._numbers = itertools.count(1)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one connection of the server: its life, a request, or a WebSocket."""
        if scope["type"] == "lifespan":
            await self._lifespan(scope, receive, send)
            return
        gateway = await self._life.start()
        request_id = f"{self._prefix}-{next(self._numbers):x}"
        await _Serving(gateway, scope, request_id, receive, send).serve(self._forward)


class _Serving:
    """One request from its head to the last byte of its answer, noted as a fact."""

    def __init__(self, gateway: Gateway, scope: Scope, request_id: str, receive: Receive, send: Send) -> None:
        self._gateway = gateway
        self._scope = scope
        self._request_id = request_id
        self._receive = receive
        self._send = send
        self._head: RequestHead | None = None
        self._route = ""
        self._credential = Credential.NONE
        self._status = 0
        self._code = ""
        self._upstream_duration = 0.0

    async def serve(self, forward: Forward) -> None:
        """Admit, answer, and note what happened."""
        started = time.monotonic()
        try:
            await self._answer(forward)
        except GatewayError as error:
            if self._status:
                self._code = error.code
                raise  # the answer has begun: the server must end it so that it does not look complete
            await self._refuse(error)
        except ClientGone:
            self._status, self._code = self._status or CLIENT_CLOSED, "client_closed"
        finally:
            method = self._head.method.decode("ascii") if self._head is not None else ""
            self._gateway.facts.request(
                RequestFact(
                    route=self._route,
                    method=method,
                    status=self._status,
                    credential=self._credential,
                    code=self._code,
                    duration=time.monotonic() - started,
                    upstream_duration=self._upstream_duration,
                )
            )

    async def _answer(self, forward: Forward) -> None:
        scope, gateway = self._scope, self._gateway
        peer = peer_of(scope, gateway.proxies)
        head = self._head = read_head(scope, gateway.table, gateway.limits)
        if head.request_id is not None:
            self._request_id = head.request_id.decode("ascii")
        self._count(head, peer)
        match await self._admit(head, peer):
            case Permit() as permit:
                self._route, self._credential = permit.route, permit.credential
                exchange = Exchange(gateway, scope, head, peer, permit, self._request_id.encode())
                try:
                    await forward(exchange, limited(self._receive, gateway.limits.body), self._noting)
                finally:
                    self._upstream_duration = exchange.upstream_duration
            case Visit() as visit:
                self._route = visit.endpoint
                await gateway.own(self._own_scope(head, peer), limited(self._receive, _OWN_BODY), self._noting)
            case Answer() as answer:
                await send_answer(answer, scope, self._noting)

    async def _admit(self, head: RequestHead, peer: Peer) -> Permit | Visit | Answer:
        try:
            decided = self._gateway.flow.begin(head, peer, time.time())
            return decided if isinstance(decided, Permit | Visit | Answer) else await decided
        except GatewayError:
            raise
        except Exception as error:
            _log.exception("a request was not admitted because of a bug", request_id=self._request_id)
            raise InternalError from error

    async def _refuse(self, error: GatewayError) -> None:
        self._code = error.code
        answer = self._gateway.flow.refuse(error, self._head, self._request_id)
        if self._scope["type"] == "websocket":
            await refuse_handshake(error, answer, self._scope, self._receive, self._noting)
            return
        if isinstance(error, Refusal) and self._scope["http_version"].startswith("1"):
            answer = Answer(answer.status, (*answer.fields, (b"connection", b"close")), answer.body)
        await send_answer(answer, self._scope, self._noting)

    async def _noting(self, message: Message) -> None:
        if message["type"] in _STARTS:
            self._status = message["status"]
        elif message["type"] == "websocket.accept":
            self._status = 101
        await self._send(message)

    def _count(self, head: RequestHead, peer: Peer) -> None:
        if head.transport and not peer.trusted:
            self._gateway.facts.count(Event.UNTRUSTED_FORWARDED)

    def _own_scope(self, head: RequestHead, peer: Peer) -> Scope:
        """Our endpoints lie at the root of the site, wherever the server has mounted us."""
        visitor = {"head": head, "peer": peer, "request_id": self._request_id}
        return {
            **self._scope,
            "root_path": "",
            "path": unquote_to_bytes(head.path).decode("latin-1"),
            "extensions": {**self._scope.get("extensions", {}), "crossfade": visitor},
        }
