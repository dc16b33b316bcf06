"""The whole idea on a real session application that was not changed."""

import httpx

from tests.e2e.browser import Browser
from tests.e2e.world import World


def me(browser: Browser, *, token: str = "") -> tuple[int, object]:
    response = browser.with_token("GET", "/api/me", token=token)
    return response.status_code, response.json().get("user") if response.status_code == 200 else response.json().get(
        "code"
    )


def signed_in(world: World) -> Browser:
    browser = world.browser()
    browser.log_in()
    response = browser.exchange()
    assert response.status_code == 200, response.text
    return browser


def test_a_cookie_works_as_before(world: World) -> None:
    browser = world.browser()
    assert browser.get("/api/me").status_code == 401
    browser.log_in()
    assert browser.get("/api/me").json() == {"user": "ada"}


def test_a_session_becomes_tokens_and_the_token_alone_is_the_same_user(world: World) -> None:
    browser = world.browser()
    browser.log_in()
    response = browser.exchange()
    grant = response.json()
    assert response.headers["cache-control"] == "no-store"
    assert grant["token_type"] == "Bearer"
    assert 0 < grant["expires_in"] <= 3600
    assert "refresh_token" not in grant
    assert "__Host-crossfade_refresh" in browser.cookies
    assert me(browser) == (200, "ada")


def test_a_token_alone_may_post_although_the_application_checks_csrf(world: World) -> None:
    browser = signed_in(world)
    response = browser.with_token("POST", "/api/notes", json={"text": "from a token"})
    assert response.status_code == 201, response.text
    assert response.json()["user"] == "ada"
    assert any(note["text"] == "from a token" for note in browser.with_token("GET", "/api/notes").json()["notes"])


def test_a_cookie_alone_still_needs_the_csrf_pair(world: World) -> None:
    browser = world.browser()
    browser.log_in()
    assert browser.send("POST", "/api/notes", json={"text": "forged"}).status_code == 403


def test_one_logout_here_ends_both_worlds(world: World) -> None:
    browser = signed_in(world)
    token, session = browser.token, browser.cookies["sessionid"]
    response = browser.own("logout", headers={"Authorization": f"Bearer {token}"})
    assert response.status_code == 200, response.text
    assert me(browser, token=token) == (401, "invalid_token")
    assert Browser(world.app_base, {"sessionid": session}).get("/api/me").status_code == 401
    assert "sessionid" not in browser.cookies
    assert "__Host-crossfade_refresh" not in browser.cookies


def test_a_logout_in_the_application_ends_the_tokens(world: World) -> None:
    browser = signed_in(world)
    refresh = browser.cookies["__Host-crossfade_refresh"]
    assert browser.log_out_of_the_application().status_code == 302
    assert me(browser) == (401, "invalid_token")
    browser.cookies["__Host-crossfade_refresh"] = refresh
    response = browser.refresh()
    assert (response.status_code, response.json()["code"]) == (400, "invalid_grant")


def test_a_refresh_gives_a_new_access_token_and_the_young_refresh_token_stays(world: World) -> None:
    browser = signed_in(world)
    before, refresh = browser.token, browser.cookies["__Host-crossfade_refresh"]
    assert browser.refresh().status_code == 200
    assert browser.token != before
    assert browser.cookies["__Host-crossfade_refresh"] == refresh
    assert me(browser) == (200, "ada")


def test_a_session_rotated_by_a_token_request_goes_to_the_vault_and_to_the_browser_that_holds_both(
    world: World,
) -> None:
    browser = signed_in(world)
    old = browser.cookies["sessionid"]
    rotated = browser.with_token("GET", "/rotate/", with_cookies=True)
    assert rotated.status_code == 200, rotated.text
    assert browser.cookies["sessionid"] != old
    assert me(browser) == (200, "ada")
    assert browser.get("/api/me").json() == {"user": "ada"}
    assert Browser(world.app_base, {"sessionid": browser.cookies["sessionid"]}).get("/api/me").status_code == 200


def test_a_session_rotated_by_a_token_only_client_stays_with_the_token(world: World) -> None:
    browser = signed_in(world)
    rotated = browser.with_token("GET", "/rotate/")
    assert rotated.status_code == 200
    assert "sessionid" not in " ".join(rotated.headers.get_list("set-cookie"))
    assert me(browser) == (200, "ada")


