"""Which connections are used again, which never, and what is sent a second time."""

import asyncio
import os
import socket
import ssl

import pytest

from gateway.errors import GatewayError, Overloaded
from gateway.wire.policy import UpstreamPolicy
from gateway.wire.pool import Pool
from gateway.wire.upstream import UpstreamConnection
from tests.wire.stand import OK, Line, Script, Stand, answers_ok, get, post


async def never(line: Line) -> None:
    await asyncio.sleep(60)


def end_at_once(line: Line) -> None:
    """End both directions, without a turn of the loop."""
    with socket.socket(fileno=os.dup(line.writer.get_extra_info("socket").fileno())) as connection:
        connection.shutdown(socket.SHUT_RDWR)


class Nobody:
    """Waits for a connection, and leaves before it comes."""

    def connected(self, connection: UpstreamConnection) -> None:
        raise AssertionError

    def not_connected(self, error: GatewayError) -> None:
        raise AssertionError


def answers(response: bytes, then: bytes = b"") -> Script:
    """A script that answers every request so; `then` follows a moment later."""

    async def script(line: Line) -> None:
        while await line.head():
            await line.send_all(response)
            if then:
                await asyncio.sleep(0.01)
                await line.send_all(then)

    return script


# --- used again ---


async def test_the_youngest_idle_connection_serves_first(stand: Stand) -> None:
    app = await stand.open(never)
    clients = [await stand.connect() for _ in range(3)]
    lines = []
    for number, client in enumerate(clients):
        client.send(get())
        lines.append(await app.line(number))
        await lines[-1].head()
    for client, line in zip(clients, lines, strict=True):
        line.send(OK)
        await client.response()
    assert repr(stand.pool) == "<Pool app: 3 open, 3 idle, 0 opening, 0 waiting>"
    for _ in range(3):
        clients[0].send(get("/again"))
        assert b"/again" in await lines[2].head()
        lines[2].send(OK)
        await clients[0].response()
    assert len(app.lines) == 3


async def test_an_idle_connection_does_not_grow_old(stand: Stand) -> None:
    stand.expect(pool_idle=0.05)
    app = await stand.open()
    client = await stand.connect()
    await client.ask(get())
    await stand.until(lambda: stand.pool.open_count == 0)
    assert (await client.ask(get()))[0] == 200
    assert len(app.lines) == 2


async def test_an_idle_connection_that_is_closed_is_not_used(stand: Stand) -> None:
    app = await stand.open()
    client = await stand.connect()
    await client.ask(get())
    app.lines[0].close()
    await stand.until(lambda: stand.pool.open_count == 0)
    assert (await client.ask(get()))[0] == 200
    assert len(app.lines) == 2


async def test_a_connection_that_is_going_down_is_not_used(stand: Stand) -> None:
    app = await stand.open()
    client = await stand.connect()
    await client.ask(get())
    (connection,) = stand.pool._connections
    assert connection.transport is not None
    connection.transport.abort()
    assert (await client.ask(get()))[0] == 200
    assert len(app.lines) == 2


async def test_a_connection_that_was_closed_a_moment_ago_is_not_used_for_what_cannot_be_sent_again(
    stand: Stand,
) -> None:
    """The end has arrived, and the loop has not turned since: only asking the socket tells."""
    app = await stand.open()
    client = await stand.connect()
    await client.ask(get())
    end_at_once(app.lines[0])
    heard: list[UpstreamConnection] = []

    class Waiter:
        def connected(self, connection: UpstreamConnection) -> None:
            heard.append(connection)
            stand.pool.release(connection)

        def not_connected(self, error: GatewayError) -> None:
            raise error

    (idle,) = stand.pool._connections
    stand.pool.acquire(Waiter(), sure=True)
    assert heard == []
    await stand.until(lambda: heard)
    assert heard[0] is not idle


