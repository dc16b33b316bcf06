"""A request for one of our own endpoints, and how it is answered."""

from collections.abc import Mapping
from dataclasses import dataclass

import orjson
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Scope

from gateway.core.trust import TrustedProxies, transport_lines
from gateway.headers import Pairs
from gateway.model import Answer, Peer, RequestHead

# RFC 6749 section 5.1 asks for both; `X-Crossfade` tells a client that we answered and not the application.
_HEADERS = {
    "cache-control": "no-store",
    "pragma": "no-cache",
    "content-type": "application/json",
    "x-crossfade": "1",
}


_TOLD = frozenset({b"x-forwarded-for", b"x-real-ip", b"x-request-id"})


@dataclass(frozen=True, slots=True)
class Visitor:
    """Who visits: the head that the shell checked, and the other end of the connection."""

    head: RequestHead
    peer: Peer
    request_id: str


def visitor_of(scope: Scope) -> Visitor:
    """Return what both shells put into the scope under `extensions.crossfade`."""
    extension = scope["extensions"]["crossfade"]
    return Visitor(extension["head"], extension["peer"], extension["request_id"])


def head_of(request: Request) -> RequestHead:
    """Return the head of a request."""
    return visitor_of(request.scope).head


def told_of(visitor: Visitor, proxies: TrustedProxies) -> Pairs:
    """Return what the application is told of the client where we ask it ourselves: address, browser, request id.

    Scheme and host are those of the public URL there, and said by whoever asks.
    """
    lines = transport_lines(visitor.head, visitor.peer, visitor.request_id.encode("ascii"), proxies)
    pairs = [line.split(b": ", 1) for line in lines.split(b"\r\n") if line]
    told = [(name, value) for name, value in pairs if name in _TOLD]
    browser = visitor.head.find(b"user-agent")
    return told if browser is None else [*told, (b"user-agent", browser)]


def json(body: Mapping[str, object], cookies: Pairs | None = None) -> Response:
    """Return a body that nobody may store, with `Set-Cookie` fields."""
    response = Response(orjson.dumps(body), headers=_HEADERS)
    response.raw_headers.extend(cookies or [])
    return response


def respond(answer: Answer, cookies: Pairs | None = None) -> Response:
    """Turn an answer of the house into a response, with `Set-Cookie` fields."""
    response = Response(answer.body, answer.status)
    response.raw_headers.extend((name.lower(), value) for name, value in (*answer.fields, *(cookies or [])))
    return response
