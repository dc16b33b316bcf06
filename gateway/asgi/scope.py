"""From an ASGI scope to a request head, and back to the fields that the application gets."""

from collections.abc import Iterable

from starlette.types import Scope

from gateway.core.trust import TrustedProxies
from gateway.errors import BadRequest
from gateway.headers import Pairs
from gateway.http1.fields import FieldTable
from gateway.http1.head import build_head
from gateway.http1.limits import Limits
from gateway.http1.write import write_request
from gateway.model import Peer, Permit, RequestHead

_SCHEMES = {"ws": "http", "wss": "https"}
_BODILESS = frozenset({b"GET", b"HEAD", b"OPTIONS"})


def read_head(scope: Scope, table: FieldTable, limits: Limits) -> RequestHead:
    """Make a head of what the server has parsed, with the checks that the wire makes as far as the scope allows.

    Decisions are made on `raw_path`: `path` is percent-decoded, so that `%2f` has become `/` in it.

    Raises:
        Refusal: it is not a request that is let through, or the server does not say what the client sent.
    """
    path = scope.get("raw_path")
    if not isinstance(path, bytes):
        raise BadRequest("The server does not tell the path as it was sent.")
    query = scope["query_string"]
    target = path + b"?" + query if query else path
    is_websocket = scope["type"] == "websocket"
    method = b"GET" if is_websocket else scope["method"].encode("latin-1")
    version = scope["http_version"]
    fields = _fields_of(scope["headers"], version, is_websocket=is_websocket)
    head = build_head(method, target, 0 if version in ("1.0", "1") else 1, fields, table, limits)
    # The server has checked the handshake; in HTTP/2 there is none of the fields that RFC 6455 asks for.
    head.websocket = is_websocket
    if version.startswith(("2", "3")) and head.length is None and method not in _BODILESS:
        head.chunked = True  # frames end the body there, and chunks of ours towards the application
    return head


def _fields_of(headers: Iterable[tuple[bytes, bytes]], version: str, *, is_websocket: bool) -> Pairs:
    fields = [(name, value) for name, value in headers if not (is_websocket and name.lower() == b"upgrade")]
    if version.startswith("1"):
        return fields
    # HTTP/2 and 3 split the cookies over several fields (RFC 9113 section 8.2.3).
    cookies = [value for name, value in fields if name.lower() == b"cookie"]
    if len(cookies) < 2:
        return fields
    return [pair for pair in fields if pair[0].lower() != b"cookie"] + [(b"cookie", b"; ".join(cookies))]


def peer_of(scope: Scope, proxies: TrustedProxies) -> Peer:
    """Return who is at the other end, as the server says."""
    client = scope.get("client")
    address = str(client[0] or "") if client else ""  # a Unix socket has none
    scheme = str(scope.get("scheme", "http"))
    return Peer(address, proxies.trusts(address), _SCHEMES.get(scheme, scheme))


def fields_sent(head: RequestHead, permit: Permit, transport: bytes) -> Pairs:
    """Return the fields that the application gets, as ASGI has them: names in lower case.

    They are read from the very bytes that the wire would send, so that both shells mean the same.
    """
    lines = write_request(head, permit, transport).split(b"\r\n")[1:-2]
    return [(name.lower(), value) for name, _, value in (line.partition(b": ") for line in lines)]
