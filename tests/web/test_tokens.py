"""POST token: every way in, and every way to be refused."""

import asyncio

import httpx
import pytest

from gateway.errors import StoreUnavailable
from gateway.model import Anonymous, Phase, Undetermined
from tests.web.site import API_SECRET, EXCHANGE, ORIGIN, PROGRAM, REFRESH, REFRESH_COOKIE, Site, code

TOKEN = "/.crossfade/token"
ANSWER = {"access_token", "token_type", "expires_in", "refresh_expires_in", "subject", "phase"}


# --- the good ways ---


async def test_n61_n65_a_page_gets_an_access_token_and_a_cookie_that_no_script_can_read(site: Site) -> None:
    response = await site.browser.post(TOKEN, data=EXCHANGE)
    body = response.json()
    assert body.keys() == {*ANSWER, "issued_token_type"}
    assert (body["subject"], body["phase"]) == ("ada", "parallel")
    assert body["token_type"] == "Bearer"
    assert body["issued_token_type"] == "urn:ietf:params:oauth:token-type:access_token"
    assert (body["expires_in"], body["refresh_expires_in"]) == (3600, 604800)
    (cookie,) = response.headers.get_list("set-cookie")
    value, *attributes = cookie.split("; ")
    assert value.startswith(f"{REFRESH_COOKIE}=rt1.")
    assert attributes == ["Path=/", "Max-Age=604800", "Secure", "HttpOnly", "SameSite=Lax"]


async def test_n36_answers_with_tokens_are_stored_by_nobody(site: Site) -> None:
    response = await site.browser.post(TOKEN, data=EXCHANGE)
    assert response.headers["cache-control"] == "no-store"
    assert response.headers["pragma"] == "no-cache"
    assert response.headers["content-type"] == "application/json"
    assert response.headers["x-crossfade"] == "1"


async def test_a_program_gets_its_refresh_token_in_the_body_and_no_cookie(site: Site) -> None:
    data = {**EXCHANGE, "client_id": "mobile"}
    response = await site.program.post(TOKEN, data=data, headers={"cookie": "sessionid=s1"})
    assert response.json()["refresh_token"].startswith("rt1.")
    assert "set-cookie" not in response.headers


async def test_a_page_refreshes_by_its_cookie(site: Site) -> None:
    await site.exchange()
    before = site.refresh_cookie
    site.world.pass_time(60)
    response = await site.browser.post(TOKEN, data=REFRESH)
    assert response.json().keys() == ANSWER
    assert site.refresh_cookie != before


async def test_a_program_without_cookies_needs_no_header_of_ours_to_refresh(site: Site) -> None:
    granted = await site.exchange_as_program()
    site.world.pass_time(60)
    data = {**REFRESH, "client_id": "mobile", "refresh_token": granted["refresh_token"]}
    response = await site.program.post(TOKEN, data=data, headers={"x-crossfade": "", "cookie": "theme=dark"})
    assert response.status_code == 200
    assert response.json()["refresh_token"] != granted["refresh_token"]


async def test_the_scope_of_the_session_is_told(site: Site) -> None:
    session = site.world.app.verdicts[b"s1"]
    session.claims["scope"] = "read"  # type: ignore[union-attr, index]
    assert (await site.exchange())["scope"] == "read"


async def test_a_confidential_client_proves_itself(site: Site) -> None:
    data = {**EXCHANGE, "client_id": "api"}
    headers = {"cookie": "sessionid=s1"}
    refused = await site.program.post(TOKEN, data=data, headers=headers)
    assert code(refused) == (401, "invalid_client")
    granted = await site.program.post(TOKEN, data=data, headers=headers, auth=("api", API_SECRET))
    assert granted.status_code == 200


async def test_racing_tabs_get_one_successor(site: Site) -> None:
    await site.exchange()
    site.world.pass_time(60)
    cookie = {"cookie": f"{REFRESH_COOKIE}={site.refresh_cookie}"}
    tabs = await asyncio.gather(*(site.browser.post(TOKEN, data=REFRESH, headers=cookie) for _ in range(5)))
    assert {tab.status_code for tab in tabs} == {200}
    assert len({tab.headers["set-cookie"].split(";")[0] for tab in tabs}) == 1


