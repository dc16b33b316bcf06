"""What a good head becomes."""

import pytest

from gateway.errors import BadRequest, FieldsTooLarge, MethodRefused, Refusal, TargetTooLong
from gateway.http1.fields import FieldTable
from gateway.http1.head import HeadReader, build_head
from gateway.http1.limits import Limits
from gateway.model import RequestHead
from tests.http1.feeding import IDENTITY, Cut, both_cuts, read_head

KEY = b"dGhlIHNhbXBsZSBub25jZQ=="
HANDSHAKE = (
    b"Connection: Upgrade\r\nUpgrade: WebSocket\r\nSec-WebSocket-Key: " + KEY + b"\r\nSec-WebSocket-Version: 13\r\n"
)
HANDSHAKE_FIELDS = [(b"Sec-WebSocket-Key", KEY), (b"Sec-WebSocket-Version", b"13")]
PARENT = b"00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


def head(**changes: object) -> RequestHead:
    values: dict[str, object] = {"method": b"GET", "target": b"/", "minor": 1, "fields": [], "host": b"a"} | changes
    return RequestHead(**values)  # type: ignore[arg-type]


def get(fields: bytes = b"", line: bytes = b"GET / HTTP/1.1", host: bytes = b"Host: a\r\n") -> bytes:
    return line + b"\r\n" + host + fields + b"\r\n"


def post(fields: bytes) -> bytes:
    return get(fields, b"POST / HTTP/1.1")


