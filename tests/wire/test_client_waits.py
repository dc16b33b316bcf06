"""Every wait for a client has an end."""

import asyncio

import pytest

from gateway.model import Visit
from tests.wire.stand import OK, Line, Stand, answers_ok, get, post

UPLOAD = b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1000000\r\n\r\n"


async def never(line: Line) -> None:
    await asyncio.sleep(60)


# --- heads ---


async def test_a_client_that_says_nothing_is_let_go(stand: Stand) -> None:
    """H1: a client that connects and sends nothing."""
    stand.wait(head_timeout=0.05)
    await stand.open()
    client = await stand.connect()
    assert await client.rest() == b""


async def test_a_head_that_never_ends_is_408(stand: Stand) -> None:
    """H1: half a request line."""
    stand.wait(head_timeout=0.05, linger=0.05)
    app = await stand.open()
    client = await stand.connect()
    client.send(b"GET / HTTP/1.1\r\nHost")
    assert (await client.response())[::2] == (408, b"request_timeout")
    assert await client.rest() == b""
    assert app.lines == []


async def test_drops_of_a_head_do_not_put_the_end_off(stand: Stand) -> None:
    """H1: a byte now and then (slowloris)."""
    stand.wait(head_timeout=0.1, linger=0.05)
    await stand.open()
    client = await stand.connect()

    async def drip() -> None:
        for byte in get("/" + "x" * 4000):
            await client.send_all(bytes([byte]))
            await asyncio.sleep(0.01)

    dripping = asyncio.ensure_future(drip())
    assert (await client.response())[0] == 408
    dripping.cancel()


async def test_a_later_head_has_its_own_time_from_its_first_byte(stand: Stand) -> None:
    stand.wait(head_timeout=0.05, idle_timeout=60.0, linger=0.05)
    await stand.open()
    client = await stand.connect()
    await client.ask(get())
    client.send(b"GET")
    assert (await client.response())[0] == 408


async def test_an_idle_connection_is_closed_without_a_word(stand: Stand) -> None:
    stand.wait(head_timeout=60.0, idle_timeout=0.05, linger=0.05)
    await stand.open()
    client = await stand.connect()
    await client.ask(get())
    assert await client.rest() == b""


async def test_who_does_not_close_after_the_last_answer_is_not_waited_for(stand: Stand) -> None:
    stand.wait(linger=0.05)
    await stand.open()
    client = await stand.connect()
    await client.ask(get("/", "Connection: close"))
    await stand.until(lambda: stand.server.connection_count == 0)


# --- bodies ---


async def test_a_body_that_stops_is_408_and_the_application_sees_it_cut_short(stand: Stand) -> None:
    """H2: the application is never told that the body was whole."""
    stand.wait(body_timeout=0.05, linger=0.05)
    app = await stand.open(never)
    client = await stand.connect()
    client.send(UPLOAD)
    line = await app.line()
    await line.head()
    assert (await client.response())[0] == 408
    await line.gone()
    assert stand.facts.requests[0].code == "request_timeout"


async def test_a_body_that_drips_is_too_slow(stand: Stand) -> None:
    """H2: one byte now and then keeps no connection (the R-U-Dead-Yet attack)."""
    stand.wait(body_timeout=0.1, minimum_rate=2000, linger=0.05)
    await stand.open(never)
    client = await stand.connect()
    client.send(UPLOAD)

    async def drip() -> None:
        while True:
            client.send(b"x")
            await asyncio.sleep(0.01)

    dripping = asyncio.ensure_future(drip())
    assert (await client.response())[0] == 408
    dripping.cancel()


