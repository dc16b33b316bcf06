"""WebSockets and event streams through the gateway, and their end with the logout."""

import asyncio
import json
import time
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.typing import Origin

from tests.e2e.browser import Browser
from tests.e2e.world import World


def signed_in(world: World) -> Browser:
    browser = world.browser()
    browser.log_in()
    assert browser.exchange().status_code == 200
    return browser


def socket_of(world: World, **headers: str) -> connect:
    address = f"ws://localhost:{world.port}/ws/echo"
    return connect(address, additional_headers=headers, origin=Origin(world.base), proxy=None)


async def log_out(browser: Browser) -> None:
    response = await asyncio.to_thread(browser.own, "logout", headers={"Authorization": f"Bearer {browser.token}"})
    assert response.status_code == 200


async def test_a_websocket_is_authorised_like_any_request_and_echoes(world: World) -> None:
    browser = signed_in(world)
    for headers in (
        {"Authorization": f"Bearer {browser.token}"},
        {"Cookie": f"sessionid={browser.cookies['sessionid']}"},
    ):
        async with socket_of(world, **headers) as socket:
            await socket.send("hello")
            assert await socket.recv() == "hello"
            await socket.send(bytes(100_000))
            assert await socket.recv() == bytes(100_000)


async def test_a_stranger_and_a_forger_get_no_websocket(world: World) -> None:
    browser = signed_in(world)
    for headers, status in (({}, 403), ({"Authorization": f"Bearer {browser.token[:-4]}AAAA"}, 401)):
        with pytest.raises(InvalidStatus) as refused:
            async with socket_of(world, **headers):
                pass
        assert refused.value.response.status_code == status


async def test_a_logout_ends_the_open_websocket(world: World) -> None:
    """H16: the WebSocket.

    pomerium#1279, mod_auth_mellon#170: it went on.
    """
    browser = signed_in(world)
    async with socket_of(world, Authorization=f"Bearer {browser.token}") as socket:
        await socket.send("hello")
        assert await socket.recv() == "hello"
        await log_out(browser)
        began = time.monotonic()
        with pytest.raises(ConnectionClosed):
            await asyncio.wait_for(socket.recv(), 5)
        assert time.monotonic() - began < 2


async def test_an_event_stream_arrives_event_by_event_and_ends_with_the_logout(world: World) -> None:
    """H13, H16: the event stream."""
    browser = signed_in(world)
    headers = {"Authorization": f"Bearer {browser.token}"}
    async with (
        httpx.AsyncClient(base_url=world.base, trust_env=False, timeout=10) as client,
        client.stream("GET", "/events/", headers=headers) as stream,
    ):
        assert stream.headers["content-type"].startswith("text/event-stream")
        lines = stream.aiter_lines()
        seen = [line async for line in take(lines, 8)]
        assert json.loads(next(line for line in seen if line.startswith("data: "))[6:])["user"] == "ada"
        await log_out(browser)
        with pytest.raises(httpx.HTTPError):
            async for _ in lines:
                pass


async def test_an_open_websocket_does_not_make_the_end_a_failure(tmp_path: Path) -> None:
    world = World(tmp_path, extra="")
    world.drain = "{ delay: 0s, timeout: 1s }"
    try:
        await asyncio.to_thread(world.start)
        browser = await asyncio.to_thread(signed_in, world)
        async with socket_of(world, Authorization=f"Bearer {browser.token}") as socket:
            await socket.send("hello")
            assert await socket.recv() == "hello"
            assert await asyncio.to_thread(world.gateway.stop) == 0
            with pytest.raises(ConnectionClosed):
                await asyncio.wait_for(socket.recv(), 5)
    finally:
        await asyncio.to_thread(world.stop)


async def take(lines: AsyncIterator[str], count: int) -> AsyncIterator[str]:
    async for line in lines:
        yield line
        count -= 1
        if count == 0:
            return


async def test_a_ticket_opens_a_websocket_and_an_event_stream_once_and_never_reaches_the_application(
    world: World,
) -> None:
    browser = signed_in(world)

    def ticket_for(path: str) -> str:
        headers = {"Authorization": f"Bearer {browser.token}"}
        response = browser.send("POST", "/.crossfade/ticket", form={"path": path}, headers=headers, with_cookies=False)
        assert response.status_code == 200, response.text
        return str(response.json()["url"])

    url = ticket_for("/ws/echo")
    address = f"ws://localhost:{world.port}{url}"
    async with connect(address, origin=Origin(world.base), proxy=None) as socket:
        await socket.send("hello")
        assert await socket.recv() == "hello"
    with pytest.raises(InvalidStatus) as refused:
        await connect(address, origin=Origin(world.base), proxy=None)
    assert refused.value.response.status_code == 401
    url = ticket_for("/api/me")
    answers = [browser.send("GET", url, with_cookies=False) for _ in range(2)]
    assert [answer.status_code for answer in answers] == [200, 401]