ACCEPTED: dict[str, tuple[bytes, RequestHead]] = {
    "smallest": (get(), head()),
    "one empty line first": (b"\r\n" + get(), head()),
    "target as sent": (
        get(line=b"GET /a%2Fb;x=1/(c)|d?q=[{\\^`}]&%00 HTTP/1.1"),
        head(target=b"/a%2Fb;x=1/(c)|d?q=[{\\^`}]&%00"),
    ),
    "asterisk": (get(line=b"OPTIONS * HTTP/1.1"), head(method=b"OPTIONS", target=b"*")),
    "fields keep order and spelling": (
        get(b"x-b: 1\r\nX-A:2\r\nX-B: \xe4 \t\r\nEmpty:\r\n"),
        head(fields=[(b"x-b", b"1"), (b"X-A", b"2"), (b"X-B", b"\xe4 \t"), (b"Empty", b"")]),
    ),
    "fields with a place of their own": (
        get(
            b"AUTHORIZATION: Bearer x \r\ncookie: a=1;b\r\nOrigin: https://a\r\nX-Crossfade: 1\r\nX-Request-ID: r-1\r\n"
        ),
        head(authorization=b"Bearer x", cookie=b"a=1;b", origin=b"https://a", asks=b"1", request_id=b"r-1"),
    ),
    "address as Host": (get(host=b"Host: [::1]:8080\r\n"), head(host=b"[::1]:8080")),
    "underscore in Host": (get(host=b"Host: my_app.local:80 \r\n"), head(host=b"my_app.local:80")),
    "length": (post(b"Content-Length: 5 \r\n"), head(method=b"POST", length=5)),
    "length of nothing": (post(b"Content-Length: 0\r\n"), head(method=b"POST", length=0)),
    "GET with a body": (get(b"Content-Length: 5\r\n"), head(length=5)),
    "chunked": (post(b"transfer-encoding: \tChunked \r\n"), head(method=b"POST", chunked=True)),
    "expectation": (
        post(b"Expect: 100-Continue\r\nContent-Length: 1\r\n"),
        head(method=b"POST", expects_continue=True, length=1),
    ),
    "close": (get(b"Connection: Close\r\n"), head(keep_alive=False)),
    "close in a list": (get(b"Connection: keep-alive\r\nConnection: x, close\r\n"), head(keep_alive=False)),
    "keep-alive": (get(b"Connection: Keep-Alive\r\n"), head()),
    "HTTP/1.0": (get(line=b"GET / HTTP/1.0"), head(minor=0, keep_alive=False)),
    "HTTP/1.0 without Host": (get(line=b"GET / HTTP/1.0", host=b""), head(minor=0, keep_alive=False, host=b"")),
    "HTTP/1.0 that stays": (get(b"Connection: keep-alive\r\n", b"GET / HTTP/1.0"), head(minor=0)),
    "HTTP/1.0 expects nothing": (
        get(b"Expect: 100-continue\r\n", b"GET / HTTP/1.0"),
        head(minor=0, keep_alive=False, expects_continue=False),
    ),
    "WebSocket": (get(HANDSHAKE), head(websocket=True, fields=HANDSHAKE_FIELDS)),
    "WebSocket of Firefox": (
        get(HANDSHAKE.replace(b"Upgrade\r\n", b"keep-alive, Upgrade\r\n", 1)),
        head(websocket=True, fields=HANDSHAKE_FIELDS),
    ),
    "upgrade that nobody named in Connection": (
        get(HANDSHAKE.replace(b"Connection: Upgrade\r\n", b"")),
        head(fields=HANDSHAKE_FIELDS),
    ),
    "upgrade to HTTP/2": (
        get(b"Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMA\r\n"),
        head(),
    ),
    "upgrade to something": (get(b"Connection: upgrade\r\nUpgrade: foo\r\nUpgrade: websocket\r\n"), head()),
    "hop-by-hop": (
        get(
            b"Keep-Alive: 5\r\nTE: trailers\r\nTrailer: X\r\nProxy-Connection: close\r\n"
            b"Proxy-Authorization: Basic x\r\nProxy-Authenticate: x\r\nUpgrade: foo\r\nHTTP2-Settings: x\r\nX: 1\r\n"
        ),
        head(fields=[(b"X", b"1")]),
    ),
    "names in Connection": (
        get(b"X-Hop: 1\r\nConnection: x-hop, X-OTHER\r\nx-hop: 2\r\nX-Other: 3\r\nX-Stays: 4\r\n"),
        head(fields=[(b"X-Stays", b"4")]),
    ),
    "names in Connection that we rely on": (
        post(
            b"Connection: Host, Authorization, Cookie, Origin, Content-Length, X-Crossfade, X-Request-ID, x-real-ip, "
            b"sec-fetch-site, Content-Type, Accept, Expect\r\nAuthorization: x\r\nCookie: a=1\r\nOrigin: o\r\n"
            b"Content-Length: 1\r\nX-Crossfade: 1\r\nX-Request-ID: r\r\nX-Real-IP: 1.2.3.4\r\nSec-Fetch-Site: none\r\n"
            b"Content-Type: t\r\nAccept: a\r\nExpect: 100-continue\r\n"
        ),
        head(
            method=b"POST",
            authorization=b"x",
            cookie=b"a=1",
            origin=b"o",
            length=1,
            asks=b"1",
            request_id=b"r",
            transport=[(b"X-Real-IP", b"1.2.3.4")],
            fields=[(b"Sec-Fetch-Site", b"none"), (b"Content-Type", b"t"), (b"Accept", b"a")],
            expects_continue=True,
        ),
    ),
    "identity headers in any spelling": (
        get(
            b"X-Auth-Subject: 1\r\nX_Auth_Subject: 1\r\nx.auth-scope: 1\r\nX-AUTH-ROLES: 1\r\nX-Auth_Session: 1\r\n"
            b"X-Auth-Credentials: kept\r\n"
        ),
        head(fields=[(b"X-Auth-Credentials", b"kept")]),
    ),
    "transport headers": (
        get(
            b"X-Forwarded-For: 1.1.1.1\r\nx-forwarded-for: 2.2.2.2\r\nX_Forwarded_Proto: https\r\nForwarded: for=x\r\n"
            b"X-Real-IP: 3.3.3.3\r\nX-Forwarded-User: admin\r\nX-Original-URL: /admin\r\nX-Rewrite-URL: /admin\r\n"
        ),
        head(
            transport=[
                *((b"X-Forwarded-For", b"1.1.1.1"), (b"x-forwarded-for", b"2.2.2.2"), (b"X_Forwarded_Proto", b"https")),
                *((b"Forwarded", b"for=x"), (b"X-Real-IP", b"3.3.3.3"), (b"X-Forwarded-User", b"admin")),
                *((b"X-Original-URL", b"/admin"), (b"X-Rewrite-URL", b"/admin")),
            ]
        ),
    ),
    "method overrides and other imitations": (
        get(
            b"X-HTTP-Method-Override: DELETE\r\nX-HTTP-Method: DELETE\r\nX_Method_Override: DELETE\r\nProxy: evil\r\n"
            b"X_Crossfade: 1\r\nX.Request.ID: 1\r\n"
        ),
        head(),
    ),
    "trace context": (
        get(b"traceparent: %b\r\ntracestate: congo=t61rcWkgMzE,rojo=1\r\n" % PARENT),
        head(fields=[(b"traceparent", PARENT), (b"tracestate", b"congo=t61rcWkgMzE,rojo=1")]),
    ),
    "trace context that is none": (
        get(
            b"traceparent: ff%b\r\ntraceparent: 00-%b-b7ad6b7169203331-01\r\ntracestate: \xff=1\r\ntracestate: x\r\n"
            % (PARENT[2:], b"0" * 32)
        ),
        head(),
    ),
    "request id that could forge a log line": (
        get(b"X-Request-ID: a b\r\nX-Request-ID: %b\r\n" % (b"a" * 129)),
        head(),
    ),
    "two request ids": (get(b"X-Request-ID: a\r\nX-Request-ID: b\r\n"), head(request_id=b"a")),
}