async def test_a_body_above_the_minimum_rate_may_take_its_time(stand: Stand) -> None:
    stand.wait(body_timeout=0.05, minimum_rate=200)
    app = await stand.open(never)
    client = await stand.connect()
    client.send(b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 2000\r\n\r\n")
    line = await app.line()
    await line.head()
    for _ in range(20):
        client.send(b"x" * 100)
        await asyncio.sleep(0.01)
    assert await line.read(2000) == b"x" * 2000
    line.send(OK)
    assert (await client.response())[0] == 200


async def test_time_does_not_count_while_the_application_does_not_take_the_body(stand: Stand) -> None:
    stand.wait(body_timeout=0.2)
    app = await stand.open(never)
    client = await stand.connect()
    size = 20_000_000
    client.send(b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: %d\r\n\r\n" % size)
    upload = asyncio.ensure_future(client.send_all(b"x" * size))
    line = await app.line()
    await line.head()
    await stand.until(lambda: stand.connection._is_paused)
    now = stand.wheel.now
    await stand.until(lambda: stand.wheel.now > now + 100)
    assert stand.facts.requests == []
    await line.read(size)
    line.send(OK)
    assert (await client.response())[0] == 200
    await upload


async def test_an_application_that_never_takes_the_body_is_given_up(stand: Stand) -> None:
    stand.wait(body_timeout=60.0, linger=0.05)
    stand.expect(response_timeout=0.1)
    await stand.open(never)
    client = await stand.connect()
    client.send(b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 20000000\r\n\r\n")
    upload = asyncio.ensure_future(client.send_all(b"x" * 20_000_000))
    assert (await client.response())[::2] == (504, b"upstream_timeout")
    upload.cancel()


# --- readers ---


@pytest.mark.parametrize("size", [50_000_000, 3_000_000])
async def test_a_client_that_does_not_read_is_given_up(stand: Stand, size: int) -> None:
    """H3: in the middle of a response as well as after its last byte was written."""
    stand.wait(write_timeout=0.05, idle_timeout=0.05, linger=0.05)

    async def sends_much(line: Line) -> None:
        await line.head()
        await line.send_all(b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n" % size + b"x" * size)
        await never(line)

    await stand.open(sends_much)
    client = await stand.connect(receive_buffer=4096, limit=4096)
    client.send(get())
    await stand.until(lambda: stand.server.connection_count == 1)
    await stand.until(lambda: stand.server.connection_count == 0)
    assert await client.is_reset()


async def test_a_client_that_reads_slowly_but_fast_enough_is_served(stand: Stand) -> None:
    stand.wait(write_timeout=0.1, minimum_rate=1000)
    size = 8_000_000

    async def sends_much(line: Line) -> None:
        await line.head()
        await line.send_all(b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n" % size + b"x" * size)

    await stand.open(sends_much)
    client = await stand.connect(receive_buffer=65536, limit=65536)
    client.send(get())
    await client.head()
    left = size
    while left:
        left -= len(await client.some(100_000))
        await asyncio.sleep(0.001)
    assert stand.facts.requests[0].status == 200


async def test_the_next_pipelined_request_waits_until_the_client_reads(stand: Stand) -> None:
    """Answers that nobody reads do not pile up."""
    size = 5_000_000
    body = b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n" % size + b"x" * size

    async def sends_much(line: Line) -> None:
        while await line.head():
            await line.send_all(body)

    await stand.open(sends_much)
    client = await stand.connect(receive_buffer=4096, limit=65536)
    client.send(get() * 3)
    await stand.until(lambda: stand.connection.is_full)
    assert len(stand.flow.asked) == 1
    for _ in range(3):
        await client.head()
        await client.read(size)
    assert len(stand.flow.asked) == 3


@pytest.mark.parametrize("request_", [get(), post(b"x")])
async def test_a_client_that_is_full_before_its_request_is_admitted_is_not_filled_further(
    stand: Stand, request_: bytes
) -> None:
    """Its last answer may still wait to be written when the next request comes."""
    gate = stand.flow.gate = asyncio.get_running_loop().create_future()
    app = await stand.open(never)
    client = await stand.connect()
    client.send(request_)
    await stand.until(lambda: stand.flow.asked)
    stand.connection.pause_writing()
    gate.set_result(None)
    line = await app.line()
    await line.head()
    line.send(OK)
    (upstream,) = stand.pool._connections
    assert upstream._is_paused
    stand.connection.resume_writing()
    assert (await client.response())[0] == 200


async def test_a_client_that_is_full_keeps_its_time_for_reading_while_its_body_comes(stand: Stand) -> None:
    stand.wait(body_timeout=1.0, write_timeout=60.0)
    gate = stand.flow.gate = asyncio.get_running_loop().create_future()
    app = await stand.open(never)
    client = await stand.connect()
    client.send(UPLOAD)
    await stand.until(lambda: stand.flow.asked)
    connection = stand.connection
    connection.pause_writing()
    until = connection.deadline
    gate.set_result(None)
    await (await app.line()).head()
    assert connection.deadline == until
    connection.resume_writing()
    assert connection.deadline < until


async def test_an_endpoint_of_ours_waits_for_a_client_that_is_full_already(stand: Stand) -> None:
    gate = stand.flow.gate = asyncio.get_running_loop().create_future()
    stand.flow.decide = lambda head, peer: Visit("/auth/token")
    await stand.open(answers_ok)
    client = await stand.connect()
    client.send(get())
    await stand.until(lambda: stand.flow.asked)
    connection = stand.connection
    connection.pause_writing()
    gate.set_result(None)
    await asyncio.sleep(0)
    (task,) = connection.wire.tasks
    await asyncio.sleep(0)
    assert not task.done()
    connection.resume_writing()
    assert (await client.response())[0] == 404


async def test_what_comes_while_nothing_is_read_is_kept_for_later(stand: Stand) -> None:
    """A request that arrives between two answers while the client does not read waits too."""
    await stand.open(answers_ok)
    client = await stand.connect()
    await client.ask(get())
    connection = stand.connection
    connection.pause_writing()
    client.send(get())
    await stand.until(lambda: connection._ahead)
    assert len(stand.flow.asked) == 1
    connection.resume_writing()
    assert (await client.response())[0] == 200