async def test_a_replay_ends_the_family_and_takes_the_cookie_away(site: Site) -> None:
    await site.exchange()
    stolen = site.refresh_cookie
    site.world.pass_time(60)
    granted = (await site.browser.post(TOKEN, data=REFRESH)).json()
    site.world.pass_time(31)
    thief = await site.browser.post(TOKEN, data=REFRESH, headers={"cookie": f"{REFRESH_COOKIE}={stolen}"})
    assert code(thief) == (400, "invalid_grant")
    assert site.refresh_cookie is None
    answer = await site.browser.get(
        "/.crossfade/session", headers={"authorization": f"Bearer {granted['access_token']}"}
    )
    assert code(answer) == (401, "invalid_token")


async def test_a_lost_answer_can_be_fetched_again_by_its_idempotency_key(site: Site) -> None:
    headers = {"idempotency-key": "0b0d2f0e-4b5e"}
    first = await site.browser.post(TOKEN, data=EXCHANGE, headers=headers)
    again = await site.browser.post(TOKEN, data=EXCHANGE, headers=headers)
    assert first.headers["set-cookie"] == again.headers["set-cookie"]
    site.world.pass_time(30)
    assert code(await site.browser.post(TOKEN, data=EXCHANGE, headers=headers)) == (400, "invalid_request")


# --- what an exchange may not ask for ---


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({"grant_type": ""}, (400, "invalid_request")),
        ({"grant_type": "password"}, (400, "unsupported_grant_type")),
        ({"grant_type": "authorization_code"}, (400, "unsupported_grant_type")),
        ({"subject_token_type": ""}, (400, "invalid_request")),
        ({"subject_token_type": "urn:ietf:params:oauth:token-type:jwt"}, (400, "invalid_request")),
        ({"requested_token_type": "urn:ietf:params:oauth:token-type:refresh_token"}, (400, "invalid_request")),
        ({"audience": "billing"}, (400, "invalid_target")),
        ({"resource": "https://billing.example"}, (400, "invalid_target")),
        ({"actor_token": "x"}, (400, "invalid_request")),
        ({"access_token": "x"}, (400, "invalid_request")),  # N30
        ({"client_secret": "x"}, (400, "invalid_request")),
        ({"client_id": ""}, (401, "invalid_client")),
        ({"client_id": "nobody"}, (401, "invalid_client")),
        ({"client_id": "idle"}, (403, "client_not_allowed")),
        ({"audience": "app"}, None),
        ({"requested_token_type": "urn:ietf:params:oauth:token-type:access_token"}, None),
        ({"subject_token": "whatever", "scope": "all", "unknown": "1"}, None),
    ],
)
async def test_parameters_of_an_exchange(site: Site, change: dict[str, str], expected: tuple[int, str] | None) -> None:
    response = await site.browser.post(TOKEN, data={**EXCHANGE, **change})
    assert (response.status_code, None) == (200, None) if expected is None else code(response) == expected
    if response.status_code == 400:
        assert response.json()["error"] == expected[1] if expected else False


@pytest.mark.parametrize("key", ["", "short", "x" * 201, "with a space", "tab\there"])
async def test_an_idempotency_key_must_be_one(site: Site, key: str) -> None:
    response = await site.browser.post(TOKEN, data=EXCHANGE, headers={"idempotency-key": key})
    assert code(response) == (400, "invalid_request")


@pytest.mark.parametrize(
    ("verdict", "expected"),
    [
        (Anonymous("expired"), (409, "session_unverifiable")),
        (Anonymous("bad_signature"), (409, "session_unverifiable")),
        (Undetermined("unreachable"), (503, "session_undetermined")),
    ],
)
async def test_a_session_that_is_none(site: Site, verdict: Anonymous | Undetermined, expected: tuple[int, str]) -> None:
    site.world.app.verdicts[b"s1"] = verdict
    response = await site.browser.post(TOKEN, data=EXCHANGE)
    assert code(response) == expected
    assert "set-cookie" not in response.headers


async def test_without_a_session_cookie_a_login_is_required(site: Site) -> None:
    site.browser.cookies.clear()
    response = await site.browser.post(TOKEN, data=EXCHANGE)
    assert code(response) == (401, "login_required")
    assert response.headers["www-authenticate"] == 'Bearer realm="crossfade"'  # N32: no error word


async def test_the_cap_of_families_is_told(site: Site) -> None:
    for _ in range(site.world.policy.family_cap):
        await site.exchange()
    assert code(await site.browser.post(TOKEN, data=EXCHANGE)) == (429, "too_many_families")


# --- what a refresh may not ask for ---


