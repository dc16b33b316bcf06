"""How a WebSocket ends is passed on as it is: with its code and its reason, or without a word."""

import pytest
from websockets.asyncio.client import connect
from websockets.asyncio.server import ServerConnection, serve
from websockets.exceptions import ConnectionClosed

from tests.wire.stand import Stand

CODES = [1000, 1001, 1003, 1007, 1008, 1009, 1010, 1011, 1012, 1013, 3000, 4999]


@pytest.mark.parametrize("code", CODES)
async def test_h14_the_application_says_why_it_ends(stand: Stand, code: int) -> None:
    """H14: each code that may be on the wire, with its reason."""

    async def ends(socket: ServerConnection) -> None:
        await socket.close(code, "because")

    async with serve(ends, "127.0.0.1", 0) as server:
        await stand.open(port=next(iter(server.sockets)).getsockname()[1])
        async with connect(f"ws://127.0.0.1:{stand.port}/", proxy=None) as socket:
            with pytest.raises(ConnectionClosed) as caught:
                await socket.recv()
    assert caught.value.rcvd is not None
    assert (caught.value.rcvd.code, caught.value.rcvd.reason) == (code, "because")


@pytest.mark.parametrize("code", CODES)
async def test_h14_the_client_says_why_it_ends(stand: Stand, code: int) -> None:
    """H14: the same in the other direction."""
    seen: list[tuple[int | None, str | None]] = []

    async def listens(socket: ServerConnection) -> None:
        await socket.wait_closed()
        seen.append((socket.close_code, socket.close_reason))

    async with serve(listens, "127.0.0.1", 0) as server:
        await stand.open(port=next(iter(server.sockets)).getsockname()[1])
        async with connect(f"ws://127.0.0.1:{stand.port}/", proxy=None) as socket:
            await socket.close(code, "because")
        await stand.until(lambda: seen)
    assert seen == [(code, "because")]


async def test_h14_a_lost_connection_says_nothing(stand: Stand) -> None:
    """H14: no close frame is made up for an application that was lost; a client calls that 1006."""

    async def drops(socket: ServerConnection) -> None:
        socket.transport.abort()

    async with serve(drops, "127.0.0.1", 0) as server:
        await stand.open(port=next(iter(server.sockets)).getsockname()[1])
        async with connect(f"ws://127.0.0.1:{stand.port}/", proxy=None) as socket:
            with pytest.raises(ConnectionClosed) as caught:
                await socket.recv()
    assert caught.value.rcvd is None
    assert socket.close_code == 1006
