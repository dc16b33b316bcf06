"""N40 to N53: rotation, revocation and what is published, as a client meets them. One rule, one test."""

import asyncio

import pytest

from gateway.errors import StoreUnavailable
from tests.flow.tokens.world import ISSUER, MOBILE, WEB
from tests.web.site import API_SECRET, EXCHANGE, REFRESH, Site, bearer, code

TOKEN = "/.crossfade/token"
REVOKE = "/.crossfade/revoke"
DAY = 86400.0


async def present(site: Site, token: object, client: str = "mobile") -> tuple[int, str]:
    """Show a refresh token; return the status, and the new token or the code of the refusal."""
    data = {"grant_type": "refresh_token", "client_id": client, "refresh_token": token}
    response = await site.program.post(TOKEN, data=data)
    body = response.json()
    return response.status_code, body["refresh_token"] if response.status_code == 200 else body["code"]


async def begin(site: Site) -> str:
    """Return a refresh token that is old enough to be rotated."""
    token = str((await site.exchange_as_program())["refresh_token"])
    site.world.pass_time(60)
    return token


async def is_good(site: Site, access_token: object) -> bool:
    return (await site.program.get("/.crossfade/session", headers=bearer(access_token))).status_code == 200


async def test_n40_a_public_client_gets_another_token_at_each_use(site: Site) -> None:
    """N40 (RFC 9700 section 4.14.2): the refresh token of a public client is rotated on each use."""
    seen = [await begin(site)]
    for _ in range(3):
        status, token = await present(site, seen[-1])
        assert status == 200
        assert token not in seen
        seen.append(token)
        site.world.pass_time(60)


async def test_n41_a_rotated_token_does_not_outlive_the_first(site: Site) -> None:
    """N41 (OAuth for browser-based apps): the end was set at the exchange, and no rotation moves it."""
    token = await begin(site)
    for _ in range(6):
        site.world.pass_time(DAY)
        status, token = await present(site, token)
        assert status == 200
    site.world.pass_time(DAY)
    assert await present(site, token) == (400, "invalid_grant")


async def test_n42_a_token_that_nobody_uses_expires(site: Site) -> None:
    """N42 (RFC 9700 section 4.14.2): inactivity ends it."""
    token = await begin(site)
    site.world.pass_time(7 * DAY)
    assert await present(site, token) == (400, "invalid_grant")


async def test_n43_the_end_of_the_legacy_session_is_the_end_of_its_refresh_tokens(site: Site) -> None:
    """N43 (OAuth for browser-based apps): a logout in the application ends what was issued for its session."""
    token = await begin(site)
    site.world.app.log_out(b"s1")
    assert await present(site, token) == (400, "invalid_grant")
    site.world.app.log_in(b"s1", "ada")
    assert await present(site, token) == (400, "invalid_grant")


async def test_n44_a_replay_ends_the_whole_family(site: Site) -> None:
    """N44 (RFC 9700 section 4.14.2): a spent token that comes back takes the newest one and its access tokens along."""
    stolen = await begin(site)
    _, newest = await present(site, stolen)
    access_token = (await site.world.refresh(newest, MOBILE)).access_token
    site.world.pass_time(31)
    assert await present(site, stolen) == (400, "invalid_grant")
    assert await present(site, newest) == (400, "invalid_grant")
    assert not await is_good(site, access_token)


@pytest.mark.parametrize("at", [4, 20, 45, 47, 52])
async def test_n45_a_token_cannot_be_altered_or_used_by_another_client(site: Site, at: int) -> None:
    """N45 (RFC 9700 section 4.14.2): it is bound to its client, and one character less right is another token."""
    token = await begin(site)
    altered = token[:at] + ("A" if token[at] != "A" else "B") + token[at + 1 :]
    assert await present(site, altered) == (400, "invalid_grant")
    assert await present(site, token, client="idle") == (400, "invalid_grant")
    assert (await present(site, token))[0] == 200


@pytest.mark.parametrize("kind", ["access_token", "refresh_token"])
@pytest.mark.parametrize("hint", ["access_token", "refresh_token", "saml2"])
async def test_n46_all_kinds_are_searched_whatever_the_hint(site: Site, kind: str, hint: str) -> None:
    """N46 (RFC 7009 section 2.1): a wrong hint only costs time; the token is revoked at once, for everybody."""
    granted = await site.exchange_as_program()
    data = {"token": granted[kind], "token_type_hint": hint, "client_id": "mobile"}
    assert (await site.program.post(REVOKE, data=data)).status_code == 200
    assert not await is_good(site, granted["access_token"])


@pytest.mark.parametrize("token", ["junk", "rt1.x.y", "a.b.c"])
async def test_n46_an_unknown_token_is_a_success(site: Site, token: str) -> None:
    """N46 (RFC 7009 section 2.2): what does not exist needs no revocation, and a client can do nothing about it."""
    assert (await site.program.post(REVOKE, data={"token": token, "client_id": "mobile"})).status_code == 200


