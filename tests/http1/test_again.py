"""A head whose bytes came before means what it meant; whoever remembers and whoever reads anew say the same."""

from dataclasses import asdict

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.errors import GatewayError, Refusal
from gateway.headers import join_fields
from gateway.http1.fields import FieldTable
from gateway.http1.head import HeadReader
from gateway.http1.limits import Limits
from gateway.http1.response import ResponseReader, ResponseTable
from gateway.model import RequestHead
from tests.http1.feeding import IDENTITY

LINES = [b"GET /a?b=c HTTP/1.1", b"HEAD /b HTTP/1.1", b"POST /%61 HTTP/1.1", b"OPTIONS * HTTP/1.1", b"GET * HTTP/1.1"]
LINES += [b"GET / HTTP/1.0", b"get / HTTP/1.1", b"GET / HTTP/2.0", b"PROPFIND / HTTP/1.1", b"GET /a b HTTP/1.1", b""]
LINES += [b"GET /" + b"a" * 300 + b" HTTP/1.1", b"\r\nGET / HTTP/1.1"]
FIELDS = [
    b"Host: a",
    b"Host: b:1",
    b"X-A: 1",
    b"X-A:  2 ",
    b"Authorization: Bearer x",
    b"Cookie: a=1",
    b"Origin: https://b",
]
FIELDS += [b"Connection: close", b"Connection: X-A", b"Connection: keep-alive", b"Connection: upgrade", b"TE: trailers"]
FIELDS += [b"Content-Length: 3", b"Content-Length: +3", b"Transfer-Encoding: chunked", b"Transfer-Encoding: gzip"]
FIELDS += [
    b"X-Auth-Subject: root",
    b"x_auth_subject: root",
    b"X-Forwarded-For: 1.1.1.1",
    b"X-Request-ID: 7",
    b"Expect: x",
]
FIELDS += [
    b"Upgrade: websocket",
    b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
    b"Sec-WebSocket-Version: 13",
    b" X: 1",
]
FIELDS += [b"Upgrade: h2c", b"Expect: 100-continue", b"traceparent: x", b"X\xff: 1", b"X: \x00", b"X: a\nHost: b"]
REQUESTS = st.builds(
    lambda line, fields, rest: b"\r\n".join([line, b"Host: a", *fields, b"", rest]),
    st.sampled_from(LINES[:3]) | st.sampled_from(LINES),
    st.lists(st.sampled_from(FIELDS), max_size=3),
    st.sampled_from([b"", b"", b"", b"GET / HTTP/1.1\r\n", b"\r\n\r\n"]),
)
LIMITS = Limits(request_line=256)

Seen = tuple[dict[str, object], bytes | None, bytes, int] | type[Refusal] | None


def seen(reader: HeadReader, raw: bytes) -> Seen:
    try:
        head = reader.feed(raw)
    except Refusal as error:
        return type(error)
    return None if head is None else (asdict(head), head.lines, reader.rest, reader.stripped)


@given(st.lists(REQUESTS, min_size=2, max_size=8))
def test_a_reader_that_remembers_reads_as_one_that_does_not(requests: list[bytes]) -> None:
    table = FieldTable(IDENTITY)
    for raw in [*requests, *requests]:
        expected = seen(HeadReader(FieldTable(IDENTITY), LIMITS), raw)
        assert seen(HeadReader(table, LIMITS), raw) == expected


@given(st.lists(REQUESTS, min_size=1, max_size=8))
def test_the_lines_are_the_fields(requests: list[bytes]) -> None:
    reader = HeadReader(FieldTable(IDENTITY), LIMITS)
    for raw in requests:
        try:
            head = reader.feed(raw)
        except Refusal:
            break
        if head is None:
            break
        assert head.lines == join_fields(head.fields)


def test_a_head_that_came_before_is_found_by_its_fields() -> None:
    table = FieldTable(IDENTITY)
    first = HeadReader(table, Limits()).feed(b"GET /a HTTP/1.1\r\nHost: a\r\nX-A: 1\r\n\r\n")
    second = HeadReader(table, Limits()).feed(b"HEAD /b HTTP/1.1\r\nHost: a\r\nX-A: 1\r\n\r\n")
    assert isinstance(first, RequestHead)
    assert isinstance(second, RequestHead)
    assert second.fields is first.fields
    assert (second.method, second.target) == (b"HEAD", b"/b")
    assert len(table.heads) == 1


