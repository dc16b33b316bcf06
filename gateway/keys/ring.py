"""The keys in force: one signs; the others verify, published ahead or kept until their tokens are gone."""

import asyncio
import math
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from types import MappingProxyType

import jwt
from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey

from gateway.errors import ConfigurationError, StoreUnavailable
from gateway.keys.public import PublicKey, as_jwk
from gateway.records import VerificationKey

PrivateKey = RSAPrivateKey | EllipticCurvePrivateKey | Ed25519PrivateKey


@dataclass(frozen=True, slots=True)
class RingKey:
    """A key with its one algorithm. `source` says where it came from, for messages."""

    kid: str
    algorithm: str
    public: PublicKey
    private: PrivateKey = field(repr=False)
    source: str


class KeyRing:
    """The KeySource of this process; the first key signs. Which keys there are, and in which order, others decide.

    Signing takes half a millisecond with RSA, so that it has threads of its own.

    Raises:
        ConfigurationError: two keys are the same.
    """

    def __init__(self, keys: Sequence[RingKey] = (), *, threads: int = 2) -> None:
        self.changes_at = math.inf
        """When the state of a key changes next by the calendar, in seconds since 1970."""
        self._threads = ThreadPoolExecutor(max_workers=threads, thread_name_prefix="crossfade-sign")
        self.generation = 0
        """Grows whenever any key changes."""
        self._install(keys, signs=True)

    @property
    def verification_keys(self) -> Mapping[str, VerificationKey]:
        """Public keys by `kid`, those that only verify included."""
        return self._verification_keys

    @property
    def active(self) -> RingKey:
        """The key that signs.

        Raises:
            StoreUnavailable: no key may sign now.
        """
        if self._active is None:
            raise StoreUnavailable("There is no key to sign with.")
        return self._active

    async def sign(self, claims: Mapping[str, object], *, type_: str) -> str:
        """Return a compact JWS of `claims` under the active key, header `typ` as given (RFC 7515).

        Raises:
            StoreUnavailable: no key may sign now.
        """
        key, loop = self.active, asyncio.get_running_loop()
        return await loop.run_in_executor(self._threads, _sign, key, dict(claims), type_)

    def jwks(self) -> Mapping[str, object]:
        """Return the public key set, the key that signs first (RFC 7517)."""
        return self._jwks

    def replace(self, keys: Sequence[RingKey], *, signs: bool = True) -> bool:
        """Take other keys from now on, the first one to sign unless `signs` is false; returns whether anything changed.

        What is wrong changes nothing.

        Raises:
            ConfigurationError: two keys are the same.
        """
        if (_identity_of(keys), signs) == self._identity:
            return False
        self._install(keys, signs=signs)
        return True

    def close(self) -> None:
        """End the threads after what is being signed."""
        self._threads.shutdown(wait=True)

    def _install(self, keys: Sequence[RingKey], *, signs: bool) -> None:
        ensure_distinct(keys)
        self._active = keys[0] if keys and signs else None
        self._identity = (_identity_of(keys), signs)
        self._verification_keys: Mapping[str, VerificationKey] = MappingProxyType(
            {key.kid: VerificationKey(key.kid, key.algorithm, key.public) for key in keys}
        )
        self._jwks: Mapping[str, object] = {"keys": [as_jwk(key.kid, key.algorithm, key.public) for key in keys]}
        self.generation += 1


def _identity_of(keys: Sequence[RingKey]) -> Sequence[tuple[str, str]]:
    return [(key.kid, key.algorithm) for key in keys]


def ensure_distinct(keys: Sequence[RingKey]) -> None:
    """Refuse the same key twice.

    Raises:
        ConfigurationError: it is; both places are named.
    """
    sources: dict[str, str] = {}
    for key in keys:
        if key.kid in sources:
            raise ConfigurationError(
                f"The keys from {sources[key.kid]} and {key.source} are the same (kid {key.kid}). Remove one of them."
            )
        sources[key.kid] = key.source


def _sign(key: RingKey, claims: dict[str, object], type_: str) -> str:
    return jwt.encode(claims, key.private, algorithm=key.algorithm, headers={"kid": key.kid, "typ": type_})
