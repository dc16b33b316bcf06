"""Signing keys from PEM, in a file or an environment variable. What is weak is refused when it is loaded."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from gateway.errors import ConfigurationError
from gateway.keys.private_files import read_private_file
from gateway.keys.public import thumbprint
from gateway.keys.ring import PrivateKey, RingKey
from gateway.keys.strength import find_weakness

_PRIVATE_BLOCK = re.compile(rb"-----BEGIN [A-Z ]*PRIVATE KEY-----")
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
    return read_key(pem, place.algorithm, str(place), signs=place.signs)


def read_key(pem: bytes, algorithm: str, source: str, *, signs: bool = True) -> RingKey:
    """Read a private key; see `KeyPlace` for what `signs` allows. `source` names it in messages.

    Raises:
        ConfigurationError: it cannot be used, or is too weak.
    """
    key = _parse(pem, source)
    algorithm = _algorithm_of(key, algorithm, source, signs=signs)
    assert isinstance(key, PrivateKey)
    public = key.public_key()
    weakness = find_weakness(public)
    if weakness:
        raise ConfigurationError(
            f"The signing key from {source} {weakness}. Make one: crossfade keys generate --alg {algorithm}"
        )
    return RingKey(thumbprint(public), algorithm, public, key, source)


def _parse(pem: bytes, source: str) -> object:
    if _PRIVATE_BLOCK.search(pem) is None and b"PUBLIC KEY-----" in pem:
        raise ConfigurationError(f"The signing key from {source} is a public key. Put the private key there.")
    if len(_PRIVATE_BLOCK.findall(pem)) > 1:
        raise ConfigurationError(f"There is more than one key in {source}. Put each key in a place of its own.")
    try:
        return load_pem_private_key(pem, password=None)
    except TypeError:
        raise ConfigurationError(
            f"The signing key from {source} is encrypted. Decrypt it: openssl pkey -in KEY -out NEW"
        ) from None
    except (ValueError, UnsupportedAlgorithm):
        raise ConfigurationError(
            f"The signing key from {source} is not a readable PEM private key. Make one: crossfade keys generate"
        ) from None


def _algorithm_of(key: object, algorithm: str, source: str, *, signs: bool) -> str:
    if algorithm not in _KINDS:
        raise ConfigurationError(
            f"The algorithm {algorithm} of the key from {source} is not offered. Use one of {', '.join(ALGORITHMS)}."
        )
    offered = (algorithm,) if signs else (algorithm, *ALGORITHMS)
    found = next((name for name in offered if isinstance(key, _KINDS[name])), None)
    if found is None:
        raise ConfigurationError(
            f"The signing key from {source} is no key for {algorithm}. "
            f"Give it the algorithm that it was made for, or make one: crossfade keys generate --alg {algorithm}"
        )
    return found
