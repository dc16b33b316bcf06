"""The words of the token flow: what it is told, and what it hands back."""

import hashlib
import hmac
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

from gateway.core.rotation import RotationPolicy
from gateway.model import Credential
from gateway.records import Family, RefreshOutcome

Prove = Callable[[], Awaitable[str]]
"""Returns the thumbprint of the key that a token request proves, empty for none; raises ProofRefused, Overloaded.

Called at most once, and only for a session or a refresh token that is known: who has neither costs no signature and no
name among the proofs that are remembered. A limit by address instead would be shared by all users behind one address.
"""


async def proves_nothing() -> str:
    """Be the `Prove` of a request without a proof."""
    return ""


TakesPart = Callable[[str], bool]
"""Says whether a subject is in the rollout in force."""


def everybody(_subject: str) -> bool:
    """Be the `TakesPart` where nobody is left out."""
    return True


@dataclass(frozen=True, slots=True)
class TokenPolicy:
    """What tokens are issued like.

    `access`, `refresh` and `leeway` are in seconds: how long an access token and a family live, and how far clocks may
    differ. `family_cap` bounds the live families of one session. `trust_store_alone` lets a session count whose
    binding (password hash, whoami) nobody checked. `rotation.rest` is for tokens that lie in a browser's cookie alone.
    `minted` are the sites whose sessions are followed by new ones when their time is over: families may outlive them.
    `in_cookie` are those whose session is its cookie and tells one from the next: a copy of it outlives each logout.
    """

    issuer: str
    audience: str
    access: float = 3600
    refresh: float = 604800
    leeway: float = 30
    rotation: RotationPolicy = field(default_factory=RotationPolicy)
    family_cap: int = 20
    trust_store_alone: bool = False
    takes_part: TakesPart = everybody
    minted: frozenset[str] = frozenset()
    in_cookie: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class TokenSecrets:
    """Two keys that are kept outside of the database.

    `pepper` is mixed into what seals a successor and derives a repeatable token; `session_hash_key` turns the key of
    a legacy session into its hash. 32 random bytes each.
    """

    pepper: bytes = field(repr=False)
    session_hash_key: bytes = field(repr=False)

    def session_hash(self, site: str, key: str) -> bytes:
        """Return the keyed hash (HMAC-SHA256, 32 bytes) by which families find their legacy session."""
        message = site.encode() + b"\0" + key.encode("utf-8", "surrogatepass")
        return hmac.digest(self.session_hash_key, message, hashlib.sha256)

    def tombstone(self, site: str, subject: str) -> bytes:
        """Return the hash under which a logout bars all cookies of a subject that were signed before it."""
        return self.session_hash(site, f"\0{subject}")  # no session's key begins with NUL


@dataclass(frozen=True, slots=True)
class Grant:
    """Tokens for a client. Durations are whole seconds.

    `outcome` says what became of the presented refresh token; None after an exchange.
    """

    access_token: str = field(repr=False)
    expires_in: int
    refresh_token: str = field(repr=False)
    refresh_expires_in: int
    family: Family
    outcome: RefreshOutcome | None = None
    bound_key: str = ""
    """The thumbprint of the key that the access token is bound to; empty for a Bearer."""


@dataclass(frozen=True, slots=True)
class LogoutResult:
    """What a logout did.

    `families` is how many were ended. `delete` names the session cookies that the client showed and must lose.
    `session_gone` says whether the application's own session is known to be gone; None where there was none.
    """

    families: int
    delete: tuple[bytes, ...] = ()
    session_gone: bool | None = None


@dataclass(frozen=True, slots=True)
class Whoami:
    """Who is asking. `expires_at` is in seconds since 1970, None where nobody knows."""

    credential: Credential
    subject: str = ""
    session_id: str = ""
    expires_at: float | None = None
    bound_key: str = ""
    """The key that must be proved for the credential to count; whoever has the request asks for it."""
