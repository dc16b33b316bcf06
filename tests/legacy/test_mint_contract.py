"""A session whose time is over is followed by one of the gateway's making, in real applications behind a real gateway.

One that was logged out or taken away is followed by none.
"""

from collections.abc import Iterator
from dataclasses import replace

import pytest

from tests.e2e.browser import Browser
from tests.legacy.applications import DJANGO, FLASK, STARLETTE
from tests.legacy.contract import Scene, post, who, who_by_token
from tests.legacy.mints import MINTS, SIGNED_COOKIES, MintCase
from tests.servers import eventually

pytestmark = pytest.mark.timeout(120)

AGE = 3
"""Seconds that a session lasts in these applications."""
OPTIONS = {
    DJANGO.name: "",
    SIGNED_COOKIES.name: f", options: {{ cookie_age: {AGE}s }}",
    FLASK.name: f", options: {{ lifetime: {AGE}s }}",
    STARLETTE.name: f", options: {{ max_age: {AGE}s, is_sliding: false }}",
}


def short_lived(mint: MintCase) -> MintCase:
    case = mint.case
    return replace(mint, case=replace(case, session=case.session + OPTIONS[case.name], environment={"AGE": str(AGE)}))


CASES = [short_lived(mint) for mint in MINTS if mint.case.name in OPTIONS]


@pytest.fixture(scope="module", params=CASES, ids=lambda case: case.name)
def scene(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Scene]:
    mint: MintCase = request.param
    scene = Scene(mint.minting, tmp_path_factory.mktemp(mint.name))
    try:
        scene.start()
        yield scene
    finally:
        scene.stop()


async def outlived(scene: Scene, user: str) -> Browser:
    """A browser whose session has come to its natural end, and whose tokens have not."""
    browser = scene.with_tokens(user)
    cookies = dict(browser.cookies)
    await eventually(lambda: scene.who_says_the_application(cookies) == "", within=AGE + 10)
    return browser


async def test_the_token_is_still_the_same_user(scene: Scene) -> None:
    browser = await outlived(scene, "41")
    assert who(browser) == "", "the browser itself has to log in again"
    assert who_by_token(browser) == "41"
    assert browser.with_token("POST", "/note", form={"text": "a note"}).text == "41:1"
    assert browser.refresh().status_code == 200
    assert who_by_token(browser) == "41"


async def test_tokens_that_shared_a_session_share_the_one_that_follows(scene: Scene) -> None:
    browser = scene.with_tokens("42")
    first = browser.token
    assert browser.exchange().status_code == 200
    cookies = dict(browser.cookies)
    await eventually(lambda: scene.who_says_the_application(cookies) == "", within=AGE + 10)
    assert who_by_token(browser) == "42"
    assert browser.with_token("GET", "/who", token=first).text == "42"


async def test_a_logout_ends_the_session_that_was_made(scene: Scene) -> None:
    browser = await outlived(scene, "43")
    assert who_by_token(browser) == "43"
    assert browser.own("logout", headers={"Authorization": f"Bearer {browser.token}"}).status_code == 200
    assert who_by_token(browser) == "401"


async def test_a_logout_there_ends_the_tokens_of_the_session_that_was_made(scene: Scene) -> None:
    browser = await outlived(scene, "44")
    assert who_by_token(browser) == "44"
    assert browser.with_token("POST", "/logout").status_code == 200
    assert who_by_token(browser) == "401"


async def test_a_session_that_was_logged_out_is_followed_by_none(scene: Scene) -> None:
    browser = scene.with_tokens("45")
    cookies = dict(browser.cookies)
    assert post(browser, "/logout").status_code == 200
    assert who_by_token(browser) == "401"
    await eventually(lambda: scene.who_says_the_application(cookies) == "", within=AGE + 10)
    assert who_by_token(browser) == "401"
