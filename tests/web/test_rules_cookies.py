"""N60 to N66: what a gateway in front of an application must keep about headers, cookies and forgery."""

import pytest

from gateway.core.routes import RouteTable, Rule
from gateway.flow.clients import Client
from gateway.http1.fields import FieldTable
from gateway.http1.head import build_head
from gateway.http1.limits import Limits
from gateway.model import Permit
from tests.flow.door import Door, request
from tests.flow.tokens.world import World
from tests.web.site import EXCHANGE, ORIGIN, REFRESH, REFRESH_COOKIE, Site, bearer, code

TOKEN = "/.crossfade/token"
IDENTITY = ("X-Auth-Subject", "X-Auth-Credential", "X-Auth-Session", "X-Auth-Scope", "X-Auth-Roles")


@pytest.mark.parametrize(
    "name", ["X-Auth-Subject", "x-auth-subject", "X_Auth_Subject", "x.auth.subject", "X-AUTH_subject", "X-Auth-Roles"]
)
def test_n60_a_clients_own_identity_header_never_travels_on(name: str) -> None:
    """N60 (RFC 9700 section 4.13): in no spelling that an application could fold to the one that we set."""
    pairs = [(b"Host", b"a"), (name.encode(), b"root"), (b"X-Kept", b"1"), (name.encode(), b"root")]
    head = build_head(b"GET", b"/", 1, pairs, FieldTable(IDENTITY), Limits())
    assert head.fields == [(b"X-Kept", b"1")]


@pytest.mark.parametrize("name", [b"X-Forwarded-For", b"x-forwarded-proto", b"X_Forwarded_Host", b"Forwarded"])
def test_n60_transport_headers_are_set_apart_from_what_travels_on(name: bytes) -> None:
    """N60 (RFC 9700 section 4.13): who the client is said to be counts only from a proxy that is listed."""
    head = build_head(b"GET", b"/", 1, [(b"Host", b"a"), (name, b"evil")], FieldTable(IDENTITY), Limits())
    assert head.fields == []


async def test_n61_our_cookies_are_out_of_the_reach_of_scripts_and_of_other_hosts(site: Site) -> None:
    """N61 (OAuth for browser-based apps, BFF): `__Host-`, Secure, HttpOnly, Path=/, SameSite, and no Domain."""
    (cookie,) = (await site.browser.post(TOKEN, data=EXCHANGE)).headers.get_list("set-cookie")
    assert cookie.startswith("__Host-")
    attributes = {attribute.partition("=")[0].lower() for attribute in cookie.split("; ")[1:]}
    assert attributes == {"path", "max-age", "secure", "httponly", "samesite"}
    assert "Path=/;" in cookie


async def test_n61_an_access_token_in_a_cookie_is_as_far_out_of_reach() -> None:
    """N61 (OAuth for browser-based apps, BFF): where pages are given tokens, scripts still see none but the body's."""
    world = await World().start()
    world.app.log_in(b"s1", "ada")
    site = Site(world, clients={"web": Client("web", "cookie", gets_access_cookie=True)})
    async with site.browser, site.program:
        for data in (EXCHANGE, REFRESH):
            cookies = (await site.browser.post(TOKEN, data=data)).headers.get_list("set-cookie")
            assert [cookie.partition("=")[0] for cookie in cookies] == ["__Host-crossfade_access", REFRESH_COOKIE]
            for cookie in cookies:
                assert "; Path=/; " in cookie
                assert cookie.endswith("; Secure; HttpOnly; SameSite=Lax")


@pytest.mark.parametrize("change", [{"origin": "https://evil.example"}, {"origin": "null"}, {"x-crossfade": "0"}])
@pytest.mark.parametrize(("path", "data"), [(TOKEN, EXCHANGE), (TOKEN, REFRESH), ("/.crossfade/logout", {})])
async def test_n62_a_forged_request_does_nothing_and_logs_nobody_out(
    site: Site, path: str, data: dict[str, str], change: dict[str, str]
) -> None:
    """N62 (OAuth for browser-based apps, BFF): each request that acts on a cookie shows the origin and the header."""
    await site.exchange()
    before = site.refresh_cookie
    response = await site.browser.post(path, data=data, headers=change)
    assert code(response) == (403, "origin_refused")
    assert site.refresh_cookie == before
    assert (await site.browser.post(TOKEN, data=REFRESH)).status_code == 200


