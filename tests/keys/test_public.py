"""A key is named by its thumbprint, and only its public members are ever shown."""

import base64

import orjson
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicNumbers
from jwt import PyJWK

from gateway.keys.public import as_jwk, thumbprint
from tests.keys.material import private_key

PRIVATE_MEMBERS = {"d", "p", "q", "dp", "dq", "qi", "oth", "k"}


def decode(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def test_k3_the_thumbprint_is_that_of_rfc_7638() -> None:
    """K3: the `kid` of a key is its thumbprint."""
    modulus = (
        "0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM78LhWx4cbbfAAtVT86zwu1RK7aPFFxuhDR1L6tSoc_BJECPebWKRXjBZCiFV4n3"
        "oknjhMstn64tZ_2W-5JsGY4Hc5n9yBXArwl93lqt7_RN5w6Cf0h4QyQ5v-65YGjQR0_FDW2QvzqY368QQMicAtaSqzs8KJZgnYb9c7d0zgdA"
        "ZHzu6qMQvRL5hajrn1n91CbOpbISD08qNLyrdkt-bFTWhAI4vMQFh6WeZu0fM4lFd2NcRwr3XPksINHaQ-G_xBniIqbw0Ls1jF44-csFCur-"
        "kEgU8awapJzKnqDKgw"
    )
    key = RSAPublicNumbers(65537, int.from_bytes(decode(modulus))).public_key()
    assert thumbprint(key) == "NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs"


def test_the_thumbprint_of_an_edwards_key_is_that_of_rfc_8037() -> None:
    key = Ed25519PublicKey.from_public_bytes(decode("11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"))
    assert thumbprint(key) == "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k"


@pytest.mark.parametrize("algorithm", ["RS256", "ES256", "EdDSA"])
def test_a_published_key_is_read_by_others_as_the_same_key(algorithm: str) -> None:
    public = private_key(algorithm).public_key()
    jwk = as_jwk("k1", algorithm, public)
    read = PyJWK(dict(jwk))
    assert thumbprint(read.key) == thumbprint(public)
    assert (read.key_id, read.algorithm_name, read.public_key_use) == ("k1", algorithm, "sig")


@pytest.mark.parametrize("algorithm", ["RS256", "PS256", "ES256", "EdDSA"])
def test_k3_private_members_never_leave(algorithm: str) -> None:
    """K3: only what RFC 7517 calls public is published."""
    key = private_key(algorithm)
    jwk = as_jwk("k1", algorithm, key.public_key())
    assert PRIVATE_MEMBERS.isdisjoint(jwk)
    assert set(jwk) <= {"kty", "kid", "use", "alg", "n", "e", "crv", "x", "y"}
    if algorithm == "ES256":
        secret = key.private_numbers().private_value  # type: ignore[union-attr]
        assert base64.urlsafe_b64encode(secret.to_bytes(32)).rstrip(b"=") not in orjson.dumps(jwk)


def test_coordinates_keep_their_leading_zeros() -> None:
    """RFC 7518 section 6.2.1.2: always the full length, else others refuse about one key in 128."""
    for number in range(300):
        jwk = as_jwk("k", "ES256", private_key(f"ES256 {number}").public_key())
        assert len(decode(jwk["x"])) == len(decode(jwk["y"])) == 32
