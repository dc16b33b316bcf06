"""What is refused before anything of it can reach the application, however the bytes are cut."""

import pytest

from gateway.errors import (
    BadRequest,
    BodyTooLarge,
    ExpectationFailed,
    FieldsTooLarge,
    MethodRefused,
    NotImplementedCoding,
    Refusal,
    TargetTooLong,
    UpgradeRefused,
    VersionRefused,
)
from gateway.http1.limits import Limits
from tests.http1.feeding import Cut, both_cuts, read_head

HANDSHAKE = (
    b"Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
    b"Sec-WebSocket-Version: 13\r\n"
)


def get(fields: bytes = b"", *, line: bytes = b"GET / HTTP/1.1", host: bytes = b"Host: a\r\n") -> bytes:
    return line + b"\r\n" + host + fields + b"\r\n"


def post(fields: bytes) -> bytes:
    return get(fields, line=b"POST / HTTP/1.1")


LINES: dict[str, tuple[bytes, type[Refusal]]] = {
    "absolute form": (get(line=b"GET http://evil/x HTTP/1.1"), BadRequest),
    "authority form": (get(line=b"GET a:443 HTTP/1.1"), BadRequest),
    "relative target": (get(line=b"GET foo HTTP/1.1"), BadRequest),
    "asterisk without OPTIONS": (get(line=b"GET * HTTP/1.1"), BadRequest),
    "fragment": (get(line=b"GET /a#/../b HTTP/1.1"), BadRequest),
    "space in the target": (get(line=b"GET /a b HTTP/1.1"), BadRequest),
    "tab in the target": (get(line=b"GET /a\tb HTTP/1.1"), BadRequest),
    "NUL in the target": (get(line=b"GET /a\0b HTTP/1.1"), BadRequest),
    "byte above ASCII in the target": (get(line=b"GET /\xff HTTP/1.1"), BadRequest),
    "quote in the target": (get(line=b'GET /" HTTP/1.1'), BadRequest),
    "angle bracket in the query": (get(line=b"GET /?<x> HTTP/1.1"), BadRequest),
    "backslash in the path": (get(line=b"GET /a\\b HTTP/1.1"), BadRequest),
    "two spaces": (get(line=b"GET  / HTTP/1.1"), BadRequest),
    "tab between": (get(line=b"GET\t/ HTTP/1.1"), BadRequest),
    "space at the end": (get(line=b"GET / HTTP/1.1 "), BadRequest),
    "HTTP/0.9": (b"GET /\r\n", BadRequest),
    "HTTP/0.9 in words": (get(line=b"GET / HTTP/0.9"), VersionRefused),
    "HTTP/1.2": (get(line=b"GET / HTTP/1.2"), VersionRefused),
    "HTTP/2.0": (get(line=b"GET / HTTP/2.0"), VersionRefused),
    "HTTP/1.32": (get(line=b"GET / HTTP/1.32"), BadRequest),
    "lower-case version": (get(line=b"GET / http/1.1"), BadRequest),
    "RTSP": (get(line=b"GET / RTSP/1.0"), BadRequest),
    "HTTP/2 preface": (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", VersionRefused),
    "TLS client hello": (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\n", BadRequest),
    "two empty lines first": (b"\r\n\r\n" + get(), BadRequest),
    "bare line feed first": (b"\n" + get(), BadRequest),
    "CONNECT": (get(line=b"CONNECT a:80 HTTP/1.1"), MethodRefused),
    "CONNECT of a path": (get(line=b"CONNECT / HTTP/1.1"), MethodRefused),
    "TRACE": (get(line=b"TRACE / HTTP/1.1"), MethodRefused),
    "lower-case method": (get(line=b"get / HTTP/1.1"), MethodRefused),
    "unknown method": (get(line=b"FOOBAR / HTTP/1.1"), MethodRefused),
    "method that is no token": (get(line=b"G(T / HTTP/1.1"), BadRequest),
}

FIELDS: dict[str, tuple[bytes, type[Refusal]]] = {
    "no Host": (get(host=b""), BadRequest),
    "two Hosts": (get(b"Host: b\r\n"), BadRequest),
    "two equal Hosts": (get(b"Host: a\r\n"), BadRequest),
    "Host list": (get(host=b"Host: a, b\r\n"), BadRequest),
    "Host with user": (get(host=b"Host: u@a\r\n"), BadRequest),
    "Host with path": (get(host=b"Host: a/b\r\n"), BadRequest),
    "empty Host": (get(host=b"Host:\r\n"), BadRequest),
    "Host with space": (get(host=b"Host: a b\r\n"), BadRequest),
    "Host with impossible port": (get(host=b"Host: a:99999\r\n"), BadRequest),
    "Host with half an address": (get(host=b"Host: [::1\r\n"), BadRequest),
    "two Authorization": (get(b"Authorization: Bearer a\r\nAuthorization: Bearer b\r\n"), BadRequest),
    "Authorization above ASCII": (get(b"Authorization: Bearer \xff\r\n"), BadRequest),
    "two Cookie lines": (get(b"Cookie: a=1\r\ncookie: a=2\r\n"), BadRequest),
    "a Cookie of nothing but semicolons": (get(b"Cookie: " + b";" * 1000 + b"\r\n"), FieldsTooLarge),
    "a Cookie of nothing but commas": (get(b"Cookie: " + b"a=1," * 1000 + b"\r\n"), FieldsTooLarge),
    "control byte in a Cookie": (get(b"Cookie: a=\x01\r\n"), BadRequest),
    "two Origins": (get(b"Origin: https://a\r\nOrigin: https://b\r\n"), BadRequest),
    "space before the colon": (get(b"X-A : 1\r\n"), BadRequest),
    "tab before the colon": (get(b"X-A\t: 1\r\n"), BadRequest),
    "folded line": (get(b"X-A: 1\r\n X-B: 2\r\n"), BadRequest),
    "first line begins with a space": (get(host=b" Host: a\r\n"), BadRequest),
    "NUL": (get(b"X-A: a\0b\r\n"), BadRequest),
    "bare carriage return": (get(b"X-A: a\rb\r\n"), BadRequest),
    "bare line feed": (get(b"X-A: a\nX-B: b\r\n"), BadRequest),
    "line feeds only": (get().replace(b"\r\n", b"\n"), BadRequest),
    "line feeds end the head": (b"GET / HTTP/1.1\r\nHost: a\n\n", BadRequest),
    "control byte": (get(b"X-A: \x01\r\n"), BadRequest),
    "DEL": (get(b"X-A: \x7f\r\n"), BadRequest),
    "empty name": (get(b": a\r\n"), BadRequest),
    "no colon": (get(b"X-A\r\n"), BadRequest),
    "bracket in a name": (get(b"X[A]: a\r\n"), BadRequest),
    "byte above ASCII in a name": (get(b"X-\xff: a\r\n"), BadRequest),
    "unknown expectation": (get(b"Expect: 200-ok\r\n"), ExpectationFailed),
    "WebSocket of another version": (get(HANDSHAKE.replace(b"13", b"8")), UpgradeRefused),
    "WebSocket without a version": (get(HANDSHAKE.replace(b"Sec-WebSocket-Version: 13\r\n", b"")), UpgradeRefused),
    "WebSocket without a key": (get(HANDSHAKE.replace(b"Sec-WebSocket-Key", b"X-Key")), BadRequest),
    "WebSocket with a short key": (get(HANDSHAKE.replace(b"dGhl", b"")), BadRequest),
    "WebSocket with a key that is none": (get(HANDSHAKE.replace(b"dGhl", b"?")), BadRequest),
    "WebSocket with two keys": (get(HANDSHAKE + b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"), BadRequest),
    "WebSocket by POST": (post(HANDSHAKE), BadRequest),
    "WebSocket in HTTP/1.0": (get(HANDSHAKE, line=b"GET / HTTP/1.0"), BadRequest),
    "WebSocket with a body": (get(HANDSHAKE + b"Content-Length: 5\r\n"), BadRequest),
}

CHUNKED = b"Transfer-Encoding: chunked\r\n"

FRAMING: dict[str, tuple[bytes, type[Refusal]]] = {
    "length, then chunked": (post(b"Content-Length: 6\r\n" + CHUNKED), BadRequest),
    "chunked, then length": (post(CHUNKED + b"Content-Length: 6\r\n"), BadRequest),
    "two equal lengths": (post(b"Content-Length: 5\r\nContent-Length: 5\r\n"), BadRequest),
    "two lengths": (post(b"Content-Length: 5\r\nContent-Length: 0\r\n"), BadRequest),
    "empty length first": (post(b"Content-Length:\r\nContent-Length: 5\r\n"), BadRequest),
    **{
        f"length {value!r}": (post(b"Content-Length: %b\r\n" % value), BadRequest)
        for value in (
            *(b"5, 5", b"5, 6", b"+5", b"-0", b"-48", b"0_5", b"0x5", b"0o5", b"1e1", b"5.0", b"5Z", b"5 5", b""),
            *(b"\xd9\xa5", b"5\xa0", b"0005", b"0200", b"00", b"18446744073709551621", b"1000000000000000000"),
        )
    },
    "length above the limit": (post(b"Content-Length: 1073741825\r\n"), BodyTooLarge),
    "two codings lines": (post(CHUNKED + CHUNKED), BadRequest),
    "chunked line, then identity": (post(CHUNKED + b"Transfer-Encoding: identity\r\n"), BadRequest),
    **{
        f"coding {value!r}": (post(b"Transfer-Encoding: %b\r\n" % value), error)
        for value, error in (
            *((b"identity, chunked", NotImplementedCoding), (b"gzip, chunked", NotImplementedCoding)),
            *((b"xchunked", BadRequest), (b"identity", BadRequest), (b"chunked, identity", BadRequest)),
            *((b",chunked", BadRequest), (b"chunked,", BadRequest), (b"chunked, chunked", BadRequest)),
            *((b'"chunked"', BadRequest), (b"'chunked'", BadRequest), (b"chunked;q=1", BadRequest)),
            *((b"\x0bchunked", BadRequest), (b"chunked\x0c", BadRequest), (b"chunked\0", BadRequest)),
            *((b"\x85chunked", BadRequest), (b"chunked\xa0", BadRequest), (b"chunked\xff", BadRequest)),
            *((b"", BadRequest), (b"chunked\r", BadRequest), (b"\r\n chunked", BadRequest), (b"gzip", BadRequest)),
        )
    },
    "space before the colon of a coding": (post(b"Transfer-Encoding : chunked\r\n"), BadRequest),
    "coding behind a bare line feed": (post(b"Content-Length: 5\r\nX: X\nTransfer-Encoding: chunked\r\n"), BadRequest),
    "coding behind a bare carriage return": (post(b"Content-Length: 5\r\nX: X\r" + CHUNKED), BadRequest),
    "coding in HTTP/1.0": (get(CHUNKED, line=b"POST / HTTP/1.0"), BadRequest),
    **{
        f"imitation {name!r}": (post(name + b": chunked\r\n"), BadRequest)
        for name in (
            *(b"Transfer_Encoding", b"transfer.encoding", b"Content_Length", b"Content*Length"),
            *(b"Transf\x82r-Encoding", b"Transfer\\-Encoding", b"Tran\xc5\xbffer-Encoding"),
        )
    },
}

REFUSED = LINES | FIELDS | FRAMING


@both_cuts
@pytest.mark.parametrize(("raw", "error"), REFUSED.values(), ids=REFUSED)
def test_a_bad_head_is_refused(raw: bytes, error: type[Refusal], cut: Cut) -> None:
    """Each row is refused with exactly its error, whatever follows it on the connection."""
    with pytest.raises(Refusal) as caught:
        read_head(cut(raw + b"GET /smuggled HTTP/1.1\r\nHost: a\r\n\r\n"))
    assert caught.type is error


AT_ONCE: dict[str, tuple[bytes, type[Refusal]]] = {
    "bare line feed in the request line": (b"GET / HTTP/1.1\n", BadRequest),
    "bare line feed after a field": (b"GET / HTTP/1.1\r\nHost: a\n", BadRequest),
    "wrong version": (b"GET / HTTP/3.0\r\n", VersionRefused),
    "wrong method": (b"TRACE / HTTP/1.1\r\n", MethodRefused),
    "endless request line": (b"GET /" + b"a" * 8187, TargetTooLong),
    "endless method": (b"A" * 8192, TargetTooLong),
    "endless field": (b"GET / HTTP/1.1\r\nHost: a\r\nX: " + b"a" * 65508, FieldsTooLarge),
}


@both_cuts
@pytest.mark.parametrize(("raw", "error"), AT_ONCE.values(), ids=AT_ONCE)
def test_what_no_more_bytes_can_mend_is_refused_at_once(raw: bytes, error: type[Refusal], cut: Cut) -> None:
    """The last byte of each row is the one that makes it hopeless: nothing more is waited for."""
    read_head(cut(raw[:-1]))
    with pytest.raises(Refusal) as caught:
        read_head(cut(raw))
    assert caught.type is error


LIMITS: dict[str, tuple[bytes, Limits, type[Refusal] | None]] = {
    "request line of the limit": (get(line=b"GET /aaa HTTP/1.1"), Limits(request_line=19), None),
    "request line above": (get(line=b"GET /aaaa HTTP/1.1"), Limits(request_line=19), TargetTooLong),
    "head of the limit": (get(b"X: 1\r\n"), Limits(request_line=16, head=33), None),
    "head above": (get(b"X: 11\r\n"), Limits(request_line=16, head=33), FieldsTooLarge),
    "fields of the limit": (get(b"X: 1\r\n" * 3), Limits(fields=4), None),
    "fields above": (get(b"X: 1\r\n" * 4), Limits(fields=4), FieldsTooLarge),
    "dropped fields count too": (get(b"TE: a\r\n" * 4), Limits(fields=4), FieldsTooLarge),
    "body of the limit": (post(b"Content-Length: 9\r\n"), Limits(body=9), None),
    "body above": (post(b"Content-Length: 10\r\n"), Limits(body=9), BodyTooLarge),
    "line too long and of no version": (get(line=b"GET /aaaaaaaaaa HTTP/9.9"), Limits(request_line=19), TargetTooLong),
    "bare line feed, then too long": (get(b"X: \n1111111\r\n"), Limits(request_line=16, head=33), BadRequest),
    "too long, then bare line feed": (get(b"X: 1111111\n1\r\n"), Limits(request_line=16, head=33), FieldsTooLarge),
}


@both_cuts
@pytest.mark.parametrize(("raw", "limits", "error"), LIMITS.values(), ids=LIMITS)
def test_limits_are_exact(raw: bytes, limits: Limits, error: type[Refusal] | None, cut: Cut) -> None:
    """A limit itself is allowed, one more is not, and of two faults the first in the order of the bytes counts."""
    if error is None:
        assert read_head(cut(raw), limits)[0] is not None
    else:
        with pytest.raises(Refusal) as caught:
            read_head(cut(raw), limits)
        assert caught.type is error
