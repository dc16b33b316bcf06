"""Group H: hostile answers of the application, and what of them the client sees."""

from dataclasses import dataclass

import pytest

from tests.hostile.catalogue import HANDSHAKE, get
from tests.hostile.gate import Gate, read_answer

pytestmark = pytest.mark.asyncio(loop_scope="module")

OK = b"HTTP/1.1 200 OK\r\n"
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
    "H9 HEAD with a body": Row(OK + b"Content-Length: 5\r\n\r\nhello", 200, b"", ASKED_HEAD, (b"hello",)),
    "H9 204 with a body": Row(b"HTTP/1.1 204 No\r\nContent-Length: 5\r\n\r\nhello", 204, hides=(b"hello", b"ontent-")),
    "H9 205 with a body": Row(b"HTTP/1.1 205 No\r\nContent-Length: 5\r\n\r\nhello", 205, hides=(b"hello",)),
    "H9 304 with a body": Row(b"HTTP/1.1 304 No\r\nContent-Length: 5\r\n\r\nhello", 304, hides=(b"hello",)),
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
            "two equal lengths": OK + b"Content-Length: 4\r\nContent-Length: 4\r\n\r\n",
            "chunked in HTTP/1.0": b"HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n",
            "another coding": OK + b"Transfer-Encoding: gzip, chunked\r\n\r\n",
            "folded line": OK + b"X: a\r\n b\r\n\r\n",
            "bare line feed": OK + b"X: a\nSet-Cookie: b=1\r\n\r\n",
            "bare carriage return": OK + b"X: a\rSet-Cookie: b=1\r\n\r\n",
            "NUL": OK + b"X: \0\r\n\r\n",
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
}


@pytest.mark.parametrize("row", ROWS.values(), ids=ROWS)
async def test_a_hostile_answer(gate: Gate, row: Row) -> None:
    """What cannot be passed on is a 502 as a whole; what is cut off is seen cut off."""
    gate.app.clear()
    gate.app.answer = row.answer
    seen = await gate.talk([row.asked])
    assert seen.count(b"HTTP/1.1 ") == 1, seen
    status, fields, body = read_answer(seen)
    assert status == row.status
    assert [word for word in row.hides if word in seen] == []
    if status == 502:
        assert fields["content-type"] == "application/problem+json"
    else:
        assert body == row.body
    await gate.settled()
    assert len(gate.app.arrivals) == 1
    assert b"early" not in gate.app.received


async def test_after_hostile_answers_the_next_one_is_honest(gate: Gate) -> None:
    """No connection on which something was left over is used again."""
    for row in ROWS.values():
        gate.app.clear()
        gate.app.answer = row.answer
        await gate.talk([row.asked])
        gate.app.clear()
        assert read_answer(await gate.talk([ASKED]))[0] == 200
        assert [arrival.target for arrival in gate.app.arrivals] == ["/"]
