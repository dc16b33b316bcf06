"""Each phase on a real session application that was not changed, and the way back to `off` from each."""

import json
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
import pytest

from gateway.model import Phase
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


def holder_of_both(world: World) -> Browser:
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


def test_where_only_tokens_count_a_session_is_refused_and_can_still_become_tokens(world: World) -> None:
    holder, late = holder_of_both(world), world.browser()
    late.log_in()
    choose(world, "tokens_only")
    assert holder.with_token("GET", "/api/me", with_cookies=True).json() == {"user": "ada"}
    assert holder.with_token("GET", "/api/me").json() == {"user": "ada"}
    refused = late.get("/api/me")
    assert (refused.status_code, refused.json()["code"]) == (401, "session_retired")
    assert refused.headers["www-authenticate"] == 'Bearer realm="crossfade"'
    assert "set-cookie" not in refused.headers
    assert late.exchange().status_code == 200
    assert late.with_token("GET", "/api/me", with_cookies=True).json() == {"user": "ada"}
    choose(world, "prefer_tokens")
    assert late.get("/api/me").json() == {"user": "ada"}


def test_where_only_tokens_count_a_page_leads_to_a_login_that_works(world: World) -> None:
    browser = holder_of_both(world)
    before = browser.cookies["sessionid"]
    choose(world, "tokens_only")
    page = browser.get("/", headers=PAGE)
    assert (page.status_code, page.headers["location"]) == (303, "/login/?next=/")
    assert world.browser().get("/", headers=PAGE).status_code == 200, "a visitor is welcome"
    browser.log_in()
    assert browser.cookies["sessionid"] != before
    assert browser.exchange().status_code == 200
    assert browser.with_token("GET", "/api/me").json() == {"user": "ada"}
    assert browser.log_out_of_the_application().status_code == 302
    assert browser.with_token("GET", "/api/me").status_code == 401


def test_where_only_tokens_count_pages_bring_their_tokens_as_cookies(tmp_path: Path) -> None:
    world = World(tmp_path, extra="delivery: { automatic: true }")
    try:
        world.start()
        browser = world.browser()
        browser.log_in()
        choose(world, "tokens_only")
        assert browser.get("/api/me").json()["code"] == "session_retired"
        assert browser.get("/", headers=PAGE).status_code == 200
        assert "__Host-crossfade_access" in browser.cookies
        assert browser.get("/api/me").json() == {"user": "ada"}
        assert browser.get("/", headers=PAGE).status_code == 200
        del browser.cookies["sessionid"]
        assert browser.get("/api/me").json() == {"user": "ada"}
    finally:
        world.stop()


def test_who_is_not_in_the_rollout_keeps_the_cookie_and_is_given_nothing(world: World) -> None:
    browser = holder_of_both(world)
    choose(world, "parallel", "--rollout", "0%")
    refused = browser.exchange()
    assert (refused.status_code, refused.json()["code"], refused.json()["phase"]) == (409, "phase_off", "off")
    assert browser.refresh().json()["code"] == "phase_off"
    assert browser.get("/api/me").json() == {"user": "ada"}
    bare = world.browser()
    bare.token = browser.token
    assert bare.with_token("GET", "/api/me", with_cookies=True).json() == {"user": "ada"}
    assert bare.cookies["sessionid"] == browser.cookies["sessionid"]
    too_far = world.command("phase", "set", "tokens_only", "--reason", "x", "--config", str(world.config))
    assert (too_far.returncode, "everybody takes part" in too_far.stderr) == (1, True)
    choose(world, "parallel", "--rollout", "100%")
    assert browser.refresh().status_code == 200


def test_in_shadow_the_application_decides_and_both_worlds_are_compared_behind_its_back(world: World) -> None:
    browser = holder_of_both(world)
    choose(world, "shadow")
    assert browser.exchange().json()["code"] == "phase_off"
    assert browser.get("/.crossfade/session", headers={"X-Crossfade": "1"}).json()["phase"] == "shadow"
    assert browser.with_token("GET", "/api/me").status_code == 401, "no token counts"
    for _ in range(3):
        assert browser.with_token("GET", "/api/me", with_cookies=True).json() == {"user": "ada"}
    name = "crossfade_shadow_comparisons_total"
    wait_until(lambda: metric(world, f'{name}{{outcome="agreed"') == 3)
    assert metric(world, name) == 3
    status = world.command("phase", "status", "--json", "--config", str(world.config))
    seen = json.loads(status.stdout)
    assert (seen["next"], seen["seen"]["compared"], seen["disagreements"]) == ("parallel", 3, [])


