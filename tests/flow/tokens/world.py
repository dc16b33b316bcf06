"""A whole token flow over memory stores, real keys and a legacy application of two lines."""

import hashlib
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field, replace
from typing import cast

from gateway.bridge.vault import SealedVault, VaultKeys
from gateway.core.credentials import Site
from gateway.core.rotation import RotationPolicy
from gateway.errors import InvalidToken
from gateway.family_ports import RefreshStore
from gateway.flow.behind import SessionsBehind
from gateway.flow.clients import Client
from gateway.flow.inference import Inference
from gateway.flow.live import Live
from gateway.flow.possession import Possession
from gateway.flow.rates import TokenRates
from gateway.flow.tickets import LIFE, Tickets
from gateway.flow.tokens import Grant, TokenFlow, TokenPolicy, TokenSecrets
from gateway.keys.files import KeyPlace, load_key
from gateway.keys.generated import generate_pem
from gateway.keys.ring import KeyRing
from gateway.model import Anonymous, LegacySession, SessionCookie, VaultedSession, Verdict, VerifiedToken
from gateway.ports import RevocationLog, VaultStore
from gateway.stores.refresh_memory import MemoryRefreshStore
from gateway.stores.replays_memory import MemoryProofReplays
from gateway.stores.revocation_log_memory import MemoryRevocationLog
from gateway.stores.revocation_memory import MemoryRevocationStore
from gateway.stores.vault_memory import MemoryVaultStore
from tests.facts import RememberedFacts

ISSUER = "https://www.example.com"
START = 1_800_000_000.0
WEB = Client("web", "cookie")
MOBILE = Client("mobile", "body")
SITE = Site("main", "app", (b"sessionid", b"remember"), logout_paths=("/logout/",))


@dataclass
class SettableClock:
    """Time that a test moves by hand."""

    now: float = START

    def wall(self) -> float:
        return self.now

    def monotonic(self) -> float:
        return self.now


def new_keys() -> KeyRing:
    """A key ring with one key of its own."""
    return KeyRing([load_key(KeyPlace("ES256", env="KEY"), {"KEY": generate_pem("ES256").decode()})])


KEYS = new_keys()


class Application:
    """The legacy application as a session store and as what ends a session: cookie value to verdict."""

    def __init__(self) -> None:
        self.verdicts: dict[bytes, Verdict] = {}
        self.asked: list[bool] = []
        self.forgotten: list[str] = []
        self.ended: list[VaultedSession] = []
        self.refuses_logout = False

    def log_in(
        self,
        cookie: bytes,
        subject: str,
        *,
        key: str = "",
        expires_at: float | None = None,
        is_bound: bool = True,
        signed_at: float | None = None,
    ) -> None:
        claims = {"roles": ["staff"]}
        self.verdicts[cookie] = LegacySession(
            "main", key or cookie.decode(), subject, claims, expires_at, is_bound, signed_at
        )

    def log_out(self, cookie: bytes, reason: str = "gone") -> None:
        self.verdicts[cookie] = Anonymous(reason)

    def glance(self, shown: SessionCookie, now: float) -> LegacySession | None:
        verdict = self.verdicts.get(dict(shown.cookies).get(b"sessionid", b""))
        return verdict if isinstance(verdict, LegacySession) else None

    async def resolve(self, shown: SessionCookie, now: float, *, fresh: bool = False) -> Verdict:
        self.asked.append(fresh)
        return self.verdicts.get(dict(shown.cookies).get(b"sessionid", b""), Anonymous("gone"))

    def forget(self, session: LegacySession) -> None:
        self.forgotten.append(session.key)

    async def end(self, vaulted: VaultedSession) -> bool:
        self.ended.append(vaulted)
        if self.refuses_logout:
            return False
        self.log_out(dict(vaulted.cookies)[b"sessionid"])
        return True


