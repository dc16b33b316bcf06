"""The users' own cookies, sealed at rest and opened for one request (AES-256-GCM, NIST SP 800-38D)."""

from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import NamedTuple

import orjson
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from gateway.errors import SessionEnded, StoreUnavailable, VaultUnavailable
from gateway.family_ports import RefreshStore
from gateway.model import VaultedSession, VerifiedToken
from gateway.ports import Clock, VaultStore
from gateway.records import Family, SealedSession

_NONCE = 12


@dataclass(frozen=True, slots=True)
class VaultKeys:
    """The keys of the vault by their ids, 32 bytes each; `active` is the id of the one that seals.

    Raises:
        ValueError: a key has another length, or the active one is missing.
    """

    active: str
    keys: Mapping[str, bytes] = field(repr=False)

    def __post_init__(self) -> None:
        if self.active not in self.keys:
            raise ValueError("the active key of the vault is not among its keys")
        if any(len(key) != 32 for key in self.keys.values()):
            raise ValueError("a key of the vault must have 32 bytes")


class _Opened(NamedTuple):
    session: VaultedSession
    until: float


class SealedVault:
    """The port `Vault` over a store of sealed entries.

    `cache_age` is for how many seconds an opened entry may be used again without asking the store. A write through
    this vault drops the entry at once; one through another process is not noticed before, so that it is short where
    there are several. `cache_size` bounds the number of entries.
    """

    def __init__(
        self,
        *,
        store: VaultStore,
        families: RefreshStore,
        keys: VaultKeys,
        clock: Clock,
        entropy: Callable[[int], bytes],
        cache_age: float = 0.0,
        cache_size: int = 4096,
    ) -> None:
        self._store = store
        self._families = families
        self._active = keys.active
        self._ciphers = {key_id: AESGCM(key) for key_id, key in keys.keys.items()}
        self._clock = clock
        self._entropy = entropy
        self._cache_age = cache_age
        self._cache_size = cache_size
        self._cache: OrderedDict[str, _Opened] = OrderedDict()
        self._writes = 0

    def glance(self, token: VerifiedToken) -> VaultedSession | None:
        """Return what is remembered of the session that a token stands for. See `ports.Vault`."""
        return self._find_opened(token.session_id, token.subject)

    async def open(self, token: VerifiedToken) -> VaultedSession:
        """Return the session that a token stands for. See `ports.Vault`."""
        return await self._open(token.session_id, token.subject)

    async def open_family(self, family: Family) -> VaultedSession:
        """Return the session behind a family. See `ports.Vault`."""
        return await self._open(family.id, family.subject)

    async def seal(self, session: VaultedSession, expires_at: float) -> SealedSession:
        """Seal a session under the active key. See `ports.Vault`."""
        return self._seal(session, expires_at)

    async def update(self, session: VaultedSession, cookies: Mapping[bytes, bytes], session_key: str) -> bool:
        """Replace the cookies by compare-and-set on the version that `session` was read at. See `ports.Vault`."""
        self._forget(session.session_id)
        entry = await self._store.fetch(session.session_id)
        if entry is None or entry.version != session.version:
            return False
        changed = replace(session, cookies=tuple(cookies.items()), session_key=session_key, version=session.version + 1)
        sealed = self._seal(changed, entry.expires_at)
        is_stored = await self._store.replace(sealed, expected_version=session.version)
        self._forget(session.session_id)  # another request may have read the old entry meanwhile
        return is_stored

    # --- reading ---

    def _find_opened(self, session_id: str, subject: str) -> VaultedSession | None:
        known = self._cache.get(session_id)
        if known is None or known.session.subject != subject or known.until <= self._clock.monotonic():
            return None
        self._cache.move_to_end(session_id)
        return known.session

    async def _open(self, session_id: str, subject: str) -> VaultedSession:
        known = self._find_opened(session_id, subject)
        if known is not None:
            return known
        writes = self._writes
        entry = await self._store.fetch(session_id)
        if entry is None:
            raise await self._why_missing(session_id)
        session = self._unseal(entry, subject)
        if writes == self._writes:  # else it may be older than what was written while it was read
            self._remember(session)
        return session

    async def _why_missing(self, session_id: str) -> SessionEnded | VaultUnavailable:
        """An entry goes with its family; one that is missing while its family lives was lost."""
        try:
            family = await self._families.find_family(session_id)
        except StoreUnavailable as error:
            raise VaultUnavailable from error
        if family is None or family.ended_at is not None:
            return SessionEnded()
        return VaultUnavailable("The entry of a live session is missing.")

    def _remember(self, session: VaultedSession) -> None:
        if self._cache_age <= 0:
            return
        self._cache[session.session_id] = _Opened(session, self._clock.monotonic() + self._cache_age)
        self._cache.move_to_end(session.session_id)
        if len(self._cache) > self._cache_size:
            self._cache.popitem(last=False)

    def _forget(self, session_id: str) -> None:
        self._writes += 1
        self._cache.pop(session_id, None)

    # --- sealing ---

    def _seal(self, session: VaultedSession, expires_at: float) -> SealedSession:
        nonce = self._entropy(_NONCE)
        bound = _bound_to(session.session_id, session.subject, self._active)
        sealed = nonce + self._ciphers[self._active].encrypt(nonce, _encode(session), bound)
        return SealedSession(session.session_id, self._active, sealed, session.version, expires_at)

    def _unseal(self, entry: SealedSession, subject: str) -> VaultedSession:
        cipher = self._ciphers.get(entry.key_id)
        if cipher is None:
            raise VaultUnavailable("The key of a vaulted session is not configured.")
        bound = _bound_to(entry.session_id, subject, entry.key_id)
        try:
            plain = cipher.decrypt(entry.sealed[:_NONCE], entry.sealed[_NONCE:], bound)
        except (InvalidTag, ValueError) as error:
            raise VaultUnavailable("A vaulted session does not open.") from error
        session = _decode(plain, entry.session_id, subject)
        # The version is sealed too: an old content under a new version would open otherwise.
        if session.version != entry.version:
            raise VaultUnavailable("A vaulted session does not open.")
        return session


def _bound_to(session_id: str, subject: str, key_id: str) -> bytes:
    # A JSON list, so that no two triples give the same bytes.
    return orjson.dumps([session_id, subject, key_id])


def _encode(session: VaultedSession) -> bytes:
    return orjson.dumps(
        {
            "site": session.site,
            "cookies": [[name.decode("latin-1"), value.decode("latin-1")] for name, value in session.cookies],
            "key": session.session_key,
            "version": session.version,
            "expires_at": session.expires_at,
            "bound_to": session.bound_to,
        }
    )


def _decode(plain: bytes, session_id: str, subject: str) -> VaultedSession:
    content = orjson.loads(plain)
    return VaultedSession(
        session_id=session_id,
        subject=subject,
        site=content["site"],
        cookies=tuple((name.encode("latin-1"), value.encode("latin-1")) for name, value in content["cookies"]),
        session_key=content["key"],
        version=content["version"],
        expires_at=content["expires_at"],
        bound_to=content.get("bound_to", ""),
    )
