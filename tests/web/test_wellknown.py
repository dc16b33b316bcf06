"""The public documents."""

import pytest

from gateway.model import Phase
from gateway.web.app import endpoints_under
from tests.flow.tokens.world import ISSUER
from tests.keys.material import ring_key
from tests.web.site import Site, code

JWKS = "/.well-known/jwks.json"
METADATA = "/.well-known/oauth-authorization-server"


async def test_the_keys_are_public_and_may_be_kept_for_an_hour(site: Site) -> None:
    response = await site.program.get(JWKS)
    assert response.json() == site.world.keys.jwks()
    assert response.headers["cache-control"] == "public, max-age=3600"
    assert response.headers["content-type"] == "application/jwk-set+json"


@pytest.mark.parametrize(("left", "max_age"), [(7200.0, 3600), (600.5, 600), (0.5, 0), (-5.0, 0)])
async def test_k4_the_keys_may_be_kept_until_the_calendar_changes_them(site: Site, left: float, max_age: int) -> None:
    """K4: `max-age` is the time to the next change of state, an hour at most."""
    keys, before = site.world.keys, site.world.keys.changes_at
    keys.changes_at = site.world.clock.now + left
    try:
        response = await site.program.get(JWKS)
    finally:
        keys.changes_at = before
    assert response.headers["cache-control"] == f"public, max-age={max_age}"


async def test_k4_another_key_set_has_another_tag(site: Site) -> None:
    """K4: whoever has the set of before is sent the new one."""
    keys = site.world.keys
    before = (await site.program.get(JWKS)).headers["etag"]
    mine = keys.active
    assert keys.replace([mine, ring_key("EdDSA")])
    try:
        response = await site.program.get(JWKS, headers={"if-none-match": before})
    finally:
        keys.replace([mine])
    assert (response.status_code, len(response.json()["keys"])) == (200, 2)
    assert response.headers["etag"] != before


async def test_k3_no_private_part_of_a_key_is_ever_published(site: Site) -> None:
    """K3: only the members of RFC 7517 that are public leave."""
    for key in (await site.program.get(JWKS)).json()["keys"]:
        assert key.keys().isdisjoint({"d", "p", "q", "dp", "dq", "qi", "oth", "k"})


async def test_the_key_that_signs_is_published(site: Site) -> None:
    token = await site.world.keys.sign({"x": 1}, type_="at+jwt")
    kids = {key["kid"] for key in (await site.program.get(JWKS)).json()["keys"]}
    assert site.world.keys.active.kid in kids
    assert token.count(".") == 2


@pytest.mark.parametrize("path", [JWKS, METADATA])
async def test_who_has_the_document_is_not_sent_it_again(site: Site, path: str) -> None:
    etag = (await site.program.get(path)).headers["etag"]
    for condition in (etag, f"W/{etag}", f'"other", {etag}', "*"):
        response = await site.program.get(path, headers={"if-none-match": condition})
        assert (response.status_code, response.content, response.headers["etag"]) == (304, b"", etag)
    assert (await site.program.get(path, headers={"if-none-match": '"other"'})).status_code == 200


async def test_n53_the_metadata_says_where_everything_is(site: Site) -> None:
    metadata = (await site.program.get(METADATA)).json()
    assert metadata["issuer"] == ISSUER
    assert metadata["response_types_supported"] == []
    assert "urn:ietf:params:oauth:grant-type:token-exchange" in metadata["grant_types_supported"]
    for name in ("token_endpoint", "revocation_endpoint", "introspection_endpoint"):
        path = metadata[name].removeprefix(ISSUER)
        assert (await site.program.post(path)).status_code != 404
    assert (await site.program.get(metadata["jwks_uri"].removeprefix(ISSUER))).status_code == 200


async def test_every_path_of_ours_is_announced_to_the_flow(site: Site) -> None:
    for path in endpoints_under():
        response = await site.program.request("DELETE", path.decode())
        assert response.status_code == 405
        assert (await site.program.get(path.decode())).status_code in {200, 405}
    assert endpoints_under("/auth")[b"/auth/token"] == "token"


async def test_while_tokens_are_off_there_is_nothing_to_publish(site: Site) -> None:
    site.in_phase(Phase.OFF)
    for path in (JWKS, METADATA):
        assert code(await site.program.get(path)) == (409, "phase_off")
