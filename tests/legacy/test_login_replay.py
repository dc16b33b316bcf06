"""A program that has no pages logs in with a name and a password, and the application is none the wiser."""

from collections.abc import Callable
from dataclasses import replace

import httpx
import pytest

from tests.legacy.applications import DJANGO, EXPRESS_REDIS, FLASK
from tests.legacy.applications_debian import LARAVEL_REDIS, RAILS_DEVISE, SPRING_REDIS
from tests.legacy.contract import Case, Scene

pytestmark = pytest.mark.timeout(120)

PASSWORD = "lovelace-1843"
MOBILE = "{ id: web, delivery: cookie, grants: [token_exchange, refresh_token, password] }, \
{ id: mobile, delivery: body, grants: [password, refresh_token] }, { id: other, delivery: body }"
CASES = [
    replace(
        DJANGO,
        session=f"{DJANGO.session}, login: {{ url: /signin, csrf: {{ field: csrfmiddlewaretoken }} }}",
        clients=MOBILE,
    ),
    replace(
        DJANGO,
        name="django-header",
        session=f"{DJANGO.session}, login: {{ url: /signin, csrf: {{ cookie: csrftoken, header: X-CSRFToken }} }}",
        clients=MOBILE,
    ),
    replace(
        FLASK,
        session=f"{FLASK.session}, login: {{ url: /signin, kind: json, username_field: email }}",
        clients=MOBILE,
    ),
    replace(EXPRESS_REDIS, session=f"{EXPRESS_REDIS.session}, login: {{ url: /signin, kind: json }}", clients=MOBILE),
]
FORMS = [
    (
        RAILS_DEVISE,
        "{ url: /signin, username_field: 'user[email]', password_field: 'user[password]', \
csrf: { field: authenticity_token } }",
    ),
    (LARAVEL_REDIS, "{ url: /signin, username_field: email, csrf: { field: _token } }"),
    (SPRING_REDIS, "{ url: /login, username_field: user, csrf: { field: _csrf } }"),
]
DEBIAN_CASES = [replace(case, session=f"{case.session}, login: {form}", clients=MOBILE) for case, form in FORMS]
ALL = [*CASES, *(pytest.param(case, marks=pytest.mark.debian) for case in DEBIAN_CASES)]
SUBJECT = {"django": "101", "django-header": "101", "rails-devise": "101"}
ASKS_FOR_MORE = {"django", "django-header", "flask"}


@pytest.fixture(scope="module", params=ALL, ids=lambda case: case.name)
def scene(request: pytest.FixtureRequest, scene_of: Callable[[Case], Scene]) -> Scene:
    return scene_of(request.param)


def log_in(scene: Scene, username: str, password: str = PASSWORD, client: str = "mobile") -> httpx.Response:
    form = {"grant_type": "password", "client_id": client, "username": username, "password": password}
    headers = {"User-Agent": "Notes/1.0"}
    return httpx.post(f"{scene.base}/.crossfade/token", data=form, headers=headers, timeout=20, trust_env=False)


def who(scene: Scene, token: str, path: str = "/who") -> str:
    headers = {"Authorization": f"Bearer {token}", "User-Agent": "Notes/1.0"}
    return httpx.get(f"{scene.base}{path}", headers=headers, timeout=20, trust_env=False).text


def answer(response: httpx.Response) -> tuple[int, str]:
    return response.status_code, response.json()["code"]


def test_a_name_and_a_password_become_tokens_and_no_cookie(scene: Scene) -> None:
    response = log_in(scene, "ada")
    assert response.status_code == 200, response.text
    assert "set-cookie" not in response.headers
    body = response.json()
    subject = SUBJECT.get(scene.case.name, "ada")
    assert body["subject"] == subject
    assert who(scene, body["access_token"]) == subject
    form = {"grant_type": "refresh_token", "client_id": "mobile", "refresh_token": body["refresh_token"]}
    renewed = httpx.post(f"{scene.base}/.crossfade/token", data=form, timeout=20, trust_env=False)
    assert renewed.status_code == 200, renewed.text


def test_a_logout_ends_what_the_login_began(scene: Scene) -> None:
    name = "ada" if scene.case.name in SUBJECT else "bea"  # where the cookie is the session, two of a user are one
    token = log_in(scene, name).json()["access_token"]
    headers = {"Authorization": f"Bearer {token}"}
    ended = httpx.post(f"{scene.base}/.crossfade/logout", headers=headers, timeout=20, trust_env=False)
    assert (ended.status_code, ended.json()["families"]) == (200, 1)
    assert '"code":"invalid_token"' in who(scene, token)


def test_a_wrong_password_is_told_as_such(scene: Scene) -> None:
    assert answer(log_in(scene, "eve", "wrong")) == (400, "invalid_grant")


def test_a_second_factor_is_not_stepped_over(scene: Scene) -> None:
    if scene.case.name not in ASKS_FOR_MORE:
        pytest.skip("this application has none")
    assert answer(log_in(scene, "otp")) == (409, "login_incomplete")


def test_the_application_sees_the_client_itself(scene: Scene) -> None:
    if scene.case.name != "django":
        pytest.skip("only this application tells what it saw")
    assert who(scene, log_in(scene, "ada").json()["access_token"], "/seen") == "127.0.0.1 Notes/1.0"


def test_an_application_that_fails_or_is_busy_is_told_apart(scene: Scene) -> None:
    if scene.case.name != "express-redis":
        pytest.skip("only this application does that")
    assert answer(log_in(scene, "broken")) == (503, "login_unavailable")
    busy = log_in(scene, "busy")
    assert (*answer(busy), busy.headers["retry-after"]) == (429, "too_many_requests", "7")


def test_only_a_client_that_lists_it_may_and_no_page_of_another_site(scene: Scene) -> None:
    assert answer(log_in(scene, "ada", client="other")) == (403, "client_not_allowed")
    assert answer(log_in(scene, "ada", client="web")) == (403, "origin_refused")


def test_one_name_can_be_tried_so_often_and_no_password_is_written_anywhere(scene: Scene) -> None:
    answers = [log_in(scene, name, "hunter2-wrong") for name in ("Mallory", "mallory") * 6]
    assert {answer(response)[1] for response in answers} == {"invalid_grant", "too_many_requests"}
    written = b"".join(path.read_bytes() for path in scene.folder.iterdir() if path.is_file())
    assert b"hunter2" not in written
    assert PASSWORD.encode() not in written


def test_an_application_that_is_away_is_503_and_nobody_is_refused(scene: Scene) -> None:
    """The last one: the application does not come back."""
    scene.app.stop()
    response = log_in(scene, "zoe")
    assert answer(response) == (503, "login_unavailable")
    assert "retry-after" in response.headers
