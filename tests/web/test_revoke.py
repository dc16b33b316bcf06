"""POST revoke (RFC 7009) and POST introspect (RFC 7662)."""

import httpx
import pytest

from gateway.errors import RevocationUnavailable, StoreUnavailable
from gateway.model import Phase
from tests.web.site import API_SECRET, Site, bearer, code

REVOKE = "/.crossfade/revoke"
INTROSPECT = "/.crossfade/introspect"


async def introspect(site: Site, token: object, client: str = "api", secret: str = API_SECRET) -> httpx.Response:
    return await site.program.post(INTROSPECT, data={"token": token}, auth=(client, secret))


@pytest.mark.parametrize("kind", ["access_token", "refresh_token"])
@pytest.mark.parametrize("hint", ["", "access_token", "refresh_token", "unknown"])
async def test_n46_a_token_is_revoked_whatever_the_hint(site: Site, kind: str, hint: str) -> None:
    granted = await site.exchange_as_program()
    data = {"token": granted[kind], "token_type_hint": hint, "client_id": "mobile"}
    response = await site.program.post(REVOKE, data=data)
    assert (response.status_code, response.headers["cache-control"]) == (200, "no-store")
    session = await site.program.get("/.crossfade/session", headers=bearer(granted["access_token"]))
    assert code(session) == (401, "invalid_token")


@pytest.mark.parametrize("token", ["junk", "rt1.a.b", "a.b.c"])
async def test_n46_an_unknown_token_is_answered_with_200(site: Site, token: str) -> None:
    response = await site.program.post(REVOKE, data={"token": token, "client_id": "mobile"})
    assert response.status_code == 200


async def test_a_page_may_revoke_its_access_token(site: Site) -> None:
    granted = await site.exchange()
    data = {"token": granted["access_token"], "client_id": "web"}
    assert (await site.browser.post(REVOKE, data=data)).status_code == 200


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        ({"client_id": "mobile"}, (400, "invalid_request")),
        ({"client_id": "mobile", "token": ""}, (400, "invalid_request")),
        ({"client_id": "mobile", "token": "x", "client_secret": "y"}, (400, "invalid_request")),
        ({"token": "x"}, (401, "invalid_client")),
        ({"client_id": "api", "token": "x"}, (401, "invalid_client")),
    ],
)
async def test_what_revocation_refuses(site: Site, data: dict[str, str], expected: tuple[int, str]) -> None:
    assert code(await site.program.post(REVOKE, data=data)) == expected


async def test_a_token_of_another_client_is_not_revoked(site: Site) -> None:
    granted = await site.exchange_as_program()
    data = {"token": granted["refresh_token"], "client_id": "idle"}
    assert code(await site.program.post(REVOKE, data=data)) == (403, "client_not_allowed")


async def test_n46_a_revocation_that_cannot_be_recorded_is_503(site: Site) -> None:
    """CVE-2020-15223: a fault of the store is never told as a success."""
    granted = await site.exchange_as_program()

    async def away(*_: object) -> None:
        raise StoreUnavailable

    site.world.log.record = away  # type: ignore[method-assign, assignment]
    data = {"token": granted["access_token"], "client_id": "mobile"}
    response = await site.program.post(REVOKE, data=data)
    assert code(response) == (503, "store_unavailable")
    assert response.headers["retry-after"] == "1"


# --- introspection ---


async def test_n47_only_who_proves_itself_learns_anything(site: Site) -> None:
    granted = await site.exchange_as_program()
    token = granted["access_token"]
    for data in ({"token": token}, {"token": token, "client_id": "mobile"}, {"token": token, "client_id": "api"}):
        assert code(await site.program.post(INTROSPECT, data=data)) == (401, "invalid_client")
    for client, secret in (("api", "wrong"), ("nobody", API_SECRET), ("mobile", "")):
        refused = await introspect(site, token, client, secret)
        assert code(refused) == (401, "invalid_client")
        assert refused.headers["www-authenticate"] == 'Basic realm="crossfade"'  # RFC 6749 section 5.2
        assert refused.json()["error"] == "invalid_client"


@pytest.mark.parametrize("client", ["api", "our-api"])
async def test_a_good_token_is_described(site: Site, client: str) -> None:
    granted = await site.exchange_as_program()
    answer = (await introspect(site, granted["access_token"], client)).json()
    assert answer["active"] is True
    assert (answer["sub"], answer["aud"], answer["client_id"]) == ("ada", "app", "mobile")


async def test_n47_a_token_that_is_not_for_the_caller_is_only_said_to_be_inactive(site: Site) -> None:
    granted = await site.exchange_as_program()
    response = await introspect(site, granted["access_token"], "other-api")
    assert response.json() == {"active": False}


@pytest.mark.parametrize("token", ["junk", "a.b.c", "é"])
async def test_n47_what_is_no_token_is_only_said_to_be_inactive(site: Site, token: str) -> None:
    assert (await introspect(site, token)).json() == {"active": False}


async def test_a_missing_token_is_an_invalid_request(site: Site) -> None:
    assert code(await introspect(site, "")) == (400, "invalid_request")


async def test_when_nobody_can_say_the_answer_is_no_guess(site: Site) -> None:
    granted = await site.exchange_as_program()

    async def away(_: object) -> None:
        raise RevocationUnavailable

    site.world.revocation.look_up = away  # type: ignore[method-assign, assignment]
    assert code(await introspect(site, granted["access_token"])) == (503, "revocation_unavailable")


@pytest.mark.parametrize(("phase", "status"), [(Phase.OFF, 409), (Phase.HANDBACK, 200)])
async def test_tokens_can_be_looked_at_and_revoked_as_long_as_they_count(site: Site, phase: Phase, status: int) -> None:
    granted = await site.exchange_as_program()
    site.in_phase(phase)
    assert (await introspect(site, granted["access_token"])).status_code == status
    data = {"token": granted["access_token"], "client_id": "mobile"}
    assert (await site.program.post(REVOKE, data=data)).status_code == status
