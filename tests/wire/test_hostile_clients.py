"""What is refused: answered, closed, and not one byte of it at the application.

The rows are numbered as in the catalogue of hostile requests; how each is recognised is the business of `http1`.
"""

import pytest

from tests.wire.stand import Stand, answers_ok, get

POST = b"POST / HTTP/1.1\r\nHost: a\r\n"
CHUNKED = POST + b"Transfer-Encoding: chunked\r\n\r\n"
SMUGGLED = get("/smuggled")
WEBSOCKET = b"GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"


@pytest.mark.parametrize(
    ("request_", "status"),
    [
        pytest.param(POST + b"Content-Length: 6\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\nX", 400, id="A1"),
        pytest.param(POST + b"Content-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400, id="A3"),
        pytest.param(POST + b"Transfer-Encoding: xchunked\r\nContent-Length: 0\r\n\r\n", 400, id="A5"),
        pytest.param(POST + b"Transfer-Encoding: gzip, chunked\r\n\r\n", 501, id="A9"),
        pytest.param(POST + b"Transfer-Encoding: ,chunked\r\n\r\n", 400, id="A10"),
        pytest.param(POST + b"Transfer-Encoding : chunked\r\n\r\n0\r\n\r\n", 400, id="A16"),
        pytest.param(POST + b"Transfer-Encoding:\r\n chunked\r\n\r\n0\r\n\r\n", 400, id="A17"),
        pytest.param(POST + b"X: X\nTransfer-Encoding: chunked\r\nContent-Length: 0\r\n\r\n", 400, id="A18"),
        pytest.param(b"POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400, id="A20"),
        pytest.param(POST + b"Transfer_Encoding: chunked\r\nContent-Length: 0\r\n\r\n", 400, id="A23"),
        pytest.param(POST + b"Content-Length: 5\r\nContent-Length: 5\r\n\r\nhello", 400, id="A26"),
        pytest.param(POST + b"Content-Length: +5\r\n\r\nhello", 400, id="A28"),
        pytest.param(POST + b"Content-Length: 0005\r\n\r\nhello", 400, id="A31"),
        pytest.param(POST + b"Content-Length: 18446744073709551621\r\n\r\nhello", 400, id="A32"),
        pytest.param(CHUNKED + b"0x5\r\nhello\r\n0\r\n\r\n", 400, id="B1"),
        pytest.param(CHUNKED + b"5 \r\nhello\r\n0\r\n\r\n", 400, id="B2"),
        pytest.param(CHUNKED + b"10000000000000005\r\nhello", 400, id="B3"),
        pytest.param(CHUNKED + b"5\nhello\r\n0\r\n\r\n", 400, id="B4"),
        pytest.param(CHUNKED + b"5\r\nhelloXX0\r\n\r\n", 400, id="B5"),
        pytest.param(CHUNKED + b"5;a\r\rXhello", 400, id="B6"),
        pytest.param(CHUNKED + b"5;" + b"a" * 65536 + b"\r\nhello\r\n0\r\n\r\n", 400, id="B7"),
        pytest.param(CHUNKED + b"0\r\nX: y\n\r\n", 400, id="B11"),
        pytest.param(b"GET / HTTP/1.1\r\nHost: a\r\nX-A: 1\r\n X-Auth-Subject: admin\r\n\r\n", 400, id="C2"),
        pytest.param(b"GET / HTTP/1.1\nHost: a\n\n", 400, id="C5"),
        pytest.param(get("/", *(f"X-{number}: x" for number in range(10_000))), 431, id="C8"),
        pytest.param(get("/" + "x" * 70_000), 414, id="C9"),
        pytest.param(b"GET / HTTP/1.1\r\n\r\n", 400, id="D1"),
        pytest.param(b"GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", 400, id="D2"),
        pytest.param(b"GET http://evil/ HTTP/1.1\r\nHost: a\r\n\r\n", 400, id="D4"),
        pytest.param(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 505, id="D11"),
        pytest.param(b"CONNECT a:80 HTTP/1.1\r\nHost: a\r\n\r\n", 405, id="E1"),
        pytest.param(b"TRACE / HTTP/1.1\r\nHost: a\r\n\r\n", 405, id="E2"),
        pytest.param(b"FOOBAR / HTTP/1.1\r\nHost: a\r\n\r\n", 405, id="E3"),
        pytest.param(WEBSOCKET + b"Sec-WebSocket-Version: 8\r\nSec-WebSocket-Key: x\r\n\r\n", 426, id="E7 version"),
        pytest.param(WEBSOCKET + b"Sec-WebSocket-Version: 13\r\n\r\n", 400, id="E7 key"),
        pytest.param(get("/", "Expect: 200-ok"), 417, id="E14"),
        pytest.param(b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n", 400, id="TLS on a plain port"),
    ],
)
async def test_a_hostile_request_reaches_nobody(stand: Stand, request_: bytes, status: int) -> None:
    app = await stand.open(answers_ok)
    client = await stand.connect()
    client.send(request_ + SMUGGLED)
    answered, head, _ = await client.response()
    assert (answered, b"connection: close" in head) == (status, True)
    assert await client.rest() == b""
    assert all(line.seen == b"" for line in app.lines)
    assert len(stand.facts.requests) == 1


async def test_bytes_behind_a_body_are_the_next_request_or_nothing(stand: Stand) -> None:
    """A35: never glued to the request before or after."""
    app = await stand.open(answers_ok)
    client = await stand.connect()
    client.send(POST + b"Content-Length: 0\r\n\r\n\0GARBAGE" + get("/next"))
    assert (await client.response())[0] == 200
    assert (await client.response())[0] == 400
    assert await client.rest() == b""
    assert app.lines[0].seen.count(b"HTTP/1.1\r\n") == 1


async def test_trailers_never_become_headers(stand: Stand) -> None:
    """B8 to B10."""
    app = await stand.open(answers_ok)
    client = await stand.connect()
    client.send(CHUNKED + b"0\r\nX-Auth-Subject: admin\r\nCookie: sid=admin\r\n\r\n" + get("/next"))
    assert (await client.response())[0] == 200
    assert b"admin" not in app.lines[0].seen
