"""Tokens of another issuer through a real process: its keys come over the network, its outage signs nobody out."""

import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import httpx
import pytest

from tests.cli.commands import Asked, Said, http_server
from tests.e2e.pair import wait_for
from tests.e2e.world import World
from tests.keys.issuer import key_set, token_of


@dataclass
class Issuer:
    """Answers for its keys, and remembers how often it was asked."""

    says: Said = field(default_factory=lambda: Said(200, key_set(k1="ES256")))
    asked: int = 0

    def __call__(self, asked: Asked) -> Said:
        self.asked += 1
        return self.says


@pytest.fixture
def issuer() -> Issuer:
    return Issuer()


@pytest.fixture
def world(tmp_path: Path, issuer: Issuer) -> Iterator[World]:
    with http_server(issuer) as address:
        entry = f"alias: corp, issuer: 'https://login.example', jwks_url: 'http://{address}/keys', audience: app"
        world = World(
            tmp_path,
            routes="[{ path: /members/*, auth: required }, { path: /*, auth: optional }]",
            extra=f"issuers: [{{ {entry}, algorithms: [ES256] }}]",
        )
        world.start()
        try:
            yield world
        finally:
            world.stop()


def answer(world: World, path: str = "/login/", *, kid: str = "k1", kind: str = "ES256") -> tuple[int, str]:
    now = int(time.time())
    claims = {"iss": "https://login.example", "sub": "ada", "aud": "app", "client_id": "spa", "jti": "t1"}
    token = token_of(kind, kid, {**claims, "iat": now, "exp": now + 300})
    headers = {"Authorization": f"Bearer {token}"}
    response = httpx.get(f"{world.base}{path}", headers=headers, timeout=10, trust_env=False)
    is_ours = "x-crossfade" in response.headers and response.status_code >= 400
    return response.status_code, response.json()["code"] if is_ours else ""


def test_its_token_opens_a_route_and_a_forged_or_unknown_one_does_not(world: World, issuer: Issuer) -> None:
    assert answer(world) == (200, "")
    assert answer(world, "/members/none") == (404, "")  # let through: the application has no such page
    assert answer(world, kind="ES256 b") == (401, "invalid_token")
    asked = issuer.asked
    for number in range(30):
        assert answer(world, kid=f"made-up-{number}") == (401, "invalid_token")
    assert issuer.asked <= asked + 1


def test_an_outage_of_the_issuer_changes_nothing_while_its_keys_are_known(world: World, issuer: Issuer) -> None:
    issuer.says = Said(500, b"oops")
    assert answer(world) == (200, "")


def test_a_gateway_that_starts_during_the_outage_says_503_until_it_is_over(world: World, issuer: Issuer) -> None:
    issuer.says = Said(500, b"oops")
    world.gateway.stop()
    world.start_gateway()
    assert answer(world) == (503, "issuer_unavailable")
    assert httpx.get(f"{world.base}/login/", trust_env=False).status_code == 200
    issuer.says = Said(200, key_set(k1="ES256"))
    wait_for(lambda: answer(world) == (200, ""), within=30)