def wait_until(is_so: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 20
    while not is_so():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def test_in_shadow_a_user_whom_the_application_turns_away_is_a_disagreement(tmp_path: Path) -> None:
    """The application has another secret than the gateway believes, as after a change that nobody told us of."""
    world = World(tmp_path)
    try:
        world.start()
        browser = world.browser()
        browser.log_in()
        choose(world, "shadow")
        world.app.stop()
        world.app.environment["DJANGO_SECRET_KEY"] = "another-key-of-the-demo-application-for-tests"
        world.app.start(f"{world.app_base}/login/")
        assert browser.get("/api/me").status_code == 401
        name = 'crossfade_shadow_comparisons_total{outcome="'
        wait_until(lambda: metric(world, name) == 1)
        assert metric(world, f"{name}turned_away") == 1
        told = world.command("phase", "status", "--config", str(world.config)).stdout
        assert "disagreement: /* turned_away, 1 times" in told
    finally:
        world.stop()


def test_a_brownout_refuses_cookies_in_its_window_and_ends_by_itself_when_that_hurts(tmp_path: Path) -> None:
    now = datetime.now(UTC)
    begin, end = (now - timedelta(hours=1)).isoformat(), (now + timedelta(hours=1)).isoformat()
    world = World(tmp_path)
    world.phase = f"brownout: {{ windows: [{{ begin: '{begin}', end: '{end}' }}] }}"
    try:
        world.start()
        browser = holder_of_both(world)
        choose(world, "brownout")
        assert browser.with_token("GET", "/api/me").json() == {"user": "ada"}
        assert browser.get("/api/me").json()["code"] == "session_retired"
        by_form = browser.send("POST", "/api/notes", json={"text": "x"})
        assert (by_form.status_code, "x-crossfade" in by_form.headers) == (403, False), (
            "the application asks for a pair"
        )
        wait_until(lambda: browser.get("/api/me").status_code == 200)
        told = world.command("phase", "status", "--config", str(world.config)).stdout
        assert "is paused: yes" in told
        assert "brownout (paused)  by brownout guard: " in told
        assert "of the signed-in requests were refused, and 5% may be" in told
        wait_until(lambda: metric(world, 'crossfade_events_total{event="brownout_aborted"}') == 1)
        choose(world, "off")
        assert browser.with_token("GET", "/api/me", with_cookies=True).json() == {"user": "ada"}
    finally:
        world.stop()


def order(world: World, *words: str) -> tuple[int, str]:
    done = world.command("phase", *words, "--reason", "test", "--config", str(world.config))
    return done.returncode, done.stdout + done.stderr


def test_a_phase_goes_further_when_its_criteria_are_met_or_somebody_insists(world: World) -> None:
    choose(world, "off")
    assert order(world, "advance")[0] == 0
    code, told = order(world, "advance")
    assert (code, "phase: shadow" in told, "not yet: nothing was compared" in told) == (1, True, True)
    choose(world, "parallel", "--rollout", "50%")
    code, told = order(world, "advance")
    assert code == 1
    assert "phase: parallel" in told
    assert "rollout: 50" in told
    assert "not yet: day 1 of 7: parallel has been in force for 0.0 days" in told
    assert "not yet: 50% of the users take part" in told
    assert order(world, "advance", "--rollout", "40%")[0] == 1
    assert order(world, "pause")[0] == 0
    assert "not yet: it is paused" in order(world, "advance", "--rollout", "100%")[1]
    assert order(world, "resume")[0] == 0
    assert order(world, "advance", "--rollout", "100%")[0] == 0
    code, told = order(world, "advance", "--force")
    assert (code, "phase: prefer_tokens" in told) == (0, True)
    assert "(forced past" in told
    browser = holder_of_both(world)
    choose(world, "prefer_tokens")
    for _ in range(3):
        assert browser.with_token("GET", "/api/me").status_code == 200
    rehearsal = world.command("phase", "status", "--json", "--config", str(world.config))
    assert json.loads(rehearsal.stdout)["next"] == "tokens_only"


@pytest.mark.parametrize("phase", Phase)
def test_whose_session_rotated_under_a_token_is_signed_in_when_the_phase_goes_back_to_off(
    world: World, phase: str
) -> None:
    browser = holder_of_both(world)
    choose(world, phase)
    if phase != "off":
        assert browser.with_token("GET", "/rotate/", with_cookies=True).status_code == 200
    choose(world, "off")
    assert browser.with_token("GET", "/api/me", with_cookies=True).json() == {"user": "ada"}


@pytest.mark.parametrize("phase", Phase)
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
