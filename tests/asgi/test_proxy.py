"""The reverse proxy between a server that is a list of messages and an application that is a socket."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable

import pytest
from starlette.types import Message

from gateway.asgi.conversation import Conversation
from gateway.asgi.proxy import Proxy
from gateway.errors import UpstreamUnreachable
from gateway.http1.limits import Limits
from gateway.model import Permit
from gateway.wire.policy import UpstreamPolicy
from gateway.wire.pool import Pool
from gateway.wire.upstream import UpstreamConnection
from gateway.wire.wheel import Wheel
from tests.asgi.stub import PERMIT, PERMIT_OF_ALICE, Server, StubGateway, body, scope_of, visit
from tests.servers import eventually

OK = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok"
CHUNKED = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n"
GONE: Message = {"type": "http.disconnect"}
PATIENCE = 10.0

Script = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


class Stand:
    """A proxy in front of an application that follows a script for each of its connections."""

    def __init__(self) -> None:
        self.scripts: list[Script] = []
        self.connections = 0
        self._serving: set[asyncio.Task[None]] = set()

    async def start(self, permit: Permit = PERMIT, **policy: object) -> None:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        port = self._server.sockets[0].getsockname()[1]
        self.gateway = StubGateway(permit)
        self.wheel = Wheel(tick=0.01)
        options = UpstreamPolicy("app", "127.0.0.1", port, **policy)  # type: ignore[arg-type]
        self.pool = Pool(options, Limits(), self.wheel)
        self.gateway.pools = {"app": self.pool}
        self.app = Proxy(self.gateway.build)

    @property
    def connection(self) -> UpstreamConnection:
        """The only one to the application."""
        (connection,) = self.pool._connections
        return connection

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._serving.add(task)
        script = self.scripts[min(self.connections, len(self.scripts) - 1)]
        self.connections += 1
        try:
            await script(reader, writer)
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()

    async def stop(self) -> None:
        self._server.close()
        await self.pool.close()
        self.wheel.stop()
        await asyncio.wait_for(asyncio.gather(*self._serving), PATIENCE)
        await asyncio.sleep(0)  # what was closed is let go of in the next turn of the loop


@pytest.fixture
async def stand() -> AsyncIterator[Stand]:
    stand = Stand()
    await stand.start()
    yield stand
    await stand.stop()


async def head_of(reader: asyncio.StreamReader) -> bytes:
    return await reader.readuntil(b"\r\n\r\n")


def answering(*answers: bytes) -> Script:
    """Answer one request after the other, then close."""

    async def script(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        for answer in answers:
            await head_of(reader)
            writer.write(answer)

    return script


async def test_connections_are_used_again(stand: Stand) -> None:
    stand.scripts = [answering(OK, OK, OK)]
    for _ in range(3):
        server = await visit(stand.app, scope_of())
        assert (server.status, server.body) == (200, b"ok")
    assert stand.connections == 1


async def test_a_request_on_a_connection_that_was_closed_meanwhile_is_sent_once_more(stand: Stand) -> None:
    async def closing_late(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await answering(OK)(reader, writer)
        await head_of(reader)

    stand.scripts = [closing_late, answering(OK)]
    await visit(stand.app, scope_of())
    assert (await visit(stand.app, scope_of())).status == 200
    assert stand.connections == 2


@pytest.mark.parametrize(("method", "messages"), [("POST", body()), ("PUT", body(b"x"))])
async def test_what_cannot_be_repeated_is_502_instead(stand: Stand, method: str, messages: list[Message]) -> None:
    async def closing_late(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await answering(OK)(reader, writer)
        await head_of(reader)

    stand.scripts = [closing_late, answering(OK)]
    await visit(stand.app, scope_of())
    fields = [(b"content-length", b"1")] if messages[0]["body"] else []
    assert (await visit(stand.app, scope_of(fields=fields, method=method), *messages)).status == 502
    assert stand.connections == 1


async def test_a_body_is_sent_on_piece_by_piece(stand: Stand) -> None:
    got: list[bytes] = []
    arrived = asyncio.Event()

    async def reading(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        assert b"transfer-encoding: chunked" in await head_of(reader)
        for _ in range(2):
            got.append(await reader.readuntil(b"\r\n") + await reader.readuntil(b"\r\n"))
            arrived.set()
        got.append(await reader.readexactly(5))
        writer.write(OK)

    stand.scripts = [reading]
    server = Server(*body(b"one", b"")[:1])
    scope = scope_of(fields=[(b"transfer-encoding", b"chunked")], method="POST")
    task = asyncio.ensure_future(stand.app(scope, server.receive, server.send))
    await asyncio.wait_for(arrived.wait(), PATIENCE)
    for message in body(b"twoo", b"", b""):
        server.say(message)
    await asyncio.wait_for(task, PATIENCE)
    assert got == [b"3\r\none\r\n", b"4\r\ntwoo\r\n", b"0\r\n\r\n"]
    assert server.body == b"ok"


@pytest.mark.parametrize("pieces", [(b"123",), (b"12345678",), (b"123", b"45678")])
async def test_a_body_that_is_not_as_long_as_announced_is_refused(stand: Stand, pieces: tuple[bytes, ...]) -> None:
    async def waiting(reader: asyncio.StreamReader, _writer: asyncio.StreamWriter) -> None:
        await head_of(reader)
        while await reader.read(100):
            pass

    stand.scripts = [waiting]
    scope = scope_of(fields=[(b"content-length", b"5")], method="POST")
    server = await visit(stand.app, scope, *body(*pieces))
    assert server.status == 400


async def test_a_body_where_none_was_announced_is_refused(stand: Stand) -> None:
    async def silent(reader: asyncio.StreamReader, _writer: asyncio.StreamWriter) -> None:
        await reader.read()

    stand.scripts = [silent]
    assert (await visit(stand.app, scope_of(), *body(b"surprise"))).status == 400


async def test_a_client_that_leaves_ends_the_request_to_the_application(stand: Stand) -> None:
    seen_end = asyncio.Event()
    asked = asyncio.Event()

    async def silent(reader: asyncio.StreamReader, _writer: asyncio.StreamWriter) -> None:
        await head_of(reader)
        asked.set()
        try:
            await reader.read()
        finally:
            seen_end.set()

    stand.scripts = [silent]
    server = Server(*body())
    task = asyncio.ensure_future(stand.app(scope_of(), server.receive, server.send))
    await asyncio.wait_for(asked.wait(), PATIENCE)
    server.say(GONE)
    await asyncio.wait_for(task, PATIENCE)
    await asyncio.wait_for(seen_end.wait(), PATIENCE)
    assert server.sent == []
    (fact,) = stand.gateway.facts.requests
    assert (fact.status, fact.code) == (499, "client_closed")


async def test_a_client_that_leaves_in_the_middle_of_its_body_is_never_the_end_of_the_body(stand: Stand) -> None:
    rest: list[bytes] = []
    seen_end = asyncio.Event()

    async def reading(reader: asyncio.StreamReader, _writer: asyncio.StreamWriter) -> None:
        await head_of(reader)
        try:
            rest.append(await reader.read())
        finally:
            seen_end.set()

    stand.scripts = [reading]
    scope = scope_of(fields=[(b"transfer-encoding", b"chunked")], method="POST")
    await visit(stand.app, scope, *body(b"half", b"")[:1], GONE)
    await asyncio.wait_for(seen_end.wait(), PATIENCE)
    assert all(b"0\r\n\r\n" not in data for data in rest)


async def test_an_answer_that_is_cut_short_is_raised_to_the_server(stand: Stand) -> None:
    stand.scripts = [answering(b"HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nhalf")]
    server = Server(*body())
    with pytest.raises(UpstreamUnreachable):
        await stand.app(scope_of(), server.receive, server.send)
    assert server.body == b"half"
    assert server.sent[-1]["more_body"] is True
    (fact,) = stand.gateway.facts.requests
    assert (fact.status, fact.code) == (200, "upstream_unreachable")


async def test_an_application_that_is_silent_is_504() -> None:
    stand = Stand()
    await stand.start(response_timeout=0.02)
    released = asyncio.Event()

    async def silent(reader: asyncio.StreamReader, _writer: asyncio.StreamWriter) -> None:
        await reader.read()
        released.set()

    stand.scripts = [silent]
    assert (await visit(stand.app, scope_of())).status == 504
    await asyncio.wait_for(released.wait(), PATIENCE)
    await stand.stop()


async def test_too_many_requests_for_the_application_are_503() -> None:
    stand = Stand()
    await stand.start(max_connections=1, connect_timeout=0.05)
    first_came = asyncio.Event()

    async def silent(reader: asyncio.StreamReader, _writer: asyncio.StreamWriter) -> None:
        first_came.set()
        await reader.read()

    stand.scripts = [silent]
    server = Server(*body())
    first = asyncio.ensure_future(stand.app(scope_of(), server.receive, server.send))
    await asyncio.wait_for(first_came.wait(), PATIENCE)
    assert (await visit(stand.app, scope_of())).status == 503
    server.say(GONE)
    await asyncio.wait_for(first, PATIENCE)
    await stand.stop()


async def test_a_client_that_does_not_read_makes_the_application_wait(stand: Stand) -> None:
    """Backpressure: what is written without being read is bounded, and all of it comes in the end."""
    size = 64 << 20
    written = 0

    async def flooding(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal written
        await head_of(reader)
        writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n" % size)
        while written < size:
            writer.write(b"x" * 65536)
            written += 65536
            await writer.drain()

    stand.scripts = [flooding]
    reading = asyncio.Event()
    received = 0
    server = Server(*body())

    async def slow_send(message: Message) -> None:
        nonlocal received
        await reading.wait()
        received += len(message.get("body", b""))

    task = asyncio.ensure_future(stand.app(scope_of(), server.receive, slow_send))
    await eventually(lambda: written and stand.connection._is_paused)
    assert written < size / 2
    reading.set()
    await asyncio.wait_for(task, PATIENCE)
    assert received == size


async def test_an_application_that_does_not_read_makes_the_client_wait(stand: Stand) -> None:
    may_read = asyncio.Event()
    got = 0
    size = 64 << 20

    async def reading_late(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal got
        await head_of(reader)
        await may_read.wait()
        while got < size:
            got += len(await reader.read(1 << 20))
        writer.write(OK)

    stand.scripts = [reading_late]
    taken = 0
    piece = b"x" * 65536

    async def receive() -> Message:
        nonlocal taken
        if taken == size:
            await asyncio.Event().wait()
        taken += len(piece)
        return {"type": "http.request", "body": piece, "more_body": taken < size}

    server = Server()
    scope = scope_of(fields=[(b"content-length", b"%d" % size)], method="POST")
    task = asyncio.ensure_future(stand.app(scope, receive, server.send))
    await eventually(lambda: taken)
    conversation = stand.connection._receiver
    assert isinstance(conversation, Conversation)
    await eventually(lambda: not conversation._may_send.is_set())
    assert taken < size / 2
    may_read.set()
    await asyncio.wait_for(task, PATIENCE)
    assert (got, server.body) == (size, b"ok")


async def test_an_early_answer_ends_the_upload_and_the_connection(stand: Stand) -> None:
    stand.scripts = [answering(b"HTTP/1.1 413 Too Large\r\ncontent-length: 0\r\n\r\n"), answering(OK)]
    server = Server(*body(b"half", b"")[:1])
    scope = scope_of(fields=[(b"content-length", b"1000")], method="POST")
    await asyncio.wait_for(stand.app(scope, server.receive, server.send), PATIENCE)
    assert server.status == 413
    assert (await visit(stand.app, scope_of())).status == 200
    assert stand.connections == 2


async def test_a_stream_that_is_revoked_ends_in_order_and_lets_go_of_the_application() -> None:
    stand = Stand()
    await stand.start(PERMIT_OF_ALICE)
    seen_end = asyncio.Event()

    async def stream(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await head_of(reader)
        writer.write(CHUNKED.replace(b"200 OK", b"200 OK\r\ncontent-type: text/event-stream") + b"4\r\nping\r\n")
        try:
            await reader.read()
        finally:
            seen_end.set()

    stand.scripts = [stream]
    server = Server(*body())
    task = asyncio.ensure_future(stand.app(scope_of(), server.receive, server.send))
    await server.has_sent("http.response.body")
    assert stand.gateway.revoke() == 1
    await asyncio.wait_for(task, PATIENCE)
    await asyncio.wait_for(seen_end.wait(), PATIENCE)
    assert server.body == b"ping"
    assert server.sent[-1]["more_body"] is False
    await stand.stop()


async def test_the_host_may_be_that_of_the_application() -> None:
    stand = Stand()
    await stand.start(preserve_host=False)
    heads: list[bytes] = []

    async def remembering(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        heads.append(await head_of(reader))
        writer.write(OK)

    stand.scripts = [remembering]
    await visit(stand.app, scope_of())
    assert b"\r\nhost: 127.0.0.1:" in heads[0]
    assert b"\r\nx-forwarded-host: www.example.com\r\n" in heads[0]
    await stand.stop()


async def test_a_server_that_breaks_while_the_body_comes_is_500_and_not_silence(stand: Stand) -> None:
    async def silent(reader: asyncio.StreamReader, _writer: asyncio.StreamWriter) -> None:
        await reader.read()

    async def broken() -> Message:
        raise LookupError

    stand.scripts = [silent]
    server = Server()
    scope = scope_of(fields=[(b"content-length", b"1000")], method="POST")
    await asyncio.wait_for(stand.app(scope, broken, server.send), PATIENCE)
    assert server.status == 500


async def test_a_request_that_is_cancelled_lets_go_of_the_application(stand: Stand) -> None:
    asked, seen_end = asyncio.Event(), asyncio.Event()

    async def silent(reader: asyncio.StreamReader, _writer: asyncio.StreamWriter) -> None:
        await head_of(reader)
        asked.set()
        try:
            await reader.read()
        finally:
            seen_end.set()

    stand.scripts = [silent]
    server = Server(*body())
    task = asyncio.ensure_future(stand.app(scope_of(), server.receive, server.send))
    await asyncio.wait_for(asked.wait(), PATIENCE)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    await asyncio.wait_for(seen_end.wait(), PATIENCE)


async def test_a_request_that_is_cancelled_while_it_waits_in_line_leaves_the_line() -> None:
    stand = Stand()
    await stand.start(max_connections=1)
    first_came, may_answer = asyncio.Event(), asyncio.Event()

    async def slow(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        for _ in range(2):
            await head_of(reader)
            first_came.set()
            await may_answer.wait()
            writer.write(OK)

    stand.scripts = [slow]
    first = asyncio.ensure_future(visit(stand.app, scope_of()))
    await asyncio.wait_for(first_came.wait(), PATIENCE)
    second = asyncio.ensure_future(visit(stand.app, scope_of()))
    for _ in range(20):
        await asyncio.sleep(0)
    assert "1 waiting" in repr(stand.pool)
    second.cancel()
    await asyncio.wait([second])
    assert "0 waiting" in repr(stand.pool)
    may_answer.set()
    assert (await first).status == (await visit(stand.app, scope_of())).status == 200
    await stand.stop()


# --- a logout that nobody waits for ---


async def test_the_answer_to_a_logout_is_looked_at_although_the_client_has_left(stand: Stand) -> None:
    stand.gateway.watch.logout_path = b"/logout"
    asked, has_left = asyncio.Event(), asyncio.Event()

    async def slow(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await head_of(reader)
        asked.set()
        await has_left.wait()
        writer.write(b"HTTP/1.1 200 OK\r\nset-cookie: sessionid=\r\ncontent-length: 0\r\n\r\n")

    stand.scripts = [slow]
    server = Server(*body())
    task = asyncio.ensure_future(stand.app(scope_of(b"/logout"), server.receive, server.send))
    await asyncio.wait_for(asked.wait(), PATIENCE)
    server.say(GONE)
    await eventually(server._messages.empty)
    has_left.set()
    await asyncio.wait_for(task, PATIENCE)
    assert stand.gateway.watch.seen == ["look"]


async def test_a_logout_without_an_answer_is_looked_after(stand: Stand) -> None:
    stand.gateway.watch.logout_path = b"/logout"

    async def breaking(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await head_of(reader)

    stand.scripts = [breaking]
    assert (await visit(stand.app, scope_of(b"/logout"), *body())).status == 502
    assert stand.gateway.watch.seen == ["look after"]


async def test_a_revocation_before_the_stream_begins_is_not_missed() -> None:
    stand = Stand()
    await stand.start(PERMIT_OF_ALICE)

    async def late(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await head_of(reader)
        assert stand.gateway.revoke() == 0
        writer.write(CHUNKED.replace(b"200 OK", b"200 OK\r\ncontent-type: text/event-stream"))
        await reader.read()

    stand.scripts = [late]
    server = Server(*body())
    await asyncio.wait_for(stand.app(scope_of(), server.receive, server.send), PATIENCE)
    assert [message["type"] for message in server.sent] == ["http.response.start", "http.response.body"]
    assert server.body == b""
    await stand.stop()
