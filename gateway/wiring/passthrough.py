"""The gateway of `ENABLE_JWT_AUTH=false`: where to listen, where the application is, and nothing else."""

import secrets as randomness
from collections.abc import Mapping

from starlette.types import ASGIApp, Receive, Scope, Send

from gateway.core.routes import Access, RouteTable, Rule
from gateway.core.translate import Translator
from gateway.core.trust import TrustedProxies
from gateway.flow.live import Live
from gateway.flow.passthrough import PassthroughFlow, PassthroughWatch
from gateway.http1.fields import FieldTable
from gateway.observe.metrics import Metrics
from gateway.settings.passthrough import Passthrough
from gateway.web.cookies import OwnCookies
from gateway.wire.policy import WirePolicy
from gateway.wire.pool import Pool
from gateway.wire.server import WireServer
from gateway.wire.wheel import Wheel
from gateway.wiring import policies
from gateway.wiring.clock import SystemClock


class PassthroughGateway:
    """Carries requests. No store, key or schema is opened, so none can stop it."""

    def __init__(self, settings: Passthrough) -> None:
        self.settings = settings
        cookies = OwnCookies()
        issuer = str(settings.public_url) if settings.public_url is not None else ""
        self.live = Live()
        self.metrics = self.facts = Metrics(routes=[route.path for route in settings.routes])
        self.flow = PassthroughFlow(
            routes=_routes_of(settings),
            translator=Translator(own=frozenset({cookies.access, cookies.refresh}), identity=frozenset()),
            issuer=issuer,
            own_prefix=f"{settings.prefix}/".encode(),
        )
        self.watch = PassthroughWatch()
        self.own: ASGIApp = nothing
        self.policy: WirePolicy = policies.wire_policy_of(settings.limits)
        self.limits = self.policy.limits
        self.table = FieldTable(policies.identity_names(settings.identity_headers))
        self.proxies = TrustedProxies(settings.trusted_proxies)
        self.wheel = Wheel()
        self.pools: Mapping[str, Pool] = {
            name: Pool(policies.upstream_policy_of(name, upstream), self.limits, self.wheel)
            for name, upstream in settings.upstreams.items()
        }
        self.metrics.set_phase(self.flow.posture.phase)

    async def start(self) -> None:
        """Begin to measure time."""
        self.wheel.start()

    async def tick(self, now: float) -> None:
        """Nothing is due."""

    async def aclose(self) -> None:
        """Close the connections to the application."""
        for pool in self.pools.values():
            await pool.close()
        self.wheel.stop()

    def server(self) -> WireServer:
        """Return the protocol factory of the data port."""
        return WireServer(
            flow=self.flow,
            watch=self.watch,
            live=self.live,
            pools=self.pools,
            own=self.own,
            table=self.table,
            proxies=self.proxies,
            policy=self.policy,
            facts=self.facts,
            clock=SystemClock(),
            wheel=self.wheel,
            request_prefix=randomness.token_hex(4),
        )


async def nothing(scope: Scope, receive: Receive, send: Send) -> None:
    """An application that is never reached: while tokens are off, no request is a visit."""
    raise RuntimeError("no request is a visit while tokens are off")


def _routes_of(settings: Passthrough) -> RouteTable:
    return RouteTable(
        [
            Rule(route.path, Access(route.auth), route.in_off, upstream=route.upstream or settings.default_upstream)
            for route in settings.routes
        ]
    )
