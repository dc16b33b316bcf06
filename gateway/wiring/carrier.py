"""What every gateway has, whatever it decides: the way to the applications, and the server in front of it."""

import secrets as randomness
from collections.abc import Mapping, Sequence
from contextlib import AsyncExitStack
from typing import Protocol

from starlette.types import ASGIApp

from gateway.core.trust import TrustedProxies
from gateway.http1.fields import FieldTable
from gateway.observe.metrics import Metrics
from gateway.ports import Clock, Facts
from gateway.settings.schema.limits import Limits
from gateway.settings.schema.routes import IdentityHeaders
from gateway.settings.schema.upstreams import Upstream
from gateway.wire.pool import Pool
from gateway.wire.ports import Flow, Watch
from gateway.wire.server import WireServer
from gateway.wire.wheel import Wheel
from gateway.wiring import policies
from gateway.wiring.share import ALONE, Share, SharedLive


class Carried(Protocol):
    """The sections that say how requests are carried."""

    @property
    def upstreams(self) -> Mapping[str, Upstream]:
        """The applications."""
        ...

    @property
    def trusted_proxies(self) -> Sequence[str]:
        """What stands in front."""
        ...

    @property
    def identity_headers(self) -> IdentityHeaders:
        """The names that no client may send."""
        ...

    @property
    def limits(self) -> Limits:
        """Bounds on sizes and waits."""
        ...


class Carrier:
    """The parts of a gateway that carry. `opened` closes them; what decides is added by who inherits.

    Raises:
        ConfigurationError: the certificates of an application cannot be read.
    """

    flow: Flow
    watch: Watch
    own: ASGIApp
    facts: Facts
    metrics: Metrics
    is_started = False

    def __init__(self, settings: Carried, clock: Clock, opened: AsyncExitStack, share: Share = ALONE) -> None:
        self._share = share
        self.keeps_house = share.keeps_house
        self.live = SharedLive(share.siblings)
        self.policy = policies.wire_policy_of(settings.limits, share)
        self.limits = self.policy.limits
        self.table = FieldTable(policies.identity_names(settings.identity_headers))
        self.proxies = TrustedProxies(settings.trusted_proxies)
        self.wheel = Wheel()
        self.upstreams = policies.upstreams_of(settings.upstreams, share)
        self.pools = {name: Pool(policy, self.limits, self.wheel) for name, policy in self.upstreams.items()}
        self._clock = clock
        self._opened = opened
        opened.callback(self.wheel.stop)
        for pool in self.pools.values():
            opened.push_async_callback(pool.close)

    async def aclose(self) -> None:
        """Close everything that was opened, the last first; what fails to close does not keep the rest open."""
        self.is_started = False
        await self._opened.aclose()

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
            clock=self._clock,
            wheel=self.wheel,
            request_prefix=randomness.token_hex(4),
        )
