"""Signing keys from PEM, in a file or an environment variable. What is weak is refused when it is loaded."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, EllipticCurvePrivateKey
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from gateway.errors import ConfigurationError
from gateway.keys.private_files import read_private_file
from gateway.keys.public import thumbprint
from gateway.keys.ring import PrivateKey, RingKey

_PRIVATE_BLOCK = re.compile(rb"-----BEGIN [A-Z ]*PRIVATE KEY-----")
_SMALLEST_RSA = 2048
_SMALLEST_EXPONENT = 65537
_KINDS: Mapping[str, type[PrivateKey]] = {
    "RS256": RSAPrivateKey,
    "PS256": RSAPrivateKey,
    "ES256": EllipticCurvePrivateKey,
    "EdDSA": Ed25519PrivateKey,
}
ALGORITHMS = tuple(_KINDS)
"""What we sign with (RFC 7518, RFC 8037)."""


@dataclass(frozen=True, slots=True)
class KeyPlace:
    """Where one key is: a file, or an environment variable that holds the PEM. Exactly one of them is given.

    A key that signs must be one for `algorithm`. One that only verifies may be of another kind, so that the algorithm
    can be changed: it then has the algorithm that its kind is made for.
    """

    algorithm: str
    signs: bool = True
    file: Path | None = None
    env: str = ""

    def __str__(self) -> str:
        return f"the file {self.file}" if self.file is not None else f"the environment variable {self.env}"


def load_keys(places: Sequence[KeyPlace], environ: Mapping[str, str]) -> Sequence[RingKey]:
    """Load all keys.

    Raises:
        ConfigurationError: one cannot be used; the message names its source and the remedy.
    """
    return [load_key(place, environ) for place in places]


def load_key(place: KeyPlace, environ: Mapping[str, str]) -> RingKey:
    """Load one key.

    Raises:
        ConfigurationError: it cannot be used; the message names its source and the remedy.
    """
    if place.file is not None:
        pem = read_private_file(place.file, "signing key")
    else:
        # Platforms without lines in variables write them as \n.
        pem = environ.get(place.env, "").replace("\\n", "\n").encode("utf-8", "surrogateescape")
        if not pem:
            raise ConfigurationError(f"The signing key is missing: {place} is not set. Put its PEM there.")
    key = _parse(pem, place)
    algorithm = _algorithm_of(key, place)
    private = _ensure_strong(key, algorithm, place)
    public = private.public_key()
    return RingKey(thumbprint(public), algorithm, public, private, str(place))


def _parse(pem: bytes, place: KeyPlace) -> object:
    if _PRIVATE_BLOCK.search(pem) is None and b"PUBLIC KEY-----" in pem:
        raise ConfigurationError(f"The signing key from {place} is a public key. Put the private key there.")
    if len(_PRIVATE_BLOCK.findall(pem)) > 1:
        raise ConfigurationError(f"There is more than one key in {place}. Put each key in a place of its own.")
    try:
        return load_pem_private_key(pem, password=None)
    except TypeError:
        raise ConfigurationError(
            f"The signing key from {place} is encrypted. Decrypt it: openssl pkey -in KEY -out NEW"
        ) from None
    except (ValueError, UnsupportedAlgorithm):
        raise ConfigurationError(
            f"The signing key from {place} is not a readable PEM private key. Make one: crossfade keys generate"
        ) from None


def _algorithm_of(key: object, place: KeyPlace) -> str:
    if place.algorithm not in _KINDS:
        raise ConfigurationError(
            f"The algorithm {place.algorithm} of the key from {place} is not offered. "
            f"Use one of {', '.join(ALGORITHMS)}."
        )
    offered = (place.algorithm,) if place.signs else (place.algorithm, *ALGORITHMS)
    found = next((algorithm for algorithm in offered if isinstance(key, _KINDS[algorithm])), None)
    if found is None:
        raise ConfigurationError(
            f"The signing key from {place} is no key for {place.algorithm}. "
            f"Give it the algorithm that it was made for, or make one: crossfade keys generate --alg {place.algorithm}"
        )
    return found


def _ensure_strong(key: object, algorithm: str, place: KeyPlace) -> PrivateKey:
    assert isinstance(key, PrivateKey)
    fault = ""
    if isinstance(key, RSAPrivateKey):
        if key.key_size < _SMALLEST_RSA:
            fault = f"has {key.key_size} bits, and RSA needs {_SMALLEST_RSA} or more"
        elif key.private_numbers().public_numbers.e < _SMALLEST_EXPONENT:
            fault = f"has a public exponent below {_SMALLEST_EXPONENT}"
    elif isinstance(key, EllipticCurvePrivateKey) and not isinstance(key.curve, SECP256R1):
        fault = f"is on the curve {key.curve.name}, and ES256 needs P-256 (RFC 7518 section 3.4)"
    if fault:
        raise ConfigurationError(
            f"The signing key from {place} {fault}. Make one: crossfade keys generate --alg {algorithm}"
        )
    return key
