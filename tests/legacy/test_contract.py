"""Every application keeps the contract: see `tests.legacy.contract`. Of them Django checks for forged requests.

Each test has a user of its own: who signs in again within the second of his logout is taken for a copy of before.
"""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.browser import Browser
from tests.legacy.contract import CASES, FOLDER, Case, Scene, post, who, who_by_token
from tests.servers import RedisServer, eventually
from tests.servers_postgres import PostgresServer, running_postgres

pytestmark = pytest.mark.timeout(120)


def ensure_installed(case: Case) -> None:
    if shutil.which(case.command[0]) is None:
        pytest.skip(f"{case.command[0]} is not installed: make test-frameworks")
    if case.command[0] == "node" and not (FOLDER / "express" / "node_modules").is_dir():
        pytest.skip("the packages of Express are not installed: make tests/legacy/express/node_modules")


@pytest.fixture(scope="module")
def postgres() -> Iterator[PostgresServer]:
    with running_postgres(is_tcp=True) as server:
        yield server


@pytest.fixture(scope="module", params=CASES, ids=lambda case: case.name)
def scene(
    request: pytest.FixtureRequest,
    frameworks_redis: RedisServer,
    postgres: PostgresServer,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Scene]:
    case: Case = request.param
    ensure_installed(case)
    folder: Path = tmp_path_factory.mktemp(case.name)
    scene = Scene(case, folder, redis=frameworks_redis.url, postgres=postgres.url)
    try:
        scene.start()
        yield scene
    finally:
        scene.stop()


def test_the_token_alone_is_the_same_user(scene: Scene) -> None:
    browser = scene.with_tokens("11")
    assert who_by_token(browser) == "11"


def test_the_token_alone_may_post_into_the_same_session(scene: Scene) -> None:
    browser = scene.with_tokens("12")
    for number in (1, 2):
        response = browser.with_token("POST", "/note", form={"text": "a note"})
        assert (response.status_code, response.text) == (200, f"12:{number}")
    if not scene.case.is_kept_by_client:
        assert post(browser, "/note", text="by cookie").text == "12:3", "it is one session in both worlds"


def test_a_session_that_the_cookie_rotates_carries_its_tokens_along(scene: Scene) -> None:
    browser = scene.with_tokens("13")
    before = browser.cookies[scene.case.cookie]
    assert post(browser, "/rotate").status_code == 200
    assert browser.cookies[scene.case.cookie] != before
    assert (who(browser), who_by_token(browser)) == ("13", "13")
    assert browser.refresh().status_code == 200


def test_a_session_that_the_token_rotates_stays_with_it_and_with_the_browser_that_holds_both(scene: Scene) -> None:
    browser = scene.with_tokens("14")
    before = browser.cookies[scene.case.cookie]
    assert browser.with_token("POST", "/rotate", with_cookies=True).status_code == 200
    assert browser.cookies[scene.case.cookie] != before
    assert (who(browser), who_by_token(browser)) == ("14", "14")


async def test_rotated_by_the_token_and_then_off_the_browser_is_still_signed_in(scene: Scene) -> None:
    browser = scene.with_tokens("15")
    browser.with_token("POST", "/rotate", with_cookies=True)
    try:
        scene.set_phase("off")
        await eventually(lambda: who_by_token(browser) != "15")
        assert who(browser) == "15"
    finally:
        scene.set_phase("")
    await eventually(lambda: who_by_token(browser) == "15")


def test_a_logout_here_ends_both_worlds(scene: Scene) -> None:
    browser = scene.with_tokens("16")
    cookies = dict(browser.cookies)
    response = browser.own("logout", headers={"Authorization": f"Bearer {browser.token}"})
    assert response.status_code == 200, response.text
    assert who_by_token(browser) == "401"
    assert scene.case.cookie not in browser.cookies
    if not scene.case.is_kept_by_client:
        assert scene.who_says_the_application(cookies) == ""
    assert Browser(scene.base, cookies).exchange().status_code in {401, 409}, "an old copy yields no tokens"


def test_a_logout_there_ends_the_tokens(scene: Scene) -> None:
    browser = scene.with_tokens("17")
    refresh = browser.cookies["__Host-crossfade_refresh"]
    assert post(browser, "/logout").status_code == 200
    assert who_by_token(browser) == "401"
    browser.cookies["__Host-crossfade_refresh"] = refresh
    assert browser.refresh().status_code == 400


def test_a_tampered_cookie_is_nobody_and_yields_nothing(scene: Scene) -> None:
    browser = scene.signed_in("18")
    cookie = browser.cookies[scene.case.cookie]
    place = len(cookie) // 2
    changed = "A" if cookie[place] != "A" else "B"
    browser.cookies[scene.case.cookie] = cookie[:place] + changed + cookie[place + 1 :]
    response = Browser(scene.base, dict(browser.cookies)).exchange()
    assert response.status_code in {401, 409}
    assert "access_token" not in response.json()
    assert who(browser) == ""


def test_two_users_never_meet(scene: Scene) -> None:
    ada, eve = scene.with_tokens("1"), scene.with_tokens("2")
    for _ in range(3):
        assert [who(ada), who_by_token(ada), who(eve), who_by_token(eve)] == ["1", "1", "2", "2"]
    mixed = Browser(scene.base, dict(eve.cookies), ada.token)
    assert mixed.with_token("GET", "/who", with_cookies=True).text == "1", "a Bearer decides alone"


def test_who_cannot_be_read_is_let_through_or_refused_as_configured(scene: Scene) -> None:
    """The last one: it starts the gateway anew, and costs most of the time, so that each case shows one of both."""
    if not scene.case.away:
        pytest.skip("such a session lies nowhere else than in the cookie")
    browser = scene.signed_in("20")
    if scene.case.on_undetermined == "forward":
        scene.start_gateway(scene.case.away, "forward")
        assert who(browser) == "20", "the application itself decides"
    else:
        scene.start_gateway(scene.case.away, "refuse")
        refused = browser.get("/who")
        assert (refused.status_code, refused.json()["code"]) == (503, "session_undetermined")
        assert "Retry-After" in refused.headers
    assert browser.exchange().status_code == 503
    assert scene.case.cookie in browser.cookies