def test_a_session_rotated_by_the_cookie_carries_its_tokens_along(world: World) -> None:
    browser = signed_in(world)
    assert browser.get("/rotate/").status_code == 200
    assert me(browser) == (200, "ada")
    assert browser.refresh().status_code == 200


def test_two_users_never_meet(world: World) -> None:
    ada = signed_in(world)
    stranger = world.browser()
    assert stranger.with_token("GET", "/api/me", token=ada.token[:-4] + "AAAA").status_code == 401
    assert stranger.get("/api/me").status_code == 401
    spoofed = stranger.get("/api/me", headers={"X-Auth-Subject": "1", "X_Auth_Subject": "1"})
    assert spoofed.status_code == 401


def test_a_bad_bearer_never_falls_through_to_a_good_cookie(world: World) -> None:
    browser = signed_in(world)
    response = browser.with_token("GET", "/api/me", token=browser.token[:-4] + "AAAA", with_cookies=True)
    assert (response.status_code, response.json()["code"]) == (401, "invalid_token")
    assert 'error="invalid_token"' in response.headers["www-authenticate"]
    assert response.headers["x-crossfade"] == "1"


def test_our_endpoints_refuse_what_another_site_sends(world: World) -> None:
    browser = world.browser()
    browser.log_in()
    for headers in ({"Origin": "https://evil.example"}, {"X-Crossfade": ""}):
        response = browser.own(
            "token",
            {
                "grant_type": "urn:ietf:params:oauth:grant-type:token-exchange",
                "subject_token_type": "urn:crossfade:params:oauth:token-type:session-cookie",
                "client_id": "web",
            },
            headers=headers,
        )
        assert (response.status_code, response.json()["code"]) == (403, "origin_refused")


def test_a_visitor_without_a_session_gets_no_tokens_and_a_clear_word(world: World) -> None:
    response = world.browser().exchange()
    assert (response.status_code, response.json()["code"]) == (401, "login_required")
    stale = world.browser()
    stale.cookies["sessionid"] = "abcdefghijklmnopqrstuvwxyz012345"
    response = stale.exchange()
    assert (response.status_code, response.json()["code"]) == (409, "session_unverifiable")


def test_the_session_endpoint_says_who_and_by_what(world: World) -> None:
    browser = signed_in(world)
    by_cookie = browser.get("/.crossfade/session", headers={"X-Crossfade": "1"}).json()
    by_token = browser.with_token("GET", "/.crossfade/session").json()
    assert by_cookie["credential"] == "session"
    assert by_token["credential"] == "bearer"
    assert by_token["phase"] == "parallel"
    assert by_token["subject"] == by_cookie["subject"]


def exchange_for_a_program(world: World, browser: Browser, **headers: str) -> httpx.Response:
    form = {
        "grant_type": "urn:ietf:params:oauth:grant-type:token-exchange",
        "subject_token_type": "urn:crossfade:params:oauth:token-type:session-cookie",
        "client_id": "mobile",
    }
    sent = {"Cookie": f"sessionid={browser.cookies['sessionid']}", "X-Crossfade": "1"} | headers
    return httpx.post(f"{world.base}/.crossfade/token", data=form, headers=sent, trust_env=False)


def test_a_mobile_client_gets_its_refresh_token_in_the_body_and_uses_it(world: World) -> None:
    browser = world.browser()
    browser.log_in()
    grant = exchange_for_a_program(world, browser).json()
    form = {"grant_type": "refresh_token", "refresh_token": grant["refresh_token"], "client_id": "mobile"}
    again = httpx.post(f"{world.base}/.crossfade/token", data=form, trust_env=False)
    assert again.status_code == 200, again.text
    assert me(browser, token=again.json()["access_token"]) == (200, "ada")


def test_a_page_never_gets_a_refresh_token_into_its_hands(world: World) -> None:
    browser = world.browser()
    browser.log_in()
    for header in ({"Origin": world.base}, {"Sec-Fetch-Mode": "cors"}):
        response = exchange_for_a_program(world, browser, **header)
        assert (response.status_code, response.json()["code"]) == (403, "origin_refused")