@pytest.mark.parametrize("target", ["/x", "//evil.example/x", "/@evil.example", "/x?url=http://evil.example"])
async def test_n63_no_request_chooses_where_it_goes(site: Site, target: str) -> None:
    """N63 (OAuth for browser-based apps, BFF): a destination is an upstream of the configuration, whatever is asked."""
    door = Door(site.world)
    door.flow.routes = RouteTable([Rule("/*", upstream="app", relaxed=frozenset({"double_slash"}))])
    permit = await door.admit(request(target))
    assert isinstance(permit, Permit)
    assert permit.upstream == "app"


@pytest.mark.parametrize(
    "name", ["__host-crossfade_refresh", "__HOST-crossfade_refresh", "crossfade_refresh", "__Host-Crossfade_refresh"]
)
async def test_n64_a_cookie_that_looks_like_ours_is_not_ours(site: Site, name: str) -> None:
    """N64 (RFC 6265bis section 4.1.3.2): a name counts as written, since only that one is protected by its prefix."""
    await site.exchange()
    lookalike = {"cookie": f"{name}={site.refresh_cookie}"}
    assert code(await site.browser.post(TOKEN, data=REFRESH, headers=lookalike)) == (400, "invalid_grant")


async def test_n64_our_cookie_stays_far_below_what_a_browser_keeps(site: Site) -> None:
    """N64 (RFC 6265bis section 5.6): name and value stay under 4096 bytes, and Max-Age under 400 days."""
    (cookie,) = (await site.browser.post(TOKEN, data=EXCHANGE)).headers.get_list("set-cookie")
    assert len(cookie) < 4096
    assert int(cookie.partition("Max-Age=")[2].partition(";")[0]) <= 400 * 86400


@pytest.mark.parametrize("fields", [{"origin": ORIGIN}, {"sec-fetch-site": "same-origin"}, {"sec-fetch-dest": "empty"}])
async def test_n65_no_script_gets_a_refresh_token_into_its_hands(site: Site, fields: dict[str, str]) -> None:
    """N65 (OAuth for browser-based apps): a browser gets it as an HttpOnly cookie or not at all."""
    data = {**EXCHANGE, "client_id": "mobile"}
    response = await site.program.post(TOKEN, data=data, headers={"cookie": "sessionid=s1", **fields})
    assert code(response) == (403, "origin_refused")
    page = await site.browser.post(TOKEN, data=EXCHANGE)
    assert "refresh_token" not in page.json()
    assert str(site.refresh_cookie) not in page.text


async def test_n66_a_logout_ends_tokens_and_session_and_clears_what_was_cached(site: Site) -> None:
    """N66 (OWASP, session management): the end is on the server, and pages of the user do not come back."""
    granted = await site.exchange()
    response = await site.browser.post("/.crossfade/logout")
    assert response.headers["clear-site-data"] == '"cache"'
    assert site.refresh_cookie is None
    assert len(site.world.app.ended) == 1
    checked = await site.program.get("/.crossfade/session", headers=bearer(granted["access_token"]))
    assert code(checked) == (401, "invalid_token")


async def test_n66_a_new_session_id_takes_its_tokens_along_and_another_user_does_not(site: Site) -> None:
    """N66 (OWASP, session management): an id that is renewed keeps its user; with a change of user all tokens end."""
    world = site.world
    granted = await world.exchange()
    (family,) = await world.families.families_of_subject("ada", world.now)
    old = world.app.verdicts[b"s1"]
    world.app.log_in(b"s2", "eve")
    await world.tokens.move_session(old, world.app.verdicts[b"s2"], cookies={}, now=world.now)  # type: ignore[arg-type]
    ended = await world.families.find_family(family.id)
    assert ended is not None
    assert ended.ended_reason == "other_user"
    assert not await world.accepts(granted)


async def test_n66_idle_and_absolute_ends_are_kept_on_the_server(site: Site) -> None:
    """N66 (OWASP, session management): a cookie that a client kept too long is worth nothing."""
    await site.exchange()
    kept = {"cookie": f"{REFRESH_COOKIE}={site.refresh_cookie}"}
    site.world.pass_time(7 * 86400.0)
    assert code(await site.browser.post(TOKEN, data=REFRESH, headers=kept)) == (400, "invalid_grant")