async def test_a_page_without_a_refresh_cookie_is_told_that_it_has_no_grant(site: Site) -> None:
    assert code(await site.browser.post(TOKEN, data=REFRESH)) == (400, "invalid_grant")


@pytest.mark.parametrize("value", ["", "junk", "rt1.AAAA.AAAA"])
async def test_a_refresh_cookie_that_is_none_is_taken_away(site: Site, value: str) -> None:
    response = await site.browser.post(TOKEN, data=REFRESH, headers={"cookie": f"{REFRESH_COOKIE}={value}"})
    assert code(response) == (400, "invalid_grant")
    names = {field.split("=")[0] for field in response.headers.get_list("set-cookie")}
    assert names == {"__Host-crossfade_access", REFRESH_COOKIE}
    assert all("Max-Age=0" in field for field in response.headers.get_list("set-cookie"))


async def test_n64_only_the_exact_name_is_our_cookie(site: Site) -> None:
    await site.exchange()
    lookalike = {"cookie": f"__host-crossfade_refresh={site.refresh_cookie}"}
    assert code(await site.browser.post(TOKEN, data=REFRESH, headers=lookalike)) == (400, "invalid_grant")


async def test_two_refresh_cookies_are_refused(site: Site) -> None:
    await site.exchange()
    twice = {"cookie": f"{REFRESH_COOKIE}=a; {REFRESH_COOKIE}={site.refresh_cookie}"}
    assert code(await site.browser.post(TOKEN, data=REFRESH, headers=twice)) == (400, "bad_request")


async def test_a_page_does_not_send_its_refresh_token_in_the_body(site: Site) -> None:
    await site.exchange()
    data = {**REFRESH, "refresh_token": site.refresh_cookie}
    assert code(await site.browser.post(TOKEN, data=data)) == (400, "invalid_request")


async def test_a_program_must_send_its_refresh_token(site: Site) -> None:
    assert code(await site.program.post(TOKEN, data={**REFRESH, "client_id": "mobile"})) == (400, "invalid_request")


async def test_a_program_gets_no_cookie_to_delete_when_its_token_is_worth_nothing(site: Site) -> None:
    data = {**REFRESH, "client_id": "mobile", "refresh_token": "junk"}
    response = await site.program.post(TOKEN, data=data)
    assert code(response) == (400, "invalid_grant")
    assert "set-cookie" not in response.headers


async def test_an_outage_is_no_invalid_grant_and_clears_no_cookie(site: Site) -> None:
    await site.exchange()

    async def away(*_: object, **__: object) -> None:
        raise StoreUnavailable

    site.world.families.rotate = away  # type: ignore[method-assign, assignment]
    response = await site.browser.post(TOKEN, data=REFRESH)
    assert code(response) == (503, "store_unavailable")
    assert response.headers["retry-after"] == "1"
    assert "set-cookie" not in response.headers
    assert site.refresh_cookie is not None


# --- N62: cross-site request forgery, and refresh tokens in scripts ---

CSRF_ROWS = [
    ({}, None),
    ({"origin": None}, "origin_refused"),
    ({"origin": "https://evil.example"}, "origin_refused"),
    ({"origin": "null"}, "origin_refused"),
    ({"origin": "http://www.example.com"}, "origin_refused"),
    ({"origin": f"{ORIGIN}:443"}, "origin_refused"),
    ({"origin": f"{ORIGIN}.evil.example"}, "origin_refused"),
    ({"origin": "https://WWW.EXAMPLE.COM"}, "origin_refused"),
    ({"x-crossfade": None}, "origin_refused"),
    ({"x-crossfade": "0"}, "origin_refused"),
    ({"host": "evil.example", "origin": "https://evil.example"}, "origin_refused"),
]


def with_changes(headers: httpx.Headers, change: dict[str, str | None]) -> dict[str, str]:
    merged = {**dict(headers), **change}
    return {name: value for name, value in merged.items() if value is not None}


async def send(site: Site, path: str, data: dict[str, str], change: dict[str, str | None]) -> httpx.Response:
    """Send exactly the headers of the browser with the changes, its cookies included."""
    cookies = "; ".join(f"{name}={value}" for name, value in site.browser.cookies.items())
    headers = with_changes(httpx.Headers(site.browser.headers), {"cookie": cookies, **change})
    async with httpx.AsyncClient(transport=site.browser._transport, base_url=ORIGIN) as client:
        return await client.post(path, data=data, headers=headers)


