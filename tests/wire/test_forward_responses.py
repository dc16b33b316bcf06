"""Responses: passed on as they come, framed anew, and cut short where they were cut short."""

import asyncio

import pytest

from gateway.errors import StoreUnavailable
from gateway.model import Permit, Revocation, RevocationKind
from tests.wire.stand import OK, PERMIT_OF_ALICE, Line, Script, Stand, answers_ok, get, resident

MIB = 1 << 20
HTTP_1_0 = b"GET / HTTP/1.0\r\nHost: a\r\n\r\n"
KEY = "dGhlIHNhbXBsZSBub25jZQ=="
LOGOUT = [Revocation(RevocationKind.FAMILY, "family-1", 4e9, "logout")]
HEAD = b"HEAD / HTTP/1.1\r\nHost: a\r\n\r\n"


def sends(*pieces: bytes, close: bool = False) -> Script:
    """A script that answers one request with these pieces, one after the other."""

    async def script(line: Line) -> None:
        await line.head()
        for piece in pieces:
            await line.send_all(piece)
            await asyncio.sleep(0)  # so that each is likely to arrive alone; nothing depends on it
        if close:
            line.close()
        else:
            await asyncio.sleep(60)

    return script


async def never(line: Line) -> None:
    await asyncio.sleep(60)


# --- framing ---


@pytest.mark.parametrize(
    ("response", "request_", "expected"),
    [
        pytest.param(
            b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello",
            get(),
            b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nhello",
            id="a length stays",
        ),
        pytest.param(
            b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nX-A: b\r\n\r\n",
            get(),
            b"HTTP/1.1 200 OK\r\nX-A: b\r\ncontent-length: 0\r\n\r\n",
            id="no body",
        ),
        pytest.param(
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2;x=y\r\nhe\r\n3\r\nllo\r\n0\r\nX-T: t\r\n\r\n",
            get(),
            b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\nhe\r\n3\r\nllo\r\n0\r\n\r\n",
            id="chunks stay as they are, without extensions and trailers",
        ),
        pytest.param(
            b"HTTP/1.1 204 No Content\r\nContent-Length: 0\r\n\r\n",
            get(),
            b"HTTP/1.1 204 No Content\r\n\r\n",
            id="204 says no length",
        ),
        pytest.param(
            b"HTTP/1.1 304 Not Modified\r\nContent-Length: 10\r\nETag: e\r\n\r\n",
            get(),
            b"HTTP/1.1 304 Not Modified\r\nETag: e\r\ncontent-length: 10\r\n\r\n",
            id="304 has no body",
        ),
        pytest.param(
            b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n",
            HEAD,
            b"HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\n",
            id="HEAD has no body",
        ),
        pytest.param(
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n",
            HEAD,
            b"HTTP/1.1 200 OK\r\n\r\n",
            id="HEAD of chunks",
        ),
        pytest.param(
            b"HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\nHTTP/1.1 100 Continue\r\n\r\n" + OK,
            get(),
            OK,
            id="interim responses are not passed on",
        ),
    ],
)
async def test_how_a_response_is_framed(stand: Stand, response: bytes, request_: bytes, expected: bytes) -> None:
    await stand.open(sends(response))
    client = await stand.connect()
    client.send(request_)
    assert await client.read(len(expected)) == expected
    await stand.until(lambda: stand.pool.idle_count == 1)


async def test_a_body_that_ends_with_the_connection_becomes_chunks(stand: Stand) -> None:
    await stand.open(sends(b"HTTP/1.1 200 OK\r\n\r\nhel", b"lo", close=True))
    client = await stand.connect()
    assert (await client.ask(get()))[::2] == (200, b"hello")
    assert stand.pool.open_count == 0


