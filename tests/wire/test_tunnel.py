"""WebSockets: bytes untouched in both directions, ended by either side or by us, and never anything but a WebSocket."""

import asyncio
import contextlib
import socket

import pytest
from websockets.asyncio.client import connect
from websockets.asyncio.server import ServerConnection, serve
from websockets.exceptions import ConnectionClosedError, ConnectionClosedOK

from gateway.model import Permit, Revocation, RevocationKind
from gateway.wire.tunnel import Side, Tunnel
from tests.wire.stand import OK, PATIENCE, PERMIT_OF_ALICE, Line, Stand, get

MIB = 1 << 20
HANDSHAKE = get(
    "/socket",
    "Connection: Upgrade",
    "Upgrade: websocket",
    "Sec-WebSocket-Version: 13",
    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
)
SWITCHED = (
    b"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
    b"Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n"
)
LOGOUT = [Revocation(RevocationKind.FAMILY, "family-1", 4e9, "logout")]


async def never(line: Line) -> None:
    await asyncio.sleep(60)


async def joined(stand: Stand) -> tuple[Line, Line]:
    """Open a tunnel; returns its ends."""
    app = await stand.open(never)
    client = await stand.connect()
    client.send(HANDSHAKE)
    line = await app.line()
    await line.head()
    line.send(SWITCHED)
    assert b"101 Switching Protocols" in await client.head()
    return client, line


def tunnel_of(stand: Stand) -> Tunnel:
    """Return the only one."""
    (tunnel,) = stand.server._wire.connections
    assert isinstance(tunnel, Tunnel)
    return tunnel


def turn(stand: Stand, times: int) -> None:
    for _ in range(times):
        stand.wheel.turn()


# --- the handshake ---


async def test_the_watch_is_told_of_a_handshake_once(stand: Stand, monkeypatch: pytest.MonkeyPatch) -> None:
    """It counts what it is asked about."""
    monkeypatch.setattr(stand.watch, "find_lines", None)
    client, line = await joined(stand)
    line.send(b"\x81\x02hi")
    assert await client.read(4) == b"\x81\x02hi"


async def test_a_handshake_is_passed_on_and_both_ends_are_joined(stand: Stand) -> None:
    """H15: bytes go through untouched."""
    client, line = await joined(stand)
    assert b"connection: Upgrade\r\nupgrade: websocket\r\n" in line.seen
    assert b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==" in line.seen
    assert b"Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=" in client.seen
    for data in (b"\x81\x85mask\x05\x04\x1f\x07\x02", bytes(range(256)) * 10):
        client.send(data)
        assert await line.read(len(data)) == data
        line.send(data)
        assert await client.read(len(data)) == data
    assert (stand.pool.open_count, stand.server.request_count) == (0, 1)


async def test_what_the_client_sends_early_is_held_until_101(stand: Stand) -> None:
    app = await stand.open(never)
    client = await stand.connect()
    client.send(HANDSHAKE + b"early")
    line = await app.line()
    await line.head()
    assert stand.connection._ahead == b"early"
    line.send(SWITCHED + b"late")
    await client.head()
    assert await client.read(4) == b"late"
    assert await line.read(5) == b"early"


async def test_much_that_is_sent_early_is_not_lost(stand: Stand) -> None:
    app = await stand.open(never)
    client = await stand.connect()
    early = bytes(range(256)) * 4096
    client.send(HANDSHAKE)
    line = await app.line()
    await line.head()
    client.send(early)
    await stand.until(lambda: stand.connection._is_paused)
    line.send(SWITCHED)
    assert await line.read(len(early)) == early


async def test_an_answer_that_is_not_101_is_a_response_and_the_end(stand: Stand) -> None:
    """What the client sent for a WebSocket never reaches another request."""
    app = await stand.open(never)
    client = await stand.connect()
    client.send(HANDSHAKE + get("/smuggled"))
    line = await app.line()
    await line.head()
    line.send(b"HTTP/1.1 403 Forbidden\r\nContent-Length: 2\r\n\r\nno")
    status, head, body = await client.response()
    assert (status, body, b"connection: close" in head) == (403, b"no", True)
    assert await client.rest() == b""
    assert len(stand.flow.asked) == 1
    await stand.until(lambda: stand.pool.idle_count == 1)


async def test_another_upgrade_is_an_ordinary_request(stand: Stand) -> None:
    app = await stand.open(never)
    client = await stand.connect()
    client.send(get("/", "Connection: Upgrade", "Upgrade: h2c"))
    line = await app.line()
    head = (await line.head()).lower()
    assert b"upgrade" not in head
    line.send(OK)
    assert (await client.response())[0] == 200


async def test_a_101_can_be_held_for_a_look(stand: Stand) -> None:
    app = await stand.open(never)
    stand.watch.wants_look = True
    stand.watch.gate = asyncio.get_running_loop().create_future()
    client = await stand.connect()
    client.send(HANDSHAKE)
    line = await app.line()
    await line.head()
    line.send(SWITCHED)
    await stand.until(lambda: stand.watch.is_looking)
    line.send(b"later")
    stand.watch.gate.set_result(None)
    assert b"x-looked: yes" in await client.head()
    assert await client.read(5) == b"later"


