"""What an application behind the middleware is given, and what its clients get."""

import asyncio

import orjson
import pytest
from starlette.types import Message, Receive, Scope, Send

from gateway.asgi.middleware import Middleware
from gateway.errors import InvalidToken, LoginRequired, StoreUnavailable
from gateway.facts import Event
from gateway.http1.limits import Limits
from gateway.http1.write import write_request
from gateway.model import Answer, Credential, Permit, Visit
from tests.asgi.stub import (
    ALICE,
    PERMIT,
    PERMIT_OF_ALICE,
    Server,
    StubGateway,
    answering,
    body,
    scope_of,
    visit,
)


class Inner:
    """The application: remembers the scope that it got, reads the body, answers."""

    def __init__(self, *fields: tuple[bytes, bytes]) -> None:
        self.scopes: list[Scope] = []
        self.body = b""
        self._answer = answering(b"hello", fields)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        self.scopes.append(scope)
        more = True
        while more:
            message = await receive()
            self.body += message.get("body", b"")
            more = message.get("more_body", False)
        await self._answer(scope, receive, send)

    @property
    def fields(self) -> list[tuple[bytes, bytes]]:
        fields: list[tuple[bytes, bytes]] = self.scopes[-1]["headers"]
        return fields


async def test_the_application_sees_exactly_what_the_wire_would_send() -> None:
    permit = Permit(
        "app",
        "/*",
        credential=Credential.BEARER,
        identity=ALICE,
        lines=b"X-Auth-Subject: alice\r\n",
        cookie=b"sid=vaulted",
        without=frozenset({b"x-csrftoken"}),
    )
    gateway, inner = StubGateway(permit), Inner()
    fields = [
        (b"X-Auth-Subject", b"root"),
        (b"accept", b"*/*"),
        (b"x-csrftoken", b"theirs"),
        (b"authorization", b"Bearer x"),
        (b"cookie", b"sid=own"),
        (b"content-length", b"2"),
        (b"connection", b"keep-alive"),
    ]
    await visit(Middleware(inner, gateway.build), scope_of(b"/a%2fb?x", fields, method="POST"), *body(b"hi"))
    (head,) = gateway.flow.heads
    assert (head.target, inner.body) == (b"/a%2fb?x", b"hi")
    told = {name: value for name, value in inner.fields if name.startswith(b"x-") and name != b"x-auth-subject"}
    assert told[b"x-forwarded-for"] == b"192.0.2.7"
    transport = b"".join(b"%b: %b\r\n" % pair for pair in told.items())
    written = write_request(head, permit, transport).split(b"\r\n")[1:-2]
    assert [b"%b: %b" % pair for pair in inner.fields] == [
        name.lower() + b": " + value for name, _, value in (line.partition(b": ") for line in written)
    ]
    assert (b"cookie", b"sid=vaulted") in inner.fields
    assert (b"x-auth-subject", b"root") not in inner.fields
    assert b"x-csrftoken" not in dict(inner.fields)


async def test_a_ticket_is_not_for_the_application() -> None:
    gateway, inner = StubGateway(Permit("app", "/*")), Inner()
    await visit(Middleware(inner, gateway.build), scope_of(b"/a?b=%2B&crossfade_ticket=T", []), *body(b""))
    (head,) = gateway.flow.heads
    assert (head.target, head.ticket) == (b"/a?b=%2B", b"T")
    assert inner.scopes[-1]["query_string"] == b"b=%2B"


@pytest.mark.parametrize(("permit", "who"), [(PERMIT_OF_ALICE, ALICE), (PERMIT, None)])
async def test_the_scope_says_who_is_asking(permit: Permit, who: object) -> None:
    inner = Inner()
    await visit(Middleware(inner, StubGateway(permit).build), scope_of(fields=[(b"x", b"y")], auth="forged"))
    assert inner.scopes[-1]["auth"] == who


async def test_the_answer_is_edited_and_a_session_signal_is_looked_at_first() -> None:
    gateway = StubGateway(PERMIT_OF_ALICE)
    plain = await visit(Middleware(Inner(), gateway.build), scope_of())
    assert plain.fields == {b"x-edited": b"200"}
    signal = await visit(Middleware(Inner((b"set-cookie", b"sid=2")), gateway.build), scope_of())
    assert signal.fields == {b"set-cookie": b"sid=2", b"x-looked-at": b"1", b"x-edited": b"200"}
    assert signal.body == b"hello"


async def test_an_answer_that_cannot_be_looked_at_is_not_given() -> None:
    gateway = StubGateway(PERMIT_OF_ALICE)
    gateway.watch.error = StoreUnavailable()
    server = await visit(Middleware(Inner((b"set-cookie", b"sid=2")), gateway.build), scope_of())
    assert server.status == 503
    assert b"hello" not in server.body


