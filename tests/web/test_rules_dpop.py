"""N70 to N74: tokens that are bound to a key, from the token endpoint to the application (RFC 9449)."""

from collections.abc import Mapping
from dataclasses import replace

import httpx
import pytest

from gateway.core.dpop import DpopPolicy
from gateway.core.refresh_token import new_refresh_token
from gateway.errors import GatewayError, InvalidDpopProof, InvalidToken, PossessionUnproved
from gateway.facts import Event
from gateway.flow.possession import Possession
from gateway.model import Permit, RequestHead
from gateway.stores.replays_memory import MemoryProofReplays
from tests.core.proving import Prover
from tests.flow.door import Door, request
from tests.flow.tokens.world import World
from tests.web.site import API_SECRET, CLIENTS, EXCHANGE, ORIGIN, REFRESH, Site, bearer, code

TOKEN = "/.crossfade/token"
SESSION = "/.crossfade/session"
ADA, EVE = Prover("ES256"), Prover("EdDSA")


@pytest.fixture
async def site() -> Site:
    world = await World().start()
    world.app.log_in(b"s1", "ada")
    policy = DpopPolicy(ORIGIN, max_age=60.0, leeway=30.0)
    world.possession = Possession(policy, MemoryProofReplays(90.0), world.facts)
    return Site(world)


async def ask(site: Site, data: Mapping[str, str], prover: Prover | None = ADA, **more: str) -> httpx.Response:
    """Ask the token endpoint as a program, with a proof of a key if one is given."""
    headers = {"cookie": "sessionid=s1", **more}
    if prover is not None:
        headers["dpop"] = prover.proof("POST", f"{ORIGIN}{TOKEN}", site.world.now)
    return await site.program.post(TOKEN, data=data, headers=headers)


async def exchange(site: Site, prover: Prover | None = ADA, client: str = "mobile") -> dict[str, str]:
    response = await ask(site, {**EXCHANGE, "client_id": client}, prover)
    assert response.status_code == 200, response.text
    granted: dict[str, str] = response.json()
    return granted


async def look(site: Site, token: str, scheme: str = "DPoP", proof: str | None = "") -> httpx.Response:
    """Show an access token to our own endpoint; with a good proof unless another is given."""
    headers = {"authorization": f"{scheme} {token}"}
    proof = ADA.proof("GET", f"{ORIGIN}{SESSION}", site.world.now, token=token) if proof == "" else proof
    return await site.program.get(SESSION, headers={**headers, **({"dpop": proof} if proof is not None else {})})


async def test_n70_a_token_asked_for_with_a_proof_is_bound_to_its_key(site: Site) -> None:
    """N70 (sections 5 and 6): `token_type` is DPoP, `cnf.jkt` names the key, and with a new proof it is good."""
    granted = await exchange(site)
    assert granted["token_type"] == "DPoP"
    verified = await site.world.tokens.verify(granted["access_token"].encode(), now=site.world.now)
    assert verified.claims["cnf"] == {"jkt": ADA.thumbprint}
    assert (await look(site, granted["access_token"])).json()["subject"] == "ada"


async def test_n70_without_a_proof_a_token_is_a_bearer_as_before(site: Site) -> None:
    """N70: binding is the client's choice where it is not required."""
    granted = await exchange(site, None)
    assert granted["token_type"] == "Bearer"
    assert (await look(site, granted["access_token"], "Bearer", None)).status_code == 200


async def test_n70_a_token_request_with_a_bad_proof_gets_nothing(site: Site) -> None:
    """N70 (section 5): 400 `invalid_dpop_proof`, and no token, not even an unbound one."""
    for proof in ("junk", EVE.proof("GET", f"{ORIGIN}{TOKEN}", site.world.now)):
        refused = await ask(site, {**EXCHANGE, "client_id": "mobile"}, None, dpop=proof)
        assert code(refused) == (400, "invalid_dpop_proof")
        assert refused.json()["error"] == "invalid_dpop_proof"
    assert await site.world.families.families_of_subject("ada", site.world.now) == []


