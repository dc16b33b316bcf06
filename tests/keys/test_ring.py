"""One key signs, all of them verify, and a change shows in the generation."""

import asyncio
import threading
from collections.abc import Iterator
from typing import Any

import jwt
import pytest

from gateway.errors import ConfigurationError, StoreUnavailable
from gateway.keys import ring as ring_module
from gateway.keys.ring import KeyRing, RingKey
from tests.keys.material import ring_key

CLAIMS = {"sub": "ada", "iat": 1, "name": "Łovelace"}


@pytest.fixture
def rings() -> Iterator[list[KeyRing]]:
    made: list[KeyRing] = []
    yield made
    for ring in made:
        ring.close()


def ring_of(rings: list[KeyRing], *keys: RingKey) -> KeyRing:
    rings.append(KeyRing(keys))
    return rings[-1]


@pytest.mark.parametrize("algorithm", ["RS256", "PS256", "ES256", "EdDSA"])
async def test_n11_n13_a_token_is_signed_by_the_active_key_with_its_algorithm_and_never_with_none(
    algorithm: str, rings: list[KeyRing]
) -> None:
    """N11, N13: RS256 as specified, PS256, ES256 and EdDSA by configuration, and nothing unsigned, ever."""
    ring = ring_of(rings, ring_key(algorithm))
    text = await ring.sign(CLAIMS, type_="at+jwt")
    key = ring.verification_keys[ring.active.kid]
    assert jwt.decode(text, key.key, algorithms=[key.algorithm]) == CLAIMS  # type: ignore[arg-type]
    assert jwt.get_unverified_header(text) == {"alg": algorithm, "typ": "at+jwt", "kid": ring.active.kid}


async def test_signing_happens_off_the_event_loop(rings: list[KeyRing], monkeypatch: pytest.MonkeyPatch) -> None:
    threads: list[int] = []

    def sign(*_: object) -> str:
        threads.append(threading.get_ident())
        return "signed"

    monkeypatch.setattr(ring_module, "_sign", sign)
    ring = ring_of(rings, ring_key())
    assert await ring.sign(CLAIMS, type_="at+jwt") == "signed"
    assert threads != [threading.get_ident()]


async def test_signing_can_be_stepped_by_hand(rings: list[KeyRing]) -> None:
    story = ring_of(rings, ring_key()).sign(CLAIMS, type_="at+jwt")
    future: Any = story.send(None)
    assert isinstance(future, asyncio.Future)
    await asyncio.wait([future])
    with pytest.raises(StopIteration) as done:
        story.send(None)
    assert done.value.value.count(".") == 2


def test_every_key_of_the_ring_verifies(rings: list[KeyRing]) -> None:
    keys = [ring_key("ES256"), ring_key("RS256"), ring_key("EdDSA")]
    ring = ring_of(rings, *keys)
    assert {kid: key.algorithm for kid, key in ring.verification_keys.items()} == {
        key.kid: key.algorithm for key in keys
    }
    assert ring.active is keys[0]


def test_the_key_set_begins_with_the_key_that_signs(rings: list[KeyRing]) -> None:
    keys = [ring_key("ES256"), ring_key("EdDSA"), ring_key("RS256")]
    published: Any = ring_of(rings, *keys).jwks()
    assert [key["alg"] for key in published["keys"]] == ["ES256", "EdDSA", "RS256"]
    assert all({"kty", "kid", "use", "alg"} <= set(key) for key in published["keys"])


def test_other_keys_are_taken_at_once_and_counted(rings: list[KeyRing]) -> None:
    ring = ring_of(rings, ring_key("ES256 a"))
    before = ring.generation
    new = [ring_key("ES256 b"), ring_key("ES256 a")]
    assert ring.replace(new)
    assert ring.generation == before + 1
    assert ring.active is new[0]
    assert len(ring.verification_keys) == 2


def test_the_same_keys_again_change_nothing(rings: list[KeyRing]) -> None:
    keys = [ring_key("ES256 a"), ring_key("ES256 b")]
    ring = ring_of(rings, *keys)
    before = ring.generation
    assert not ring.replace(list(keys))
    assert ring.generation == before


def test_keys_that_cannot_be_used_leave_the_good_ones_in_force(rings: list[KeyRing]) -> None:
    ring = ring_of(rings, ring_key("ES256 a"))
    before = (ring.generation, ring.active, dict(ring.verification_keys))
    with pytest.raises(ConfigurationError):
        ring.replace([ring_key("ES256 b"), ring_key("ES256 b")])
    assert (ring.generation, ring.active, dict(ring.verification_keys)) == before


async def test_a_ring_in_which_no_key_may_sign_is_an_outage_and_still_verifies(rings: list[KeyRing]) -> None:
    ring = ring_of(rings)
    with pytest.raises(StoreUnavailable, match="no key to sign with"):
        await ring.sign(CLAIMS, type_="at+jwt")
    assert ring.replace([ring_key()], signs=False)
    with pytest.raises(StoreUnavailable):
        _ = ring.active
    assert list(ring.verification_keys) == [ring_key().kid]


def test_n14_k8_the_same_key_twice_is_refused_with_both_sources() -> None:
    """N14, K8: two keys with one `kid`."""
    with pytest.raises(ConfigurationError, match=r"the environment variable KEY ES256 a and the env.* are the same"):
        KeyRing([ring_key("ES256 a"), ring_key("ES256 a")])


def test_a_key_does_not_show_its_private_part() -> None:
    assert "private" not in repr(ring_key()).lower()