@both_cuts
@pytest.mark.parametrize(("raw", "expected"), ACCEPTED.values(), ids=ACCEPTED)
def test_a_good_head_is_read(raw: bytes, expected: RequestHead, cut: Cut) -> None:
    """Each row becomes exactly its head, and not one byte behind it is touched."""
    assert read_head(cut(raw + b"body\r\n\r\n")) == (expected, b"body\r\n\r\n")


def test_pipelined_heads_come_one_by_one() -> None:
    reader = HeadReader(FieldTable(IDENTITY), Limits())
    first = reader.feed(get(b"X-Auth-Subject: 1\r\nx_auth_subject: 2\r\n") + get(line=b"GET /2 HTTP/1.1") + b"GET /3")
    assert first is not None
    assert reader.stripped == 2
    second = reader.feed(reader.rest)
    assert second is not None
    assert (second.target, reader.rest, reader.stripped) == (b"/2", b"GET /3", 0)
    assert reader.feed(reader.rest) is None
    third = reader.feed(b" HTTP/1.1\r\nHost: a\r\n\r\n")
    assert third is not None
    assert third.target == b"/3"


def test_an_error_that_is_none_of_ours_is_not_called_the_clients_fault() -> None:
    """A bug in a treatment surfaces as itself: it must become a 500, not a 400."""

    class Broken(FieldTable):
        def __missing__(self, name: bytes) -> None:
            raise RuntimeError(name)

    with pytest.raises(RuntimeError, match="X-Never-Seen"):
        HeadReader(Broken([]), Limits()).feed(get(b"X-Never-Seen: 1\r\n"))


def test_an_error_that_is_being_handled_elsewhere_is_not_mixed_up() -> None:
    try:
        int("no number")
    except ValueError:
        with pytest.raises(BadRequest):
            read_head(iter([get(b"X : 1\r\n")]))


