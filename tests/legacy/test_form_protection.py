"""Real form protections, which a validated Bearer passes and nobody else: Flask-WTF and csurf.

Django, which keeps the contract with its protection on, is in `test_contract`.
"""

from collections.abc import Callable
from dataclasses import replace

import pytest

from tests.legacy.applications import (
    EXPRESS,
    EXPRESS_COOKIE,
    EXPRESS_REDIS,
    FLASK,
    FLASK_SESSION,
    PYTHON,
    express,
)
from tests.legacy.case_places import FOLDER, IN_REDIS, NO_REDIS, SECRET
from tests.legacy.contract import Case, Scene, who, who_by_token

pytestmark = pytest.mark.timeout(120)

CASES = [
    replace(FLASK, name="flask-wtf", command=[*PYTHON, "flask-wtf", "$port"]),
    replace(FLASK_SESSION, name="flask-wtf-session", command=[*PYTHON, "flask-wtf", "$port", "$redis"]),
    replace(
        EXPRESS_REDIS,
        name="csurf",
        command=express(store="redis", url="$redis", user="passport", csrf="session"),
    ),
    replace(
        EXPRESS_COOKIE, name="csurf-session-in-cookie", command=express(store="cookie", user="own", csrf="session")
    ),
    Case(
        "csurf-cookie",
        express(store="redis", url="$redis", user="own", csrf="cookie"),
        f"format: express, user: userId, {SECRET}, csrf: {{ kind: csurf, header: X-CSRF-Token, cookie: _csrf }}",
        "connect.sid",
        IN_REDIS,
        NO_REDIS,
        folder=FOLDER / "express",
        needs=EXPRESS,
    ),
]


@pytest.fixture(scope="module", params=CASES, ids=lambda case: case.name)
def scene(request: pytest.FixtureRequest, scene_of: Callable[[Case], Scene]) -> Scene:
    return scene_of(request.param)


def test_a_token_alone_passes_the_check_of_the_forms(scene: Scene) -> None:
    browser = scene.signed_in("31")
    browser.get("/form")
    assert browser.exchange().status_code == 200
    for number in (1, 2):
        response = browser.with_token(
            "POST", "/note", form={"text": "a note"}, headers={"Origin": "https://evil.example"}
        )
        assert (response.status_code, response.text) == (200, f"31:{number}")


def test_a_page_that_was_opened_after_the_exchange_is_enough(scene: Scene) -> None:
    browser = scene.with_tokens("32")
    assert browser.with_token("GET", "/form").status_code == 200
    assert browser.with_token("POST", "/note", form={"text": "a note"}).text == "32:1"


def test_a_cookie_is_left_to_the_check(scene: Scene) -> None:
    """It is what the protection is for: another site can make a browser send it."""
    browser = scene.with_tokens("33")
    browser.get("/form")
    forged = browser.send("POST", "/note", form={"text": "forged"})
    assert forged.status_code in {400, 403}
    browser.cookies["__Host-crossfade_access"] = browser.token
    forged = browser.send("POST", "/note", form={"text": "forged"})
    assert forged.status_code in {400, 403}


def test_a_logout_here_passes_the_check_there(scene: Scene) -> None:
    browser = scene.signed_in("34")
    browser.get("/form")
    assert browser.exchange().status_code == 200
    cookies = dict(browser.cookies)
    assert browser.own("logout", headers={"Authorization": f"Bearer {browser.token}"}).status_code == 200
    assert who_by_token(browser) == "401"
    assert who(browser) == ""
    if not scene.case.is_kept_by_client:
        assert scene.who_says_the_application(cookies) == ""
