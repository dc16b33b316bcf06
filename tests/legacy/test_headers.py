"""Real applications that are wired for identity headers (`bridge: headers`): Django's RemoteUserMiddleware, and Flask.

No cookie goes to the application for a token, so that it is the header alone that says who it is.
"""

from collections.abc import Iterator

import httpx
import pytest

from tests.e2e.browser import Browser
from tests.legacy.applications import PYTHON
from tests.legacy.case_places import IN_COOKIE, SECRET
from tests.legacy.contract import Case, Scene, post, who, who_by_token

pytestmark = pytest.mark.timeout(120)

BY_NAME = f"format: django, {SECRET}, bridge: headers, users: {{ table: auth_user, subject: username }}"
IN_FILE = "{ sqlite: { file: '$folder/app.db' } }"
CASES = [
    Case(
        "django-remote-user",
        [*PYTHON, "django-remote-user", "$port", "$folder/app.db"],
        BY_NAME,
        "sessionid",
        IN_FILE,
        "",
    ),
    Case(
        "django-remote-user-asgi",
        [*PYTHON, "django-remote-user-asgi", "$port", "$folder/app.db"],
        BY_NAME,
        "sessionid",
        IN_FILE,
        "",
        more="identity_headers: { subject: Remote-User }",
    ),
    Case(
        "flask-headers",
        [*PYTHON, "flask-headers", "$port"],
        f"format: flask, bridge: headers, {SECRET}",
        "session",
        IN_COOKIE,
        "",
        is_kept_by_client=True,
    ),
]


@pytest.fixture(scope="module", params=CASES, ids=lambda case: case.name)
def scene(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Scene]:
    scene = Scene(request.param, tmp_path_factory.mktemp(request.param.name))
    try:
        scene.app.start(f"{scene.app_base}/who")
        scene.start_gateway(scene.case.place, "refuse")
        yield scene
    finally:
        scene.stop()


def header_of(scene: Scene) -> str:
    return "Remote-User" if scene.case.more else "X-Auth-Subject"


def name_of(scene: Scene, user: str) -> str:
    """What the header calls a user: Django looks for the name, not for the number."""
    return f"user{user}" if scene.case.cookie == "sessionid" else user


def spellings(scene: Scene) -> list[str]:
    """Names that some server or framework takes for the same."""
    name = header_of(scene)
    return [name, name.lower(), name.upper(), name.replace("-", "_"), name.replace("-", "_", 1), name.replace("-", ".")]


def test_a_token_alone_is_the_user(scene: Scene) -> None:
    browser = scene.with_tokens("61")
    assert who_by_token(browser) == "61"
    assert browser.with_token("POST", "/note", form={"text": "a note"}).text == "61:1"


def test_the_application_believes_whoever_reaches_it_past_the_gateway(scene: Scene) -> None:
    """So that the others can fail: it must not be reachable but through the gateway."""
    scene.signed_in("62")
    response = httpx.get(f"{scene.app_base}/who", headers={header_of(scene): name_of(scene, "62")}, trust_env=False)
    assert response.text == "62"


def test_nobody_says_who_he_is_by_a_header(scene: Scene) -> None:
    scene.signed_in("63")
    browser, signed_in = scene.with_tokens("64"), scene.signed_in("64")
    for name in spellings(scene):
        forged = {name: name_of(scene, "63")}
        assert scene.browser().get("/who", headers=forged).text == "", name
        assert signed_in.get("/who", headers=forged).text == "64", name
        assert browser.with_token("GET", "/who", headers=forged).text == "64", name


def test_a_session_that_a_header_opened_lives_as_long_as_the_header_comes(scene: Scene) -> None:
    """`force_logout_if_no_header`: such a session ends with the first request that has no header."""
    if scene.case.cookie != "sessionid":
        pytest.skip("Flask opens no session because of a header")
    scene.signed_in("65")
    opened = Browser(scene.app_base)
    assert opened.get("/who", headers={header_of(scene): name_of(scene, "65")}).text == "65"
    through = Browser(scene.base, dict(opened.cookies))
    assert [who(through), who(through)] == ["65", "65"], "for a session, too, the header comes with each request"
    assert who(Browser(scene.app_base, dict(opened.cookies))) == "", "without one it is over"


def test_a_session_that_a_header_opened_is_not_planted_beside_the_users_own(scene: Scene) -> None:
    """It would take the place of the one that the tokens came from: nobody would know its logout."""
    browser = scene.with_tokens("66")
    before = browser.cookies[scene.case.cookie]
    assert browser.with_token("GET", "/who", with_cookies=True).text == "66"
    assert browser.cookies[scene.case.cookie] == before


def test_a_logout_there_by_token_logs_the_users_own_session_out(scene: Scene) -> None:
    browser = scene.with_tokens("67")
    assert browser.with_token("POST", "/logout").status_code == 200
    assert who_by_token(browser) == "401"
    if not scene.case.is_kept_by_client:
        assert who(browser) == ""


def test_a_logout_there_by_cookie_ends_the_tokens(scene: Scene) -> None:
    browser = scene.with_tokens("68")
    assert post(browser, "/logout").status_code == 200
    assert who_by_token(browser) == "401"


def test_a_logout_here_ends_both(scene: Scene) -> None:
    browser = scene.with_tokens("69")
    assert browser.own("logout", headers={"Authorization": f"Bearer {browser.token}"}).status_code == 200
    assert who_by_token(browser) == "401"
    if not scene.case.is_kept_by_client:
        assert who(browser) == ""