def test_names_are_remembered_up_to_a_bound() -> None:
    table = FieldTable(IDENTITY)
    for number in range(5000):
        assert table[b"x-%d" % number] is None
    assert table[b"a" * 65] is None
    assert len(table) == 1024
    assert b"a" * 65 not in table
    assert table[b"x-auth-SUBJECT"] is not None


# --- the same checks for a head that another server has read ---


def built(
    method: bytes = b"GET",
    target: bytes = b"/",
    minor: int = 1,
    *pairs: tuple[bytes, bytes],
    limits: Limits | None = None,
) -> RequestHead:
    return build_head(method, target, minor, [(b"host", b"a"), *pairs], FieldTable(IDENTITY), limits or Limits())


def test_a_built_head_equals_a_read_one() -> None:
    pairs = ((b"cookie", b"a=1"), (b"x-auth-subject", b"1"), (b"x-a", b"1"), (b"content-length", b"3"))
    raw = b"".join(b"%b: %b\r\n" % pair for pair in pairs)
    assert built(b"POST", b"/a?b", 1, *pairs) == read_head(iter([get(raw, b"POST /a?b HTTP/1.1")]))[0]


CHUNKED = (b"transfer-encoding", b"chunked")
BUILT: dict[str, tuple[tuple[bytes, bytes, int, *tuple[tuple[bytes, bytes], ...]], type[Refusal]]] = {
    "fragment": ((b"GET", b"/#", 1, (b"x", b"1")), BadRequest),
    "line break in the target": ((b"GET", b"/ HTTP/1.1\r\nX: 1", 1, (b"x", b"1")), BadRequest),
    "whole line in the target": ((b"GET", b"/ HTTP/1.1\r\nGET /", 1, (b"x", b"1")), BadRequest),
    "method": ((b"TRACE", b"/", 1, (b"x", b"1")), MethodRefused),
    "field name": ((b"GET", b"/", 1, (b"x y", b"1")), BadRequest),
    "line break in a name": ((b"GET", b"/", 1, (b"x\r\ny", b"1")), BadRequest),
    "line break in a value": ((b"GET", b"/", 1, (b"x", b"1\r\ny: 1")), BadRequest),
    "line feed at the end of a value": ((b"GET", b"/", 1, (b"x", b"1\n")), BadRequest),
    "NUL in a value": ((b"GET", b"/", 1, (b"x", b"\0")), BadRequest),
    "two Hosts": ((b"GET", b"/", 1, (b"Host", b"a")), BadRequest),
    "chunked twice": ((b"POST", b"/", 1, CHUNKED, CHUNKED), BadRequest),
    "long target": ((b"GET", b"/" + b"a" * 8192, 1, (b"x", b"1")), TargetTooLong),
    "long fields": ((b"GET", b"/", 1, (b"x", b"1" * 65536)), FieldsTooLarge),
}


@pytest.mark.parametrize(
    ("limits", "error"),
    [
        (Limits(request_line=16, head=33), None),
        (Limits(request_line=15, head=33), TargetTooLong),
        (Limits(request_line=16, head=32), FieldsTooLarge),
    ],
)
def test_limits_of_a_built_head_are_exact(limits: Limits, error: type[Refusal] | None) -> None:
    """They count the same bytes as for a head that is read: a line of 16 and 17 behind it."""
    pairs = [(b"Host", b"a"), (b"X", b"1")]
    if error is None:
        assert build_head(b"GET", b"/", 1, pairs, FieldTable([]), limits) == head(fields=[(b"X", b"1")])
    else:
        with pytest.raises(error):
            build_head(b"GET", b"/", 1, pairs, FieldTable([]), limits)


@pytest.mark.parametrize(("parts", "error"), BUILT.values(), ids=BUILT)
def test_a_head_is_not_built_from_bad_parts(
    parts: tuple[bytes, bytes, int, *tuple[tuple[bytes, bytes], ...]], error: type[Refusal]
) -> None:
    with pytest.raises(Refusal) as caught:
        built(*parts)
    assert caught.type is error
