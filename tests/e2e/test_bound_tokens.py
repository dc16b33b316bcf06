"""Tokens that are bound to a key, limits and the trail, through real processes with a real Redis."""

import time
from collections.abc import Iterator

import httpx
import pytest

from tests.core.proving import Prover
from tests.e2e.browser import Browser
from tests.e2e.world import World
from tests.servers import running_redis

TOKEN = "/.crossfade/token"
ADA, EVE = Prover("ES256"), Prover("RS256")


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    with running_redis(tmp_path_factory.mktemp("redis")) as redis:
        extra = "dpop: { enabled: true }\nrates: { session: 4/1h }"
        world = World(tmp_path_factory.mktemp("world"), redis=redis.url, extra=extra)
        try:
            world.start()
            yield world
        finally:
            world.stop()


def exchange(world: World, browser: Browser, prover: Prover | None = ADA) -> httpx.Response:
    form = {
        "grant_type": "urn:ietf:params:oauth:grant-type:token-exchange",
        "subject_token_type": "urn:crossfade:params:oauth:token-type:session-cookie",
        "client_id": "mobile",
    }
    sent = {"Cookie": f"sessionid={browser.cookies['sessionid']}", "X-Crossfade": "1"}
    if prover is not None:
        sent["DPoP"] = prover.proof("POST", world.base + TOKEN, time.time())
    return httpx.post(world.base + TOKEN, data=form, headers=sent, trust_env=False)


def me(world: World, token: str, *, scheme: str = "DPoP", proof: str | None = None) -> httpx.Response:
    sent = {"Authorization": f"{scheme} {token}", **({"DPoP": proof} if proof else {})}
    return httpx.get(f"{world.base}/api/me?with=query", headers=sent, trust_env=False)


def signed_in(world: World) -> Browser:
    browser = world.browser()
    browser.log_in()
    return browser


def test_a_bound_token_reaches_the_application_with_a_new_proof_each_time(world: World) -> None:
    granted = exchange(world, signed_in(world)).json()
    token = granted["access_token"]
    assert granted["token_type"] == "DPoP"
    for _ in range(3):
        proof = ADA.proof("GET", f"{world.base}/api/me", time.time(), token=token)
        assert me(world, token, proof=proof).status_code == 200
        again = me(world, token, proof=proof)
        assert (again.status_code, again.json()["code"]) == (401, "invalid_dpop_proof")
        assert again.headers["www-authenticate"].startswith("DPoP ")
    stolen = EVE.proof("GET", f"{world.base}/api/me", time.time(), token=token)
    refused = [me(world, token, scheme="Bearer"), me(world, token), me(world, token, proof=stolen)]
    assert [answer.status_code for answer in refused] == [401, 401, 401]


def test_a_bearer_goes_on_as_before(world: World) -> None:
    token = exchange(world, signed_in(world), None).json()["access_token"]
    assert me(world, token, scheme="Bearer").status_code == 200


def test_who_asks_too_often_is_told_when_to_come_back_and_others_do_not_notice(world: World) -> None:
    browser = signed_in(world)
    answers = [exchange(world, browser, None) for _ in range(5)]
    assert [answer.status_code for answer in answers] == [200, 200, 200, 200, 429]
    assert answers[-1].json()["code"] == "too_many_requests"
    assert 0 < int(answers[-1].headers["retry-after"]) <= 900
    assert exchange(world, signed_in(world), None).status_code == 200
    assert me(world, answers[0].json()["access_token"], scheme="Bearer").status_code == 200


def test_the_running_gateway_tells_what_happened_and_shows_no_token(world: World) -> None:
    granted = exchange(world, signed_in(world)).json()
    claims = httpx.get(
        f"{world.base}/.crossfade/session",
        headers={
            "Authorization": f"DPoP {granted['access_token']}",
            "DPoP": ADA.proof("GET", f"{world.base}/.crossfade/session", time.time(), token=granted["access_token"]),
        },
        trust_env=False,
    ).json()
    form = {"client_id": "mobile", "token": granted["refresh_token"]}
    assert httpx.post(f"{world.base}/.crossfade/revoke", data=form, trust_env=False).status_code == 200
    told = world.command("session", "explain", "--sid", claims["session_id"], "-c", str(world.config))
    assert (told.returncode, told.stderr) == (0, "")
    assert "its client revoked it" in told.stdout
    assert "bound to a key of the client (DPoP)" in told.stdout
    assert granted["access_token"] not in told.stdout
    assert granted["refresh_token"] not in told.stdout
    subject = world.command("session", "explain", "--subject", claims["subject"], "-c", str(world.config))
    assert told.stdout.splitlines()[0] in subject.stdout.splitlines()
