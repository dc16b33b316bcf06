"""What is written is read alike by an independent reader (h11)."""

import h11
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.headers import Pairs
from gateway.http1.limits import Limits
from gateway.http1.response import ResponseHead, ResponseReader
from gateway.http1.write import write_answer, write_request, write_response
from gateway.model import Answer, Permit, RequestHead
from tests.http1.feeding import read_head, whole

TRANSPORT = b"x-forwarded-for: 1.2.3.4\r\nx-request-id: r\r\n"
ALWAYS = [(b"x-forwarded-for", b"1.2.3.4"), (b"x-request-id", b"r")]


def seen_by_h11(raw: bytes) -> tuple[bytes, bytes, bytes, list[tuple[bytes, bytes]]]:
    server = h11.Connection(h11.SERVER)
    server.receive_data(raw)
    request = server.next_event()
    assert isinstance(request, h11.Request)
    return request.method, request.target, request.http_version, list(request.headers)


def answer_seen_by_h11(raw: bytes, method: bytes = b"GET") -> tuple[int, bytes, list[tuple[bytes, bytes]], bytes]:
    client = h11.Connection(h11.CLIENT)
    client.send(h11.Request(method=method, target="/", headers=[("host", "a")]))
    client.send(h11.EndOfMessage())
    client.receive_data(raw)
    response = client.next_event()
    assert isinstance(response, (h11.Response, h11.InformationalResponse))
    body = b""
    while isinstance(event := client.next_event(), h11.Data):
        body += event.data
    return response.status_code, response.reason, list(response.headers), body


def head(**changes: object) -> RequestHead:
    values: dict[str, object] = {"method": b"GET", "target": b"/a?b", "minor": 1, "fields": [], "host": b"a"} | changes
    return RequestHead(**values)  # type: ignore[arg-type]


def permit(**changes: object) -> Permit:
    return Permit(**({"upstream": "app", "route": "/*"} | changes))  # type: ignore[arg-type]


REQUESTS: dict[str, tuple[RequestHead, Permit, Pairs]] = {
    "nothing shown": (head(), permit(), []),
    "only the permit's credentials travel": (
        head(cookie=b"ours=1; theirs=2", authorization=b"Bearer ours"),
        permit(cookie=b"theirs=2", authorization=b"Basic x"),
        [(b"authorization", b"Basic x"), (b"cookie", b"theirs=2")],
    ),
    "no credentials without a permit for them": (head(cookie=b"a=1", authorization=b"x"), permit(), []),
    "identity": (
        head(fields=[(b"x", b"1")]),
        permit(add=((b"x-auth-subject", b"7"),), lines=b"x-auth-subject: 7\r\n"),
        [(b"x", b"1"), (b"x-auth-subject", b"7")],
    ),
    "fields that the permit takes away": (
        head(fields=[(b"X-CSRFToken", b"1"), (b"x", b"1")], origin=b"https://a"),
        permit(without=frozenset({b"x-csrftoken", b"origin"})),
        [(b"x", b"1")],
    ),
    "origin": (head(origin=b"https://a"), permit(), [(b"origin", b"https://a")]),
    "what is ours to know stays here": (
        head(asks=b"1", request_id=b"r", transport=[(b"X-Forwarded-For", b"6.6.6.6")], keep_alive=False),
        permit(),
        [],
    ),
    "length": (head(method=b"POST", length=5), permit(), [(b"content-length", b"5")]),
    "length of nothing": (head(method=b"POST", length=0), permit(), [(b"content-length", b"0")]),
    "chunks of our own": (head(method=b"POST", chunked=True), permit(), [(b"transfer-encoding", b"chunked")]),
    "expectation is ours to meet": (head(length=5, expects_continue=True), permit(), [(b"content-length", b"5")]),
    "WebSocket": (head(websocket=True), permit(), [(b"connection", b"Upgrade"), (b"upgrade", b"websocket")]),
}


@pytest.mark.parametrize(("request_head", "the_permit", "expected"), REQUESTS.values(), ids=REQUESTS)
def test_the_application_sees_what_was_permitted(
    request_head: RequestHead, the_permit: Permit, expected: Pairs
) -> None:
    method, target, version, fields = seen_by_h11(write_request(request_head, the_permit, TRANSPORT))
    assert (method, target, version) == (request_head.method, request_head.target, b"1.1")
    assert fields == [(b"host", b"a"), *expected, *ALWAYS]


def test_a_request_of_http_1_0_is_forwarded_in_our_version() -> None:
    assert write_request(head(minor=0), permit(), b"").startswith(b"GET /a?b HTTP/1.1\r\n")


