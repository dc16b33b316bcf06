"""`python -m bench.live_origin PORT`: an application with an event stream and an echoing WebSocket.

`GET /events/<pattern>/<rate>` sends so many events a second to each client, each with the moment at which it was written (CLOCK_MONOTONIC
in nanoseconds, which all processes of a machine share). Pattern `spread` writes them one after the other at even distances, `together`
all at the same moment. A handshake for a WebSocket is accepted, and every frame comes back (masked, up to 125 bytes).
"""

import asyncio
import base64
import hashlib
import sys
import time
from typing import cast

import uvloop

GUID = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"


class Streams:
    """The clients of one pattern and rate, and the clock that writes to them."""

    def __init__(self, pattern: str, rate: float) -> None:
        self._transports: list[asyncio.Transport] = []
        self._is_together = pattern == "together"
        self._rate = rate
        self._task: asyncio.Task[None] | None = None

    def add(self, transport: asyncio.Transport) -> None:
        transport.write(b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n")
        self._transports.append(transport)
        if self._task is None:
            self._task = asyncio.ensure_future(self._write())

    async def _write(self) -> None:
        began, written = time.monotonic(), 0
        while self._transports:
            self._transports = [one for one in self._transports if not one.is_closing()]
            many = len(self._transports)
            due = (time.monotonic() - began) * self._rate * (1 if self._is_together else many)
            for number in range(written, int(due)):
                for transport in (
                    self._transports if self._is_together else self._transports[number % (many or 1) :][:1]
                ):
                    write_event(transport)
            written = int(due)
            await asyncio.sleep(0.001)
        self._task = None


def write_event(transport: asyncio.Transport) -> None:
    event = b"data: %d\n\n" % time.monotonic_ns()
    transport.write(b"%x\r\n%b\r\n" % (len(event), event))


class Application(asyncio.Protocol):
    """One connection: a request for events or a handshake, and then frames."""

    def __init__(self, streams: dict[bytes, Streams]) -> None:
        self._streams = streams
        self._held = b""
        self._is_socket = False
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        self._held += data
        if self._is_socket:
            self._echo()
        elif b"\r\n\r\n" in self._held:
            head, _, self._held = self._held.partition(b"\r\n\r\n")
            self._begin(head)

    def _begin(self, head: bytes) -> None:
        assert self._transport is not None
        fields = dict(line.lower().partition(b": ")[::2] for line in head.split(b"\r\n")[1:])
        if b"sec-websocket-key" in fields:
            key = next(line for line in head.split(b"\r\n") if line.lower().startswith(b"sec-websocket-key: "))[19:]
            accept = base64.b64encode(hashlib.sha1(key + GUID).digest())
            self._is_socket = True
            self._transport.write(
                b"HTTP/1.1 101 Switching Protocols\r\nconnection: Upgrade\r\nupgrade: websocket\r\n"
                b"sec-websocket-accept: %b\r\n\r\n" % accept
            )
            return
        target = head.split(b" ", 2)[1]
        _, _, pattern, rate = target.decode().split("/")
        self._streams.setdefault(target, Streams(pattern, float(rate))).add(self._transport)

    def _echo(self) -> None:
        """Send frames back without their mask, as a server has to (RFC 6455 section 5.1)."""
        assert self._transport is not None
        while len(self._held) >= 6 and len(self._held) >= (size := 6 + (self._held[1] & 0x7F)):
            frame, self._held = self._held[:size], self._held[size:]
            mask = frame[2:6]
            payload = bytes(byte ^ mask[at % 4] for at, byte in enumerate(frame[6:]))
            self._transport.write(frame[:1] + bytes([len(payload)]) + payload)


async def serve(port: int) -> None:
    streams: dict[bytes, Streams] = {}
    server = await asyncio.get_running_loop().create_server(
        lambda: Application(streams), "127.0.0.1", port, backlog=8192
    )
    await server.serve_forever()


if __name__ == "__main__":
    uvloop.run(serve(int(sys.argv[1])))
