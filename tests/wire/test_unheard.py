"""A logout is followed although nobody waits for its response: to click and to close is ordinary."""

import asyncio

import pytest

from gateway.errors import StoreUnavailable
from tests.wire.stand import OK, Line, Stand, get, post

LOGOUT = get("/logout")


async def never(line: Line) -> None:
    await asyncio.sleep(60)


@pytest.fixture(autouse=True)
def logout(stand: Stand) -> None:
    stand.watch.logout_path = b"/logout"


async def asked(stand: Stand, request: bytes = LOGOUT) -> tuple[Line, Line]:
    """Send a request; returns the client, and the application that has it and says nothing."""
    app = await stand.open(never)
    client = await stand.connect()
    client.send(request)
    line = await app.line()
    await line.head()
    return client, line


async def left(stand: Stand, request: bytes = LOGOUT) -> Line:
    """The same, after the client has left."""
    client, line = await asked(stand, request)
    client.reset()
    await stand.until(lambda: stand.server.connection_count == 0)
    return line


async def test_the_application_may_finish_and_then_the_session_is_looked_at(stand: Stand) -> None:
    """Looked at any earlier, the session would still be there."""
    line = await left(stand)
    assert (stand.watch.looks, stand.watch.looks_after) == (0, 0)
    stand.watch.wants_look = True
    line.send(OK)
    await stand.until(lambda: stand.watch.looks == 1)
    assert stand.watch.looks_after == 0
    assert stand.pool.idle_count == 1
    assert [fact.code for fact in stand.facts.requests] == ["client_closed"]


async def test_a_response_that_says_nothing_of_the_session_is_not_looked_at(stand: Stand) -> None:
    line = await left(stand)
    line.send(OK)
    assert await stand.server.wait_idle(5)
    assert (stand.watch.looks, stand.watch.looks_after) == (0, 0)


async def test_no_more_than_the_head_is_read(stand: Stand) -> None:
    line = await left(stand)
    stand.watch.wants_look = True
    line.send(b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf")
    await line.gone()
    await stand.until(lambda: stand.watch.looks == 1)
    assert stand.pool.open_count == 0


async def test_an_application_that_breaks_instead_is_looked_after(stand: Stand) -> None:
    line = await left(stand)
    line.close()
    await stand.until(lambda: stand.watch.looks_after == 1)


async def test_an_application_that_takes_too_long_is_looked_after(stand: Stand) -> None:
    stand.expect(response_timeout=0.02)
    client, _ = await asked(stand)
    assert (await client.response())[0] == 504
    await stand.until(lambda: stand.watch.looks_after == 1)


async def test_an_application_that_breaks_under_a_waiting_client_is_looked_after_once(stand: Stand) -> None:
    client, line = await asked(stand)
    line.close()
    assert (await client.response())[0] == 502
    await stand.until(lambda: stand.watch.looks_after == 1)
    client.close()
    assert await stand.server.wait_idle(5)
    assert stand.watch.looks_after == 1


async def test_a_body_that_was_cut_short_is_not_waited_for(stand: Stand) -> None:
    """The application waits for the rest of it and never answers."""
    line = await left(stand, post(b"0123456789", path="/logout")[:-5])
    await line.gone()
    await stand.until(lambda: stand.watch.looks_after == 1)


async def test_another_request_is_given_up(stand: Stand) -> None:
    line = await left(stand, get("/other"))
    await line.gone()
    assert await stand.server.wait_idle(5)
    assert (stand.watch.looks, stand.watch.looks_after) == (0, 0)


async def test_what_never_reached_the_application_is_not_looked_after(stand: Stand) -> None:
    await stand.open(never, port=1)
    client = await stand.connect()
    assert (await client.ask(LOGOUT))[0] == 502
    client.close()
    assert await stand.server.wait_idle(5)
    assert stand.watch.looks_after == 0


async def test_a_worker_does_not_end_before(stand: Stand) -> None:
    line = await left(stand)
    stand.watch.gate = asyncio.get_running_loop().create_future()
    stand.server.drain()
    assert not await stand.server.wait_idle(0)
    line.close()
    await stand.until(lambda: stand.watch.is_looking)
    assert not await stand.server.wait_idle(0)
    asyncio.get_running_loop().call_soon(stand.watch.gate.set_result, None)
    assert await stand.server.wait_idle(5)
    assert stand.watch.looks_after == 1


async def test_a_worker_that_must_end_does_not_wait(stand: Stand) -> None:
    line = await left(stand)
    await stand.server.close()
    await line.gone()
    assert await stand.server.wait_idle(0)


async def test_a_look_that_fails_is_reported(stand: Stand) -> None:
    reported: list[object] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: reported.append(context["exception"]))
    line = await left(stand)
    error = stand.watch.error = StoreUnavailable()
    line.close()
    await stand.until(lambda: reported)
    assert reported == [error]
    assert await stand.server.wait_idle(5)


async def test_a_logout_whose_response_was_seen_is_not_followed_again(stand: Stand) -> None:
    """Its client leaves in the middle of the body."""
    client, line = await asked(stand)
    line.send(b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf")
    await client.head()
    assert await client.read(4) == b"half"
    client.reset()
    await line.gone()
    assert await stand.server.wait_idle(5)
    assert (stand.watch.looks, stand.watch.looks_after) == (0, 0)
