"""Each phase on a real session application that was not changed, and the way back to `off` from each."""

from collections.abc import Iterator

import httpx
import pytest

from gateway.core.phases import AVAILABLE
from tests.e2e.browser import Browser
from tests.e2e.world import World

PAGE = {"Sec-Fetch-Dest": "document", "Sec-Fetch-Mode": "navigate", "Accept": "text/html"}


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    world = World(tmp_path_factory.mktemp("world"))
    world.gateway.environment["LOG_ACCESS"] = "true"
    try:
        world.start()
        yield world
    finally:
        world.stop()


def choose(world: World, phase: str, *words: str) -> None:
    done = world.command("phase", "set", phase, "--reason", "test", "--config", str(world.config), *words)
    assert done.returncode == 0, done.stderr


def holder_of_both(world: World, name: str = "ada") -> Browser:
    choose(world, "parallel")
    browser = world.browser()
    browser.log_in()
    assert browser.exchange().status_code == 200
    return browser


def metric(world: World, series: str) -> float:
    text = httpx.get(f"{world.admin}/metrics", trust_env=False).text
    return sum(float(line.rpartition(" ")[2]) for line in text.splitlines() if line.startswith(series))


def test_where_tokens_are_preferred_both_are_good_and_who_has_only_a_cookie_is_named(world: World) -> None:
    browser = holder_of_both(world)
    choose(world, "prefer_tokens")
    assert browser.with_token("GET", "/api/me").json() == {"user": "ada"}
    assert browser.with_token("GET", "/api/me", with_cookies=True).json() == {"user": "ada"}
    assert browser.get("/api/me", headers={"User-Agent": "till/7"}).json() == {"user": "ada"}
    assert browser.get("/", headers=PAGE).status_code == 200
    name = "crossfade_cookie_only_requests_total"
    assert metric(world, f'{name}{{kind="program",route="/*"}}') == 1
    assert metric(world, f'{name}{{kind="navigation",route="/*"}}') == 1
    lines = [line for line in world.gateway.log.read_text().splitlines() if '"cookie_only"' in line]
    assert ['"agent":"till/7"' in line for line in lines] == [True, False]
    assert browser.exchange().status_code == 200


@pytest.mark.parametrize("phase", AVAILABLE)
def test_whose_session_rotated_under_a_token_is_signed_in_when_the_phase_goes_back_to_off(
    world: World, phase: str
) -> None:
    browser = holder_of_both(world)
    choose(world, phase)
    if phase != "off":
        assert browser.with_token("GET", "/rotate/", with_cookies=True).status_code == 200
    choose(world, "off")
    assert browser.with_token("GET", "/api/me", with_cookies=True).json() == {"user": "ada"}


@pytest.mark.parametrize("phase", AVAILABLE)
def test_the_switch_takes_every_phase_back(world: World, phase: str) -> None:
    browser = holder_of_both(world)
    choose(world, phase)
    if phase != "off":
        assert browser.with_token("GET", "/rotate/", with_cookies=True).status_code == 200
    world.gateway.stop()
    try:
        world.start_gateway(ENABLE_JWT_AUTH="false")
        assert browser.with_token("GET", "/api/me", with_cookies=True).json() == {"user": "ada"}
        asked = browser.own("token", {"grant_type": "refresh_token", "client_id": "web"})
        assert (asked.json()["code"], asked.json()["phase"]) == ("phase_off", "off")
    finally:
        world.gateway.stop()
        world.start_gateway(ENABLE_JWT_AUTH="true")
