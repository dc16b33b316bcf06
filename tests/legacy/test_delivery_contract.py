"""Automatic delivery in front of real frameworks: what a browser needs is a page, and then neither session nor script.

Among them those that write their session anew with each answer, or keep it in the cookie itself.
"""

from collections.abc import Callable
from dataclasses import replace

import pytest

from tests.e2e.browser import Browser
from tests.legacy.applications import CASES
from tests.legacy.applications_debian import DEBIAN_CASES
from tests.legacy.contract import Case, Scene, post, who

pytestmark = pytest.mark.timeout(120)

OURS = {"__Host-crossfade_access", "__Host-crossfade_refresh"}
PAGE = {"Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "document", "Sec-Fetch-Site": "same-origin"}
CHOSEN = {"flask", "flask-remember", "starlette", "flask-session", "express-redis", "express-cookie"}
ALL = [
    *(case for case in CASES if case.name in CHOSEN),
    *(pytest.param(case, marks=pytest.mark.debian) for case in DEBIAN_CASES),
]


@pytest.fixture(scope="module", params=ALL, ids=lambda case: case.name)
def scene(request: pytest.FixtureRequest, scene_of: Callable[[Case], Scene]) -> Scene:
    case: Case = request.param
    return scene_of(replace(case, name=f"{case.name}-delivery", more=f"{case.more}\ndelivery: {{ automatic: true }}"))


def by_token_cookies(scene: Scene, user: str) -> Browser:
    """Somebody who has opened a page, and whose session is forgotten by the browser then."""
    browser = scene.signed_in(user)
    for _ in range(10):  # on a busy machine a page does not wait, and the next one brings what was made
        assert browser.get("/who", headers=PAGE).text == user
        if browser.cookies.keys() >= OURS:
            break
    assert browser.cookies.keys() >= OURS
    for name in {scene.case.cookie, scene.case.remember} & browser.cookies.keys():
        del browser.cookies[name]
    return browser


def test_a_page_brings_tokens_that_stand_for_the_session(scene: Scene) -> None:
    browser = by_token_cookies(scene, "81")
    assert who(browser) == "81"


def test_forms_go_by_token_cookie_with_the_applications_own_check(scene: Scene) -> None:
    browser = by_token_cookies(scene, "82")
    response = post(browser, "/note", text="by token cookie")
    assert (response.status_code, response.text) == (200, "82:1")


def test_a_logout_in_the_application_takes_the_tokens_along(scene: Scene) -> None:
    browser = by_token_cookies(scene, "83")
    kept = dict(browser.cookies)
    assert scene.log_out_of_the_application(browser) < 400
    assert OURS.isdisjoint(browser.cookies)
    assert who(browser) != "83"
    assert who(Browser(scene.base, kept)) != "83", "an old copy is worth nothing"


def test_another_user_who_signs_in_gets_tokens_of_his_own(scene: Scene) -> None:
    browser = by_token_cookies(scene, "84")
    kept = {name: browser.cookies[name] for name in OURS}
    other = scene.signed_in("85")
    browser = Browser(scene.base, {**other.cookies, **kept})
    for _ in range(10):
        assert browser.get("/who", headers=PAGE).text == "85"
        if browser.cookies.keys() >= OURS:
            break
    for name in OURS:
        assert browser.cookies[name] != kept[name]
