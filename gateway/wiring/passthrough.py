"""The gateway of `ENABLE_JWT_AUTH=false`: where to listen, where the application is, and nothing else."""

from contextlib import AsyncExitStack

from starlette.types import Receive, Scope, Send

from gateway.core.own_cookies import NAMES
from gateway.core.translate import Translator
from gateway.flow.passthrough import PassthroughFlow, PassthroughWatch
from gateway.settings.passthrough import Passthrough
from gateway.wiring import policies
from gateway.wiring.carrier import Carrier
from gateway.wiring.clock import SystemClock
from gateway.wiring.measures import measures_of_way_back
from gateway.wiring.share import ALONE, Share, Word


class PassthroughGateway(Carrier):
    """Carries requests. No store, key or schema is opened, so none can stop it."""

    def __init__(self, settings: Passthrough, share: Share = ALONE) -> None:
        super().__init__(settings, SystemClock(), AsyncExitStack(), share)
        self.metrics = self.facts = share.metrics or measures_of_way_back(settings).metrics()
        self.flow: PassthroughFlow = PassthroughFlow(
            routes=policies.routes_of(settings.routes, settings.default_upstream),
            translator=Translator(own=NAMES, identity=frozenset()),
            issuer=settings.issuer,
            own_prefix=f"{settings.prefix}/".encode(),
        )
        self.watch = PassthroughWatch()
        self.own = nothing
        self.metrics.set_phase(self.flow.posture.phase)

    async def start(self) -> None:
        """Begin to measure time."""
        self.wheel.start()
        self.is_started = True

    def glance(self, now: float) -> None:
        """Nobody decides anything while tokens are off."""

    def hear(self, word: Word, now: float) -> None:
        """No word concerns what has no state."""

    async def tick(self, now: float) -> None:
        """Nothing is due."""


async def nothing(scope: Scope, receive: Receive, send: Send) -> None:
    """An application that is never reached: while tokens are off, no request is a visit."""
    raise RuntimeError("no request is a visit while tokens are off")