@pytest.mark.parametrize(
    "response",
    [
        [b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhe\r\n", b"3\r\nllo\r\n0\r\n\r\n"],
        [b"HTTP/1.0 200 OK\r\n\r\nhe", b"llo"],
    ],
)
async def test_http_1_0_never_gets_chunks(stand: Stand, response: list[bytes]) -> None:
    await stand.open(sends(*response, close=True))
    client = await stand.connect()
    client.send(HTTP_1_0)
    assert await client.rest() == b"HTTP/1.1 200 OK\r\nconnection: close\r\n\r\nhello"


async def test_http_1_0_is_told_a_length_where_there_is_one(stand: Stand) -> None:
    await stand.open(sends(OK))
    client = await stand.connect()
    client.send(b"GET / HTTP/1.0\r\nHost: a\r\nConnection: keep-alive\r\n\r\n")
    assert (await client.response())[::2] == (200, b"ok")
    assert stand.server.connection_count == 1


async def test_pieces_reach_the_client_as_they_come(stand: Stand) -> None:
    """H13: an event is not held back until the next one."""
    app = await stand.open(never)
    client = await stand.connect()
    client.send(get())
    line = await app.line()
    await line.head()
    line.send(b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n")
    assert b"text/event-stream" in await client.head()
    for _ in range(3):
        line.send(b"7\r\ndata: x\r\n")
        assert await client.read(12) == b"7\r\ndata: x\r\n"


async def test_what_the_permit_adds_to_the_answer_is_added(stand: Stand) -> None:
    await stand.open()
    stand.flow.decide = lambda head, peer: Permit("app", "/*", answer=((b"set-cookie", b"ours=1"),))
    client = await stand.connect()
    assert b"set-cookie: ours=1\r\n" in (await client.ask(get()))[1]


async def test_the_application_gets_what_the_permit_says(stand: Stand) -> None:
    app = await stand.open()
    stand.flow.decide = lambda head, peer: Permit(
        "app",
        "/*",
        lines=b"x-auth-subject: alice\r\n",
        cookie=b"sessionid=s",
        authorization=b"Basic x",
        without=frozenset({b"x-secret"}),
    )
    client = await stand.connect()
    await client.ask(get("/a?b=%2F", "X-Secret: s", "X-Keep: k", "Cookie: other=1"))
    seen = app.lines[0].seen
    assert seen.startswith(b"GET /a?b=%2F HTTP/1.1\r\nhost: a\r\n")
    for line in (b"x-auth-subject: alice", b"cookie: sessionid=s", b"authorization: Basic x", b"X-Keep: k"):
        assert line + b"\r\n" in seen
    assert b"X-Secret" not in seen
    assert b"other" not in seen


async def test_the_host_of_the_application_is_sent_where_it_wants_its_own(stand: Stand) -> None:
    stand.expect(preserve_host=False)
    app = await stand.open()
    client = await stand.connect()
    await client.ask(get())
    assert b"host: 127.0.0.1:%d\r\n" % app.port in app.lines[0].seen
    assert b"x-forwarded-host: a\r\n" in app.lines[0].seen


# --- cut short ---


@pytest.mark.parametrize(
    ("response", "seen"),
    [
        (b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhello", b"hello"),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n", b"5\r\nhello\r\n"),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n9\r\nhello", b"9\r\nhello"),
    ],
)
async def test_a_response_that_is_cut_short_is_seen_as_such(stand: Stand, response: bytes, seen: bytes) -> None:
    await stand.open(sends(response, close=True))
    client = await stand.connect()
    client.send(get())
    assert b"200 OK" in await client.head()
    assert await client.rest() == seen
    assert stand.pool.open_count == 0
    assert (stand.facts.requests[0].status, stand.facts.requests[0].code) == (200, "upstream_unreachable")


async def test_a_client_of_http_1_0_sees_an_error_instead_of_an_end(stand: Stand) -> None:
    """Where the end of the connection is the end of the body, only a reset tells them apart."""
    await stand.open(sends(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n", close=True))
    client = await stand.connect()
    client.send(HTTP_1_0)
    assert await client.is_reset()


async def test_an_application_that_resets_does_not_end_a_body(stand: Stand) -> None:
    app = await stand.open(never)
    client = await stand.connect()
    client.send(get())
    line = await app.line()
    await line.head()
    line.send(b"HTTP/1.1 200 OK\r\n\r\nhello")
    assert await client.head()
    assert await client.read(10) == b"5\r\nhello\r\n"
    line.reset()
    assert await client.rest() == b""


async def test_an_application_that_stalls_in_its_body_is_cut(stand: Stand) -> None:
    stand.expect(idle_timeout=0.05)
    await stand.open(sends(b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhello"))
    client = await stand.connect()
    client.send(get())
    await client.head()
    assert await client.rest() == b"hello"
    assert stand.facts.requests[0].code == "upstream_timeout"


async def test_an_event_stream_may_be_silent_for_longer(stand: Stand) -> None:
    """H13: silence does not end what may be silent."""
    stand.expect(idle_timeout=0.02, stream_timeout=60.0)
    app = await stand.open(never)
    client = await stand.connect()
    client.send(get())
    line = await app.line()
    await line.head()
    line.send(b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n")
    await client.head()
    now = stand.wheel.now
    await stand.until(lambda: stand.wheel.now > now + 20)
    line.send(b"1\r\nx\r\n")
    assert await client.read(6) == b"1\r\nx\r\n"


async def test_a_client_that_has_ended_does_not_listen_to_events(stand: Stand) -> None:
    """A closed tab looks like a client that has said all it had to say."""
    app = await stand.open(never)
    client = await stand.connect()
    client.send(get())
    line = await app.line()
    await line.head()
    line.send(b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\n")
    await client.head()
    client.end()
    await line.gone()
    assert stand.facts.requests[0].code == "client_closed"


async def test_nor_when_it_ended_before_they_began(stand: Stand) -> None:
    app = await stand.open(never)
    client = await stand.connect()
    client.send(get())
    client.end()
    line = await app.line()
    await line.head()
    await stand.until(lambda: stand.connection.at_eof)
    line.send(b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\n")
    await line.gone()
    assert stand.facts.requests[0].code == "client_closed"


# --- large ones ---


async def test_64_mib_come_down_with_little_memory(stand: Stand) -> None:
    size = 64 * MIB

    async def sends_much(line: Line) -> None:
        await line.head()
        await line.send_all(b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n" % size)
        piece = b"x" * MIB
        for _ in range(64):
            await line.send_all(piece)

    await stand.open(sends_much)
    client = await stand.connect()
    before = most = resident()
    client.send(get())
    await client.head()
    for _ in range(64):
        await client.skip(MIB)
        most = max(most, resident())
    assert most - before < 16 * MIB


async def test_a_client_that_does_not_read_stops_the_application(stand: Stand) -> None:
    """H3: no more is kept than what buffers hold."""
    sent = 0

    async def sends_forever(line: Line) -> None:
        nonlocal sent
        await line.head()
        await line.send_all(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n")
        while True:
            await line.send_all(b"10000\r\n" + b"x" * 65536 + b"\r\n")
            sent += 65536

    await stand.open(sends_forever)
    client = await stand.connect(receive_buffer=4096, limit=4096)
    client.send(get())
    await stand.until(lambda: stand.connection.is_full)
    (connection,) = stand.pool._connections
    assert connection.transport is not None
    assert stand.connection.transport is not None
    assert not connection.transport.is_reading()
    assert stand.connection.transport.get_write_buffer_size() < MIB
    assert sent < 64 * MIB  # the rest is what the kernel holds, which may be tens of MiB
    await client.skip(96 * MIB, patience=30.0)  # more than there can be on the way, a few KiB at a time


# --- the watch ---


async def test_a_response_is_held_until_the_watch_has_looked(stand: Stand) -> None:
    await stand.open(sends(b"HTTP/1.1 200 OK\r\ncontent-length: 6\r\n\r\nabc", b"def"))
    stand.watch.wants_look = True
    stand.watch.gate = asyncio.get_running_loop().create_future()
    client = await stand.connect()
    client.send(get())
    await stand.until(lambda: stand.watch.is_looking)
    assert stand.connection.exchange is not None
    assert stand.connection.exchange.status == 0  # nothing is written
    stand.watch.gate.set_result(None)
    status, head, body = await client.response()
    assert (status, b"x-looked: yes" in head, body) == (200, True, b"abcdef")


async def test_a_short_response_is_looked_at_while_its_connection_serves_others(stand: Stand) -> None:
    await stand.open()
    stand.watch.wants_look = True
    stand.watch.gate = asyncio.get_running_loop().create_future()
    client = await stand.connect()
    client.send(get())
    await stand.until(lambda: stand.pool.idle_count == 1)
    stand.watch.gate.set_result(None)
    assert (await client.response())[2] == b"ok"


async def test_a_look_is_finished_although_the_client_has_left(stand: Stand) -> None:
    """No logout is missed because somebody closed a tab."""
    await stand.open()
    stand.watch.wants_look = True
    stand.watch.gate = asyncio.get_running_loop().create_future()
    client = await stand.connect()
    client.send(get())
    await stand.until(lambda: stand.pool.idle_count == 1)
    client.reset()
    await stand.until(lambda: stand.server.connection_count == 0)
    stand.watch.gate.set_result(None)
    await stand.until(lambda: stand.watch.looks == 1)
    assert stand.facts.requests[0].code == "client_closed"


@pytest.mark.parametrize("waits", [False, True])
async def test_a_look_that_fails_is_the_answer(stand: Stand, waits: bool) -> None:
    await stand.open()
    stand.watch.wants_look = True
    stand.watch.error = StoreUnavailable()
    if waits:
        stand.watch.gate = asyncio.get_running_loop().create_future()
        asyncio.get_running_loop().call_later(0.02, stand.watch.gate.set_result, None)
    client = await stand.connect()
    assert (await client.ask(get()))[::2] == (503, b"store_unavailable")


async def test_a_look_that_fails_in_the_middle_of_a_response_closes_its_connection(stand: Stand) -> None:
    app = await stand.open(never)
    stand.watch.wants_look = True
    stand.watch.error = StoreUnavailable()
    stand.watch.gate = asyncio.get_running_loop().create_future()
    client = await stand.connect()
    client.send(get())
    line = await app.line()
    await line.head()
    line.send(b"HTTP/1.1 200 OK\r\ncontent-length: 6\r\n\r\nabc")
    await stand.until(lambda: stand.watch.is_looking)
    stand.watch.gate.set_result(None)
    assert (await client.response())[0] == 503
    await line.gone()
    assert stand.pool.open_count == 0


async def test_a_response_that_breaks_while_it_is_looked_at_is_cut_afterwards(stand: Stand) -> None:
    app = await stand.open(never)
    stand.watch.wants_look = True
    stand.watch.gate = asyncio.get_running_loop().create_future()
    client = await stand.connect()
    client.send(get())
    line = await app.line()
    await line.head()
    await line.send_all(b"HTTP/1.1 200 OK\r\ncontent-length: 6\r\n\r\nabc")
    line.close()
    await stand.until(lambda: stand.watch.is_looking)
    stand.watch.gate.set_result(None)
    await client.head()
    assert await client.rest() == b"abc"
    assert stand.facts.requests[0].code == "upstream_unreachable"


async def test_an_application_that_is_lost_while_it_is_looked_at_is_502(stand: Stand) -> None:
    app = await stand.open(never)
    stand.watch.wants_look = True
    stand.watch.gate = asyncio.get_running_loop().create_future()
    client = await stand.connect()
    client.send(get())
    line = await app.line()
    await line.head()
    await line.send_all(b"HTTP/1.1 200 OK\r\ncontent-length: 6\r\n\r\nabc")
    await stand.until(lambda: stand.watch.is_looking)
    (connection,) = stand.pool._connections
    assert connection.transport is not None
    connection.transport.abort()
    assert (await client.response())[::2] == (502, b"upstream_unreachable")
    stand.watch.gate.set_result(None)
    await stand.until(lambda: stand.watch.looks == 1)
    assert len(stand.facts.requests) == 1


# --- revocation ---


async def test_a_revocation_ends_an_event_stream(stand: Stand) -> None:
    stand.flow.decide = lambda head, peer: PERMIT_OF_ALICE
    app = await stand.open(never)
    client = await stand.connect()
    client.send(get())
    line = await app.line()
    await line.head()
    line.send(b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nx\r\n")
    await client.head()
    assert await client.read(6) == b"1\r\nx\r\n"
    assert len(stand.live) == 1
    assert stand.live.end([Revocation(RevocationKind.FAMILY, "family-1", 4e9, "logout")]) == 1
    assert await client.rest() == b""
    await line.gone()
    assert stand.facts.requests[0].code == "session_ended"


async def test_an_ordinary_response_is_known_only_when_it_takes_long(
    stand: Stand, monkeypatch: pytest.MonkeyPatch
) -> None:
    stand.flow.decide = lambda head, peer: PERMIT_OF_ALICE
    app = await stand.open(never)
    client = await stand.connect()
    client.send(get())
    line = await app.line()
    await line.head()
    line.send(b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\na")
    await client.head()
    assert await client.read(1) == b"a"
    assert len(stand.live) == 0
    monkeypatch.setattr("gateway.wire.forward.LONG", 0.0)
    line.send(b"b")
    assert await client.read(1) == b"b"
    assert len(stand.live) == 1
    line.send(b"c")
    assert await client.read(1) == b"c"
    assert len(stand.live) == 0


@pytest.mark.parametrize("waits", [False, True])
async def test_a_revocation_before_the_stream_begins_is_not_missed(stand: Stand, waits: bool) -> None:
    stand.flow.decide = lambda head, peer: PERMIT_OF_ALICE
    app = await stand.open(never)
    client = await stand.connect()
    client.send(get())
    line = await app.line()
    await line.head()
    assert stand.live.end(LOGOUT) == 0
    if waits:
        stand.watch.wants_look = True
        stand.watch.gate = asyncio.get_running_loop().create_future()
    line.send(b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\nsecret")
    if stand.watch.gate is not None:
        await stand.until(lambda: stand.watch.is_looking)
        stand.watch.gate.set_result(None)
    assert (await client.response())[::2] == (401, b"session_ended")
    await line.gone()
    assert len(stand.live) == 0


async def test_a_revocation_before_a_response_is_known_as_long_is_not_missed(
    stand: Stand, monkeypatch: pytest.MonkeyPatch
) -> None:
    stand.flow.decide = lambda head, peer: PERMIT_OF_ALICE
    app = await stand.open(never)
    client = await stand.connect()
    client.send(get())
    line = await app.line()
    await line.head()
    line.send(b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\na")
    await client.head()
    assert await client.read(1) == b"a"
    assert stand.live.end(LOGOUT) == 0
    monkeypatch.setattr("gateway.wire.forward.LONG", 0.0)
    line.send(b"b")
    assert await client.rest() == b""
    await line.gone()
    assert stand.facts.requests[0].code == "session_ended"


async def test_a_revocation_during_the_admission_is_not_missed(stand: Stand) -> None:
    """The flow may have asked the blacklist before it came."""
    stand.flow.decide = lambda head, peer: PERMIT_OF_ALICE
    stand.flow.gate = asyncio.get_running_loop().create_future()
    app = await stand.open(never)
    client = await stand.connect()
    client.send(get())
    await stand.until(lambda: stand.flow.asked)
    stand.live.end(LOGOUT)
    stand.flow.gate.set_result(None)
    line = await app.line()
    await line.head()
    line.send(b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\nsecret")
    assert (await client.response())[::2] == (401, b"session_ended")


async def test_a_handshake_that_is_answered_with_events_is_known_once(stand: Stand) -> None:
    stand.flow.decide = lambda head, peer: PERMIT_OF_ALICE
    app = await stand.open(never)
    client = await stand.connect()
    client.send(
        get("/", "Connection: Upgrade", "Upgrade: websocket", "Sec-WebSocket-Version: 13", f"Sec-WebSocket-Key: {KEY}")
    )
    line = await app.line()
    await line.head()
    line.send(b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\n")
    await client.head()
    assert len(stand.live) == 1
    client.reset()
    await stand.until(lambda: len(stand.live) == 0)


async def test_a_request_without_a_host_gets_that_of_the_application(stand: Stand) -> None:
    app = await stand.open(answers_ok)
    client = await stand.connect()
    client.send(b"GET / HTTP/1.0\r\n\r\n")
    await client.head()
    authority = stand.pool.policy.authority
    assert b"\r\nhost: " + authority + b"\r\n" in app.lines[0].seen
