"""A site whose pages do not change: tokens come as cookies, carry everything, are renewed, and end with the logout."""

import asyncio
import base64
import json
import time
from collections.abc import AsyncIterator, Iterator

import httpx
import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.typing import Origin

from tests.e2e.browser import Browser
from tests.e2e.world import World

ACCESS, REFRESH = "__Host-crossfade_access", "__Host-crossfade_refresh"
PAGE = {"Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "document", "Sec-Fetch-Site": "same-origin"}
IMAGE = {"Sec-Fetch-Mode": "no-cors", "Sec-Fetch-Dest": "image", "Sec-Fetch-Site": "same-origin"}


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    extra = "delivery: { automatic: true }\ntokens: { access: 3s, leeway: 0s, grace: 2s, families: 100 }"
    world = World(tmp_path_factory.mktemp("world"), extra=extra)
    try:
        world.start()
        yield world
    finally:
        world.stop()


@pytest.fixture
def browser(world: World) -> Browser:
    """Somebody who has opened pages since she signed in, and whose session cookie is gone at last."""
    browser = world.browser()
    browser.log_in()
    assert ACCESS not in browser.cookies
    for _ in range(20):  # a page does not wait for long on a busy machine, and the next one brings what was made then
        page = browser.get("/", headers=PAGE)
        assert page.status_code == 200
        assert "private" in page.headers["cache-control"]
        assert "cookie" in page.headers["vary"].lower()
        if ACCESS in browser.cookies:
            break
    del browser.cookies["sessionid"]
    assert {ACCESS, REFRESH} <= browser.cookies.keys()
    return browser


def wait_for_the_end_of(token: str) -> None:
    payload = token.split(".")[1]
    claims = json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
    time.sleep(max(0.0, claims["exp"] - time.time()) + 0.05)


def cookie_field(browser: Browser) -> str:
    return "; ".join(f"{name}={value}" for name, value in browser.cookies.items())


def me(browser: Browser) -> object:
    response = browser.get("/api/me", headers=IMAGE)
    return response.json().get("user") if response.status_code == 200 else response.status_code


def socket_of(world: World, browser: Browser) -> connect:
    address = f"ws://localhost:{world.port}/ws/echo"
    return connect(address, additional_headers={"Cookie": cookie_field(browser)}, origin=Origin(world.base), proxy=None)


async def echoes(world: World, browser: Browser) -> str:
    async with socket_of(world, browser) as socket:
        await socket.send("hello")
        answer = await asyncio.wait_for(socket.recv(), 10)
        assert socket.response is not None
        for line in socket.response.headers.get_all("set-cookie"):
            name, _, value = line.partition(";")[0].partition("=")
            browser.cookies[name] = value
    return str(answer)


def test_pages_images_and_forms_go_by_the_token_cookie_alone(browser: Browser) -> None:
    assert "Hello, ada" in browser.get("/", headers=PAGE).text
    assert me(browser) == "ada"
    headers = {"Origin": browser.base, "X-CSRFToken": browser.cookies["csrftoken"]}
    assert browser.send("POST", "/api/notes", json={"text": "by cookie"}, headers=headers).status_code == 201
    assert "sessionid" not in browser.cookies


def test_a_token_cookie_takes_nobody_past_the_applications_check_for_forged_requests(browser: Browser) -> None:
    forged = browser.send("POST", "/api/notes", json={"text": "forged"}, headers={"Origin": browser.base})
    assert forged.status_code == 403


async def test_a_websocket_and_an_event_stream_open_by_cookie_and_renew_it(world: World, browser: Browser) -> None:
    assert await echoes(world, browser) == "hello"
    before = browser.cookies[ACCESS]
    await asyncio.to_thread(wait_for_the_end_of, before)
    assert await echoes(world, browser) == "hello"
    assert browser.cookies[ACCESS] != before
    async with (
        httpx.AsyncClient(base_url=world.base, trust_env=False, timeout=10) as client,
        client.stream("GET", "/events/", headers={"Cookie": cookie_field(browser)}) as stream,
    ):
        data = [line async for line in first_lines(stream) if line.startswith("data: ")]
        assert json.loads(data[0][6:])["user"] == "ada"


async def first_lines(stream: httpx.Response) -> AsyncIterator[str]:
    count = 0
    async for line in stream.aiter_lines():
        yield line
        count += 1
        if count == 4:
            return


def test_a_token_that_ended_is_renewed_within_the_request_whatever_it_is_for(browser: Browser) -> None:
    form = {"Origin": browser.base, "X-CSRFToken": browser.cookies["csrftoken"]}
    for method, path, headers in (("GET", "/api/me", IMAGE), ("GET", "/", PAGE), ("POST", "/api/notes", form)):
        before = browser.cookies[ACCESS], browser.cookies[REFRESH]
        wait_for_the_end_of(before[0])
        response = browser.send(method, path, headers=headers, json={"text": "late"} if method == "POST" else None)
        assert response.status_code in (200, 201)
        assert browser.cookies[ACCESS] != before[0]
        assert browser.cookies[REFRESH] != before[1]


def test_a_forged_form_renews_nothing_and_logs_nobody_out(browser: Browser) -> None:
    wait_for_the_end_of(browser.cookies[ACCESS])
    before = dict(browser.cookies)
    headers = {"Origin": "https://evil.example", "X-CSRFToken": browser.cookies["csrftoken"]}
    assert browser.send("POST", "/api/notes", json={"text": "forged"}, headers=headers).status_code in (401, 403)
    assert browser.cookies == before
    assert me(browser) == "ada"


def test_a_logout_in_the_application_takes_everything_along(browser: Browser) -> None:
    kept = dict(browser.cookies)
    assert browser.log_out_of_the_application().status_code in (200, 302)
    assert {ACCESS, REFRESH}.isdisjoint(browser.cookies)
    assert me(browser) == 401
    browser.cookies = kept  # what a thief has kept is worth nothing either
    assert me(browser) == 401


def test_a_logout_here_takes_everything_along(browser: Browser) -> None:
    kept = dict(browser.cookies)
    assert browser.own("logout").json()["session"] == "ended"
    assert {ACCESS, REFRESH}.isdisjoint(browser.cookies)
    browser.cookies = kept
    assert me(browser) == 401


async def test_a_logout_ends_the_websocket_that_a_cookie_opened(world: World, browser: Browser) -> None:
    async with socket_of(world, browser) as socket:
        await socket.send("hello")
        assert await asyncio.wait_for(socket.recv(), 10) == "hello"
        await asyncio.to_thread(browser.log_out_of_the_application)
        with pytest.raises(ConnectionClosed):
            await asyncio.wait_for(socket.recv(), 10)


async def test_after_a_logout_no_websocket_opens(world: World, browser: Browser) -> None:
    kept = dict(browser.cookies)
    await asyncio.to_thread(browser.log_out_of_the_application)
    browser.cookies = kept
    with pytest.raises(InvalidStatus) as refused:
        await echoes(world, browser)
    assert refused.value.response.status_code in (401, 403)