@pytest.mark.parametrize("kind", ["no session", "unknown token", "another client"])
async def test_n73_who_has_nothing_to_be_granted_has_no_proof_remembered(site: Site, kind: str) -> None:
    """N73: else anybody could fill what is remembered, and make us verify signatures, with keys of his own making."""
    proof = ADA.proof("POST", f"{ORIGIN}{TOKEN}", site.world.now)
    token = (await exchange(site))["refresh_token"]
    data = {"grant_type": "refresh_token", "client_id": "mobile", "refresh_token": token}
    expected, cookie = (400, "invalid_grant"), "sessionid=s1"
    if kind == "no session":
        data, expected, cookie = {**EXCHANGE, "client_id": "mobile"}, (409, "session_unverifiable"), "sessionid=nobody"
    elif kind == "unknown token":
        data["refresh_token"] = new_refresh_token(b"u" * 32)
    else:
        data["client_id"] = "idle"
    assert code(await ask(site, data, None, dpop=proof, cookie=cookie)) == expected
    granted = await ask(site, {**EXCHANGE, "client_id": "mobile"}, None, dpop=proof)
    assert (granted.status_code, granted.json()["token_type"]) == (200, "DPoP")


@pytest.mark.parametrize("scheme", ["Bearer", "bearer"])
async def test_n71_a_bound_token_shown_as_a_bearer_is_refused(site: Site, scheme: str) -> None:
    """N71 (section 7.2): also with a good proof beside it, and the challenge says what would be asked for."""
    token = (await exchange(site))["access_token"]
    refused = await look(site, token, scheme)
    assert code(refused) == (401, "invalid_token")
    challenge = refused.headers["www-authenticate"]
    assert challenge.startswith('DPoP realm="crossfade", error="invalid_token"')
    assert 'algs="ES256 EdDSA PS256 RS256"' in challenge
    assert Event.DPOP_REFUSED in site.world.facts.events


async def test_n71_a_token_that_is_not_bound_is_no_dpop_token(site: Site) -> None:
    """N71 (section 7.1): the other way round is refused as well."""
    token = (await exchange(site, None))["access_token"]
    assert code(await look(site, token)) == (401, "invalid_token")


@pytest.mark.parametrize("kind", ["none", "another key", "another token", "another address", "shown before"])
async def test_n70_a_bound_token_counts_with_a_proof_for_this_request_alone(site: Site, kind: str) -> None:
    """N70 and N73 (sections 4.3, 7.1 and 11.1): 401 `invalid_dpop_proof`, with the scheme DPoP."""
    token = (await exchange(site))["access_token"]
    uri, now = f"{ORIGIN}{SESSION}", site.world.now
    proofs = {
        "none": None,
        "another key": EVE.proof("GET", uri, now, token=token),
        "another token": ADA.proof("GET", uri, now, token="a.b.c"),
        "another address": ADA.proof("GET", f"{ORIGIN}/api", now, token=token),
        "shown before": ADA.proof("GET", uri, now, token=token),
    }
    if kind == "shown before":
        assert (await look(site, token, proof=proofs[kind])).status_code == 200
    refused = await look(site, token, proof=proofs[kind])
    assert code(refused) == (401, "invalid_dpop_proof")
    assert refused.headers["www-authenticate"].startswith('DPoP realm="crossfade", error="invalid_dpop_proof"')


async def refresh(site: Site, token: str, prover: Prover | None, client: str = "mobile") -> httpx.Response:
    data = {"grant_type": "refresh_token", "client_id": client, "refresh_token": token}
    return await ask(site, data, prover)


@pytest.mark.parametrize("prover", [None, EVE])
async def test_n72_a_refresh_token_of_a_public_client_is_bound_to_the_same_key(
    site: Site, prover: Prover | None
) -> None:
    """N72 (section 5): without the key nothing is said and nothing happens, and the owner goes on."""
    token = (await exchange(site))["refresh_token"]
    site.world.pass_time(60)
    asked = len(site.world.app.asked)
    assert code(await refresh(site, token, prover)) == (400, "invalid_dpop_proof")
    assert len(site.world.app.asked) == asked
    owner = await refresh(site, token, ADA)
    assert (owner.status_code, owner.json()["token_type"]) == (200, "DPoP")
    assert owner.json()["refresh_token"] != token


async def test_n72_the_key_is_compared_before_a_successor_is_unsealed(site: Site) -> None:
    """N72: within the grace a thief without the key neither gets the successor nor ends the family."""
    token = (await exchange(site))["refresh_token"]
    site.world.pass_time(60)
    successor = (await refresh(site, token, ADA)).json()["refresh_token"]
    refused = await refresh(site, token, EVE)
    assert code(refused) == (400, "invalid_dpop_proof")
    assert successor not in refused.text
    site.world.pass_time(31)
    assert code(await refresh(site, token, EVE)) == (400, "invalid_dpop_proof")
    assert (await refresh(site, successor, ADA)).status_code == 200


