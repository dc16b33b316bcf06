"""The guard: whatever became of a connection, talking to it raises nothing."""

import asyncio
from collections.abc import AsyncIterator, Callable

import pytest

from gateway.wire import transport as guard
from tests.wire.stand import App, Line


async def reads(line: Line) -> None:
    """Read everything, and send it back when the other side has ended."""
    line.send(await line.rest())
    line.close()


class Echo(asyncio.Protocol):
    """Collects what comes back."""

    def __init__(self) -> None:
        self.received = b""
        self.over = asyncio.Event()

    def data_received(self, data: bytes) -> None:
        self.received += data

    def connection_lost(self, _error: Exception | None) -> None:
        self.over.set()


@pytest.fixture
async def echo() -> AsyncIterator[tuple[asyncio.Transport, Echo]]:
    app = App(reads)
    await app.start()
    transport, protocol = await asyncio.get_running_loop().create_connection(Echo, "127.0.0.1", app.port)
    await app.line()
    yield transport, protocol
    transport.abort()
    await asyncio.wait_for(protocol.over.wait(), 5)
    await app.close()


@pytest.fixture
async def lost(echo: tuple[asyncio.Transport, Echo]) -> asyncio.Transport:
    """A transport whose connection was closed."""
    transport, protocol = echo
    transport.abort()
    await asyncio.wait_for(protocol.over.wait(), 5)
    return transport


@pytest.mark.parametrize(
    "call",
    [
        lambda transport: guard.write(transport, b"x"),
        guard.pause_reading,
        guard.resume_reading,
        guard.end_writing,
        guard.reset,
    ],
)
async def test_a_lost_connection_is_left_alone(
    lost: asyncio.Transport, call: Callable[[asyncio.Transport], None]
) -> None:
    call(lost)
    assert lost.is_closing()


@pytest.mark.parametrize(
    "call",
    [
        lambda: guard.write(None, b"x"),
        lambda: guard.pause_reading(None),
        lambda: guard.resume_reading(None),
        lambda: guard.reset(None),
    ],
)
def test_no_connection_is_left_alone_too(call: Callable[[], None]) -> None:
    call()


async def test_a_lost_connection_has_news(lost: asyncio.Transport) -> None:
    assert guard.has_news(lost)


async def test_a_quiet_connection_has_none(echo: tuple[asyncio.Transport, Echo]) -> None:
    transport, _ = echo
    assert not guard.has_news(transport)
    assert not guard.is_tls(transport)
