"""A stand for the wire: the real server between a client and an application that are sockets told what to do."""

import asyncio
import contextlib
import resource
import socket
import ssl
import struct
from collections.abc import Awaitable, Callable, Coroutine, Generator
from dataclasses import replace
from pathlib import Path
from time import monotonic, time
from typing import Any

from starlette.types import ASGIApp, Receive, Scope, Send

from gateway.core.response import Looked
from gateway.core.trust import TrustedProxies
from gateway.errors import GatewayError
from gateway.flow.live import Live
from gateway.headers import Pairs
from gateway.http1.fields import FieldTable
from gateway.http1.limits import Limits
from gateway.http1.response import ResponseHead
from gateway.model import Answer, Credential, Peer, Permit, RequestHead, Standing, VerifiedToken, Visit
from gateway.wire.client import ClientConnection
from gateway.wire.policy import UpstreamPolicy, WirePolicy
from gateway.wire.pool import Pool
from gateway.wire.server import WireServer
from gateway.wire.wheel import Wheel
from tests.facts import RememberedFacts

TICK = 0.005
PATIENCE = 5.0
OK = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok"

TOKEN = VerifiedToken("alice", "family-1", "token-1", "web", 1, 0.0, 0.0, 4e9, {})
PERMIT = Permit("app", "/*")
PERMIT_OF_ALICE = Permit("app", "/*", credential=Credential.BEARER, token=TOKEN)


