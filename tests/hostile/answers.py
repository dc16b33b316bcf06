"""Hostile answers of the application, one row each, and what of them the client sees."""

from dataclasses import dataclass

from tests.hostile.catalogue import HANDSHAKE, get

OK = b"HTTP/1.1 200 OK\r\n"
MEBIBYTE = 1 << 20
ASKED = get(b"Connection: close")
ASKED_HEAD = get(b"Connection: close", line=b"HEAD / HTTP/1.1")
SOCKET = get(HANDSHAKE) + b"\x81\x85\0\0\0\0early"


@dataclass(frozen=True, slots=True)
class Row:
    """The client sees one answer of this status, with this body, and none of the words in `hides`."""

    answer: bytes
    status: int
    body: bytes = b""
    asked: bytes = ASKED
    hides: tuple[bytes, ...] = ()


ROWS: dict[str, Row] = {
    "E8 refused WebSocket": Row(OK + b"Content-Length: 2\r\n\r\nno", 200, b"no", SOCKET, (b"early",)),
    "E8 WebSocket sent elsewhere": Row(
        b"HTTP/1.1 302 Found\r\nLocation: /\r\nContent-Length: 0\r\n\r\n", 302, b"", SOCKET
    ),
    "E15 interim response for HTTP/1.0": Row(
        b"HTTP/1.1 103 Early Hints\r\n\r\n" + OK + b"Content-Length: 2\r\n\r\nok",
        200,
        b"ok",
        get(line=b"GET / HTTP/1.0"),
    ),
    "F12 cookies of ours": Row(
        OK
        + b"Set-Cookie: __Host-crossfade_access=x\r\nSet-Cookie: __Host-crossfade_refresh=x\r\n"
        + b"Content-Length: 0\r\n\r\n",
        200,
        hides=(b"__Host-crossfade",),
    ),
    "F12 a field that says what only we say": Row(
        OK + b"X-Crossfade: 1\r\nContent-Length: 0\r\n\r\n", 200, hides=(b"rossfade",)
    ),
    "H6 body shorter than its length": Row(OK + b"Content-Length: 10\r\n\r\nhello", 200, b"hello"),
    "H6 chunks without the last one": Row(
        OK + b"Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n", 200, b"5\r\nhello\r\n", hides=(b"\r\n0\r\n",)
    ),
    "H8 bytes behind the answer": Row(
        OK + b"Content-Length: 2\r\n\r\nokHTTP/1.1 200 Evil\r\n\r\n", 200, b"ok", hides=(b"Evil",)
    ),
    "H8 another answer behind it": Row(
        OK + b"Content-Length: 2\r\n\r\nok" + OK + b"Content-Length: 4\r\n\r\nevil", 200, b"ok", hides=(b"evil",)
    ),
    "H9 HEAD with a body": Row(OK + b"Content-Length: 5\r\n\r\nhello", 200, b"", ASKED_HEAD, (b"hello",)),
    "H9 204 with a body": Row(b"HTTP/1.1 204 No\r\nContent-Length: 5\r\n\r\nhello", 204, hides=(b"hello", b"ontent-")),
    "H9 205 with a body": Row(b"HTTP/1.1 205 No\r\nContent-Length: 5\r\n\r\nhello", 205, hides=(b"hello",)),
    "H9 304 with a body": Row(b"HTTP/1.1 304 No\r\nContent-Length: 5\r\n\r\nhello", 304, hides=(b"hello",)),
    "H9 304 with chunks": Row(
        b"HTTP/1.1 304 No\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nevil\r\n0\r\n\r\n", 304, hides=(b"evil", b"chunked")
    ),
    "H9 204 with chunks": Row(
        b"HTTP/1.1 204 No\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nevil\r\n0\r\n\r\n", 204, hides=(b"evil", b"chunked")
    ),
    "H9 an interim response with a length": Row(
        b"HTTP/1.1 103 Hints\r\nContent-Length: 4\r\n\r\nevil" + OK + b"Content-Length: 2\r\n\r\nok",
        502,
        hides=(b"evil",),
    ),
    "H10 interim responses": Row(
        b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 102 Wait\r\n\r\nHTTP/1.1 103 Hints\r\n\r\n"
        + OK
        + b"Content-Length: 2\r\n\r\nok",
        200,
        b"ok",
    ),
    "H10 a thousand interim responses": Row(b"HTTP/1.1 103 Hints\r\n\r\n" * 1000 + OK + b"\r\n", 502),
    "H10 101 that nobody asked for": Row(b"HTTP/1.1 101 X\r\nUpgrade: websocket\r\nConnection: upgrade\r\n\r\n", 502),
    "H10 101 to another protocol": Row(
        b"HTTP/1.1 101 X\r\nUpgrade: h2c\r\nConnection: upgrade\r\n\r\n", 502, b"", SOCKET
    ),
    **{
        f"H11 {name}": Row(answer + b"evil", 502, hides=(b"evil",))
        for name, answer in {
            "length and chunked": OK + b"Content-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n",
            "two lengths": OK + b"Content-Length: 4\r\nContent-Length: 5\r\n\r\n",
            "an empty length": OK + b"Content-Length:\r\n\r\n",
            "a list of lengths": OK + b"Content-Length: 4, 4\r\n\r\n",
            "a negative length": OK + b"Content-Length: -1\r\n\r\n",
            "a length with a sign": OK + b"Content-Length: +4\r\n\r\n",
            "a length above 2^64": OK + b"Content-Length: 18446744073709551620\r\n\r\n",
            "chunked twice": OK + b"Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n",
            "chunked not last": OK + b"Transfer-Encoding: chunked, identity\r\n\r\n",
            "a space before the colon": OK + b"Content-Length : 4\r\n\r\n",
            "no name": OK + b": x\r\n\r\n",
            "no colon": OK + b"Set-Cookie\r\n\r\n",
            "two equal lengths": OK + b"Content-Length: 4\r\nContent-Length: 4\r\n\r\n",
            "chunked in HTTP/1.0": b"HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n",
            "another coding": OK + b"Transfer-Encoding: gzip, chunked\r\n\r\n",
            "folded line": OK + b"X: a\r\n b\r\n\r\n",
            "bare line feed": OK + b"X: a\nSet-Cookie: b=1\r\n\r\n",
            "bare carriage return": OK + b"X: a\rSet-Cookie: b=1\r\n\r\n",
            "NUL": OK + b"X: \0\r\n\r\n",
            "a folded first line": OK + b" X: a\r\n\r\n",
            "a bad interim response": b"HTTP/1.1 103 Hints\r\nX: a\nb\r\n\r\n" + OK + b"Content-Length: 4\r\n\r\n",
            "status 1000": b"HTTP/1.1 1000 No\r\n\r\n",
            "status 2 0": b"HTTP/1.1 2 0 OK\r\n\r\n",
            "no status": b"HTTP/1.1 OK\r\n\r\n",
            "a request": b"GET / HTTP/1.1\r\nHost: a\r\n\r\n",
            "HTTP/1.2": b"HTTP/1.2 200 OK\r\n\r\n",
            "status 99": b"HTTP/1.1 99 No\r\n\r\n",
            "status 0200": b"HTTP/1.1 0200 OK\r\n\r\n",
            "status +200": b"HTTP/1.1 +200 OK\r\n\r\n",
            "HTTP/2.0": b"HTTP/2.0 200 OK\r\n\r\n",
            "no HTTP": b"SSH-2.0-OpenSSH_9.2\r\n\r\n",
        }.items()
    },
    "H12 a mebibyte of head": Row(OK + b"X: " + b"a" * (1 << 20) + b"\r\n\r\n", 502),
    "H12 ten thousand fields": Row(OK + b"X: a\r\n" * 10000 + b"\r\n", 502),
    "H12 a head without an end": Row(OK + b"X: " + b"a" * (1 << 20), 502),
    "H12 a mebibyte of an interim head": Row(b"HTTP/1.1 103 Hints\r\nX: " + b"a" * (1 << 20) + b"\r\n\r\n" + OK, 502),
}
