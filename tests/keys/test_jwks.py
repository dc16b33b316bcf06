"""A key set of somebody else: what is believed of it, what is passed over, and what spoils the whole set."""

import base64
from typing import Any

import orjson
import pytest

from gateway.keys.jwks import MAX_KEYS, KeySetRefused, read_key_set
from gateway.keys.public import as_jwk
from tests.keys.material import private_key
from tests.keys.test_strength import roca_key

ALL = ("RS256", "ES256", "EdDSA")


def jwk(kind: str = "RS256", kid: str = "k1", **changes: Any) -> dict[str, Any]:
    key = as_jwk(kid, kind.split(maxsplit=1)[0], private_key(kind).public_key())
    return {name: value for name, value in {**key, **changes}.items() if value is not None}


def read(*members: Any, algorithms: tuple[str, ...] = ALL) -> dict[str, str]:
    found = read_key_set(orjson.dumps({"keys": list(members)}), algorithms)
    return {kid: key.algorithm for kid, key in found.items()}


def refusal(body: bytes) -> str:
    with pytest.raises(KeySetRefused) as caught:
        read_key_set(body, ALL)
    return str(caught.value)


def refusal_of(*members: Any) -> str:
    return refusal(orjson.dumps({"keys": list(members)}))


def test_keys_of_all_kinds_are_found_by_their_kid() -> None:
    assert read(jwk("RS256", "a"), jwk("ES256", "b"), jwk("EdDSA", "c")) == {"a": "RS256", "b": "ES256", "c": "EdDSA"}


def test_a_key_that_names_no_algorithm_has_the_one_that_is_configured_for_its_kind() -> None:
    assert read(jwk(alg=None), algorithms=("PS256",)) == {"k1": "PS256"}
    assert refusal_of(jwk("EdDSA", alg="ES256")) == "it has no key that can be used"
    with pytest.raises(KeySetRefused):
        read(jwk(alg=None), algorithms=("RS256", "PS256"))  # one key has one algorithm


def test_n12_a_key_of_another_issuer_may_have_the_fully_specified_name() -> None:
    """N12: `Ed25519` (RFC 9864); the tokens under that key then have the same name and no other."""
    assert read(jwk("EdDSA", alg="Ed25519")) == {"k1": "Ed25519"}
    assert refusal_of(jwk("RS256", alg="Ed25519")) == "it has no key that can be used"


PASSED_OVER: dict[str, dict[str, Any]] = {
    "for encryption": jwk(kid="x", use="enc"),
    "for signing only": jwk(kid="x", key_ops=["sign"]),
    "with operations that are no list": jwk(kid="x", key_ops="verify"),
    "for an algorithm that is not configured": jwk(kid="x", alg="PS512"),
    "that says none": jwk(kid="x", alg="none"),
    "that says HS256": jwk(kid="x", alg="HS256"),
    "whose algorithm is no text": jwk(kid="x", alg=["RS256"]),
    "without a kid": jwk(kid="x") | {"kid": None},
    "with an empty kid": jwk(kid=""),
    "with a kid of a megabyte": jwk(kid="x" * 2**20),
    "with a kid that is a number": jwk(kid="x") | {"kid": 7},
    "of an unknown kind": {"kty": "AKP", "kid": "x", "alg": "ML-DSA-44"},
    "of a small modulus": jwk("small x", "x", alg="RS256"),
    "of a small exponent": jwk("exponent-3 x", "x", alg="RS256"),
    "with the fingerprint of ROCA": dict(as_jwk("x", "RS256", roca_key())),
    "off the curve": jwk("ES256", "x") | {"y": base64.urlsafe_b64encode(bytes(31) + b"\x07").decode().rstrip("=")},
    "with a coordinate too long": jwk("EdDSA", "x") | {"x": "A" * 60},
    "whose number is no base64": jwk(kid="x") | {"n": "!!!"},
    "without its number": jwk(kid="x") | {"n": None},
}


@pytest.mark.parametrize("member", PASSED_OVER.values(), ids=list(PASSED_OVER))
def test_n14_a_key_that_cannot_be_used_is_passed_over_and_the_others_count(member: dict[str, Any]) -> None:
    """N14: weak keys and keys with a wrong use or operation are never believed (RFC 7517 section 5)."""
    assert read(member, jwk(kid="good")) == {"good": "RS256"}


@pytest.mark.parametrize(
    ("members", "says"),
    [
        ([jwk(), jwk("RS256 b")], "two of its keys have the same kid"),
        ([jwk(), {"kty": "oct", "kid": "s", "k": "c2VjcmV0"}], "secret keys"),
        ([jwk(), jwk(kid="p", d="AQAB")], "secret keys"),
        ([jwk(kid=f"k{number}") for number in range(MAX_KEYS + 1)], "more than 64 keys"),
        ([jwk(use="enc")], "no key that can be used"),
        ([], "no key that can be used"),
        ([7], "no list of keys"),
    ],
)
def test_n14_a_set_that_is_spoiled_is_refused_as_a_whole(members: list[Any], says: str) -> None:
    """N14: one name twice, and symmetric or private keys beside public ones."""
    assert says in refusal_of(*members)


@pytest.mark.parametrize(
    "body",
    [
        b"", b"<html></html>", b"[]", b"null", b'{"keys": {}}', b'{"keys": [], "keys": []}', b"\xff\xfe{}",
        b'{"keys":' + b"[" * 5000 + b"]" * 5000 + b"}",
    ],
)  # fmt: skip
def test_fault_k3_what_is_no_key_set_is_refused(body: bytes) -> None:
    """Fault K3: a page of HTML, another document, a member twice, or one that is nested without end."""
    assert refusal(body)
