"""A request flow and a response watch over the world of the token tests."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field

from gateway.bridge.csrf import CsrfPairs
from gateway.bridge.headers import IdentityHeaders
from gateway.core.cors import CrossOrigin
from gateway.core.credentials import Ours, Site
from gateway.core.csrf import DJANGO_SECRET, CsrfCheck, plain
from gateway.core.own_cookies import OwnCookies
from gateway.core.phases import posture_of
from gateway.core.routes import Access, RouteTable, Rule
from gateway.core.translate import Translator
from gateway.flow.delivery import Delivery, DeliveryPolicy
from gateway.flow.forms import FormProtection
from gateway.flow.inquiry import Inquiry
from gateway.flow.prove import Prover, ProverPolicy
from gateway.flow.recheck import Recheck
from gateway.flow.request import RequestFlow, RequestPolicy
from gateway.flow.standing import TokenStanding
from gateway.flow.watch import ResponseWatch
from gateway.headers import Pairs
from gateway.model import Answer, Peer, Permit, Phase, RequestHead, Standing, Visit
from gateway.wiring.flights import GrantFlights
from tests.flow.tokens.world import ISSUER, SITE, WEB, World

DJANGO = CsrfCheck(b"X-CSRFToken", plain, b"csrftoken", DJANGO_SECRET)
ACCESS, REFRESH = b"__Host-crossfade_access", b"__Host-crossfade_refresh"
PEER = Peer("192.0.2.1")
RULES = (
    Rule("/static/*", Access.PUBLIC),
    Rule("/assets/*", Access.PUBLIC, forward_credentials=True),
    Rule("/admin/*", Access.REQUIRED),
    Rule("/closed/*", Access.REQUIRED, in_off="deny"),
    Rule("/hooks/*", Access.PASSTHROUGH),
    Rule("/*"),
)


def request(
    path: str = "/page",
    *,
    method: str = "GET",
    bearer: str = "",
    authorization: bytes | None = None,
    cookie: bytes | None = None,
    fields: Pairs | None = None,
    origin: bytes | None = None,
    asks: bytes | None = None,
) -> RequestHead:
    """A head as `http1` would make it."""
    if bearer:
        authorization = b"Bearer " + bearer.encode()
    return RequestHead(
        method.encode(), path.encode(), 1, fields or [], b"www.example.com",
        authorization=authorization, cookie=cookie, origin=origin, asks=asks,
    )  # fmt: skip


async def admitted(flow: RequestFlow, head: RequestHead, now: float) -> Permit | Visit | Answer:
    """Let a flow decide, as the wire does."""
    decided = flow.begin(head, PEER, now)
    if isinstance(decided, Inquiry):
        answer: asyncio.Future[Standing | None] = asyncio.get_running_loop().create_future()
        decided = decided.decide(await answer if decided.ask(answer.set_result) else None)
    return decided if isinstance(decided, Permit | Visit | Answer) else await decided


@dataclass
class Door:
    """What a test of the request flow can touch."""

    world: World
    site: Site = SITE
    phase: Phase = Phase.PARALLEL
    rules: tuple[Rule, ...] = RULES
    meanwhile: Callable[[], None] | None = None
    paused: list[float] = field(default_factory=list)
    origins: frozenset[bytes] = field(default_factory=frozenset)
    others: tuple[Site, ...] = ()
    delivers: bool = False

    def __post_init__(self) -> None:
        world = self.world
        sessions = {self.site.name: world.app}
        sites = (self.site, *self.others)
        cross_origin = CrossOrigin(self.origins)
        checks = {self.site.name: DJANGO}
        self.pairs = CsrfPairs(public_origin=ISSUER, entropy=world.entropy, checks=checks)
        self.cookies = OwnCookies(follows=True)
        self.delivery = self._delivery() if self.delivers else None
        self.recheck = Recheck(vault=world.vault, behind=world.behind, end=world.tokens.end_family, since=0.0)
        self.flow = RequestFlow(
            policy=RequestPolicy(
                Ours(ISSUER, ACCESS, REFRESH),
                sites,
                {b"/.own/token": "token"},
                frozenset({"web"}),
                cross_origin,
                cookies=self.cookies,
            ),
            posture=posture_of(self.phase, "initial"),
            routes=RouteTable(self.rules),
            translator=Translator(own=frozenset({ACCESS, REFRESH}), identity=frozenset(self.site.cookies)),
            prover=Prover(
                policy=ProverPolicy(ISSUER, "app", 30),
                keys=world.keys,
                identity_headers=IdentityHeaders(),
                facts=world.facts,
            ),
            forms=FormProtection(self.pairs, sites, sessions),
            standing=TokenStanding(
                leeway=30,
                revocation=world.revocation,
                recheck=self.recheck,
                vault=world.vault,
                sites=sites,
                end_family=world.tokens.end_family,
                sessions=sessions,
                behind=world.behind,
            ),
            sessions=sessions,
            facts=world.facts,
            tickets=world.tickets,
            possession=world.possession,
            delivery=self.delivery,
        )
        self.watch = ResponseWatch(
            sites=[self.site],
            cookies=self.cookies,
            cross_origin=cross_origin,
            tokens=world.tokens,
            vault=world.vault,
            sessions=sessions,
            facts=world.facts,
            inference=world.inference,
            pause=self.pause,
            delivery=self.delivery,
        )

    def _delivery(self) -> Delivery:
        return Delivery(
            policy=DeliveryPolicy(WEB, self.cookies, ISSUER.encode(), grace=30.0),
            posture=lambda: self.flow.posture,
            tokens=self.world.tokens,
            exchanges=GrantFlights(),
            renewals=GrantFlights(kept=5.0),
            facts=self.world.facts,
        )

    async def pause(self, seconds: float) -> None:
        """Let no time pass but what the application does meanwhile."""
        self.paused.append(seconds)
        if self.meanwhile is not None:
            self.meanwhile()

    async def admit(self, head: RequestHead) -> Permit | Visit | Answer:
        return await admitted(self.flow, head, self.world.now)

    async def permit(self, head: RequestHead) -> Permit:
        admitted = await self.admit(head)
        assert isinstance(admitted, Permit)
        return admitted

    async def look(self, permit: Permit, head: RequestHead, *set_cookies: bytes, status: int = 200) -> Pairs:
        """Let the application answer with these cookies; returns what the client gets."""
        fields: Pairs = [(b"Set-Cookie", value) for value in set_cookies]
        if self.watch.needs_look(permit, head, status, fields):
            looked = await self.watch.look(permit, head, status, fields, self.world.now)
            return [*looked.fields, *(looked.ours or [])]
        return fields