def test_host_and_names_are_as_sent_unless_the_upstream_has_its_own() -> None:
    request = head(host=b"www.example.com", fields=[(b"X-SpElLeD", b"1")])
    assert (
        write_request(request, permit(), b"") == b"GET /a?b HTTP/1.1\r\nhost: www.example.com\r\nX-SpElLeD: 1\r\n\r\n"
    )
    assert b"\r\nhost: app:8000\r\n" in write_request(request, permit(), b"", host=b"app:8000")


TOKENS = st.text("abcXYZ-_.", min_size=1, max_size=12).map(lambda text: b"x-" + text.encode())
VALUES = st.text('abc XYZ;=,\xe4"', max_size=30).map(lambda text: text.strip().encode("latin-1"))


@given(
    target=st.text("abc/%?&=.;~", max_size=30).map(lambda text: b"/" + text.encode()),
    fields=st.lists(st.tuples(TOKENS, VALUES), max_size=8),
    framing=st.sampled_from([{}, {"length": 7}, {"chunked": True}]),
    cookie=st.none() | st.just(b"a=1; b=2"),
)
@settings(max_examples=300, deadline=None)
def test_what_was_read_is_what_is_written(
    target: bytes, fields: Pairs, framing: dict[str, object], cookie: bytes | None
) -> None:
    """Our own reader and h11 both read from the written bytes the head that was permitted."""
    request = head(method=b"POST", target=target, fields=fields, cookie=cookie, **framing)
    raw = write_request(request, permit(cookie=cookie), b"")
    again, rest = read_head(whole(raw))
    assert (again, rest) == (request, b"")
    assert seen_by_h11(raw)[1] == target


RESPONSES: dict[str, tuple[bytes, int, Pairs]] = {
    "length": (
        write_response(200, b"OK", b"X-A: 1\r\n", framing=b"content-length: 0\r\n", close=False, minor=1),
        200,
        [(b"x-a", b"1"), (b"content-length", b"0")],
    ),
    "close": (write_response(404, b"", b"", framing=b"", close=True, minor=1), 404, [(b"connection", b"close")]),
    "HTTP/1.0 that stays": (
        write_response(200, b"OK", b"", framing=b"content-length: 0\r\n", close=False, minor=0),
        200,
        [(b"content-length", b"0"), (b"connection", b"keep-alive")],
    ),
}


@pytest.mark.parametrize(("raw", "status", "fields"), RESPONSES.values(), ids=RESPONSES)
def test_the_client_sees_the_response(raw: bytes, status: int, fields: Pairs) -> None:
    seen = answer_seen_by_h11(raw)
    assert (seen[0], seen[2]) == (status, fields)


def test_a_101_switches_and_never_closes() -> None:
    lines = b"Sec-WebSocket-Accept: x\r\n"
    raw = write_response(101, b"Switching Protocols", lines, framing=b"", close=True, minor=1)
    reader = ResponseReader(Limits())
    reader.start(b"GET", websocket=True)
    assert reader.feed(raw) == ResponseHead(
        101, b"Switching Protocols", 1, [(b"Sec-WebSocket-Accept", b"x")], websocket=True
    )


@pytest.mark.parametrize(
    ("answer", "method", "expected"),
    [
        (
            Answer(401, ((b"x", b"1"),), b"no"),
            b"GET",
            (b"Unauthorized", [(b"x", b"1"), (b"content-length", b"2")], b"no"),
        ),
        (
            Answer(401, ((b"x", b"1"),), b"no"),
            b"HEAD",
            (b"Unauthorized", [(b"x", b"1"), (b"content-length", b"2")], b""),
        ),
        (Answer(303, ()), b"GET", (b"See Other", [(b"content-length", b"0")], b"")),
        (Answer(204, ()), b"OPTIONS", (b"No Content", [], b"")),
        (Answer(299, ()), b"GET", (b"", [(b"content-length", b"0")], b"")),
    ],
)
def test_an_answer_of_ours_is_complete(answer: Answer, method: bytes, expected: tuple[bytes, Pairs, bytes]) -> None:
    raw = write_answer(answer, close=False, head_only=method == b"HEAD")
    assert answer_seen_by_h11(raw, method) == (answer.status, *expected)


def test_an_answer_of_ours_can_end_the_connection() -> None:
    raw = write_answer(Answer(400, (), b"bad"), close=True, head_only=False)
    assert raw == b"HTTP/1.1 400 Bad Request\r\ncontent-length: 3\r\nconnection: close\r\n\r\nbad"
