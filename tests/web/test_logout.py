"""POST logout: both worlds end, whatever the client shows."""

import pytest

from gateway.errors import (
    GatewayError,
    RevocationUnavailable,
    SessionEnded,
    SessionUndetermined,
    StoreUnavailable,
    VaultUnavailable,
)
from gateway.model import Phase
from tests.web.site import ELSEWHERE, EXCHANGE, REFRESH_COOKIE, Site, bearer, code

LOGOUT = "/.crossfade/logout"


async def is_good(site: Site, token: object) -> bool:
    response = await site.program.get("/.crossfade/session", headers=bearer(token))
    return response.status_code == 200


async def test_a_page_logs_out_of_both_worlds_by_its_cookies(site: Site) -> None:
    granted = await site.exchange()
    response = await site.browser.post(LOGOUT)
    assert response.json() == {"families": 1, "session": "ended"}
    deleted = {field.split("=")[0] for field in response.headers.get_list("set-cookie")}
    assert deleted == {"__Host-crossfade_access", REFRESH_COOKIE, "sessionid"}
    assert response.headers["clear-site-data"] == '"cache"'  # N66
    assert response.headers["cache-control"] == "no-store"
    assert not await is_good(site, granted["access_token"])
    assert [dict(ended.cookies) for ended in site.world.app.ended] == [{b"sessionid": b"s1"}]
    assert code(await site.browser.post("/.crossfade/token", data=EXCHANGE)) == (401, "login_required")


async def test_a_page_without_a_session_cookie_logs_out_by_its_refresh_cookie(site: Site) -> None:
    granted = await site.exchange()
    site.browser.cookies.delete("sessionid")
    response = await site.browser.post(LOGOUT)
    assert response.json() == {"families": 1, "session": "ended"}
    assert not await is_good(site, granted["access_token"])


@pytest.mark.parametrize("token", ["junk", "a.b.c"])
async def test_a_page_whose_access_token_is_worth_nothing_logs_out_by_its_cookies(site: Site, token: str) -> None:
    await site.exchange()
    response = await site.browser.post(LOGOUT, headers=bearer(token))
    assert response.json()["families"] == 1


async def test_a_page_with_nothing_but_a_bad_token_is_told_so(site: Site) -> None:
    granted = await site.exchange()
    site.world.pass_time(3600 + 30)
    site.browser.cookies.clear()
    response = await site.browser.post(LOGOUT, headers=bearer(granted["access_token"]))
    assert code(response) == (401, "invalid_token")


async def test_a_page_is_logged_out_even_when_nobody_can_say_whether_its_token_was_revoked(site: Site) -> None:
    granted = await site.exchange()

    async def away(_: object) -> None:
        raise RevocationUnavailable

    site.world.revocation.look_up = away  # type: ignore[method-assign, assignment]
    response = await site.browser.post(LOGOUT, headers=bearer(granted["access_token"]))
    assert response.json()["families"] == 1


@pytest.mark.parametrize("error", [SessionEnded, SessionUndetermined, VaultUnavailable])
async def test_a_page_whose_token_stands_for_no_session_that_is_known_logs_out_by_its_cookies(
    site: Site, error: type[GatewayError]
) -> None:
    granted = await site.exchange()

    async def doubt(*_: object) -> None:
        raise error

    site.world.tokens.ask_before_accepting(doubt)
    response = await site.browser.post(LOGOUT, headers=bearer(granted["access_token"]))
    assert response.json()["families"] == 1
    response = await site.program.post(LOGOUT, headers=bearer(granted["access_token"]))
    assert code(response)[0] in {401, 503}


async def test_a_page_that_is_logged_out_already_is_told_that_nothing_was_there(site: Site) -> None:
    site.browser.cookies.clear()
    response = await site.browser.post(LOGOUT)
    assert response.json() == {"families": 0, "session": "none"}


async def test_a_session_that_the_application_kept_is_not_said_to_have_ended(site: Site) -> None:
    site.world.app.refuses_logout = True
    await site.exchange()
    response = await site.browser.post(LOGOUT)
    assert response.json() == {"families": 1, "session": "unknown"}
    assert any(field.startswith("sessionid=;") for field in response.headers.get_list("set-cookie"))