@dataclass
class World:
    """Everything that a test of the token flow can touch."""

    policy: TokenPolicy = field(default_factory=lambda: TokenPolicy(ISSUER, "app", rotation=RotationPolicy(grace=30)))
    clock: SettableClock = field(default_factory=SettableClock)
    keys: KeyRing = KEYS

    def __post_init__(self) -> None:
        self.app = Application()
        self.live = Live()
        self.facts = RememberedFacts()
        self.entropy = _Entropy()
        log, vaulted = MemoryRevocationLog(), MemoryVaultStore()
        self.work_on(MemoryRefreshStore(log, vaulted), vaulted, log)

    def work_on(self, families: RefreshStore, vaulted: VaultStore, log: RevocationLog) -> None:
        """Put everything together as a new process does: nothing is cached, and revocations are yet to be read."""
        # Most tests look into the stores in memory, which is what they are given.
        self.families = cast("MemoryRefreshStore", families)
        self.vaulted = cast("MemoryVaultStore", vaulted)
        self.log = cast("MemoryRevocationLog", log)
        self.revocation = MemoryRevocationStore(log, self.clock)
        self.vault = SealedVault(
            store=vaulted,
            families=families,
            keys=VaultKeys("v1", {"v1": bytes(32)}),
            clock=self.clock,
            entropy=self.entropy,
        )
        self.rates = TokenRates()
        self.inference = Inference()
        self.paused: list[float] = []
        self.meanwhile: Callable[[], Awaitable[object]] | None = None
        self.possession = Possession()
        self.tickets = Tickets(b"t" * 32, MemoryProofReplays(LIFE), self.entropy)
        self.tokens = self.flow()

    def flow(self) -> TokenFlow:
        """Put a flow together from what is there now."""
        return TokenFlow(
            policy=replace(self.policy, takes_part=self.takes_part),
            families=self.families,
            log=self.log,
            revocation=self.revocation,
            keys=self.keys,
            vault=self.vault,
            sessions={"main": self.app},
            enders={"main": self.app},
            secrets=TokenSecrets(pepper=b"p" * 32, session_hash_key=b"h" * 32),
            live=self.live,
            facts=self.facts,
            entropy=self.entropy,
            rates=self.rates,
            behind=self.behind,
        )

    def takes_part(self, subject: str) -> bool:
        return True

    @property
    def behind(self) -> SessionsBehind:
        return SessionsBehind(sessions={"main": self.app}, inference=self.inference, pause=self.pause)

    async def pause(self, seconds: float) -> None:
        """Let no time pass but what happens meanwhile."""
        self.paused.append(seconds)
        if self.meanwhile is not None:
            await self.meanwhile()

    async def start(self) -> "World":
        """Read the log once, so that revocations can be looked up."""
        await self.revocation.catch_up()
        return self

    @property
    def now(self) -> float:
        return self.clock.now

    def pass_time(self, seconds: float) -> None:
        self.clock.now += seconds

    async def exchange(self, cookie: bytes = b"s1", client: Client = WEB, key: str = "") -> Grant:
        return await self.tokens.exchange(shown(cookie), client, now=self.now, idempotency_key=key)

    async def refresh(self, token: str, client: Client = WEB) -> Grant:
        return await self.tokens.refresh(token, client, now=self.now)

    async def verified(self, grant: Grant) -> VerifiedToken:
        return await self.tokens.verify(grant.access_token.encode(), now=self.now)

    async def accepts(self, grant: Grant) -> bool:
        """Whether the access token would be let through."""
        try:
            await self.verified(grant)
        except InvalidToken:
            return False
        return True


class _Entropy:
    """Derives from a counter instead of drawing, so that a failing test fails the same way again."""

    def __init__(self) -> None:
        self._count = 0

    def __call__(self, length: int) -> bytes:
        self._count += 1
        return hashlib.shake_128(str(self._count).encode()).digest(length)


def shown(cookie: bytes, *more: tuple[bytes, bytes]) -> SessionCookie:
    return SessionCookie("main", ((b"sessionid", cookie), *more))