@pytest.mark.parametrize(("change", "expected"), CSRF_ROWS)
@pytest.mark.parametrize("action", ["exchange", "refresh", "logout"])
async def test_only_a_page_of_the_site_acts_on_cookies(
    site: Site, action: str, change: dict[str, str | None], expected: str | None
) -> None:
    await site.exchange()
    path, data = {
        "exchange": (TOKEN, EXCHANGE),
        "refresh": (TOKEN, REFRESH),
        "logout": ("/.crossfade/logout", {}),
    }[action]
    response = await send(site, path, data, change)
    if expected is None:
        assert response.status_code == 200
        return
    assert code(response) == (403, expected)
    assert "set-cookie" not in response.headers  # a forged request must not log anybody out
    assert site.world.app.ended == []


@pytest.mark.parametrize(
    "headers",
    [
        {"origin": ORIGIN, "x-crossfade": "1"},
        {"origin": "https://evil.example", "x-crossfade": "1"},
        {"sec-fetch-site": "same-origin", "x-crossfade": "1"},
        {"Sec-Fetch-Mode": "cors", "x-crossfade": "1"},
    ],
)
async def test_a_browser_never_gets_a_refresh_token_in_a_body(site: Site, headers: dict[str, str]) -> None:
    granted = await site.exchange_as_program()
    exchange = {**EXCHANGE, "client_id": "mobile"}
    refresh = {**REFRESH, "client_id": "mobile", "refresh_token": granted["refresh_token"]}
    for data in (exchange, refresh):
        response = await site.program.post(TOKEN, data=data, headers={"cookie": "sessionid=s1", **headers})
        assert code(response) == (403, "origin_refused")


async def test_a_program_that_acts_on_a_cookie_says_that_it_means_us(site: Site) -> None:
    data = {**EXCHANGE, "client_id": "mobile"}
    response = await site.program.post(TOKEN, data=data, headers={"cookie": "sessionid=s1", "x-crossfade": "0"})
    assert code(response) == (403, "origin_refused")


# --- phases ---


@pytest.mark.parametrize(
    ("phase", "expected"),
    [
        (Phase.OFF, (409, "phase_off")),
        (Phase.HANDBACK, (409, "issuing_suspended")),
        (Phase.SHADOW, (409, "phase_off")),
    ],
)
async def test_no_tokens_are_given_out_where_the_phase_does_not_allow_it(
    site: Site, phase: Phase, expected: tuple[int, str]
) -> None:
    await site.exchange()
    site.in_phase(phase)
    for data in (EXCHANGE, REFRESH):
        response = await site.browser.post(TOKEN, data=data)
        assert code(response) == expected
        assert response.json()["phase"] == phase
        assert "set-cookie" not in response.headers


# --- nothing secret is said ---


async def test_no_error_and_no_log_holds_a_token_or_a_cookie(site: Site, caplog: pytest.LogCaptureFixture) -> None:
    """CVE-2022-23469: whatever is said of a request, its credentials are not."""
    await site.exchange()
    secrets = [str(site.refresh_cookie), "s1-very-secret"]
    site.browser.cookies.set("sessionid", "s1-very-secret", domain="www.example.com")
    requests = [
        {**EXCHANGE},
        {**REFRESH, "client_id": "mobile", "refresh_token": secrets[0]},
        {**REFRESH, "refresh_token": secrets[0]},
        {"token": secrets[0]},
        {**EXCHANGE, "grant_type": secrets[0]},
        {**EXCHANGE, "client_id": secrets[0]},
        {**EXCHANGE, "subject_token_type": secrets[0]},
    ]
    for data in requests:
        response = await site.browser.post(TOKEN, data=data, headers=PROGRAM)
        assert response.status_code >= 400
        shown = response.text + str(response.headers) + caplog.text
        assert not any(secret in shown for secret in secrets)


async def test_a_refresh_cookie_beside_another_users_session_is_taken_away(site: Site) -> None:
    await site.exchange()
    site.world.app.log_in(b"s2", "bob")
    both = {"cookie": f"sessionid=s2; {REFRESH_COOKIE}={site.refresh_cookie}"}
    response = await site.browser.post(TOKEN, data=REFRESH, headers=both)
    assert code(response) == (400, "invalid_grant")
    assert any(field.startswith(f"{REFRESH_COOKIE}=;") for field in response.headers.get_list("set-cookie"))