@pytest.mark.parametrize("credential", ["bearer", "refresh_token"])
async def test_a_program_logs_out_without_any_cookie(site: Site, credential: str) -> None:
    granted = await site.exchange_as_program()
    headers = bearer(granted["access_token"]) if credential == "bearer" else {}
    data = {"refresh_token": granted["refresh_token"]} if credential == "refresh_token" else {}
    response = await site.program.post(LOGOUT, data=data, headers={**headers, "x-crossfade": ""})
    assert response.json() == {"families": 1, "session": "ended"}
    assert "set-cookie" not in response.headers
    assert not await is_good(site, granted["access_token"])


async def test_the_cookies_of_a_program_that_shows_a_bearer_are_left_alone(site: Site) -> None:
    site.world.app.log_in(b"s2", "bob")
    granted = await site.exchange_as_program()
    headers = {**bearer(granted["access_token"]), "cookie": "sessionid=s2"}
    await site.program.post(LOGOUT, headers=headers)
    assert [ended.subject for ended in site.world.app.ended] == ["ada"]


async def test_a_page_of_a_listed_origin_logs_out_by_bearer_alone(site: Site) -> None:
    granted = await site.exchange_as_program()
    headers = {**bearer(granted["access_token"]), "origin": ELSEWHERE}
    response = await site.program.post(LOGOUT, headers=headers)
    assert response.status_code == 200
    assert response.headers["access-control-allow-origin"] == ELSEWHERE


async def test_everywhere_ends_the_other_sessions_of_the_user(site: Site) -> None:
    site.world.app.log_in(b"s2", "ada")
    here = await site.exchange()
    site.browser.cookies.set("sessionid", "s2", domain="www.example.com")
    there = await site.exchange()
    response = await site.browser.post(LOGOUT, data={"everywhere": "true"})
    assert response.json() == {"families": 2, "session": "ended"}
    assert not await is_good(site, here["access_token"])
    assert not await is_good(site, there["access_token"])
    assert sorted(ended.session_key for ended in site.world.app.ended) == ["s1", "s2"]


@pytest.mark.parametrize(
    ("data", "headers", "expected"),
    [
        ({}, {}, (403, "origin_refused")),
        ({}, {"cookie": "sessionid=s1"}, (403, "origin_refused")),
        ({}, {"authorization": "Basic eDp5"}, (403, "origin_refused")),
        ({}, bearer("rt1.x.y"), (401, "invalid_token")),
        ({"refresh_token": "x"}, {"origin": ELSEWHERE}, (403, "origin_refused")),
        ({"refresh_token": "x"}, {"sec-fetch-site": "none"}, (403, "origin_refused")),
        ({"everywhere": "yes"}, {}, (400, "invalid_request")),
        ({"everywhere": "1"}, {}, (400, "invalid_request")),
        ({"refresh_token": "junk"}, {}, None),  # an unknown token has nothing to end
        ({"refresh_token": "junk", "everywhere": "false"}, {}, None),
    ],
)
async def test_what_a_program_may_not(
    site: Site, data: dict[str, str], headers: dict[str, str], expected: tuple[int, str] | None
) -> None:
    response = await site.program.post(LOGOUT, data=data, headers=headers)
    if expected is None:
        assert response.json() == {"families": 0, "session": "none"}
    else:
        assert code(response) == expected


async def test_a_logout_that_cannot_be_recorded_is_503_and_clears_nothing(site: Site) -> None:
    await site.exchange()

    async def away(*_: object) -> None:
        raise StoreUnavailable

    site.world.families.end_families = away  # type: ignore[method-assign, assignment]
    response = await site.browser.post(LOGOUT)
    assert code(response) == (503, "store_unavailable")
    assert "set-cookie" not in response.headers


@pytest.mark.parametrize(("phase", "status"), [(Phase.OFF, 409), (Phase.HANDBACK, 200)])
async def test_logging_out_works_as_long_as_tokens_count(site: Site, phase: Phase, status: int) -> None:
    await site.exchange()
    site.in_phase(phase)
    assert (await site.browser.post(LOGOUT)).status_code == status
