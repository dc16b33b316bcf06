"""What a response of the application becomes, and what of it is never passed on."""

from collections.abc import Iterator

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.errors import UpstreamMalformed
from gateway.http1.body import ChunkedReader, LengthReader, UntilCloseReader
from gateway.http1.limits import Limits
from gateway.http1.response import ResponseHead, ResponseReader, response_body_reader
from tests.http1.feeding import Cut, both_cuts, pieces, whole

SMALL = Limits(response_head=80, response_fields=3, interim_responses=2)
SWITCH = b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n"


def read(
    parts: Iterator[bytes], *, method: bytes = b"GET", websocket: bool = False, limits: Limits | None = None
) -> tuple[ResponseHead | None, bytes]:
    reader = ResponseReader(limits or Limits())
    reader.start(method, websocket=websocket)
    for part in parts:
        head = reader.feed(part)
        if head is not None:
            return head, reader.rest + b"".join(parts)
    return None, b""


def head(status: int = 200, **changes: object) -> ResponseHead:
    values: dict[str, object] = {"status": status, "reason": b"OK", "minor": 1, "fields": []} | changes
    return ResponseHead(**values)  # type: ignore[arg-type]


ACCEPTED: dict[str, tuple[bytes, ResponseHead]] = {
    "length": (b"HTTP/1.1 200 OK\r\nContent-Length: 5 \r\n\r\n", head(length=5)),
    "chunked": (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: Chunked\r\n\r\n", head(chunked=True)),
    "until close": (b"HTTP/1.1 200 OK\r\n\r\n", head(keep_alive=False)),
    "HTTP/1.0": (b"HTTP/1.0 200 OK\r\nContent-Length: 5\r\n\r\n", head(minor=0, length=5, keep_alive=False)),
    "HTTP/1.0 that stays": (
        b"HTTP/1.0 200 OK\r\nContent-Length: 5\r\nConnection: keep-alive\r\n\r\n",
        head(minor=0, length=5),
    ),
    "close": (b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nConnection: close\r\n\r\n", head(length=5, keep_alive=False)),
    "no reason": (b"HTTP/1.1 404 \r\nContent-Length: 0\r\n\r\n", head(404, reason=b"", length=0)),
    "no reason and no space": (b"HTTP/1.1 404\r\nContent-Length: 0\r\n\r\n", head(404, reason=b"", length=0)),
    "fields keep order and spelling": (
        b"HTTP/1.1 200 OK\r\nset-cookie: a=1\r\nSet-Cookie: b=\xe4\r\nContent-Length: 0\r\nEmpty:\r\n\r\n",
        head(length=0, fields=[(b"set-cookie", b"a=1"), (b"Set-Cookie", b"b=\xe4"), (b"Empty", b"")]),
    ),
    "hop-by-hop": (
        b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nKeep-Alive: 5\r\nConnection: keep-alive, x-hop\r\nX-Hop: 1\r\n"
        b"Proxy-Authenticate: x\r\nTrailer: X\r\nUpgrade: h2c\r\nX: 1\r\n\r\n",
        head(length=0, fields=[(b"X", b"1")]),
    ),
    "204": (b"HTTP/1.1 204 OK\r\nContent-Length: 0\r\n\r\n", head(204)),
    "204 that announces a body": (b"HTTP/1.1 204 OK\r\nContent-Length: 5\r\n\r\n", head(204, keep_alive=False)),
    "205": (b"HTTP/1.1 205 OK\r\nContent-Length: 0\r\n\r\n", head(205, length=0)),
    "205 that announces a body": (
        b"HTTP/1.1 205 OK\r\nTransfer-Encoding: chunked\r\n\r\n",
        head(205, length=0, keep_alive=False),
    ),
    "205 that ends with the connection": (b"HTTP/1.1 205 OK\r\n\r\n", head(205, length=0, keep_alive=False)),
    "304": (b"HTTP/1.1 304 OK\r\n\r\n", head(304)),
    "304 with chunks": (b"HTTP/1.1 304 OK\r\nTransfer-Encoding: chunked\r\n\r\n", head(304, keep_alive=False)),
    "304 with the length of the other": (b"HTTP/1.1 304 OK\r\nContent-Length: 5\r\n\r\n", head(304, length=5)),
    "after interim responses": (
        b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\nHTTP/1.1 200 OK\r\n"
        b"Content-Length: 0\r\n\r\n",
        head(length=0),
    ),
}


@both_cuts
@pytest.mark.parametrize(("raw", "expected"), ACCEPTED.values(), ids=ACCEPTED)
def test_a_good_response_is_read(raw: bytes, expected: ResponseHead, cut: Cut) -> None:
    """Each row becomes exactly its head, and not one byte behind it is touched."""
    assert read(cut(raw + b"body\r\n\r\n")) == (expected, b"body\r\n\r\n")


@both_cuts
def test_a_101_that_was_asked_for_begins_a_tunnel(cut: Cut) -> None:
    response, rest = read(cut(SWITCH + b"\x81\x00"), websocket=True)
    assert response == head(101, reason=b"Switching Protocols", websocket=True)
    assert rest == b"\x81\x00"
    assert response_body_reader(response, b"GET") is None


@pytest.mark.parametrize("line", [b"Upgrade: websocket\r\n", b"Connection: Upgrade\r\n", b"websocket"])
def test_a_101_that_does_not_say_what_was_asked_for_is_refused(line: bytes) -> None:
    with pytest.raises(UpstreamMalformed):
        read(whole(SWITCH.replace(line, b"h2c" if line == b"websocket" else b"")), websocket=True)


def test_a_refused_upgrade_is_an_ordinary_response() -> None:
    """The frames that the client may have sent already belong to nobody."""
    raw = b"HTTP/1.1 403 No\r\nContent-Length: 0\r\nUpgrade: websocket\r\nConnection: upgrade\r\n\r\n"
    assert read(whole(raw), websocket=True)[0] == head(403, reason=b"No", length=0)


OK = b"HTTP/1.1 200 OK\r\n"
REFUSED: dict[str, bytes] = {
    **{
        f"status line {line!r}": line + b"\r\nContent-Length: 0\r\n\r\n"
        for line in (
            *(b"HTTP/1.1 99 No", b"HTTP/1.1 0200 OK", b"HTTP/1.1 +200 OK", b"HTTP/1.1 000 No", b"HTTP/1.1 999 No"),
            *(b"HTTP/2.0 200 OK", b"HTTP/0.9 200 OK", b"HTTP/1.2 200 OK", b"RTSP/1.0 200 OK", b"ICY 200 OK"),
            *(
                b"HTTP/1.1  200 OK",
                b"HTTP/1.1 200\tOK",
                b"HTTP/1.1 200 O\0K",
                b"HTTP/1.1 2x0 OK",
                b"",
                b"http/1.1 200 OK",
            ),
        )
    },
    "length and chunked": OK + b"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n",
    "chunked and length": OK + b"Transfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n",
    "two lengths": OK + b"Content-Length: 5\r\nContent-Length: 6\r\n\r\n",
    "two equal lengths": OK + b"Content-Length: 5\r\nContent-Length: 5\r\n\r\n",
    "list of lengths": OK + b"Content-Length: 5, 5\r\n\r\n",
    "signed length": OK + b"Content-Length: +5\r\n\r\n",
    "length with a leading zero": OK + b"Content-Length: 05\r\n\r\n",
    "length above 2^63": OK + b"Content-Length: 18446744073709551621\r\n\r\n",
    "chunked in HTTP/1.0": b"HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n",
    "another coding": OK + b"Transfer-Encoding: gzip\r\n\r\n",
    "another coding before": OK + b"Transfer-Encoding: gzip, chunked\r\n\r\n",
    "chunked twice": OK + b"Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n",
    "folded line": OK + b"X: a\r\n b\r\n\r\n",
    "bare line feed": OK + b"X: a\nY: b\r\n\r\n",
    "bare line feed after the status line": b"HTTP/1.1 200 OK\nX: a\r\n\r\n",
    "bare carriage return": OK + b"X: a\rSet-Cookie: b=1\r\n\r\n",
    "NUL": OK + b"X: \0\r\n\r\n",
    "space before the colon": OK + b"X : a\r\n\r\n",
    "no colon": OK + b"X\r\n\r\n",
    "101 that nobody asked for": SWITCH,
    "101 to something else": SWITCH.replace(b"websocket", b"h2c"),
    "greeting of another protocol": b"SSH-2.0-OpenSSH_9.2\r\n",
}


@both_cuts
@pytest.mark.parametrize("raw", [*REFUSED.values()], ids=[*REFUSED])
def test_a_bad_response_is_refused(raw: bytes, cut: Cut) -> None:
    with pytest.raises(UpstreamMalformed):
        read(cut(raw))


LIMITS: dict[str, tuple[bytes, bool]] = {
    "head of the limit": (OK + b"X: %b\r\n\r\n" % (b"a" * 56), True),
    "head above": (OK + b"X: %b\r\n\r\n" % (b"a" * 57), False),
    "head above without an end": (OK + b"X: %b" % (b"a" * 60), False),
    "fields of the limit": (OK + b"X: a\r\n" * 3 + b"\r\n", True),
    "fields above": (OK + b"X: a\r\n" * 2 + b"Connection: close\r\nX: a\r\n\r\n", False),
    "interim responses of the limit": (b"HTTP/1.1 100 \r\n\r\n" * 2 + OK + b"\r\n", True),
    "interim responses above": (b"HTTP/1.1 100 \r\n\r\n" * 3 + OK + b"\r\n", False),
}


@both_cuts
@pytest.mark.parametrize(("raw", "is_good"), LIMITS.values(), ids=LIMITS)
def test_limits_are_exact(raw: bytes, is_good: bool, cut: Cut) -> None:
    if is_good:
        assert read(cut(raw), limits=SMALL)[0] is not None
    else:
        with pytest.raises(UpstreamMalformed):
            read(cut(raw), limits=SMALL)


def test_an_error_that_is_none_of_ours_is_not_called_the_applications_fault(monkeypatch: pytest.MonkeyPatch) -> None:
    """A bug in a treatment surfaces as itself: it must become a 500, not a 502."""

    def broken(*_: object) -> None:
        raise RuntimeError("a bug")

    monkeypatch.setattr("gateway.http1.response._ResponseDraft.take_lines", broken)
    with pytest.raises(RuntimeError, match="a bug"):
        read(whole(OK + b"X: 1\r\n\r\n"))


def test_an_error_that_is_being_handled_elsewhere_is_not_mixed_up() -> None:
    try:
        int("no number")
    except ValueError:
        with pytest.raises(UpstreamMalformed):
            read(whole(OK + b"X : 1\r\n\r\n"))


def test_interim_responses_are_counted_per_request() -> None:
    reader = ResponseReader(SMALL)
    for _ in range(3):
        reader.start(b"GET")
        assert reader.feed(b"HTTP/1.1 100 \r\n\r\n" * 2) is None
        assert reader.feed(OK + b"Content-Length: 0\r\n\r\n") is not None


@pytest.mark.parametrize(
    ("response", "method", "kind"),
    [
        (head(length=5), b"GET", LengthReader),
        (head(length=0), b"GET", type(None)),
        (head(chunked=True), b"GET", ChunkedReader),
        (head(), b"GET", UntilCloseReader),
        (head(length=5), b"HEAD", type(None)),
        (head(chunked=True), b"HEAD", type(None)),
        (head(204), b"GET", type(None)),
        (head(205, length=0), b"GET", type(None)),
        (head(304, length=5), b"GET", type(None)),
    ],
)
def test_a_response_has_the_body_that_method_and_status_allow(
    response: ResponseHead, method: bytes, kind: type
) -> None:
    assert type(response_body_reader(response, method)) is kind


def test_head_tells_the_length_of_a_get_and_keeps_the_connection() -> None:
    raw = b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n"
    assert read(whole(raw), method=b"HEAD")[0] == head(length=5)
    assert read(whole(b"HTTP/1.1 200 OK\r\n\r\n"), method=b"HEAD")[0] == head()


def test_a_response_body_may_be_longer_than_a_request_body() -> None:
    reader = response_body_reader(head(chunked=True), b"GET")
    assert reader is not None
    assert reader.feed(b"7fffffff\r\nab") == b"ab"
    with pytest.raises(UpstreamMalformed):
        reader.eof()


PARTS = st.sampled_from(
    [
        *(OK, b"HTTP/1.1 100 Continue\r\n", b"HTTP/1.0 404 No\r\n", b"Content-Length: 5\r\n", b"X: y\r\n", SWITCH),
        *(b"Transfer-Encoding: chunked\r\n", b"Connection: close, upgrade\r\n", b"Upgrade: websocket\r\n"),
        *(b"\r\n", b"\r", b"\n", b"\0", b" ", b":", b"a", b"\xff", b"X: aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\r\n"),
    ]
)


@given(
    raw=st.lists(PARTS, max_size=12).map(b"".join),
    cuts=st.lists(st.integers(0, 500), max_size=12),
    websocket=st.booleans(),
)
@settings(max_examples=600, deadline=None)
def test_a_cut_changes_nothing(raw: bytes, cuts: list[int], websocket: bool) -> None:
    def outcome(parts: Iterator[bytes]) -> object:
        try:
            return read(parts, websocket=websocket, limits=SMALL)
        except UpstreamMalformed:
            return UpstreamMalformed

    assert outcome(pieces(raw, cuts)) == outcome(whole(raw))