async def test_a_101_whose_connection_is_lost_meanwhile_is_an_error(stand: Stand) -> None:
    app = await stand.open(never)
    stand.watch.wants_look = True
    stand.watch.gate = asyncio.get_running_loop().create_future()
    client = await stand.connect()
    client.send(HANDSHAKE)
    line = await app.line()
    await line.head()
    line.send(SWITCHED)
    await stand.until(lambda: stand.watch.is_looking)
    (connection,) = stand.pool._connections
    assert connection.transport is not None
    connection.transport.abort()
    await stand.until(lambda: stand.pool.open_count == 0)
    stand.watch.gate.set_result(None)
    assert (await client.response())[0] == 502


# --- the way ---


async def test_each_direction_has_its_own_brake(stand: Stand) -> None:
    client, line = await joined(stand)
    tunnel = tunnel_of(stand)
    await ensure_braked(stand, (client, tunnel._client), (line, tunnel._upstream))
    await ensure_braked(stand, (line, tunnel._upstream), (client, tunnel._client))


async def ensure_braked(stand: Stand, source: tuple[Line, Side], target: tuple[Line, Side]) -> None:
    """Send much to somebody who does not read: it is not taken, and arrives in the end."""
    (sender, source_side), (receiver, target_side) = source, target
    assert source_side.transport is not None
    assert target_side.transport is not None
    for end in (sender.writer.transport, source_side.transport, target_side.transport, receiver.writer.transport):
        shrink_buffers(end)
    sending = asyncio.ensure_future(sender.send_all(b"x" * (16 * MIB)))
    await stand.until(lambda: target_side.is_full)
    assert not source_side.transport.is_reading()
    assert target_side.transport.get_write_buffer_size() < MIB
    assert not sending.done()
    await receiver.skip(16 * MIB)
    await sending


def shrink_buffers(end: asyncio.BaseTransport) -> None:
    """Leave the kernel little to hold: some are set up to buffer tens of MiB by themselves."""
    socket_of_end = end.get_extra_info("socket")
    socket_of_end.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 65536)
    socket_of_end.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 65536)


# --- the end ---


async def test_the_end_of_one_direction_is_passed_on_and_the_other_goes_on(stand: Stand) -> None:
    client, line = await joined(stand)
    client.send(b"last words")
    client.end()
    assert await line.rest() == b"last words"
    line.send(b"still here")
    assert await client.read(10) == b"still here"
    line.end()
    assert await client.rest() == b""
    await stand.until(lambda: stand.server.connection_count == 0)
    assert [(fact.status, fact.code) for fact in stand.facts.requests] == [(101, "")]


async def test_a_client_that_ended_before_101_may_still_listen(stand: Stand) -> None:
    app = await stand.open(never)
    client = await stand.connect()
    client.send(HANDSHAKE + b"early")
    client.end()
    line = await app.line()
    await line.head()
    await stand.until(lambda: stand.connection.at_eof)
    line.send(SWITCHED)
    assert await line.rest() == b"early"
    line.send(b"hello")
    line.end()
    await client.head()
    assert await client.rest() == b"hello"


@pytest.mark.parametrize("end", ["client", "application"])
async def test_the_loss_of_one_side_ends_the_other(stand: Stand, end: str) -> None:
    client, line = await joined(stand)
    lost, other = (client, line) if end == "client" else (line, client)
    lost.reset()
    await other.gone()
    await stand.until(lambda: stand.server.connection_count == 0)


async def test_a_side_that_does_not_take_its_end_is_not_waited_for(stand: Stand) -> None:
    stand.wait(write_timeout=0.05)
    client, line = await joined(stand)
    sending = asyncio.ensure_future(line.send_all(b"x" * 16 * MIB))
    await stand.until(lambda: tunnel_of(stand)._client.is_full)
    sending.cancel()
    line.reset()
    await stand.until(lambda: stand.server.connection_count == 0)
    await client.gone()


async def test_a_tunnel_in_which_nothing_is_said_ends(stand: Stand) -> None:
    stand.wait(tunnel_idle=0.1, linger=0.05)
    stand.wheel.stop()  # time is what the test says
    client, line = await joined(stand)
    span = stand.wheel.span(0.1)
    for _ in range(5):
        turn(stand, span - 1)
        client.send(b"x")
        await line.read(1)
    turn(stand, span)
    assert await client.rest() == b"\x88\x02\x03\xe9"
    assert await line.rest() == b""


async def test_a_revocation_ends_it_with_4401_at_the_end_of_a_frame(stand: Stand) -> None:
    """H16: nothing outlives the credential that opened it."""
    stand.flow.decide = lambda head, peer: PERMIT_OF_ALICE
    client, line = await joined(stand)
    line.send(b"\x81\x05hello")
    assert await client.read(7) == b"\x81\x05hello"
    assert stand.live.end(LOGOUT) == 1
    assert await client.rest() == b"\x88\x02\x11\x31"
    await line.gone()
    client.close()
    await stand.until(lambda: stand.server.connection_count == 0)
    assert [(fact.status, fact.code) for fact in stand.facts.requests] == [(101, "session_ended")]


