"""A logout on either side ends what is open: by the token, by the cookie, WebSockets and event streams alike."""

import asyncio
from collections.abc import Callable

import httpx
import pytest
from websockets.asyncio.client import ClientConnection
from websockets.exceptions import ConnectionClosed

from tests.e2e.browser import Browser
from tests.e2e.test_streams import signed_in, socket_of
from tests.e2e.world import World

PATIENCE = 5.0
"""Seconds, on a busy machine; a look at the code below tells that nothing waits for a timer."""


def here(browser: Browser) -> None:
    response = browser.own("logout", headers={"Authorization": f"Bearer {browser.token}"})
    assert response.status_code == 200


def there(browser: Browser) -> None:
    assert browser.log_out_of_the_application().status_code in {200, 302}


async def close_code(socket: ClientConnection) -> int | None:
    """Wait for the end, and return what it says."""
    with pytest.raises(ConnectionClosed) as closed:
        await asyncio.wait_for(socket.recv(), PATIENCE)
    return closed.value.rcvd.code if closed.value.rcvd is not None else None


async def until_ended(world: World, headers: dict[str, str], log_out: Callable[[], object]) -> int:
    """Follow an event stream, log out, and return how many lines still came."""
    after = 0
    async with (
        httpx.AsyncClient(base_url=world.base, trust_env=False, timeout=PATIENCE) as client,
        client.stream("GET", "/events/", headers=headers) as stream,
    ):
        lines = stream.aiter_lines()
        await anext(lines)
        await asyncio.to_thread(log_out)
        try:
            async for _ in lines:
                after += 1
        except httpx.RemoteProtocolError:  # cut short, and seen to be
            return after
    raise AssertionError("the stream ended as if it were complete")


@pytest.mark.parametrize("log_out", [here, there])
@pytest.mark.parametrize("credential", ["token", "cookie"])
async def test_a_websocket_ends_with_4401_at_the_end_of_a_frame(
    world: World, log_out: Callable[[Browser], None], credential: str
) -> None:
    browser, stranger = await asyncio.to_thread(signed_in, world), await asyncio.to_thread(signed_in, world)
    async with (
        socket_of(world, **headers_of(browser, credential)) as socket,
        socket_of(world, **headers_of(stranger, credential)) as other,
    ):
        for open_one in (socket, other):
            await open_one.send("hello")
            assert await open_one.recv() == "hello"
        await asyncio.to_thread(log_out, browser)
        assert await close_code(socket) == 4401
        await other.send("still here")
        assert await asyncio.wait_for(other.recv(), PATIENCE) == "still here"


@pytest.mark.parametrize("log_out", [here, there])
@pytest.mark.parametrize("credential", ["token", "cookie"])
async def test_an_event_stream_ends_and_is_seen_to_be_cut_short(
    world: World, log_out: Callable[[Browser], None], credential: str
) -> None:
    browser = await asyncio.to_thread(signed_in, world)
    assert await until_ended(world, headers_of(browser, credential), lambda: log_out(browser)) < 1000


@pytest.mark.parametrize("log_out", [here, there])
async def test_tokens_session_and_vault_end_together(world: World, log_out: Callable[[Browser], None]) -> None:
    browser = await asyncio.to_thread(signed_in, world)
    token, session = browser.token, browser.cookies["sessionid"]
    await asyncio.to_thread(log_out, browser)
    answers = [
        await asyncio.to_thread(browser.with_token, "GET", "/api/me", token=token),
        await asyncio.to_thread(browser.own, "token", {"grant_type": "refresh_token", "client_id": "web"}),
    ]
    assert [answer.status_code in {400, 401} for answer in answers] == [True, True]
    # Each with the cookie from before: the application deletes it in its answer.
    old = [Browser(world.base, {"sessionid": session}) for _ in range(2)]
    assert (await asyncio.to_thread(old[0].get, "/api/me")).status_code in {302, 401, 403}
    assert (await asyncio.to_thread(old[1].exchange)).status_code == 409


def headers_of(browser: Browser, credential: str) -> dict[str, str]:
    if credential == "token":
        return {"Authorization": f"Bearer {browser.token}"}
    return {"Cookie": f"sessionid={browser.cookies['sessionid']}"}
