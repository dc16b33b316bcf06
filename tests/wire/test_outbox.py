"""What is written in one turn of the loop leaves at its end, in order."""

import asyncio
import socket
from collections.abc import AsyncIterator

import pytest

from gateway.wire import transport as guard
from gateway.wire.outbox import Outbox
from gateway.wire.transport import set_buffer_limits


class Side:
    """One end of a connection as a transport; `peer` is the other."""

    transport: asyncio.Transport
    peer: socket.socket

    async def open(self) -> None:
        own, self.peer = socket.socketpair()
        self.peer.setblocking(False)
        self.transport, _ = await asyncio.get_running_loop().create_connection(asyncio.Protocol, sock=own)
        set_buffer_limits(self.transport)

    def arrived(self) -> bytes:
        try:
            return self.peer.recv(1 << 20)
        except BlockingIOError:
            return b""

    def close(self) -> None:
        self.transport.abort()
        self.peer.close()


@pytest.fixture
async def side() -> AsyncIterator[Side]:
    opened = Side()
    await opened.open()
    yield opened
    opened.close()


async def test_what_is_put_leaves_at_the_end_of_the_turn(side: Side) -> None:
    outbox = Outbox()
    outbox.put(side.transport, b"one ")
    outbox.put_pieces(side.transport, (b"t", b"wo"))
    assert side.arrived() == b""
    await asyncio.sleep(0)
    assert side.arrived() == b"one two"
    outbox.put(side.transport, b"three")
    await asyncio.sleep(0)
    assert side.arrived() == b"three"


async def test_what_is_written_now_comes_after_what_waits(side: Side) -> None:
    outbox = Outbox()
    outbox.put(side.transport, b"one ")
    outbox.write(side.transport, b"two ")
    assert side.arrived() == b"one two "
    outbox.put(side.transport, b"three ")
    outbox.put_pieces(side.transport, (b"four ", b"x" * 100_000))
    assert side.arrived() == b"three four " + b"x" * 100_000
    await asyncio.sleep(0)
    assert side.arrived() == b""


async def test_the_first_of_many_does_not_wait_for_all(side: Side) -> None:
    outbox = Outbox()
    for _ in range(100):
        outbox.put(side.transport, b"x")
    assert 0 < len(side.arrived()) < 100
    await asyncio.sleep(0)
    assert len(side.arrived()) > 0


async def test_a_number_tells_what_still_waits(side: Side) -> None:
    outbox = Outbox()
    outbox.put(side.transport, b"x")
    turn = outbox.turn
    outbox.put(side.transport, b"y")
    assert outbox.turn == turn
    await asyncio.sleep(0)
    assert outbox.turn != turn


async def test_a_connection_that_is_lost_meanwhile_costs_nobody_else_anything(side: Side) -> None:
    outbox, lost = Outbox(), Side()
    await lost.open()
    outbox.put(None, b"nobody")
    outbox.put(lost.transport, b"never")
    outbox.put(side.transport, b"still")
    lost.transport.abort()
    outbox.write(lost.transport, b"never")
    outbox.write(None, b"nobody")
    outbox.put_pieces(lost.transport, (b"never", b"x" * 100_000))
    outbox.put_pieces(None, (b"nobody", b"x" * 100_000))
    assert (side.arrived(), lost.arrived()) == (b"still", b"")
    lost.close()


async def test_a_stream_that_was_ended_costs_nobody_else_anything(side: Side, caplog: pytest.LogCaptureFixture) -> None:
    outbox, ended = Outbox(), Side()
    await ended.open()
    outbox.put(ended.transport, b"too late")
    outbox.put(side.transport, b"still")
    guard.end_writing(ended.transport)
    outbox.flush()
    assert side.arrived() == b"still"
    assert "unexpected error" in caplog.text
    ended.close()
