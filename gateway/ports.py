"""What the decisions need from the outside, as Protocols.

Adapters live in `stores/`, `keys/`, `bridge/` and `observe/`.
Every coroutine here may be awaited by a story that is stepped by hand (see `wire.admission`): it awaits futures or
tasks of its own only, and uses no time-out, context variable or current task directly in its body.
Foreign exceptions never pass a port: an adapter raises the `Unavailable` that its docstring names.
Times are seconds since 1970; durations are seconds.
"""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Protocol

from gateway.core.rates import Charge
from gateway.facts import Comparison, Dependant, Event, Fact
from gateway.model import (
    LegacySession,
    Revocation,
    SessionCookie,
    Standing,
    VaultedSession,
    Verdict,
    VerifiedToken,
)
from gateway.records import Family, SealedSession, VerificationKey


class Clock(Protocol):
    """Time as a parameter."""

    def wall(self) -> float:
        """Seconds since 1970."""
        ...

    def monotonic(self) -> float:
        """Seconds that never go back, for durations."""
        ...


# --- keys ---


class KeySource(Protocol):
    """The keys in force."""

    @property
    def generation(self) -> int:
        """Grows whenever any key changes; stamps what was proved with them."""
        ...

    @property
    def verification_keys(self) -> Mapping[str, VerificationKey]:
        """Public keys by `kid` (RFC 7638 thumbprint): active, retiring and published ones."""
        ...

    @property
    def changes_at(self) -> float:
        """When the state of a key changes next by the calendar, in seconds since 1970; inf where none will."""
        ...

    async def sign(self, claims: Mapping[str, object], *, type_: str) -> str:
        """Return a compact JWS of `claims` under the active key, header `typ` as given. Signs off the event loop.

        Raises:
            StoreUnavailable: no key may sign now.
        """
        ...

    def jwks(self) -> Mapping[str, object]:
        """Return the public key set (RFC 7517)."""
        ...


# --- revocation ---


class RevocationStore(Protocol):
    """The fast copy that is asked for every request with a token."""

    def glance(self, token: VerifiedToken) -> Standing | None:
        """Return what `look_up` would return at once; None where it would wait, or cannot say."""

    def inquire(self, token: VerifiedToken, settle: Callable[[Standing | None], None]) -> bool:
        """Have `settle` told once what `look_up` would return, without a coroutine; False where only that can say.

        It is told later, and never raises; None leads to `look_up`, which can say why nobody knows, or who else does.
        """
        ...

    async def look_up(self, token: VerifiedToken) -> Standing:
        """Return what is known of the token.

        Raises:
            RevocationUnavailable: nobody can say.
        """
        ...

    async def publish(self, revocations: Sequence[Revocation]) -> None:
        """Make recorded revocations effective here. Never raises.

        The truth has them already: a failure is repaired later, and until then `look_up` is unavailable rather than
        wrong.
        """
        ...


class RevocationLog(Protocol):
    """The durable truth behind the fast copy. Recorded means: survives kill -9."""

    async def record(self, revocations: Sequence[Revocation], now: float, family_id: str = "") -> Sequence[Revocation]:
        """Record and return them with their sequence numbers. `family_id` is that of single tokens, for the trail.

        Raises:
            StoreUnavailable: nothing was recorded.
        """
        ...

    async def live(self, now: float, *, after: int = 0, limit: int | None = None) -> Sequence[Revocation]:
        """Return those that have not expired, to rebuild the fast copy.

        The first `limit` with a sequence above `after`, in the order of their sequence. What is recorded later always
        has a higher sequence than this shows.

        Raises:
            StoreUnavailable: the truth cannot be read.
        """
        ...

    async def sequence(self) -> int:
        """Return the newest sequence number; new tokens carry it as `seq`.

        Raises:
            StoreUnavailable: the truth cannot be read.
        """
        ...


# --- vault ---


class VaultStore(Protocol):
    """Where sealed sessions lie. Raises VaultUnavailable when it cannot answer."""

    async def fetch(self, session_id: str) -> SealedSession | None:
        """Return the entry, or None when the family has ended or never had one."""
        ...

    async def replace(self, entry: SealedSession, *, expected_version: int) -> bool:
        """Compare-and-set on the version. Returns False when another write came first or the family has ended."""
        ...


class Vault(Protocol):
    """The users' own cookies, opened for one request."""

    def glance(self, token: VerifiedToken) -> VaultedSession | None:
        """Return what `open` would return at once; None where it would wait."""

    async def open(self, token: VerifiedToken) -> VaultedSession:
        """Return the session that the token stands for.

        Raises:
            VaultUnavailable: it cannot be read, or the entry of a live family is lost or does not open.
            SessionEnded: the family has ended.
        """
        ...

    async def open_family(self, family: Family) -> VaultedSession:
        """Return the session behind a family, where there is no access token to name it.

        Raises:
            VaultUnavailable, SessionEnded: as `open`.
        """
        ...

    async def seal(self, session: VaultedSession, expires_at: float) -> SealedSession:
        """Seal a session under the current key, bound to family and subject."""
        ...

    async def update(self, session: VaultedSession, cookies: Mapping[bytes, bytes], session_key: str) -> bool:
        """Store changed cookies if nobody else did since `session` was read; False when somebody did."""
        ...


# --- legacy sessions ---


class SessionStore(Protocol):
    """One entry of `sessions`: a codec over a place, or whoami."""

    async def resolve(self, shown: SessionCookie, now: float, *, fresh: bool = False) -> Verdict:
        """Say whose session the cookies are. `fresh` bypasses every cache. Never raises."""
        ...

    def forget(self, session: LegacySession) -> None:
        """Drop what is cached about a session, because something happened to it."""
        ...


class RememberedSessions(SessionStore, Protocol):
    """The same, with what was resolved a moment ago."""

    def glance(self, shown: SessionCookie, now: float) -> LegacySession | None:
        """Return what `resolve` would return at once, where it is a user; None where it would wait or say no."""
        ...


class SessionEnder(Protocol):
    """Ends a legacy session in the application itself."""

    async def end(self, vaulted: VaultedSession) -> bool:
        """Ask the application to log out. True when the session is known to be gone. Never raises."""
        ...


# --- rates ---


class RateLimiter(Protocol):
    """Counts how often something happened lately, in bounded memory."""

    async def take(self, charges: Sequence[Charge], now: float) -> float:
        """Take one of each and return 0.0; or take none and return how many seconds to wait. Never raises.

        Where nobody can say, nothing is refused: a limit protects us, and its outage must not lock anybody out.
        """
        ...


# --- proofs of possession ---


class ProofReplays(Protocol):
    """Which DPoP proofs were shown lately (RFC 9449 section 11.1), in bounded memory."""

    def is_first(self, name: str, until: float, now: float) -> Awaitable[bool]:
        """Whether nobody has shown it before; remembers it `until` it would be refused anyhow.

        May be awaited by a story that is stepped by hand.

        Raises:
            Overloaded: so many are shown at once that this one cannot be looked up in time.
        """
        ...


# --- facts ---


class Facts(Protocol):
    """Where facts go. Never raises, never blocks."""

    def request(self, fact: Fact) -> None:
        """Take note of a finished request."""
        ...

    def count(self, event: Event) -> None:
        """Take note of an event."""
        ...

    def compare(self, route: str, outcome: Comparison) -> None:
        """Take note of how both worlds compare for one request."""
        ...

    def depend(self, route: str, kind: Dependant, agent: bytes | None) -> None:
        """Take note of a request that only a session cookie carries, where tokens are preferred.

        `agent` is its User-Agent, which nobody checks.
        """
        ...
