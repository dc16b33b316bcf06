"""Request bodies: streamed as they come, refused as soon as they are wrong, never in memory as a whole."""

import asyncio

import pytest

from gateway.errors import LoginRequired
from gateway.model import Peer, Permit, RequestHead
from tests.wire.stand import OK, Line, Stand, get, post, resident

CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"
MIB = 1 << 20


async def never(line: Line) -> None:
    await asyncio.sleep(60)


async def reads_chunks(line: Line) -> None:
    """Read a chunked body and say how long it was."""
    while await line.head():
        answer = b"%d" % await line.count_chunks()
        line.send(b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n%b" % (len(answer), answer))


def refuses(head: RequestHead, peer: Peer) -> Permit:
    raise LoginRequired


# --- passed on ---


async def test_a_body_with_a_length_keeps_it(stand: Stand) -> None:
    app = await stand.open(never)
    client = await stand.connect()
    client.send(post(b"hello"))
    line = await app.line()
    assert b"content-length: 5\r\n" in await line.head()
    assert await line.read(5) == b"hello"
    line.send(OK)
    assert (await client.response())[0] == 200


async def test_a_chunked_body_is_passed_on_in_its_chunks_without_extensions_and_trailers(stand: Stand) -> None:
    app = await stand.open(never)
    client = await stand.connect()
    client.send(
        b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"
        b"5;name=value\r\nhello\r\n3\r\nyou\r\n0\r\nX-Auth-Subject: admin\r\n\r\n"
    )
    line = await app.line()
    head = await line.head()
    assert b"transfer-encoding: chunked\r\n" in head
    assert b"content-length" not in head.lower()
    assert await line.read(23) == b"5\r\nhello\r\n3\r\nyou\r\n0\r\n\r\n"
    line.send(OK)
    assert (await client.response())[0] == 200


async def test_a_body_that_comes_in_pieces_goes_in_pieces(stand: Stand) -> None:
    app = await stand.open(never)
    client = await stand.connect()
    client.send(b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n")
    line = await app.line()
    await line.head()
    for piece in (b"2\r\nab\r\n", b"1f\r\nc", b"d" * 30, b"\r\n0\r\n\r\n"):
        client.send(piece)
        assert await line.read(len(piece)) == piece
    line.send(OK)
    assert (await client.response())[0] == 200


async def test_what_follows_a_body_is_the_next_request(stand: Stand) -> None:
    app = await stand.open(never)
    client = await stand.connect()
    client.send(post(b"one") + post(b"two", path="/2") + get("/3"))
    line = await app.line()
    for body in (b"one", b"two", b""):
        await line.head()
        assert await line.read(len(body)) == body
        line.send(OK)
        assert (await client.response())[0] == 200


async def test_the_body_of_a_get_is_a_body(stand: Stand) -> None:
    """Not a request of its own (RFC 9110 section 9.3.1)."""
    app = await stand.open(never)
    client = await stand.connect()
    inner = get("/smuggled")
    client.send(b"GET / HTTP/1.1\r\nHost: a\r\nContent-Length: %d\r\n\r\n" % len(inner) + inner)
    line = await app.line()
    await line.head()
    assert await line.read(len(inner)) == inner
    line.send(OK)
    assert (await client.response())[0] == 200
    assert len(stand.flow.asked) == 1


async def test_a_body_that_came_before_it_was_decided_is_not_lost(stand: Stand) -> None:
    app = await stand.open(never)
    stand.flow.gate = asyncio.get_running_loop().create_future()
    client = await stand.connect()
    client.send(post(b"early" * 1000))
    await stand.until(lambda: stand.flow.asked)
    stand.flow.gate.set_result(None)
    line = await app.line()
    await line.head()
    assert await line.read(5000) == b"early" * 1000


# --- large ones ---


async def test_64_mib_go_up_with_little_memory(stand: Stand) -> None:
    await stand.open(reads_chunks)
    client = await stand.connect()
    piece = b"%x\r\n%b\r\n" % (MIB, b"x" * MIB)
    before = most = resident()
    client.send(b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n")
    for _ in range(64):
        await client.send_all(piece)
        most = max(most, resident())
    client.send(b"0\r\n\r\n")
    status, _, body = await client.response()
    assert (status, body) == (200, b"%d" % (64 * MIB))
    assert most - before < 16 * MIB


async def test_an_application_that_does_not_read_stops_the_client(stand: Stand) -> None:
    app = await stand.open(never)
    client = await stand.connect()
    size = 64 * MIB  # more than a kernel holds
    client.send(b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: %d\r\n\r\n" % size)
    upload = asyncio.ensure_future(client.send_all(b"x" * size))
    line = await app.line()
    await line.head()
    await stand.until(lambda: stand.connection._is_paused)
    (connection,) = stand.pool._connections
    assert connection.transport is not None
    assert connection.transport.get_write_buffer_size() < MIB
    await line.skip(size)
    line.send(OK)
    assert (await client.response())[0] == 200
    await upload


# --- wrong ones ---


@pytest.mark.parametrize("body", [b"5zzz\r\nhello\r\n", b"+5\r\nhello\r\n", b"5\r\nhelloo\r\n", b"5;\nhello\r\n"])
async def test_a_bad_chunk_that_came_with_the_head_reaches_nobody(stand: Stand, body: bytes) -> None:
    app = await stand.open(never)
    client = await stand.connect()
    client.send(b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n" + body)
    assert (await client.response())[0] == 400
    client.end()
    assert await client.rest() == b""
    assert all(not line.reader._buffer for line in app.lines)  # type: ignore[attr-defined]


async def test_a_bad_chunk_in_the_middle_aborts_the_request_at_the_application(stand: Stand) -> None:
    app = await stand.open(never)
    client = await stand.connect()
    client.send(b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n")
    line = await app.line()
    await line.head()
    assert await line.read(10) == b"5\r\nhello\r\n"
    client.send(b"zz\r\n")
    assert (await client.response())[::2] == (400, b"bad_request")
    assert await line.rest() == b""
    await stand.until(lambda: stand.pool.open_count == 0)


async def test_a_bad_chunk_after_the_answer_began_cuts_it(stand: Stand) -> None:
    app = await stand.open(never)
    client = await stand.connect()
    client.send(b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n")
    line = await app.line()
    await line.head()
    line.send(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n3\r\nabc\r\n")
    await client.head()
    client.send(b"zz\r\n")
    assert await client.rest() == b"3\r\nabc\r\n"


async def test_a_length_above_the_limit_is_413_at_once(stand: Stand) -> None:
    stand.limit(body=1000)
    app = await stand.open(never)
    client = await stand.connect()
    client.send(b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1001\r\n\r\n")
    assert (await client.response())[::2] == (413, b"body_too_large")
    assert (app.lines, stand.flow.asked) == ([], [])


async def test_chunks_above_the_limit_are_413_on_the_way(stand: Stand) -> None:
    stand.limit(body=1000)
    app = await stand.open(never)
    client = await stand.connect()
    client.send(b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3e8\r\n" + b"x" * 1000 + b"\r\n")
    line = await app.line()
    await line.head()
    client.send(b"1\r\n")
    assert (await client.response())[::2] == (413, b"body_too_large")
    await line.gone()


@pytest.mark.parametrize(
    "request_", [b"Content-Length: 10\r\n\r\nhello", b"Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n"]
)
async def test_a_client_that_ends_in_its_body_leaves_it_incomplete_at_the_application(
    stand: Stand, request_: bytes
) -> None:
    app = await stand.open(never)
    client = await stand.connect()
    client.send(b"POST / HTTP/1.1\r\nHost: a\r\n" + request_)
    line = await app.line()
    await line.head()
    client.end()
    assert (await client.response())[0] == 400
    assert not (await line.rest()).endswith(b"0\r\n\r\n")


async def test_a_client_that_ended_before_it_was_decided_is_not_passed_on_half(stand: Stand) -> None:
    app = await stand.open(never)
    stand.flow.gate = asyncio.get_running_loop().create_future()
    client = await stand.connect()
    client.send(b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\nhello")
    client.end()
    await stand.until(lambda: stand.connection.at_eof)
    stand.flow.gate.set_result(None)
    assert (await client.response())[0] == 400
    assert all(not line.reader._buffer for line in app.lines)  # type: ignore[attr-defined]


# --- Expect: 100-continue ---


async def test_a_client_that_asks_first_is_told_to_go_on_when_somebody_is_there(stand: Stand) -> None:
    app = await stand.open(never)
    client = await stand.connect()
    client.send(b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nExpect: 100-continue\r\n\r\n")
    assert await client.head() == CONTINUE
    line = await app.line()
    assert b"expect" not in (await line.head()).lower()
    client.send(b"hello")
    assert await line.read(5) == b"hello"
    line.send(OK)
    assert (await client.response())[0] == 200


async def test_a_client_that_asks_first_and_is_refused_hears_only_that(stand: Stand) -> None:
    app = await stand.open(never)
    stand.flow.decide = refuses
    client = await stand.connect()
    status, head, _ = await client.ask(
        b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nExpect: 100-continue\r\n\r\n"
    )
    assert (status, b"connection: close" in head, app.lines) == (401, True, [])
    assert await client.rest() == b""


async def test_a_client_that_asks_first_is_not_told_to_go_on_when_nobody_is_there(stand: Stand) -> None:
    await stand.open(never, port=1)
    client = await stand.connect()
    status, _, _ = await client.ask(b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nExpect: 100-continue\r\n\r\n")
    assert status == 502


async def test_a_client_that_does_not_wait_is_not_told(stand: Stand) -> None:
    app = await stand.open(never)
    client = await stand.connect()
    client.send(post(b"hello", "Expect: 100-continue"))
    line = await app.line()
    await line.head()
    line.send(OK)
    assert (await client.response())[0] == 200


# --- an answer before the body is complete ---


async def test_an_early_answer_is_passed_on_and_both_sides_are_closed(stand: Stand) -> None:
    """H5: the upload stops, and its connection serves nobody any more."""
    app = await stand.open(never)
    client = await stand.connect()
    client.send(b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 50000000\r\n\r\n")
    line = await app.line()
    await line.head()
    upload = asyncio.ensure_future(client.send_all(b"x" * 50_000_000))
    await line.read(1000)
    line.send(b"HTTP/1.1 413 Too Large\r\ncontent-length: 3\r\n\r\nbig")
    status, head, body = await client.response()
    assert (status, body, b"connection: close" in head) == (413, b"big", True)
    await line.gone()
    assert stand.pool.open_count == 0
    upload.cancel()
    assert (stand.facts.requests[0].status, stand.facts.requests[0].code) == (413, "")


async def test_an_application_may_answer_while_it_listens(stand: Stand) -> None:
    """Both directions at once, as long as the answer goes on."""
    app = await stand.open(never)
    client = await stand.connect()
    client.send(b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n")
    line = await app.line()
    await line.head()
    line.send(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n")
    await client.head()
    for _ in range(3):
        client.send(b"2\r\nhi\r\n")
        line.send(await line.read(7))
        assert await client.read(7) == b"2\r\nhi\r\n"
    client.send(b"0\r\n\r\n")
    line.send(await line.read(5))
    assert await client.rest() == b"0\r\n\r\n"
