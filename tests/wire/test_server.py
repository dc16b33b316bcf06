"""The end of a worker: what is under way is finished, what is idle is closed, and nothing half looks whole."""

import asyncio
import os
import resource
import socket

import pytest

from gateway.flow.live import Live
from gateway.flow.request import RequestFlow
from gateway.flow.watch import ResponseWatch
from gateway.wire.ports import Flow, LiveIndex, Watch
from tests.wire.stand import OK, Line, Stand, answers_ok, get
from tests.wire.test_tunnel import joined


def real_ones_fit(flow: RequestFlow, watch: ResponseWatch, live: Live) -> tuple[Flow, Watch, LiveIndex]:
    """Checked by mypy: what the stand imitates has the shape that the wire needs."""
    return flow, watch, live


async def never(line: Line) -> None:
    await asyncio.sleep(60)


async def test_idle_connections_are_closed_when_it_drains(stand: Stand) -> None:
    await stand.open()
    fresh, used = await stand.connect(), await stand.connect()
    await used.ask(get())
    await stand.until(lambda: stand.server.connection_count == 2)
    stand.server.drain()
    assert await fresh.rest() == b""
    assert await used.rest() == b""
    fresh.close()
    used.close()
    assert await stand.server.wait_idle(5)


async def test_what_is_under_way_is_finished_and_then_closed(stand: Stand) -> None:
    app = await stand.open(never)
    client = await stand.connect()
    client.send(get())
    line = await app.line()
    await line.head()
    assert stand.server.request_count == 1
    stand.server.drain()
    assert not await stand.server.wait_idle(0.02)
    line.send(OK)
    status, head, body = await client.response()
    assert (status, body, b"connection: close" in head) == (200, b"ok", True)
    client.close()
    assert await stand.server.wait_idle(5)
    assert (stand.server.connection_count, stand.server.request_count) == (0, 0)