async def test_a_refusal_never_reaches_the_application() -> None:
    gateway, inner = StubGateway(LoginRequired()), Inner()
    server = await visit(Middleware(inner, gateway.build), scope_of())
    assert (server.status, orjson.loads(server.body)["code"]) == (401, "login_required")
    assert int(server.fields[b"content-length"]) == len(server.body)
    assert inner.scopes == []
    (fact,) = gateway.facts.requests
    assert (fact.method, fact.status, fact.code, fact.route) == ("GET", 401, "login_required", "")


async def test_a_refusal_to_head_has_no_body() -> None:
    server = await visit(Middleware(Inner(), StubGateway(LoginRequired()).build), scope_of(method="HEAD"))
    assert (server.status, server.body) == (401, b"")


async def test_what_is_no_request_ends_the_connection() -> None:
    gateway, inner = StubGateway(), Inner()
    scope = scope_of(fields=[(b"host", b"other")])
    server = await visit(Middleware(inner, gateway.build), scope)
    assert (server.status, server.fields[b"connection"]) == (400, b"close")
    assert (inner.scopes, gateway.flow.heads) == ([], [])
    assert gateway.facts.requests[0].code == "bad_request"


async def test_an_answer_of_ours_is_given_as_it_is() -> None:
    gateway = StubGateway(Answer(204, ((b"Access-Control-Allow-Origin", b"https://a.example"),)))
    server = await visit(Middleware(Inner(), gateway.build), scope_of(method="OPTIONS"))
    assert (server.status, server.fields) == (204, {b"access-control-allow-origin": b"https://a.example"})


async def test_a_visit_goes_to_our_own_endpoints_with_what_they_need() -> None:
    gateway, inner, ours = StubGateway(Visit("token")), Inner(), Inner()
    gateway.own = ours
    scope = scope_of(b"/.crossfade/token", [(b"x-request-id", b"r-1")], root_path="/mounted", extensions={"tls": {}})
    server = await visit(Middleware(inner, gateway.build), scope)
    assert (server.body, inner.scopes) == (b"hello", [])
    (seen,) = ours.scopes
    assert (seen["root_path"], seen["path"]) == ("", "/.crossfade/token")
    assert seen["extensions"]["crossfade"] == {
        "head": gateway.flow.heads[0],
        "peer": gateway.flow.peers[0],
        "request_id": "r-1",
    }
    assert gateway.facts.requests[0].route == "token"


async def test_a_bug_in_the_flow_is_500_and_says_nothing() -> None:
    server = await visit(Middleware(Inner(), StubGateway(RuntimeError("secret")).build), scope_of())
    assert server.status == 500
    assert b"secret" not in server.body


async def test_an_error_of_the_application_is_the_servers_business() -> None:
    async def broken(scope: Scope, receive: Receive, send: Send) -> None:
        raise LookupError("the application's own")

    gateway = StubGateway()
    with pytest.raises(LookupError):
        await visit(Middleware(broken, gateway.build), scope_of())
    assert len(gateway.facts.requests) == 1


async def test_a_timeout_of_the_application_is_its_own() -> None:
    async def slow(scope: Scope, receive: Receive, send: Send) -> None:
        raise TimeoutError

    with pytest.raises(TimeoutError):
        await visit(Middleware(slow, StubGateway().build), scope_of())


async def test_a_body_above_the_limit_is_refused_in_the_middle() -> None:
    gateway = StubGateway(limits=Limits(body=10))
    app = Middleware(Inner(), gateway.build)
    scope = scope_of(fields=[(b"transfer-encoding", b"chunked")], method="POST")
    server = await visit(app, scope, *body(b"123456", b"789012"))
    assert server.status == 413
    small = await visit(app, scope_of(fields=[(b"content-length", b"11")], method="POST"))
    assert small.status == 413


