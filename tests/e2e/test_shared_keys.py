"""Two gateways over one PostgreSQL, without any file of keys: one ring, one rotation, one emergency."""

import json
import re
from collections.abc import Iterator
from typing import Any

import httpx
import jwt
import pytest

from tests.e2e.pair import Pair, SharedWorld, running_pair, wait_for


class KeylessWorld(SharedWorld):
    """A gateway that makes its own keys and keeps them in PostgreSQL."""

    def write_config(self) -> None:
        super().write_config()
        self.config.write_text(self.config.read_text().replace("keys: [{ env: KEY }]", ""))


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pair]:
    with running_pair(tmp_path_factory.mktemp, kind=KeylessWorld) as pair:
        yield pair


def keys(world: SharedWorld, *words: str) -> Any:
    done = world.command("keys", *words, "--json", "--config", str(world.config))
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def kid_of(token: str) -> str:
    return str(jwt.get_unverified_header(token)["kid"])


def published(world: SharedWorld) -> set[str]:
    response = httpx.get(f"{world.base}/.well-known/jwks.json", trust_env=False)
    return {key["kid"] for key in response.json()["keys"]}


def shown_in_metrics(world: SharedWorld) -> list[str]:
    text = httpx.get(f"{world.admin}/metrics", trust_env=False).text
    return re.findall(r'crossfade_signing_key_info\{kid="([^"]+)"\} 1', text)


def test_gateways_without_files_of_keys_share_one_ring(pair: Pair) -> None:
    browser = pair.signed_in()
    assert pair.status(browser) == 200
    active = keys(pair.one, "list")["active"]
    assert keys(pair.other, "list")["active"] == active == kid_of(browser.token)
    for world in (pair.one, pair.other):
        wait_for(lambda world=world: shown_in_metrics(world) == [active[:8]])  # type: ignore[misc]


def test_a_rotation_at_one_gateway_is_published_by_the_other_and_nobody_notices(pair: Pair) -> None:
    browser = pair.signed_in()
    answer = keys(pair.one, "rotate", "--reason", "test")
    [waiting] = [key["kid"] for key in answer["keys"] if key["state"] == "next"]
    wait_for(lambda: waiting in published(pair.other))
    assert keys(pair.other, "list")["active"] == kid_of(browser.token)
    assert pair.status(browser) == 200
    again = pair.other.command("keys", "rotate", "--reason", "again", "--config", str(pair.other.config))
    assert (again.returncode, "is published already" in again.stderr) == (1, True)


def test_k6_a_compromised_key_is_refused_by_every_gateway_within_five_seconds_and_nobody_signs_in_again(
    pair: Pair,
) -> None:
    """K6: the drill, over real processes: from the command to the first refusal at the other gateway."""
    browser = pair.signed_in()
    assert pair.status(browser) == 200
    stolen = kid_of(browser.token)
    keys(pair.one, "compromise", stolen, "--reason", "drill")
    assert browser.with_token("GET", "/api/me").status_code == 401
    wait_for(lambda: pair.status(browser) == 401, within=5.0)
    for world in (pair.one, pair.other):
        assert stolen not in published(world)
    assert browser.refresh().status_code == 200
    assert kid_of(browser.token) != stolen
    wait_for(lambda: pair.status(browser) == 200)


def test_keys_survive_a_restart_and_an_outage_of_the_database(pair: Pair) -> None:
    browser = pair.signed_in()
    pair.other.gateway.stop()
    pair.other.start_gateway()
    assert pair.status(browser) == 200
    assert published(pair.one) == published(pair.other)
    pair.postgres.kill()
    try:
        assert pair.status(browser) in {200, 503}  # never a 401
        assert published(pair.one) == published(pair.other)
    finally:
        pair.postgres.start()
    wait_for(lambda: pair.status(browser) == 200)
