"""A session whose time is over is followed by one of the gateway's making, in real applications behind a real gateway.

One that was logged out or taken away is followed by none.
"""

import time
from collections.abc import Iterator
from dataclasses import replace

import pytest

from tests.e2e.browser import Browser
from tests.legacy.applications import DJANGO, FLASK, STARLETTE
from tests.legacy.contract import Scene, post, who, who_by_token
from tests.legacy.mints import MINTS, SIGNED_COOKIES, MintCase

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


def is_over(scene: Scene, browser: Browser) -> bool:
    return scene.who_says_the_application(browser.cookies) == ""


@pytest.fixture(scope="module")
def outlived(scene: Scene) -> dict[str, Browser]:
    """Browsers by their users, whose sessions have come to their natural end, and whose tokens have not."""
    browsers = {user: scene.with_tokens(user) for user in ("41", "42", "43", "44")}
    patience = time.monotonic() + AGE + 20
    while not all(is_over(scene, browser) for browser in browsers.values()):
        assert time.monotonic() < patience
        time.sleep(0.1)
    return browsers


def test_the_token_is_still_the_same_user(scene: Scene, outlived: dict[str, Browser]) -> None:
    browser = outlived["41"]
    assert who(browser) == "", "the browser itself has to log in again"
    assert who_by_token(browser) == "41"
    assert browser.with_token("POST", "/note", form={"text": "a note"}).text == "41:1"
    assert browser.refresh().status_code == 200
    assert who_by_token(browser) == "41"


def test_a_logout_ends_the_session_that_was_made(outlived: dict[str, Browser]) -> None:
    browser = outlived["43"]
    assert who_by_token(browser) == "43"
    assert browser.own("logout", headers={"Authorization": f"Bearer {browser.token}"}).status_code == 200
    assert who_by_token(browser) == "401"


def test_a_logout_there_ends_the_tokens_of_the_session_that_was_made(outlived: dict[str, Browser]) -> None:
    browser = outlived["44"]
    assert who_by_token(browser) == "44"
    assert browser.with_token("POST", "/logout").status_code == 200
    assert who_by_token(browser) == "401"


def test_two_users_never_meet(outlived: dict[str, Browser]) -> None:
    assert [who_by_token(outlived[user]) for user in ("42", "41", "42")] == ["42", "41", "42"]


def test_a_session_that_was_logged_out_is_followed_by_none(scene: Scene) -> None:
    browser = scene.with_tokens("45")
    assert post(browser, "/logout").status_code == 200
    assert who_by_token(browser) == "401"