async def test_a_body_above_the_limit_after_the_answer_began_is_left_to_the_server() -> None:
    async def eager(scope: Scope, receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await receive()

    gateway = StubGateway(limits=Limits(body=1))
    scope = scope_of(fields=[(b"transfer-encoding", b"chunked")], method="POST")
    with pytest.raises(Exception, match="too large"):
        await visit(Middleware(eager, gateway.build), scope, *body(b"123"))
    assert (gateway.facts.requests[0].status, gateway.facts.requests[0].code) == (200, "body_too_large")


async def test_a_fact_says_how_long_the_application_took() -> None:
    async def slow(scope: Scope, receive: Receive, send: Send) -> None:
        await asyncio.sleep(0.02)
        await answering(b"")(scope, receive, send)

    gateway = StubGateway(PERMIT_OF_ALICE)
    await visit(Middleware(slow, gateway.build), scope_of())
    (fact,) = gateway.facts.requests
    assert (fact.route, fact.status, fact.credential, fact.code) == ("/*", 200, Credential.BEARER, "")
    assert 0.015 < fact.upstream_duration <= fact.duration


async def test_transport_fields_of_a_stranger_are_counted() -> None:
    gateway = StubGateway()
    await visit(Middleware(Inner(), gateway.build), scope_of(fields=[(b"x-forwarded-for", b"6.6.6.6")]))
    assert gateway.facts.events == [Event.UNTRUSTED_FORWARDED]


async def test_an_event_stream_ends_when_its_credential_is_revoked() -> None:
    left = asyncio.Event()

    async def stream(scope: Scope, receive: Receive, send: Send) -> None:
        fields = [(b"content-type", b"text/event-stream")]
        await send({"type": "http.response.start", "status": 200, "headers": fields})
        await send({"type": "http.response.body", "body": b"data: 1\n\n", "more_body": True})
        try:
            await asyncio.Event().wait()
        finally:
            left.set()

    gateway = StubGateway(PERMIT_OF_ALICE)
    server = Server(*body())
    task = asyncio.ensure_future(Middleware(stream, gateway.build)(scope_of(), server.receive, server.send))
    await server.has_sent("http.response.body")
    assert gateway.revoke() == 1
    await task
    assert left.is_set()
    assert server.sent[-1] == {"type": "http.response.body", "body": b"", "more_body": False}
    assert len(gateway.live) == 0


async def test_a_short_answer_is_not_cut_by_the_logout_that_it_answers() -> None:
    gateway = StubGateway(PERMIT_OF_ALICE)

    async def logout(scope: Scope, receive: Receive, send: Send) -> None:
        assert gateway.revoke() == 0
        await answering(b"bye")(scope, receive, send)

    assert (await visit(Middleware(logout, gateway.build), scope_of())).body == b"bye"


# --- WebSockets ---

CONNECT: Message = {"type": "websocket.connect"}
HANDSHAKE = (
    (b"upgrade", b"websocket"),
    (b"connection", b"Upgrade"),
    (b"sec-websocket-key", b"dGhlIHNhbXBsZSBub25jZQ=="),
    (b"sec-websocket-version", b"13"),
)


def websocket_scope(**changes: object) -> Scope:
    scope = scope_of(b"/ws", HANDSHAKE, type="websocket", scheme="wss", subprotocols=[], **changes)
    del scope["method"]
    return scope


async def echo(scope: Scope, receive: Receive, send: Send) -> None:
    assert scope["auth"] is ALICE
    await receive()
    await send({"type": "websocket.accept", "headers": [(b"x-app", b"1")]})
    while (message := await receive())["type"] == "websocket.receive":
        await send({"type": "websocket.send", "text": message["text"]})


async def test_a_websocket_is_admitted_like_a_get_and_carried() -> None:
    gateway = StubGateway(PERMIT_OF_ALICE)
    messages: list[Message] = [
        CONNECT,
        {"type": "websocket.receive", "text": "hi"},
        {"type": "websocket.disconnect", "code": 1000},
    ]
    server = await visit(Middleware(echo, gateway.build), websocket_scope(), *messages)
    (head,) = gateway.flow.heads
    assert (head.method, head.target, head.websocket) == (b"GET", b"/ws", True)
    assert gateway.flow.peers[0].scheme == "https"
    accept, answer = server.sent
    assert dict(accept["headers"]) == {b"x-app": b"1", b"x-edited": b"101"}
    assert answer["text"] == "hi"
    assert (gateway.facts.requests[0].status, len(gateway.live)) == (101, 0)


async def test_a_websocket_ends_when_its_credential_is_revoked() -> None:
    gateway = StubGateway(PERMIT_OF_ALICE)
    server = Server(CONNECT)
    app = Middleware(echo, gateway.build)
    task = asyncio.ensure_future(app(websocket_scope(), server.receive, server.send))
    await server.has_sent("websocket.accept")
    assert gateway.revoke() == 1
    await task
    assert server.sent[-1] == {"type": "websocket.close", "code": 4401, "reason": "session_ended"}


async def test_a_refused_websocket_gets_the_answer_where_the_server_can_send_it() -> None:
    scope = websocket_scope(extensions={"websocket.http.response": {}})
    server = await visit(Middleware(echo, StubGateway(LoginRequired()).build), scope, CONNECT)
    start, rest = server.sent
    assert (start["type"], start["status"]) == ("websocket.http.response.start", 401)
    assert orjson.loads(rest["body"])["code"] == "login_required"


@pytest.mark.parametrize(("error", "code"), [(InvalidToken("expired"), 4401), (StoreUnavailable(), 1008)])
async def test_elsewhere_it_is_closed_with_a_code(error: Exception, code: int) -> None:
    server = await visit(Middleware(echo, StubGateway(error).build), websocket_scope(), CONNECT)
    assert server.sent == [
        {"type": "websocket.close", "code": code, "reason": getattr(error, "code", "")},
    ]


async def test_an_application_may_deny_a_websocket_with_an_answer_of_its_own() -> None:
    async def deny(scope: Scope, receive: Receive, send: Send) -> None:
        await receive()
        await send({"type": "websocket.http.response.start", "status": 403, "headers": []})
        await send({"type": "websocket.http.response.body", "body": b"no"})

    gateway = StubGateway(PERMIT_OF_ALICE)
    server = await visit(Middleware(deny, gateway.build), websocket_scope(), CONNECT)
    assert (server.status, server.fields) == (403, {b"x-edited": b"403"})
    assert gateway.facts.requests[0].status == 403
