"""The keys in force: one signs, the next one is published ahead, the last ones verify until their tokens are gone."""

import asyncio
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from enum import StrEnum
from types import MappingProxyType

import jwt
from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey

from gateway.errors import ConfigurationError
from gateway.keys.public import PublicKey, as_jwk
from gateway.records import VerificationKey

PrivateKey = RSAPrivateKey | EllipticCurvePrivateKey | Ed25519PrivateKey


class KeyState(StrEnum):
    """The life of a key; one that is gone stands nowhere."""

    NEXT = "next"
    ACTIVE = "active"
    RETIRING = "retiring"


@dataclass(frozen=True, slots=True)
class RingKey:
    """A key with its one algorithm. `source` says where it came from, for messages."""

    kid: str
    algorithm: str
    state: KeyState
    public: PublicKey
    private: PrivateKey = field(repr=False)
    source: str


class KeyRing:
    """The KeySource of this process. Signing takes half a millisecond with RSA, so that it has threads of its own.

    Raises:
        ConfigurationError: not exactly one key is active, or two are the same.
    """

    def __init__(self, keys: Sequence[RingKey], *, threads: int = 2) -> None:
        self._threads = ThreadPoolExecutor(max_workers=threads, thread_name_prefix="crossfade-sign")
        self._generation = 0
        self._install(keys)

    @property
    def generation(self) -> int:
        """Grows whenever any key changes."""
        return self._generation

    @property
    def verification_keys(self) -> Mapping[str, VerificationKey]:
        """Public keys by `kid`, whatever their state."""
        return self._verification_keys

    @property
    def active(self) -> RingKey:
        """The key that signs."""
        return self._active

    async def sign(self, claims: Mapping[str, object], *, type_: str) -> str:
        """Return a compact JWS of `claims` under the active key, header `typ` as given (RFC 7515)."""
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._threads, _sign, self._active, dict(claims), type_)

    def jwks(self) -> Mapping[str, object]:
        """Return the public key set: the active key first, then the next, then the retiring ones (RFC 7517)."""
        return self._jwks

    def replace(self, keys: Sequence[RingKey]) -> bool:
        """Take other keys from now on; returns whether anything changed. What is wrong changes nothing.

        Raises:
            ConfigurationError: as for the constructor.
        """
        if [(key.kid, key.algorithm, key.state) for key in _ordered(keys)] == self._identity:
            return False
        self._install(keys)
        return True

    def close(self) -> None:
        """End the threads after what is being signed."""
        self._threads.shutdown(wait=True)

    def _install(self, keys: Sequence[RingKey]) -> None:
        ordered = _ordered(keys)
        active = _ensure_one_active(ordered)
        _ensure_distinct(ordered)
        self._active = active
        self._identity = [(key.kid, key.algorithm, key.state) for key in ordered]
        self._verification_keys: Mapping[str, VerificationKey] = MappingProxyType(
            {key.kid: VerificationKey(key.kid, key.algorithm, key.public) for key in ordered}
        )
        self._jwks: Mapping[str, object] = {"keys": [as_jwk(key.kid, key.algorithm, key.public) for key in ordered]}
        self._generation += 1


_ORDER = {KeyState.ACTIVE: 0, KeyState.NEXT: 1, KeyState.RETIRING: 2}


def _ordered(keys: Sequence[RingKey]) -> Sequence[RingKey]:
    return sorted(keys, key=lambda key: _ORDER[key.state])


def _ensure_one_active(keys: Sequence[RingKey]) -> RingKey:
    active = [key for key in keys if key.state is KeyState.ACTIVE]
    if len(active) != 1:
        raise ConfigurationError(
            f"{len(active)} signing keys are active, and exactly one must be. "
            "Give the others the state next or retiring in `keys`."
        )
    return active[0]


def _ensure_distinct(keys: Sequence[RingKey]) -> None:
    sources: dict[str, str] = {}
    for key in keys:
        if key.kid in sources:
            raise ConfigurationError(
                f"The keys from {sources[key.kid]} and {key.source} are the same (kid {key.kid}). Remove one of them."
            )
        sources[key.kid] = key.source


def _sign(key: RingKey, claims: dict[str, object], type_: str) -> str:
    return jwt.encode(claims, key.private, algorithm=key.algorithm, headers={"kid": key.kid, "typ": type_})
