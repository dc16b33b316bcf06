"""What the stores keep and what a transaction is told: families, refresh tokens, sealed sessions, keys, the trail."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import NamedTuple

from gateway.model import Revocation


@dataclass(frozen=True, slots=True)
class VerificationKey:
    """A public key with the one algorithm that it may be used with."""

    kid: str
    algorithm: str
    key: object
    """The public key object of `cryptography`."""


@dataclass(frozen=True, slots=True)
class Family:
    """A set of tokens that descend from one exchange. `id` is the claim `sid`."""

    id: str
    subject: str
    client_id: str
    site: str
    session_hash: bytes
    """Keyed hash (32 bytes) of the legacy session that it came from; empty where there was none."""
    claims: Mapping[str, object]
    """Mapped claims of the session, carried by each access token."""
    generation: int
    created_at: float
    idle_expires_at: float
    absolute_expires_at: float
    """No access token of the family outlives it. It never moves back, so that a revocation can rely on it."""
    ended_at: float | None = None
    ended_reason: str = ""
    bound_key: str = ""
    """The thumbprint of the key that its refresh tokens are bound to (RFC 9449 section 5); empty where to none."""


@dataclass(frozen=True, slots=True)
class RefreshRow:
    """A refresh token as it is stored: never the token, only its hash (32 bytes)."""

    token_hash: bytes
    family_id: str
    generation: int
    issued_at: float
    expires_at: float
    used_at: float | None = None
    successor_sealed: bytes | None = None
    """The successor, sealed under the token that it succeeds; nulled at the next rotation."""


class RefreshOutcome(StrEnum):
    """What became of a presented refresh token; the `result` label of the metric."""

    ROTATED = "rotated"
    TOO_YOUNG = "too_young"
    GRACE = "grace"
    REPLAY = "replay"
    EXPIRED = "expired"
    ENDED = "ended"
    UNKNOWN = "unknown"
    WRONG_CLIENT = "wrong_client"
    WRONG_KEY = "wrong_key"


class Presented(NamedTuple):
    """A refresh token with its family as they were at one moment, which `time` is for the store's own clock."""

    family: Family
    row: RefreshRow
    time: float


@dataclass(frozen=True, slots=True)
class RotationDecision:
    """What a store shall do with a presented token; made by `core.rotation`, carried out in one transaction.

    ROTATED: mark the presented row used (`used_at` = now, `successor_sealed`), null the sealed value of its
    predecessor, insert `successor`, move the family to `successor.generation`, `idle_expires_at` and, where it is not
    None, `absolute_expires_at`.
    REPLAY: end the family with reason `replay` and record its revocation in the same transaction.
    Every other outcome writes nothing.
    """

    outcome: RefreshOutcome
    successor: RefreshRow | None = None
    successor_sealed: bytes | None = None
    idle_expires_at: float = 0.0
    token: str = ""
    """The refresh token to hand out: the new, the sealed, or the presented one. Never stored, never logged."""
    absolute_expires_at: float | None = None


def rotated(family: Family, decision: RotationDecision) -> Family:
    """Return a family as it is after a decision whose outcome is ROTATED."""
    assert decision.successor is not None
    end = decision.absolute_expires_at
    return replace(
        family,
        generation=decision.successor.generation,
        idle_expires_at=decision.idle_expires_at,
        absolute_expires_at=family.absolute_expires_at if end is None else end,
    )


Decide = Callable[[Family, RefreshRow], RotationDecision]
"""Pure, may be called again when a store retries its transaction."""


@dataclass(frozen=True, slots=True)
class Rotation:
    """The result of a presented refresh token. `family` is None where the token is unknown."""

    decision: RotationDecision
    family: Family | None
    revocations: tuple[Revocation, ...] = ()
    """Recorded in the same transaction; to be published."""


@dataclass(frozen=True, slots=True)
class SealedSession:
    """A vaulted session as it is stored: AES-256-GCM under a key that the store does not have."""

    session_id: str
    key_id: str
    sealed: bytes
    version: int
    expires_at: float


@dataclass(frozen=True, slots=True)
class AuditEntry:
    """One line of the trail. `at` is in seconds since 1970.

    `who` is the subject concerned or the operator who acted, `what` one of the words below, `family_id` is empty where
    no single family is meant:
    family_opened, token_rotated, family_moved, family_ended, subject_ended, session_barred, revoked, phase_changed,
    key_published, key_rotated, key_compromised.
    """

    at: float
    who: str
    what: str
    family_id: str = ""
    reason: str = ""


# --- other issuers ---


@dataclass(frozen=True, slots=True)
class RemoteTrust:
    """Whose tokens are believed besides ours, for which audience, under which keys. `leeway` is in seconds.

    `alias` stands in front of everything that the issuer names. `types` are the values of `typ` that count, "" for
    none. `roles_claim` is the claim whose strings become roles; empty for none. With `forwards` the token itself
    travels on to the application. `longest` is how many seconds a token counts after its `iat` at most: a revocation is
    kept for as long, and no longer. `stamp` grows whenever a key changes.
    """

    alias: str
    issuer: str
    audience: str
    leeway: float
    types: frozenset[str]
    roles_claim: str = ""
    forwards: bool = False
    longest: float = 604800.0
    keys: Mapping[str, VerificationKey] = field(default_factory=dict)
    stamp: int = 0


# --- signing keys ---


@dataclass(frozen=True, slots=True)
class KeyRecord:
    """What all gateways know of a signing key. Times are seconds since 1970.

    `published_at` is when the first of them put it into the public key set, `signs_from` when it may sign at the
    earliest. A record of a compromised key holds against every file.
    """

    kid: str
    algorithm: str
    published_at: float
    signs_from: float
    compromised_at: float | None = None
    sealed: bytes | None = field(default=None, repr=False)
    """The private key, sealed under a key that the store does not have; empty where it was destroyed, None for a key
    that stands in the configuration."""

    @property
    def is_kept(self) -> bool:
        """Whether the gateway made it and keeps it, or kept it, in the store."""
        return self.sealed is not None

    @property
    def is_compromised(self) -> bool:
        """Whether it must not verify anything."""
        return self.compromised_at is not None


@dataclass(frozen=True, slots=True)
class KeyChange:
    """What a store shall do with the records of keys, in one transaction.

    `write` replaces records of the same `kid`. `what`, `by` and `reason` go into the audit trail; nothing goes there
    where `what` is empty. `time` is when, in seconds since 1970.
    """

    write: tuple[KeyRecord, ...] = ()
    delete: tuple[str, ...] = ()
    what: str = ""
    by: str = ""
    reason: str = ""
    time: float = 0.0


DecideKeys = Callable[[Sequence[KeyRecord]], KeyChange]
"""Pure, may be called again when a store retries its transaction. What it raises passes through."""
