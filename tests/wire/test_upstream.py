"""What an application may send, and what becomes of an exchange when it sends something else."""

import asyncio
from typing import Any

import pytest

from gateway.http1.response import ResponseHead
from gateway.wire.upstream import UpstreamConnection
from tests.wire.stand import OK, Line, Stand, answers_ok, get


async def never(line: Line) -> None:
    await asyncio.sleep(60)


@pytest.mark.parametrize(
    "response",
    [
        b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 5\r\n\r\nhello",
        b"HTTP/1.1 200 OK\r\nContent-Length: -5\r\n\r\nhello",
        b"HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n\r\n",
        b"HTTP/1.1 200 OK\nContent-Length: 0\n\n",
        b"HTTP/1.1 200 OK\r\nX: a\r\n b\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nX: a\0b\r\n\r\n",
        b"HTTP/1.1 99 Low\r\n\r\n",
        b"HTTP/1.1 0200 OK\r\n\r\n",
        b"HTTP/1.1 +200 OK\r\n\r\n",
        b"HTTP/2.0 200 OK\r\n\r\n",
        b"HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n",
        b"HTTP/1.1 100 Continue\r\n\r\n" * 1000,
        b"HTTP/1.1 200 OK\r\nX: " + b"x" * (1 << 20) + b"\r\n\r\n",
        b"HTTP/1.1 200 OK\r\n" + b"X: x\r\n" * 10_000 + b"\r\n",
        b"SSH-2.0-OpenSSH_9.2\r\n\r\n",
        b"\x16\x03\x01" * 100 + b"\r\n\r\n",
    ],
)
async def test_what_is_no_response_is_502_and_nothing_of_it_is_passed_on(stand: Stand, response: bytes) -> None:
    async def sends(line: Line) -> None:
        await line.head()
        await line.send_all(response)
        await never(line)

    await stand.open(sends)
    client = await stand.connect()
    assert (await client.ask(get()))[::2] == (502, b"upstream_malformed")
    await stand.until(lambda: stand.pool.open_count == 0)
    assert (await client.ask(get()))[0] == 502


@pytest.mark.parametrize("broken", [b"zz\r\n", b"5\r\nhelloXX", b"\n"])
async def test_a_malformed_body_is_cut(stand: Stand, broken: bytes) -> None:
    app = await stand.open(never)
    client = await stand.connect()
    client.send(get())
    line = await app.line()
    await line.head()
    line.send(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n")
    await client.head()
    assert await client.read(7) == b"2\r\nhi\r\n"
    line.send(broken)
    assert not (await client.rest()).endswith(b"0\r\n\r\n")
    await line.gone()
    assert stand.facts.requests[0].code == "upstream_malformed"


async def test_a_response_may_come_byte_by_byte(stand: Stand) -> None:
    async def drips(line: Line) -> None:
        await line.head()
        for byte in b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\n\r\n":
            await line.send_all(bytes([byte]))
            await asyncio.sleep(0)
        await never(line)

    await stand.open(drips)
    client = await stand.connect()
    assert (await client.ask(get()))[::2] == (200, b"hi")
    assert stand.pool.idle_count == 1


async def test_cookies_of_one_response_do_not_travel_with_another_request(stand: Stand) -> None:
    async def sets_a_cookie(line: Line) -> None:
        while await line.head():
            line.send(b"HTTP/1.1 302 Found\r\nSet-Cookie: sid=alice\r\nLocation: /there\r\nContent-Length: 0\r\n\r\n")

    app = await stand.open(sets_a_cookie)
    alice, bob = await stand.connect(), await stand.connect()
    status, head, _ = await alice.ask(get())
    assert (status, b"Set-Cookie: sid=alice" in head) == (302, True)
    await bob.ask(get())
    assert len(app.lines) == 1
    assert b"sid=alice" not in app.lines[0].seen
    assert b"/there" not in app.lines[0].seen


async def test_a_bug_of_ours_in_a_response_ends_that_exchange_alone(
    stand: Stand, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    await stand.open(answers_ok)
    client, other = await stand.connect(), await stand.connect()

    def breaks(*_: object) -> None:
        raise KeyError

    monkeypatch.setattr(stand.watch, "find_lines", breaks)
    assert (await client.ask(get()))[::2] == (500, b"internal_error")
    monkeypatch.undo()
    assert (await other.ask(get()))[0] == 200
    assert (await client.ask(get()))[0] == 200
    assert "unexpected error" in caplog.text


async def test_what_others_gave_up_ends_the_look_that_waits_for_it_alone(stand: Stand) -> None:
    app = await stand.open()
    client = await stand.connect()
    stand.watch.wants_look = True
    stand.watch.gate = asyncio.get_running_loop().create_future()
    stand.watch.gate.cancel()
    assert (await client.ask(get()))[::2] == (500, b"internal_error")
    stand.watch.wants_look = False
    assert (await client.ask(get()))[0] == 200
    assert len(app.lines) == 1


async def test_a_bug_of_ours_in_the_middle_of_a_response_cuts_it(
    stand: Stand, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    app = await stand.open(never)
    client = await stand.connect()
    client.send(get())
    line = await app.line()
    await line.head()
    line.send(b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nab")
    await client.head()
    assert await client.read(2) == b"ab"

    def breaks(*_: object) -> None:
        raise KeyError

    monkeypatch.setattr("gateway.wire.exchange.Exchange.more", breaks)
    line.send(b"c")
    assert await client.rest() == b""
    await line.gone()
    assert (stand.facts.requests[0].code, "unexpected error" in caplog.text) == ("internal_error", True)


async def test_a_bug_of_ours_in_reading_a_response_is_not_the_applications_fault(
    stand: Stand, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    await stand.open(answers_ok)
    client = await stand.connect()

    def breaks(*_: object) -> ResponseHead:
        raise KeyError

    monkeypatch.setattr("gateway.wire.upstream.ResponseReader.feed", breaks)
    assert (await client.ask(get()))[0] == 500
    assert "unexpected error" in caplog.text


async def test_an_application_that_ends_its_side_after_the_response_is_not_used_again(stand: Stand) -> None:
    async def ends(line: Line) -> None:
        await line.head()
        line.send(OK)
        line.end()
        await never(line)

    app = await stand.open(ends)
    client = await stand.connect()
    await client.ask(get())
    await stand.until(lambda: stand.pool.open_count == 0)
    await client.ask(get())
    assert len(app.lines) == 2


async def test_what_comes_before_the_request_was_sent_is_nobodys_response(
    stand: Stand, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The loop tells of it after the connection was taken, in the turn at whose end the request would leave."""
    app = await stand.open(answers_ok)
    client = await stand.connect()
    await client.ask(get())
    send = UpstreamConnection.send

    def comes_early(connection: UpstreamConnection, *sent: Any, **named: Any) -> None:
        monkeypatch.undo()
        send(connection, *sent, **named)
        connection.data_received(OK)

    monkeypatch.setattr(UpstreamConnection, "send", comes_early)
    assert (await client.ask(get("/second")))[0] == 200
    assert b"/second" not in app.lines[0].seen
    assert b"/second" in app.lines[1].seen
    await app.lines[0].gone()
