"""Every application keeps the contract: see `tests.legacy.contract`. Of them Django checks for forged requests.

Each test has a user of its own: who signs in again within the second of his logout is taken for a copy of before.
"""

from collections.abc import Callable

import pytest

from tests.e2e.browser import Browser
from tests.legacy.applications import CASES
from tests.legacy.applications_debian import DEBIAN_CASES
from tests.legacy.contract import Case, Scene, nobody_says_the_gateway, post, who, who_by_token
from tests.servers import eventually

pytestmark = pytest.mark.timeout(120)


ALL = [*CASES, *(pytest.param(case, marks=pytest.mark.debian) for case in DEBIAN_CASES)]


@pytest.fixture(scope="module", params=ALL, ids=lambda case: case.name)
def scene(request: pytest.FixtureRequest, scene_of: Callable[[Case], Scene]) -> Scene:
    return scene_of(request.param)


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
    assert scene.log_out_of_the_application(browser) < 300
    assert who_by_token(browser) == "401"
    browser.cookies["__Host-crossfade_refresh"] = refresh
    assert browser.refresh().status_code == 400


async def test_a_logout_that_we_have_not_seen_ends_the_tokens_at_the_next_refresh(scene: Scene) -> None:
    if scene.case.is_kept_by_client:
        pytest.skip("only the client's own copy ends")
    browser = scene.with_tokens("21")
    assert scene.log_out_of_the_application(Browser(scene.app_base, dict(browser.cookies))) < 300
    assert browser.refresh().status_code == (503 if scene.case.is_inferred else 400)
    await eventually(lambda: who_by_token(browser) == "401")


def test_a_tampered_cookie_is_nobody_and_yields_nothing(scene: Scene) -> None:
    browser = scene.signed_in("18")
    cookie = browser.cookies[scene.case.cookie]
    place = len(cookie) // 2
    changed = "A" if cookie[place] != "A" else "B"
    browser.cookies[scene.case.cookie] = cookie[:place] + changed + cookie[place + 1 :]
    browser.cookies.pop(scene.case.remember, None)  # it would be a good one beside a bad one
    assert nobody_says_the_gateway(scene.browser(browser.cookies))
    assert who(browser) == ""


def test_two_users_never_meet(scene: Scene) -> None:
    ada, eve = scene.with_tokens("1"), scene.with_tokens("2")
    for _ in range(3):
        assert [who(ada), who_by_token(ada), who(eve), who_by_token(eve)] == ["1", "1", "2", "2"]
    mixed = Browser(scene.base, dict(eve.cookies), ada.token)
    assert mixed.with_token("GET", "/who", with_cookies=True).text == "1", "a Bearer decides alone"


async def test_an_expired_session_is_nobody_and_yields_nothing(scene: Scene) -> None:
    if scene.case.is_ageless:
        pytest.skip("nothing in such a session says how old it is, for the application neither")
    expired = scene.outlived("19")
    cookies = dict(expired.cookies)
    assert cookies, "what was a session is still shown"
    await eventually(lambda: scene.who_says_the_application(cookies) == "")
    assert nobody_says_the_gateway(scene.browser(cookies))


def test_who_is_remembered_needs_no_session_cookie(scene: Scene) -> None:
    if not scene.case.remember:
        pytest.skip("this application remembers nobody")
    browser = scene.signed_in("22")
    del browser.cookies[scene.case.cookie]
    remembered = dict(browser.cookies)
    assert browser.exchange().status_code == 200
    assert who_by_token(browser) == "22"
    assert browser.own("logout", headers={"Authorization": f"Bearer {browser.token}"}).status_code == 200
    assert scene.case.remember not in browser.cookies
    assert scene.browser(remembered).exchange().status_code in {401, 409}, "an old copy yields no tokens"


@pytest.mark.parametrize("on_undetermined", ["forward", "refuse"])
def test_who_cannot_be_read_is_let_through_or_refused_as_configured(scene: Scene, on_undetermined: str) -> None:
    """The last one: it starts the gateway anew, with the sessions in a place where nobody answers."""
    scene.start_gateway(scene.case.place, on_undetermined)
    browser = scene.signed_in("20")
    scene.start_gateway(scene.case.away, on_undetermined)
    answer = browser.get("/who")
    if on_undetermined == "forward":
        assert answer.text == "20", "the application itself decides"
    else:
        assert (answer.status_code, answer.json()["code"]) == (503, "session_undetermined")
        assert "Retry-After" in answer.headers
    assert browser.exchange().status_code == 503
    assert scene.case.cookie in browser.cookies