async def test_a_revocation_in_the_middle_of_a_frame_just_ends_it(stand: Stand) -> None:
    stand.wait(linger=0.05)
    stand.flow.decide = lambda head, peer: PERMIT_OF_ALICE
    client, line = await joined(stand)
    line.send(b"\x81\x05he")
    assert await client.read(4) == b"\x81\x05he"
    stand.live.end(LOGOUT)
    client.send(b"\x81\x85mask\x05\x04\x1f\x07\x02")
    assert await client.rest() == b""
    assert await line.rest() == b""
    await stand.until(lambda: stand.server.connection_count == 0)


async def test_a_revocation_finds_a_client_that_only_listens(stand: Stand) -> None:
    stand.flow.decide = lambda head, peer: PERMIT_OF_ALICE
    client, line = await joined(stand)
    client.end()
    assert await line.rest() == b""
    stand.live.end(LOGOUT)
    assert await client.rest() == b"\x88\x02\x11\x31"
    await stand.until(lambda: stand.server.connection_count == 0)
    assert stand.live.end(LOGOUT) == 0


async def test_a_revocation_during_the_handshake_is_not_missed(stand: Stand) -> None:
    stand.flow.decide = lambda head, peer: PERMIT_OF_ALICE
    app = await stand.open(never)
    client = await stand.connect()
    client.send(HANDSHAKE)
    line = await app.line()
    await line.head()
    assert stand.live.end(LOGOUT) == 1
    assert (await client.response())[::2] == (401, b"session_ended")
    await line.gone()
    assert len(stand.live) == 0


async def test_a_tunnel_that_ended_is_forgotten(stand: Stand) -> None:
    stand.flow.decide = lambda head, peer: PERMIT_OF_ALICE
    client, _ = await joined(stand)
    assert len(stand.live) == 1
    client.reset()
    await stand.until(lambda: len(stand.live) == 0)


# --- with a real server and a real client ---


async def test_real_websockets_talk_through_it(stand: Stand) -> None:
    """H15: pings, an empty, a large, a compressed message."""

    async def echo(socket: ServerConnection) -> None:
        async for message in socket:
            await socket.send(message)
        assert socket.close_code == 3001

    async with serve(echo, "127.0.0.1", 0, compression="deflate", max_size=1 << 24) as server:
        port = next(iter(server.sockets)).getsockname()[1]
        await stand.open(port=port)
        async with connect(f"ws://127.0.0.1:{stand.port}/", max_size=1 << 24) as socket:
            for message in ("hello", "", b"\0" * 70_000, "x" * (1 << 22)):
                await socket.send(message)
                assert await socket.recv() == message
            await (await socket.ping())
            await socket.close(3001, "bye")
        assert socket.close_code == 3001


async def test_hundreds_at_once_get_back_what_each_of_them_sent(stand: Stand) -> None:
    async def echo(connection: ServerConnection) -> None:
        async for message in connection:
            await connection.send(message)

    async with serve(echo, "127.0.0.1", 0) as server, contextlib.AsyncExitStack() as stack:
        await stand.open(port=next(iter(server.sockets)).getsockname()[1])
        sockets = [await stack.enter_async_context(connect(f"ws://127.0.0.1:{stand.port}/")) for _ in range(200)]
        for turn in range(3):
            for number, one in enumerate(sockets):
                await one.send(f"{number} in turn {turn}")
            async with asyncio.timeout(PATIENCE):
                echoes = [await one.recv() for one in sockets]
            assert echoes == [f"{number} in turn {turn}" for number in range(200)]
        assert (stand.pool.open_count, stand.server.request_count) == (0, 200)


async def test_a_real_client_sees_why_it_was_ended(stand: Stand) -> None:
    async def listens(socket: ServerConnection) -> None:
        with pytest.raises((ConnectionClosedError, ConnectionClosedOK)):
            await socket.recv()

    stand.flow.decide = lambda head, peer: PERMIT_OF_ALICE
    async with serve(listens, "127.0.0.1", 0) as server:
        await stand.open(port=next(iter(server.sockets)).getsockname()[1])
        async with connect(f"ws://127.0.0.1:{stand.port}/") as socket:
            stand.live.end(LOGOUT)
            with pytest.raises(ConnectionClosedError) as caught:
                await socket.recv()
        assert caught.value.rcvd is not None
        assert caught.value.rcvd.code == 4401


async def test_an_anonymous_tunnel_is_not_revocable(stand: Stand) -> None:
    stand.flow.decide = lambda head, peer: Permit("app", "/*")
    client, line = await joined(stand)
    assert len(stand.live) == 0
    client.send(b"x")
    assert await line.read(1) == b"x"
