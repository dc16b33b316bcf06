"""The public documents."""

import pytest

from gateway.model import Phase
from gateway.web.app import endpoints_under
from tests.flow.tokens.world import ISSUER
from tests.web.site import Site, code

JWKS = "/.well-known/jwks.json"
METADATA = "/.well-known/oauth-authorization-server"


async def test_the_keys_are_public_and_may_be_kept_for_an_hour(site: Site) -> None:
    response = await site.program.get(JWKS)
    assert response.json() == site.world.keys.jwks()
    assert response.headers["cache-control"] == "public, max-age=3600"
    assert response.headers["content-type"] == "application/jwk-set+json"


async def test_no_private_part_of_a_key_is_ever_published(site: Site) -> None:
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