@pytest.mark.parametrize("field", [b"traceparent: 00-" + b"a" * 32 + b"-" + b"b" * 16 + b"-01", b"X-Request-ID: 7"])
def test_a_head_that_comes_once_is_not_remembered(field: bytes) -> None:
    table = FieldTable(IDENTITY)
    assert HeadReader(table, Limits()).feed(b"GET /a HTTP/1.1\r\nHost: a\r\n" + field + b"\r\n\r\n") is not None
    assert len(table.heads) == 0


FIRST_LINES = [b"GET /a?b=c HTTP/1.1", b"POST / HTTP/1.1"]
MANGLED = {
    line[:at] + bytes([byte]) + line[behind:]
    for line in FIRST_LINES
    for at in range(len(line) + 1)
    for behind in (at, at + 1)
    for byte in range(256)
}


def test_no_byte_of_a_first_line_is_read_otherwise_before_fields_that_came_before() -> None:
    fields = b"Host: a\r\nAuthorization: Bearer x\r\n\r\n"
    table, fresh = FieldTable(IDENTITY), FieldTable(IDENTITY)
    for line in sorted(MANGLED):
        fresh.heads.clear()
        fresh.first_lines.clear()
        raw = line + b"\r\n" + fields
        assert seen(HeadReader(table, LIMITS), raw) == seen(HeadReader(fresh, LIMITS), raw), line
    assert len(table.heads) == 1


STATUSES = [b"HTTP/1.1 200 OK", b"HTTP/1.1 204 ", b"HTTP/1.1 304 X", b"HTTP/1.0 200 OK", b"HTTP/1.1 100 Continue"]
STATUSES += [b"HTTP/1.1 101 X", b"HTTP/1.1 205 X", b"HTTP/1.1 600 X", b"HTTP/1.1 200"]
ANSWERED = [b"Content-Length: 2", b"Content-Length: 02", b"Transfer-Encoding: chunked", b"Connection: close", b"X: 1"]
ANSWERED += [b"Connection: X", b"Set-Cookie: a=1", b"Vary: Cookie", b"Cache-Control: no-store", b"X-Crossfade: 1"]
ANSWERED += [b"Content-Type: text/event-stream", b"Upgrade: websocket", b"Connection: upgrade", b"X : 1", b"Date: now"]
RESPONSES = st.builds(
    lambda status, fields: b"\r\n".join([status, *fields, b"", b"ok"]),
    st.sampled_from(STATUSES),
    st.lists(st.sampled_from(ANSWERED), max_size=3),
)


def answered(reader: ResponseReader, method: bytes, raw: bytes) -> object:
    reader.start(method, websocket=method == b"GET")
    try:
        head = reader.feed(raw)
    except GatewayError as error:
        return type(error)
    return None if head is None else (asdict(head), reader.rest)


@given(st.lists(st.tuples(st.sampled_from([b"GET", b"HEAD", b"POST"]), RESPONSES), min_size=2, max_size=8))
def test_responses_that_came_before_mean_the_same(responses: list[tuple[bytes, bytes]]) -> None:
    table = ResponseTable()
    for method, raw in [*responses, *responses]:
        expected = answered(ResponseReader(Limits()), method, raw)
        assert answered(ResponseReader(Limits(), table), method, raw) == expected


@pytest.mark.parametrize("field", [b"Set-Cookie: a=1", b"X-Crossfade: 1", b"Access-Control-Allow-Origin: *"])
def test_what_must_be_looked_at_is_never_found_by_its_bytes(field: bytes) -> None:
    table = ResponseTable()
    reader = ResponseReader(Limits(), table)
    for _ in range(2):
        head = reader.feed(b"HTTP/1.1 200 OK\r\n%b\r\nContent-Length: 0\r\n\r\n" % field)
        assert head is not None
        assert head.is_notable
    assert len(table.heads) == 0
