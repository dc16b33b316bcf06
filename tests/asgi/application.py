"""The application behind the shells: remembers what it was sent and misbehaves on demand. It runs in a thread."""

import asyncio
import hashlib
import json
import threading
from collections.abc import Awaitable, Callable, Coroutine
from concurrent.futures import Future
from dataclasses import dataclass
from typing import Any, TypeVar

PATIENCE = 10.0
T = TypeVar("T")


class Loop:
    """An event loop in a thread of its own."""

    def __init__(self) -> None:
        self.loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self.loop.run_forever, daemon=True)
        self._thread.start()

    def run(self, coroutine: Coroutine[Any, Any, T]) -> T:
        return self.begin(coroutine).result(PATIENCE)

    def begin(self, coroutine: Coroutine[Any, Any, T]) -> "Future[T]":
        return asyncio.run_coroutine_threadsafe(coroutine, self.loop)

    def close(self) -> None:
        self.run(self._end_tasks())
        self.loop.call_soon_threadsafe(self.loop.stop)
        self._thread.join(PATIENCE)
        self.loop.close()

    async def _end_tasks(self) -> None:
        tasks = asyncio.all_tasks() - {asyncio.current_task()}
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


@dataclass(frozen=True)
class Arrival:
    """A request as the application got it. Names in lower case, in order."""

    method: str
    target: str
    fields: tuple[tuple[str, str], ...]

    def values(self, name: str) -> list[str]:
        return [value for key, value in self.fields if key == name]


class Application:
    """`arrivals` are the requests so far, newest last."""

    def __init__(self) -> None:
        self.arrivals: list[Arrival] = []
        self.left = threading.Event()
        """A client of /silent has left."""
        self._streams: set[asyncio.StreamWriter] = set()
        self._loop = Loop()
        self._server = self._loop.run(asyncio.start_server(self._serve, "127.0.0.1", 0))
        self.port = int(self._server.sockets[0].getsockname()[1])
        self._special: dict[str, Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]] = {
            "/silent": self._silent,
            "/events": self._events,
            "/early": self._early,
            "/ws": self._websocket,
        }

    def close(self) -> None:
        self._server.close()
        self._loop.close()

    def clear(self) -> None:
        self.arrivals.clear()
        self.left.clear()

    def emit(self, event: bytes) -> None:
        """Send one event to every open stream."""
        self._loop.run(self._emit(event))

    async def _emit(self, event: bytes) -> None:
        for writer in self._streams:
            writer.write(b"%x\r\n%b\r\n" % (len(event), event))

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while await self._answer(reader, writer):
                pass
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()

    async def _answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        first, *lines = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")[:-2]
        method, target, _ = first.split(" ")
        pairs = [line.split(": ", 1) for line in lines]
        arrival = Arrival(method, target, tuple((name.lower(), value) for name, value in pairs))
        self.arrivals.append(arrival)
        path = target.partition("?")[0]
        if path in self._special:
            await self._special[path](reader, writer)
            return False
        body = await _read_body(arrival, reader)
        writer.write(_canned(path) or _echo(arrival, body))
        await writer.drain()
        return path not in _CLOSING

    async def _silent(self, reader: asyncio.StreamReader, _writer: asyncio.StreamWriter) -> None:
        try:
            while await reader.read(65536):
                pass
        finally:
            self.left.set()

    async def _events(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n")
        self._streams.add(writer)
        try:
            await self._silent(reader, writer)
        finally:
            self._streams.discard(writer)

    async def _early(self, _reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 413 Too Large\r\ncontent-length: 3\r\nconnection: close\r\n\r\nbig")
        await writer.drain()

    async def _websocket(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: websocket\r\n\r\n")
        while data := await reader.read(65536):
            writer.write(data)


async def _read_body(arrival: Arrival, reader: asyncio.StreamReader) -> bytes:
    if arrival.values("transfer-encoding"):
        body = b""
        while size := int(await reader.readline(), 16):
            body += await reader.readexactly(size)
            await reader.readexactly(2)
        await reader.readexactly(2)
        return body
    return await reader.readexactly(int((arrival.values("content-length") or ["0"])[0]))


def _echo(arrival: Arrival, body: bytes) -> bytes:
    seen = {"length": len(body), "sha256": hashlib.sha256(body).hexdigest()}
    text = b"" if arrival.method == "HEAD" else json.dumps(seen).encode()
    length = len(json.dumps(seen))
    return b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n%b" % (length, text)


BIG = b"0123456789abcdef" * (4 << 16)
"""4 MiB."""

_CLOSING = {"/cut", "/cut-chunks", "/until-close", "/malformed"}
_CANNED = {
    "/cut": b"HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nonly some",
    "/cut-chunks": b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n4\r\nonly\r\n",
    "/until-close": b"HTTP/1.1 200 OK\r\n\r\nall of it",
    "/malformed": b"HTTP/1.1 099 What\r\ncontent-length: 0\r\n\r\n",
    "/nothing": b"HTTP/1.1 204 No Content\r\nx-own: 1\r\n\r\n",
    "/same": b'HTTP/1.1 304 Not Modified\r\netag: "v"\r\ncontent-length: 5\r\n\r\n',
    "/big": b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n%b" % (len(BIG), BIG),
    "/cookies": (
        b"HTTP/1.1 200 OK\r\nset-cookie: a=1\r\nSet-Cookie: b=2; Path=/\r\nx-crossfade: 1\r\n"
        b"set-cookie: __Host-crossfade_access=evil; Path=/; Secure\r\ncontent-length: 0\r\n\r\n"
    ),
}


def _canned(path: str) -> bytes:
    return _CANNED.get(path, b"")
