"""Writes message heads. Everything written here was read and checked by this package or made by ourselves."""

from http import HTTPStatus

from gateway.headers import join_fields
from gateway.model import Answer, Permit, RequestHead

_UPGRADE = b"connection: Upgrade\r\nupgrade: websocket\r\n"
_REASONS = {status.value: status.phrase.encode("ascii") for status in HTTPStatus}


def write_request(
    head: RequestHead, permit: Permit, transport: bytes, host: bytes | None = None, request_id: bytes = b""
) -> bytes:
    """Write the head of the request that the application gets.

    Method and target are byte for byte those that were authorised; the version is ours, as RFC 9110 section 6.2 asks
    of intermediaries. The framing is what we counted: the same Content-Length, or chunks of our own.

    `transport` are complete lines (`x-forwarded-for: … CRLF` …). `host` replaces the client's Host where the
    upstream does not preserve it. `request_id` is told where it is not among the `transport`.
    """
    without, lines = permit.without, head.lines
    if without or lines is None:
        lines = join_fields([field for field in head.fields if field[0].lower() not in without])
    parts = [
        head.method,
        b" ",
        head.target,
        b" HTTP/1.1\r\nhost: ",
        head.host if host is None else host,
        b"\r\n",
        lines,
    ]
    if head.origin is not None and b"origin" not in without:
        parts.append(b"origin: %b\r\n" % head.origin)
    if permit.authorization is not None:
        parts.append(b"authorization: %b\r\n" % permit.authorization)
    if permit.cookie is not None:
        parts.append(b"cookie: %b\r\n" % permit.cookie)
    if head.chunked:
        parts.append(b"transfer-encoding: chunked\r\n")
    elif head.length is not None:
        parts.append(b"content-length: %d\r\n" % head.length)
    elif head.websocket:
        parts.append(_UPGRADE)
    if request_id:
        parts += (permit.lines, transport, b"x-request-id: ", request_id, b"\r\n\r\n")
    else:
        parts += (permit.lines, transport, b"\r\n")
    return b"".join(parts)


def write_response(status: int, reason: bytes, lines: bytes, *, framing: bytes, close: bool, minor: int) -> bytes:
    """Write the head of a response to a client that spoke HTTP/1.`minor`.

    `lines` are the fields, each ended by CRLF (`headers.join_fields`). `framing` is the line that says where the body
    ends, or empty where there is none or the connection's end says it.
    A 101 says that it switches to WebSocket, the only upgrade that we know; its connection is never closed here.
    """
    ending = b"\r\n"
    if status == 101:
        ending = _UPGRADE + ending
    elif close:
        ending = b"connection: close\r\n\r\n"
    elif not minor:
        ending = b"connection: keep-alive\r\n\r\n"
    return b"HTTP/1.1 %d %b\r\n%b%b%b" % (status, reason, lines, framing, ending)


def write_answer(answer: Answer, *, close: bool, head_only: bool = False, minor: int = 1) -> bytes:
    """Write a complete response of our own; `head_only` leaves the body out, as HEAD asks (RFC 9110 section 9.3.2).

    204 and 304 have no body and say no length of one (RFC 9110 section 8.6).
    """
    is_bodiless = answer.status in (204, 304)
    framing = b"" if is_bodiless else b"content-length: %d\r\n" % len(answer.body)
    reason = _REASONS.get(answer.status, b"")
    lines = join_fields(answer.fields)
    head = write_response(answer.status, reason, lines, framing=framing, close=close, minor=minor)
    return head if head_only or is_bodiless else head + answer.body