@pytest.mark.parametrize("kind", ["access_token", "refresh_token"])
async def test_n46_what_was_not_recorded_durably_is_503(site: Site, kind: str) -> None:
    """N46 (RFC 7009 section 2.2.1): 200 means that it lasts; else 503 with Retry-After, and the token is still good."""
    granted = await site.exchange_as_program()

    async def away(*_: object) -> None:
        raise StoreUnavailable(retry_after=7)

    kept = site.world.log.record, site.world.families.end_families
    site.world.log.record = site.world.families.end_families = away  # type: ignore[method-assign, assignment]
    response = await site.program.post(REVOKE, data={"token": granted[kind], "client_id": "mobile"})
    assert (*code(response), response.headers["retry-after"]) == (503, "store_unavailable", "7")
    site.world.log.record, site.world.families.end_families = kept  # type: ignore[method-assign]
    assert await is_good(site, granted["access_token"])


async def test_n47_introspection_tells_nothing_to_strangers_and_of_nothing(site: Site) -> None:
    """N47 (RFC 7662 sections 2.1 and 2.2): who asks proves itself, and what is not active is `active: false` alone."""
    granted = await site.exchange_as_program()
    path = "/.crossfade/introspect"
    assert code(await site.program.post(path, data={"token": granted["access_token"]})) == (401, "invalid_client")
    for token in ("junk", granted["refresh_token"], f"{granted['access_token']}A"):
        response = await site.program.post(path, data={"token": token}, auth=("api", API_SECRET))
        assert response.json() == {"active": False}


async def test_n48_a_revocation_holds_as_long_as_the_credential_could(site: Site) -> None:
    """N48 (RFC 7009 section 2): no fixed time makes a revoked seven-day token good again."""
    token = await begin(site)
    await site.program.post(REVOKE, data={"token": token, "client_id": "mobile"})
    for hours in (2, 24, 100):
        site.world.pass_time(hours * 3600.0)
        await site.world.families.delete_expired(site.world.now, 1000)
        assert await present(site, token) == (400, "invalid_grant")


async def test_n49_tokens_end_by_name_by_family_and_by_subject(site: Site) -> None:
    """N49: each scope ends what it names and no more; a later login is not touched by an earlier end."""
    world = site.world
    named, sibling = await world.exchange(), await world.exchange()
    await world.tokens.revoke(named.access_token, "", WEB, now=world.now)
    assert (await world.accepts(named), await world.accepts(sibling)) == (False, True)
    token = await world.verified(sibling)
    await world.tokens.end_family(token, world.now)
    assert not await world.accepts(sibling)
    third = await world.exchange()
    await world.tokens.logout(
        token=await world.verified(third), refresh_token=None, shown=None, everywhere=True, now=world.now
    )
    assert not await world.accepts(third)
    world.app.log_in(b"s2", "ada")
    assert await world.accepts(await world.exchange(b"s2"))


async def test_n50_the_grace_belongs_to_the_previous_token_and_is_not_renewed(site: Site) -> None:
    """N50: retries within the grace are answered, the last of them does not prolong it, and after it all is over."""
    token = await begin(site)
    _, successor = await present(site, token)
    site.world.pass_time(29)
    assert await present(site, token) == (200, successor)
    site.world.pass_time(2)
    assert await present(site, token) == (400, "invalid_grant")
    assert await present(site, successor) == (400, "invalid_grant")


async def test_n50_a_logout_within_the_grace_is_final(site: Site) -> None:
    """N50: the grace is for a family that lives; a logout is not undone by the token before."""
    token = await begin(site)
    _, successor = await present(site, token)
    await site.program.post("/.crossfade/logout", data={"refresh_token": successor})
    assert await present(site, token) == (400, "invalid_grant")
    assert await present(site, successor) == (400, "invalid_grant")


async def test_n51_a_lost_response_is_answered_again_to_the_byte(site: Site) -> None:
    """N51: however many ask with one token within the grace, each gets the very same successor."""
    token = await begin(site)
    answers = await asyncio.gather(*(present(site, token) for _ in range(50)))
    assert len(set(answers)) == 1
    assert answers[0][0] == 200


async def test_n52_an_outage_is_never_a_replay(site: Site) -> None:
    """N52: what could not be decided is 503 with Retry-After, clears no cookie, and the token is good afterwards."""
    await site.exchange()
    site.world.pass_time(60)
    rotate = site.world.families.rotate

    async def locked(*_: object, **__: object) -> None:
        raise StoreUnavailable

    site.world.families.rotate = locked  # type: ignore[method-assign, assignment]
    for _ in range(3):
        response = await site.browser.post(TOKEN, data=REFRESH)
        assert code(response) == (503, "store_unavailable")
        assert "retry-after" in response.headers
        assert "set-cookie" not in response.headers
    site.world.families.rotate = rotate  # type: ignore[method-assign]
    assert (await site.browser.post(TOKEN, data=REFRESH)).status_code == 200


async def test_n53_the_exchange_and_the_metadata_have_their_standard_shape(site: Site) -> None:
    """N53 (RFC 8693 section 2.2.1, RFC 8414 section 2): the names of the members are those of the RFCs."""
    granted = (await site.browser.post(TOKEN, data=EXCHANGE)).json()
    assert granted["issued_token_type"] == "urn:ietf:params:oauth:token-type:access_token"
    assert granted["token_type"] == "Bearer"
    refused = (await site.browser.post(TOKEN, data={**EXCHANGE, "audience": "elsewhere"})).json()
    assert refused["error"] == "invalid_target"
    metadata = (await site.program.get("/.well-known/oauth-authorization-server")).json()
    assert metadata["issuer"] == ISSUER
    assert {"jwks_uri", "revocation_endpoint", "introspection_endpoint", "token_endpoint"} <= metadata.keys()