@pytest.mark.parametrize("wanted", ["sure", "fresh"])
async def test_who_waits_in_line_gets_only_what_was_asked_for(stand: Stand, wanted: str) -> None:
    """For what cannot be sent again, no connection that was closed a moment ago; for a second attempt, a new one."""
    stand.expect(max_connections=1)
    app = await stand.open(never)
    heard: list[UpstreamConnection] = []

    class Waiter:
        def connected(self, connection: UpstreamConnection) -> None:
            heard.append(connection)

        def not_connected(self, error: GatewayError) -> None:
            raise error

    stand.pool.acquire(Waiter())
    await stand.until(lambda: heard)
    stand.pool.acquire(Waiter(), **{wanted: True})
    if wanted == "sure":
        end_at_once(await app.line())
    stand.pool.release(heard[0])
    assert len(heard) == 1
    await stand.until(lambda: len(heard) == 2)
    assert heard[1] is not heard[0]
    stand.pool.acquire(Waiter())
    stand.pool.release(heard[1])
    assert heard[2] is heard[1]


# --- never used again ---


@pytest.mark.parametrize(
    "script",
    [
        pytest.param(answers(OK + b"extra"), id="bytes behind the response"),
        pytest.param(answers(OK + OK), id="two responses at once"),
        pytest.param(answers(OK, then=OK), id="a second response later"),
        pytest.param(answers(OK, then=b"x"), id="a byte while idle"),
        pytest.param(answers(b"HTTP/1.1 204 No Content\r\n\r\nbody"), id="204 with a body"),
        pytest.param(answers(b"HTTP/1.1 304 Not Modified\r\nContent-Length: 4\r\n\r\nbody"), id="304 with a body"),
        pytest.param(
            answers(b"HTTP/1.1 304 Not Modified\r\nTransfer-Encoding: chunked\r\n\r\n"), id="304 with chunks to come"
        ),
        pytest.param(answers(b"HTTP/1.1 205 Reset Content\r\nContent-Length: 4\r\n\r\nbody"), id="205 with a body"),
        pytest.param(answers(b"HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nok"), id="HTTP/1.0"),
        pytest.param(answers(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok"), id="close"),
    ],
)
async def test_a_connection_with_something_left_over_is_not_used_again(stand: Stand, script: Script) -> None:
    """H8, H9: what is left over of one user's response must never begin another user's."""
    app = await stand.open(script)
    for number in range(2):
        client = await stand.connect()
        status, _, body = await client.ask(get())
        assert status < 400
        assert body in {b"ok", b""}
        await stand.until(lambda: stand.pool.open_count == 0)
        assert len(app.lines) == number + 1


async def test_head_with_a_body_is_not_used_again(stand: Stand) -> None:
    await stand.open(answers(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"))
    client = await stand.connect()
    client.send(b"HEAD / HTTP/1.1\r\nHost: a\r\n\r\n")
    assert (await client.head()).endswith(b"content-length: 2\r\n\r\n")
    await stand.until(lambda: stand.pool.open_count == 0)
    client.send(get())
    assert await client.read(15) == b"HTTP/1.1 200 OK"


# --- sent again ---


async def answers_once(line: Line) -> None:
    """Answer one request, take another one, and close without a word."""
    await line.head()
    line.send(OK)
    await line.head()
    line.close()


@pytest.mark.parametrize(
    "request_",
    [
        get("/again"),
        b"HEAD /again HTTP/1.1\r\nHost: a\r\n\r\n",
        b"DELETE /again HTTP/1.1\r\nHost: a\r\n\r\n",
        b"PUT /again HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello",
    ],
)
async def test_a_harmless_request_on_a_connection_that_died_is_sent_again(stand: Stand, request_: bytes) -> None:
    """H7: a connection that the application closed as it was used again."""
    app = await stand.open(answers_once)
    client = await stand.connect()
    await client.ask(get())
    client.send(request_)
    assert b"200 OK" in await client.head()
    assert len(app.lines) == 2
    assert b"/again" in app.lines[1].seen


@pytest.mark.parametrize(
    "request_",
    [
        post(b"hello"),
        b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n",
        b"PATCH / HTTP/1.1\r\nHost: a\r\n\r\n",
        b"PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\nhello",
    ],
)
async def test_a_request_that_may_have_been_heard_is_not_sent_again(stand: Stand, request_: bytes) -> None:
    """H7: not idempotent, or with a body that is not all here any more (RFC 9110 section 9.2.2)."""
    app = await stand.open(answers_once)
    client = await stand.connect()
    await client.ask(get())
    client.send(request_)
    assert (await client.response())[::2] == (502, b"upstream_unreachable")
    assert len(app.lines) == 1


async def test_a_harmless_request_on_a_connection_that_died_unused_is_sent_again(stand: Stand) -> None:
    """H7: it was opened for somebody who left, and lay idle until the application had enough."""

    async def closes_the_first(line: Line) -> None:
        await line.head()
        if len(app.lines) == 1:
            line.close()
        else:
            line.send(OK)

    app = await stand.open(closes_the_first)
    waiter = Nobody()
    stand.pool.acquire(waiter)
    stand.pool.cancel(waiter)
    await stand.until(lambda: stand.pool.idle_count == 1)
    assert (await (await stand.connect()).ask(get()))[0] == 200
    assert len(app.lines) == 2


async def test_a_request_is_sent_again_only_once(stand: Stand) -> None:
    async def closes(line: Line) -> None:
        await line.head()
        if len(app.lines) == 1:
            line.send(OK)
            await line.head()
        line.close()

    app = await stand.open(closes)
    client = await stand.connect()
    await client.ask(get())
    assert (await client.ask(get()))[0] == 502
    assert len(app.lines) == 2


async def test_a_new_connection_that_dies_is_not_tried_again(stand: Stand) -> None:
    async def closes(line: Line) -> None:
        await line.head()
        line.close()

    app = await stand.open(closes)
    client = await stand.connect()
    assert (await client.ask(get()))[::2] == (502, b"upstream_unreachable")
    assert len(app.lines) == 1


async def test_nothing_is_sent_again_once_a_byte_of_a_response_came(stand: Stand) -> None:
    async def half(line: Line) -> None:
        await line.head()
        line.send(OK)
        await line.head()
        await line.send_all(b"HTTP/1.1 200")
        line.close()

    app = await stand.open(half)
    client = await stand.connect()
    await client.ask(get())
    assert (await client.ask(get()))[0] == 502
    assert len(app.lines) == 1


# --- unreachable, slow, full ---


async def test_an_application_that_is_not_there_is_502(stand: Stand) -> None:
    await stand.open(port=1)
    client = await stand.connect()
    assert (await client.ask(get()))[::2] == (502, b"upstream_unreachable")
    assert (await client.ask(get()))[0] == 502


async def test_a_name_that_does_not_exist_is_502(stand: Stand) -> None:
    stand.expect(host="does-not-exist.invalid", connect_timeout=5.0)
    await stand.open()
    client = await stand.connect()
    assert (await client.ask(get()))[0] == 502


async def test_an_application_that_does_not_take_connections_is_504(stand: Stand) -> None:
    """A full backlog: the kernel drops what comes, and nobody answers."""
    stand.expect(connect_timeout=0.05)
    with socket.socket() as listener, socket.socket() as first, socket.socket() as second:
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        for filler in (first, second):
            filler.setblocking(False)
            filler.connect_ex(listener.getsockname())
        await stand.open(port=listener.getsockname()[1])
        client = await stand.connect()
        assert (await client.ask(get()))[::2] == (504, b"upstream_timeout")


async def test_an_application_that_does_not_answer_is_504(stand: Stand) -> None:
    stand.expect(response_timeout=0.05)
    app = await stand.open(never)
    client = await stand.connect()
    assert (await client.ask(get()))[::2] == (504, b"upstream_timeout")
    line = await app.line()
    await line.gone()
    assert len(app.lines) == 1


async def test_when_all_connections_are_busy_the_next_request_waits_for_one(stand: Stand) -> None:
    stand.expect(max_connections=1)
    app = await stand.open(never)
    first, second = await stand.connect(), await stand.connect()
    first.send(get("/1"))
    line = await app.line()
    await line.head()
    second.send(get("/2"))
    await stand.until(lambda: "1 waiting" in repr(stand.pool))
    line.send(OK)
    assert (await first.response())[0] == 200
    assert b"/2" in await line.head()
    line.send(OK)
    assert (await second.response())[0] == 200
    assert len(app.lines) == 1


async def test_who_waits_gets_a_new_connection_when_a_busy_one_dies(stand: Stand) -> None:
    stand.expect(max_connections=1)
    app = await stand.open(never)
    first, second = await stand.connect(), await stand.connect()
    first.send(post(b"x"))
    line = await app.line()
    await line.head()
    second.send(get("/2"))
    await stand.until(lambda: "1 waiting" in repr(stand.pool))
    line.close()
    assert (await first.response())[0] == 502
    line = await app.line(1)
    assert b"/2" in await line.head()
    line.send(OK)
    assert (await second.response())[0] == 200


async def test_who_waits_too_long_is_told_that_we_are_full(stand: Stand) -> None:
    stand.expect(max_connections=1, connect_timeout=0.05)
    await stand.open(never)
    first, second = await stand.connect(), await stand.connect()
    first.send(get())
    await stand.until(lambda: stand.pool.open_count == 1)
    assert (await second.ask(get()))[::2] == (503, b"overloaded")


async def test_who_leaves_the_line_is_not_served(stand: Stand) -> None:
    stand.expect(max_connections=1)
    app = await stand.open(never)
    first, second = await stand.connect(), await stand.connect()
    first.send(get("/1"))
    line = await app.line()
    await line.head()
    second.send(get("/2"))
    await stand.until(lambda: "1 waiting" in repr(stand.pool))
    second.reset()
    await stand.until(lambda: "0 waiting" in repr(stand.pool))
    line.send(OK)
    assert (await first.response())[0] == 200
    assert stand.pool.idle_count == 1


async def test_a_connection_that_opens_for_somebody_who_left_is_kept(stand: Stand) -> None:
    app = await stand.open()
    waiter = Nobody()
    stand.pool.acquire(waiter)
    assert repr(stand.pool) == "<Pool app: 0 open, 0 idle, 1 opening, 0 waiting>"
    stand.pool.cancel(waiter)
    await stand.until(lambda: stand.pool.idle_count == 1)
    client = await stand.connect()
    await client.ask(get())
    assert len(app.lines) == 1


async def test_a_failed_connect_makes_room_for_who_waits(stand: Stand) -> None:
    stand.expect(max_connections=1)
    await stand.open(port=1)
    clients = [await stand.connect() for _ in range(3)]
    for client in clients:
        client.send(get())
    for client in clients:
        assert (await client.response())[0] == 502


async def test_a_waiter_with_a_bug_hears_of_it_as_an_error(stand: Stand, caplog: pytest.LogCaptureFixture) -> None:
    await stand.open()
    heard: list[str] = []

    class Waiter:
        def __init__(self, error: Exception) -> None:
            self.error = error

        def connected(self, connection: UpstreamConnection) -> None:
            connection.abort()
            raise self.error

        def not_connected(self, error: GatewayError) -> None:
            heard.append(error.code)

    stand.pool.acquire(Waiter(KeyError("bug")))
    stand.pool.acquire(Waiter(Overloaded()))
    await stand.until(lambda: len(heard) == 2)
    assert sorted(heard) == ["internal_error", "overloaded"]
    assert "unexpected error" in caplog.text


async def test_a_pool_that_is_closed_keeps_nobody_waiting(stand: Stand) -> None:
    stand.expect(max_connections=1, connect_timeout=60.0)
    await stand.open(never)
    first, second = await stand.connect(), await stand.connect()
    first.send(get())
    await stand.until(lambda: stand.pool.open_count == 1)
    second.send(get())
    await stand.until(lambda: "1 waiting" in repr(stand.pool))
    await stand.pool.close()
    assert (await second.response())[0] == 503
    await stand.until(lambda: stand.pool.open_count == 0)


@pytest.mark.parametrize(
    ("policy", "authority"),
    [
        (UpstreamPolicy("a", "app", 80), b"app"),
        (UpstreamPolicy("a", "app", 8000), b"app:8000"),
        (UpstreamPolicy("a", "::1", 8000), b"[::1]:8000"),
        (UpstreamPolicy("a", "app", 443, tls=ssl.create_default_context()), b"app"),
    ],
)
def test_the_authority_of_an_application(policy: UpstreamPolicy, authority: bytes) -> None:
    assert policy.authority == authority


def test_a_pool_says_how_it_stands(stand: Stand) -> None:
    pool = Pool(UpstreamPolicy("app", "127.0.0.1", 1), stand.wire_policy.limits, stand.wheel)
    assert repr(pool) == "<Pool app: 0 open, 0 idle, 0 opening, 0 waiting>"


async def test_many_clients_share_few_connections(stand: Stand) -> None:
    stand.expect(max_connections=4)
    app = await stand.open(answers_ok)
    clients = [await stand.connect() for _ in range(20)]
    for _ in range(5):
        for client in clients:
            client.send(get())
        for client in clients:
            assert (await client.response())[0] == 200
    assert len(app.lines) == 4