class Line:
    """One end of a connection, used by a test. Every read is bounded."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self.writer = writer
        self.seen = b""
        """Everything that was read by `head`."""

    def send(self, data: bytes) -> None:
        self.writer.write(data)

    async def send_all(self, data: bytes) -> None:
        self.writer.write(data)
        await self.writer.drain()

    async def head(self) -> bytes:
        """Read up to the end of a head; empty when the other side ended before one began."""
        async with asyncio.timeout(PATIENCE):
            first = await self.reader.read(1)
            head = first + await self.reader.readuntil(b"\r\n\r\n") if first else b""
        self.seen += head
        return head

    async def read(self, size: int) -> bytes:
        async with asyncio.timeout(PATIENCE):
            return await self.reader.readexactly(size)

    async def some(self, size: int = 65536) -> bytes:
        async with asyncio.timeout(PATIENCE):
            return await self.reader.read(size)

    async def rest(self) -> bytes:
        """Read to the end of the stream."""
        async with asyncio.timeout(PATIENCE):
            return await self.reader.read()

    async def response(self) -> tuple[int, bytes, bytes]:
        """Read one response with a Content-Length or chunks: status, head, body."""
        head = await self.head()
        status = int(head.split(b" ", 2)[1])
        lower = head.lower()
        if status in {204, 304}:
            return status, head, b""
        if b"transfer-encoding: chunked" in lower:
            return status, head, await self.chunks()
        for line in lower.split(b"\r\n"):
            if line.startswith(b"content-length: "):
                return status, head, await self.read(int(line[16:]))
        return status, head, b""

    async def chunks(self) -> bytes:
        body = b""
        async with asyncio.timeout(PATIENCE):
            while size := int(await self.reader.readuntil(b"\r\n"), 16):
                body += await self.reader.readexactly(size)
                assert await self.reader.readexactly(2) == b"\r\n"
            assert await self.reader.readexactly(2) == b"\r\n"
        return body

    async def count_chunks(self) -> int:
        """Read a chunked body and keep nothing but its size."""
        total = 0
        async with asyncio.timeout(PATIENCE):
            while size := int(await self.reader.readuntil(b"\r\n"), 16):
                total += size
                await self._skip(size + 2)
            assert await self.reader.readexactly(2) == b"\r\n"
        return total

    async def skip(self, size: int, patience: float = PATIENCE) -> None:
        """Read so many bytes and keep none."""
        async with asyncio.timeout(patience):
            await self._skip(size)

    async def _skip(self, size: int) -> None:
        while size:
            data = await self.reader.read(min(size, 262144))
            assert data, f"{size} bytes are missing"
            size -= len(data)

    async def ask(self, request: bytes) -> tuple[int, bytes, bytes]:
        self.send(request)
        return await self.response()

    def end(self) -> None:
        """Send the end of the stream, and go on reading."""
        self.writer.write_eof()

    def close(self) -> None:
        self.writer.close()

    def reset(self) -> None:
        self.writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.writer.transport.abort()

    async def is_reset(self) -> bool:
        """Wait for the end; say whether it was an error."""
        try:
            await self.rest()
        except ConnectionResetError:
            return True
        return False

    async def gone(self) -> None:
        """Wait until the other side has ended or reset."""
        with contextlib.suppress(ConnectionError):
            await self.rest()


Script = Callable[[Line], Awaitable[None]]


class App:
    """An application: each connection is handed to a script. `lines` are the connections in order."""

    def __init__(self, script: Script) -> None:
        self.script = script
        self.lines: list[Line] = []
        self.errors: list[BaseException] = []
        self.port = 0
        self._server: asyncio.Server | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        self._arrived = asyncio.Condition()

    async def start(self, tls: ssl.SSLContext | None = None) -> None:
        self._server = await asyncio.start_server(self._accept, "127.0.0.1", 0, limit=1 << 20, ssl=tls)
        self.port = self._server.sockets[0].getsockname()[1]

    async def line(self, number: int = 0) -> Line:
        """Wait for the connection of that number."""
        async with asyncio.timeout(PATIENCE), self._arrived:
            await self._arrived.wait_for(lambda: len(self.lines) > number)
        return self.lines[number]

    async def close(self) -> None:
        if self._server is not None:
            self._server.close()
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        for line in self.lines:
            line.writer.transport.abort()

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        line = Line(reader, writer)
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        async with self._arrived:
            self.lines.append(line)
            self._arrived.notify_all()
        try:
            await self.script(line)
        except (ConnectionError, TimeoutError, asyncio.IncompleteReadError, asyncio.CancelledError):
            pass
        except Exception as error:
            self.errors.append(error)
            raise


async def answers_ok(line: Line) -> None:
    """Answer each request without a body."""
    while await line.head():
        line.send(OK)


class Clock:
    """The real time."""

    def wall(self) -> float:
        return time()

    def monotonic(self) -> float:
        return monotonic()


Decision = Permit | Visit | Answer
By = Callable[[Standing | None], Decision | Coroutine[Any, Any, Decision]]


class Inquiry:
    """A question that a test answers by `settle`."""

    def __init__(
        self, by: Callable[[Standing | None], Decision | Coroutine[Any, Any, Decision]], *, asks: bool
    ) -> None:
        self.decide = by
        self.asks = asks
        self.settle: Callable[[Standing | None], None] | None = None

    def __await__(self) -> Generator[Any, None, Decision]:
        raise NotImplementedError

    def ask(self, settle: Callable[[Standing | None], None]) -> bool:
        self.settle = settle
        return self.asks


class Flow:
    """Admits everything, unless a test says otherwise: `decide` returns or raises, `gate` makes it wait."""

    def __init__(self) -> None:
        self.decide: Callable[[RequestHead, Peer], Decision] = lambda head, peer: PERMIT
        self.gate: asyncio.Future[None] | None = None
        self.inquiry: Inquiry | None = None
        self.asked: list[RequestHead] = []

    def begin(self, head: RequestHead, peer: Peer, now: float) -> Decision | Coroutine[Any, Any, Decision] | Inquiry:
        self.asked.append(head)
        if self.inquiry is not None:
            return self.inquiry
        return self.decide(head, peer) if self.gate is None else self._decide_later(self.gate, head, peer)

    async def _decide_later(self, gate: asyncio.Future[None], head: RequestHead, peer: Peer) -> Decision:
        await gate
        return self.decide(head, peer)

    def refuse(self, error: GatewayError, head: RequestHead | None, request_id: str) -> Answer:
        fields = [(b"x-crossfade", b"1"), (b"x-request-id", request_id.encode())]
        if error.retry_after is not None:
            fields.append((b"retry-after", b"%d" % error.retry_after))
        return Answer(error.status, tuple(fields), error.code.encode())


class Watch:
    """Lets every response through as it is, unless a test wants a look."""

    def __init__(self) -> None:
        self.gate: asyncio.Future[None] | None = None
        self.wants_look = False
        self.error: Exception | None = None
        self.looks = 0
        self.looks_after = 0
        self.is_looking = False
        self.logout_path = b""

    def find_lines(self, permit: Permit, head: RequestHead, response: ResponseHead) -> bytes | None:
        return None if response.is_notable or self.wants_look or permit.answer else response.lines

    def edit(self, permit: Permit, head: RequestHead, status: int, fields: Pairs, ours: Pairs | None = None) -> Pairs:
        return [*fields, *permit.answer]

    def needs_look(self, permit: Permit, head: RequestHead, status: int, fields: Pairs) -> bool:
        return self.wants_look

    async def look(self, permit: Permit, head: RequestHead, status: int, fields: Pairs, now: float) -> Looked:
        self.is_looking = True
        if self.gate is not None:
            await self.gate
        self.looks += 1
        if self.error is not None:
            raise self.error
        return Looked([*fields, (b"x-looked", b"yes")])

    def awaits_logout(self, permit: Permit, head: RequestHead) -> bool:
        return head.path == self.logout_path

    async def look_after(self, permit: Permit, head: RequestHead, now: float) -> None:
        self.is_looking = True
        if self.gate is not None:
            await self.gate
        self.looks_after += 1
        if self.error is not None:
            raise self.error


async def nothing_here(scope: Scope, receive: Receive, send: Send) -> None:
    """An application of ours that has no endpoints."""
    await send({"type": "http.response.start", "status": 404, "headers": []})
    await send({"type": "http.response.body", "body": b""})


class Stand:
    """The server with what it needs. Change `wire_policy` and `upstream_policy` before `open`."""

    def __init__(self) -> None:
        self.flow = Flow()
        self.watch = Watch()
        self.live = Live()
        self.facts = RememberedFacts()
        self.own: ASGIApp = nothing_here
        self.wire_policy = WirePolicy()
        self.upstream_policy = UpstreamPolicy("app", "127.0.0.1", 0)
        self.proxies = TrustedProxies()
        self.wheel = Wheel(TICK)
        self.app: App | None = None
        self.port = 0
        self.clients: list[Line] = []
        self._listener: asyncio.Server | None = None

    def limit(self, **bounds: int) -> None:
        self.wire_policy = replace(self.wire_policy, limits=replace(Limits(), **bounds))

    def wait(self, **seconds: Any) -> None:
        """Set waits of the client side."""
        self.wire_policy = replace(self.wire_policy, **seconds)

    def expect(self, **values: Any) -> None:
        """Set values of the application side."""
        self.upstream_policy = replace(self.upstream_policy, **values)

    async def open(
        self, script: Script = answers_ok, *, port: int | None = None, tls: ssl.SSLContext | None = None
    ) -> App:
        """Start the application with a script, and the server in front of it."""
        app = self.app = App(script)
        await app.start(tls)
        self.expect(port=app.port if port is None else port)
        self.pool = Pool(self.upstream_policy, self.wire_policy.limits, self.wheel)
        self.server = WireServer(
            flow=self.flow,
            watch=self.watch,
            live=self.live,
            pools={"app": self.pool},
            own=self.own,
            table=FieldTable(["X-Auth-Subject"]),
            proxies=self.proxies,
            policy=self.wire_policy,
            facts=self.facts,
            clock=Clock(),
            wheel=self.wheel,
            request_prefix="test",
        )
        await self.server.start()
        self._listener = await asyncio.get_running_loop().create_server(self.server, "127.0.0.1", 0)
        self.port = self._listener.sockets[0].getsockname()[1]
        return app

    async def connect(self, *, limit: int = 1 << 20, receive_buffer: int | None = None) -> Line:
        """Connect a client; a small receive buffer lets a client that does not read be felt soon."""
        connection = socket.socket()
        if receive_buffer is not None:
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        connection.setblocking(False)
        await asyncio.get_running_loop().sock_connect(connection, ("127.0.0.1", self.port))
        line = Line(*await asyncio.open_connection(sock=connection, limit=limit))
        self.clients.append(line)
        return line

    @property
    def connection(self) -> ClientConnection:
        """The server's side of the only client."""
        (connection,) = self.server._wire.connections
        assert isinstance(connection, ClientConnection)
        return connection

    async def until(self, condition: Callable[[], object]) -> None:
        """Turn the loop until a condition holds that no event tells of."""
        async with asyncio.timeout(PATIENCE):
            while not condition():  # noqa: ASYNC110 - what is looked at has no event
                await asyncio.sleep(TICK)

    async def close(self) -> None:
        if self._listener is None:
            return
        self._listener.close()
        for line in self.clients:
            line.writer.transport.abort()
        await self.server.close()
        if self.app is not None:
            await self.app.close()
            assert self.app.errors == []


def resident() -> int:
    """Bytes of memory that this process holds now."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * resource.getpagesize()


def get(path: str = "/", *lines: str) -> bytes:
    """A GET of HTTP/1.1."""
    return "".join([f"GET {path} HTTP/1.1\r\nHost: a\r\n", *(line + "\r\n" for line in lines), "\r\n"]).encode()


def post(body: bytes, *lines: str, path: str = "/") -> bytes:
    """A POST with a Content-Length."""
    head = [f"POST {path} HTTP/1.1\r\nHost: a\r\ncontent-length: {len(body)}\r\n", *(line + "\r\n" for line in lines)]
    return "".join([*head, "\r\n"]).encode() + body