async def test_n72_a_page_that_lost_its_key_keeps_its_cookie(site: Site) -> None:
    """N72: a refresh cookie shown without its key is refused and not deleted; the session is good as before."""
    proof = ADA.proof("POST", f"{ORIGIN}{TOKEN}", site.world.now)
    assert (await site.browser.post(TOKEN, data=EXCHANGE, headers={"dpop": proof})).json()["token_type"] == "DPoP"
    site.world.pass_time(60)
    refused = await site.browser.post(TOKEN, data=REFRESH)
    assert code(refused) == (400, "invalid_dpop_proof")
    assert "set-cookie" not in refused.headers
    assert (await site.browser.post(TOKEN, data=EXCHANGE)).status_code == 200


async def test_n72_a_client_with_a_secret_proves_itself_by_it(site: Site) -> None:
    """N72 (section 5): its refresh token is bound to the client, and each access token to the key of its request."""
    auth = ("api", API_SECRET)
    site.program.auth = auth
    granted = await exchange(site, ADA, "api")
    site.world.pass_time(60)
    again = await refresh(site, granted["refresh_token"], EVE, "api")
    verified = await site.world.tokens.verify(again.json()["access_token"].encode(), now=site.world.now)
    assert verified.bound_key == EVE.thumbprint


async def test_n73_a_proof_for_a_token_counts_once(site: Site) -> None:
    """N73 (section 11.1): whoever copies a token request gets nothing for it.

    CVE-2020-15222, CVE-2020-5300: a `jti` that was seen is not taken again.
    """
    proof = ADA.proof("POST", f"{ORIGIN}{TOKEN}", site.world.now)
    data = {**EXCHANGE, "client_id": "mobile"}
    assert (await ask(site, data, None, dpop=proof)).status_code == 200
    assert code(await ask(site, data, None, dpop=proof)) == (400, "invalid_dpop_proof")


async def test_n74_where_no_nonce_is_given_none_is_asked_for(site: Site) -> None:
    """N74 (section 8): by default there is no nonce, so that none may be missing."""
    response = await ask(site, {**EXCHANGE, "client_id": "mobile"})
    assert "dpop-nonce" not in response.headers
    assert (await look(site, response.json()["access_token"])).status_code == 200


async def test_n74_a_nonce_is_asked_for_at_both_endpoints_and_good_at_both(site: Site) -> None:
    """N74 (sections 8 and 9): 400 and 401 `use_dpop_nonce` carry the nonce, and the same request with it is good."""
    world = site.world
    policy = DpopPolicy(ORIGIN, max_age=60.0, leeway=30.0, nonce_key=b"k" * 32)
    world.possession = Possession(policy, MemoryProofReplays(90.0), world.facts)
    site = Site(world)
    data = {**EXCHANGE, "client_id": "mobile"}
    asked = await ask(site, data)
    assert (*code(asked), asked.json()["error"]) == (400, "use_dpop_nonce", "use_dpop_nonce")
    nonce = {"nonce": asked.headers["dpop-nonce"]}
    proof = ADA.proof("POST", f"{ORIGIN}{TOKEN}", world.now, claims=nonce)  # type: ignore[arg-type]
    token = (await ask(site, data, None, dpop=proof)).json()["access_token"]
    again = await look(site, token)
    assert (*code(again), again.headers["dpop-nonce"]) == (401, "use_dpop_nonce", nonce["nonce"])
    assert 'error="use_dpop_nonce"' in again.headers["www-authenticate"]
    good = ADA.proof("GET", f"{ORIGIN}{SESSION}", world.now, token=token, claims=nonce)  # type: ignore[arg-type]
    assert (await look(site, token, proof=good)).status_code == 200


async def test_n53_metadata_and_introspection_tell_of_bound_tokens(site: Site) -> None:
    """N53 (RFC 9449 sections 5.1 and 6.2): which algorithms, and to which key a token is bound."""
    metadata = (await site.program.get("/.well-known/oauth-authorization-server")).json()
    assert metadata["dpop_signing_alg_values_supported"] == ["ES256", "EdDSA", "PS256", "RS256"]
    token = (await exchange(site))["access_token"]
    told = (await site.program.post("/.crossfade/introspect", data={"token": token}, auth=("api", API_SECRET))).json()
    assert (told["token_type"], told["cnf"]) == ("DPoP", {"jkt": ADA.thumbprint})