async def test_a_response_that_had_begun_is_finished(stand: Stand) -> None:
    app = await stand.open(never)
    client = await stand.connect()
    client.send(get() + get("/never"))
    line = await app.line()
    await line.head()
    line.send(b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nab")
    await client.head()
    stand.server.drain()
    line.send(b"cd")
    assert await client.rest() == b"abcd"
    assert len(stand.flow.asked) == 1


async def test_a_request_that_has_begun_to_arrive_is_still_answered(stand: Stand) -> None:
    await stand.open(answers_ok)
    client = await stand.connect()
    client.send(get()[:10])
    await stand.until(lambda: stand.server.connection_count and stand.connection._has_begun)
    stand.server.drain()
    client.send(get()[10:])
    status, head, _ = await client.response()
    assert (status, b"connection: close" in head) == (200, True)


async def test_who_connects_while_it_drains_is_served_once(stand: Stand) -> None:
    """Until the socket is closed, connections still come."""
    await stand.open()
    stand.server.drain()
    client = await stand.connect()
    assert b"connection: close" in (await client.ask(get()))[1]
    assert await client.rest() == b""


@pytest.mark.parametrize("request_", [get(), b"GET / HTTP/1.0\r\nHost: a\r\n\r\n"])
async def test_a_half_answer_does_not_look_whole_when_it_is_aborted(stand: Stand, request_: bytes) -> None:
    app = await stand.open(never)
    client = await stand.connect()
    client.send(request_)
    line = await app.line()
    await line.head()
    line.send(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nab\r\n")
    await client.head()
    stand.server.abort()
    assert await client.is_reset()
    await line.gone()
    assert await stand.server.wait_idle(5)


async def test_an_answer_that_is_not_all_sent_does_not_look_whole_when_it_is_aborted(stand: Stand) -> None:
    """Its exchange is over, and its end is that of the connection."""
    size = 200_000

    async def sends(line: Line) -> None:
        await line.head()
        await line.send_all(b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n" % size + b"x" * size)
        await never(line)

    await stand.open(sends)
    client = await stand.connect(receive_buffer=4096, limit=4096)
    await stand.until(lambda: stand.server.connection_count == 1)
    transport = stand.connection.transport
    assert transport is not None
    transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4096)
    client.send(b"GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
    await stand.until(lambda: stand.facts.requests)
    assert transport.get_write_buffer_size() > 0
    stand.server.abort()
    assert await client.is_reset()


async def test_tunnels_go_on_while_it_drains_and_are_told_to_come_back(stand: Stand) -> None:
    client, line = await joined(stand)
    stand.server.drain()
    client.send(b"x")
    assert await line.read(1) == b"x"
    assert not await stand.server.wait_idle(0.02)
    stand.server.abort()
    assert await client.rest() == b"\x88\x02\x03\xf4"
    await line.gone()
    client.close()
    assert await stand.server.wait_idle(5)
    assert stand.facts.requests[0].code == "shutting_down"


async def test_close_ends_what_is_left(stand: Stand) -> None:
    app = await stand.open(never)
    client = await stand.connect()
    client.send(get())
    line = await app.line()
    await line.head()
    idle = await stand.connect()
    await stand.until(lambda: stand.server.connection_count == 2)
    await stand.server.close()
    await client.gone()
    await idle.gone()
    await line.gone()
    assert (stand.server.connection_count, stand.pool.open_count) == (0, 0)


async def test_a_look_whose_client_has_left_is_waited_for(stand: Stand) -> None:
    """A worker does not end before a logout is followed."""
    await stand.open()
    stand.watch.wants_look = True
    stand.watch.gate = asyncio.get_running_loop().create_future()
    client = await stand.connect()
    client.send(get())
    await stand.until(lambda: stand.pool.idle_count == 1)
    client.reset()
    await stand.until(lambda: stand.server.connection_count == 0)
    stand.server.drain()
    assert not await stand.server.wait_idle(0)
    asyncio.get_running_loop().call_soon(stand.watch.gate.set_result, None)
    assert await stand.server.wait_idle(5)
    assert stand.watch.looks == 1


# --- the bound ---


async def test_who_connects_beyond_the_bound_is_told_to_come_back(stand: Stand) -> None:
    stand.wait(connections=2)
    await stand.open()
    first, second = await stand.connect(), await stand.connect()
    assert (await first.ask(get()))[0] == 200
    assert (await second.ask(get()))[0] == 200
    third = await stand.connect()
    status, head, body = await third.response()
    assert (status, body) == (503, b"overloaded")
    assert b"retry-after: 1\r\n" in head
    assert b"connection: close\r\n" in head
    assert await third.rest() == b""
    third.close()
    first.close()
    await stand.until(lambda: stand.server.connection_count == 1)
    assert (await (await stand.connect()).ask(get()))[0] == 200
    assert (await second.ask(get()))[0] == 200


async def test_nothing_is_read_of_who_comes_beyond_the_bound(stand: Stand) -> None:
    stand.wait(connections=0)
    await stand.open()
    client = await stand.connect()
    client.send(get())
    assert (await client.response())[0] == 503
    assert await client.rest() == b""
    assert stand.flow.asked == []
    assert [(fact.status, fact.code) for fact in stand.facts.requests] == [(503, "overloaded")]


async def test_a_lack_of_descriptors_does_not_end_the_server(stand: Stand) -> None:
    """Nobody can be accepted then; once there are some again, everybody can."""
    await stand.open()
    kept = await stand.connect()
    assert (await kept.ask(get()))[0] == 200
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    loop = asyncio.get_running_loop()
    with socket.socket() as late:
        late.setblocking(False)
        resource.setrlimit(resource.RLIMIT_NOFILE, (_used_descriptors(), hard))
        try:
            await loop.sock_connect(late, ("127.0.0.1", stand.port))
            with pytest.raises(OSError, match="Too many open files"):
                os.close(os.dup(0))
            assert (await kept.ask(get()))[0] == 200
        finally:
            resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    assert (await (await stand.connect()).ask(get()))[0] == 200


def _used_descriptors() -> int:
    """Return a limit under which no further descriptor can be had: the number of the lowest free one."""
    free = os.dup(0)
    os.close(free)
    return free


async def test_many_idle_connections_do_not_keep_the_active_one_waiting(stand: Stand) -> None:
    """H17: each of them is there when it is needed; what one weighs is measured by `python -m bench.idle`."""
    await stand.open()
    idle = [await stand.connect() for _ in range(200)]
    for client in idle:
        assert (await client.ask(get()))[0] == 200
    active = await stand.connect()
    for _ in range(50):
        assert (await active.ask(get()))[0] == 200
    assert stand.pool.open_count == 1
    assert stand.server.connection_count == 201
    for client in idle:
        assert (await client.ask(get()))[0] == 200