async def test_a_client_of_whom_proofs_are_required_gets_nothing_without(site: Site) -> None:
    CLIENTS["strict"] = replace(CLIENTS["mobile"], id="strict", is_bound=True)
    try:
        assert code(await ask(site, {**EXCHANGE, "client_id": "strict"}, None)) == (400, "invalid_dpop_proof")
        assert (await exchange(site, ADA, "strict"))["token_type"] == "DPoP"
    finally:
        del CLIENTS["strict"]


async def test_a_key_of_a_request_is_part_of_its_idempotency(site: Site) -> None:
    data, key = {**EXCHANGE, "client_id": "mobile"}, {"idempotency-key": "0b0d2f0e-4b5e"}
    first, again, other = [await ask(site, data, prover, **key) for prover in (ADA, ADA, EVE)]
    assert first.json()["refresh_token"] == again.json()["refresh_token"]
    assert first.json()["refresh_token"] != other.json()["refresh_token"]


async def test_a_logout_with_a_bound_token_needs_its_key(site: Site) -> None:
    token = (await exchange(site))["access_token"]
    assert code(await site.program.post("/.crossfade/logout", headers=bearer(token))) == (401, "invalid_token")
    proof = ADA.proof("POST", f"{ORIGIN}/.crossfade/logout", site.world.now, token=token)
    headers = {"authorization": f"DPoP {token}", "dpop": proof}
    assert (await site.program.post("/.crossfade/logout", headers=headers)).json()["families"] == 1


# --- on the way to the application ---


def shown(token: str, *proofs: str, scheme: str = "DPoP", path: str = "/page") -> RequestHead:
    fields = [(b"DPoP", proof.encode()) for proof in proofs]
    return request(path, authorization=f"{scheme} {token}".encode(), fields=[*fields, (b"Accept", b"*/*")])


async def refusal(door: Door, head: RequestHead) -> type[GatewayError]:
    with pytest.raises(GatewayError) as refused:
        await door.admit(head)
    return type(refused.value)


async def test_every_use_of_a_remembered_token_asks_for_a_new_proof(site: Site) -> None:
    world = site.world
    token = (await exchange(site))["access_token"]
    door = Door(world)
    for _ in range(3):
        proof = ADA.proof("GET", f"{ORIGIN}/page", world.now, token=token)
        permit = await door.permit(shown(token, proof))
        assert isinstance(permit, Permit)
        assert permit.identity is not None
        assert permit.identity.subject == "ada"
        assert permit.authorization is None
        assert b"dpop" in permit.without
        assert await refusal(door, shown(token, proof)) is InvalidDpopProof
    assert await refusal(door, shown(token)) is InvalidDpopProof
    assert await refusal(door, shown(token, scheme="Bearer")) is PossessionUnproved
    two = [ADA.proof("GET", f"{ORIGIN}/page", world.now, token=token) for _ in range(2)]
    assert await refusal(door, shown(token, *two)) is InvalidDpopProof


async def test_a_bound_token_in_a_cookie_is_nobody(site: Site) -> None:
    token = (await exchange(site))["access_token"]
    cookie = f"__Host-crossfade_access={token}".encode()
    permit = await Door(site.world).permit(request(cookie=cookie))
    assert permit.identity is None
    response = await site.program.get(SESSION, headers={"cookie": cookie.decode()})
    assert response.json()["credential"] == "none"


async def test_a_token_without_a_binding_is_refused_as_dpop_each_time(site: Site) -> None:
    token = (await exchange(site, None))["access_token"]
    door = Door(site.world)
    for _ in range(2):
        proof = ADA.proof("GET", f"{ORIGIN}/page", site.world.now, token=token)
        assert await refusal(door, shown(token, proof)) is PossessionUnproved
    assert (await door.permit(shown(token, scheme="Bearer"))).identity is not None


async def test_a_revoked_token_is_refused_before_its_proof_is_remembered(site: Site) -> None:
    granted = await exchange(site)
    await site.program.post("/.crossfade/revoke", data={"token": granted["access_token"], "client_id": "mobile"})
    proof = ADA.proof("GET", f"{ORIGIN}/page", site.world.now, token=granted["access_token"])
    assert await refusal(Door(site.world), shown(granted["access_token"], proof)) is InvalidToken


async def test_where_dpop_was_switched_off_a_bound_token_is_not_taken_for_a_bearer(site: Site) -> None:
    token = (await exchange(site))["access_token"]
    site.world.possession = Possession()
    door = Door(site.world)
    proof = ADA.proof("GET", f"{ORIGIN}/page", site.world.now, token=token)
    assert await refusal(door, shown(token, proof)) is PossessionUnproved
    assert await refusal(door, shown(token, scheme="Bearer")) is PossessionUnproved
