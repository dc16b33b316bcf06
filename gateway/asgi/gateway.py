"""What the ASGI shells need of a gateway, and its life inside somebody else's server."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping
from typing import Protocol

import structlog
from starlette.types import ASGIApp

from gateway.core.trust import TrustedProxies
from gateway.http1.fields import FieldTable
from gateway.http1.limits import Limits
from gateway.ports import Facts
from gateway.wire.pool import Pool
from gateway.wire.ports import Flow, LiveIndex, Watch

_log = structlog.get_logger()


class Gateway(Protocol):
    """The parts that `wiring` has put together."""

    @property
    def flow(self) -> Flow:
        """Decides about requests."""
        ...

    @property
    def watch(self) -> Watch:
        """Looks at responses."""
        ...

    @property
    def live(self) -> LiveIndex:
        """Finds what a revocation ends."""
        ...

    @property
    def own(self) -> ASGIApp:
        """Our own endpoints."""
        ...

    @property
    def pools(self) -> Mapping[str, Pool]:
        """The way to each application."""
        ...

    @property
    def table(self) -> FieldTable:
        """What each request header field means to us."""
        ...

    @property
    def limits(self) -> Limits:
        """How much of a request is read."""
        ...

    @property
    def proxies(self) -> TrustedProxies:
        """Whose transport headers count."""
        ...

    @property
    def facts(self) -> Facts:
        """Where facts go."""
        ...

    async def start(self) -> None:
        """Open stores and keys.

        Raises:
            StartError: it cannot serve.
        """
        ...

    def glance(self, now: float) -> None:
        """Do each second what no store can hold up."""
        ...

    async def tick(self, now: float) -> None:
        """Do the rest of what is due each second."""
        ...

    async def aclose(self) -> None:
        """Close everything that `start` opened."""
        ...


Build = Callable[[], Awaitable[Gateway]]
"""Puts a gateway together; called once, in the loop that it will live in."""


class Life:
    """Starts a gateway when the server starts or, on a server without lifespan, with the first request; stops it."""

    def __init__(self, build: Build, *, tick: float = 1.0) -> None:
        """`tick` is in seconds."""
        self._build = build
        self._period = tick
        self._starting: asyncio.Future[Gateway] | None = None
        self._ticks: asyncio.Task[None] | None = None

    async def start(self) -> Gateway:
        """Return the started gateway. Whoever comes while it starts waits for the same start.

        Raises:
            StartError: it cannot serve; the next call tries again.
        """
        if self._starting is None:
            self._starting = asyncio.ensure_future(self._begin())
        return await asyncio.shield(self._starting)

    async def stop(self) -> None:
        """Close the gateway, if it was started."""
        starting, self._starting = self._starting, None
        if self._ticks is not None:
            self._ticks.cancel()
            self._ticks = None
        if starting is None:
            return
        if starting.cancel():
            await asyncio.wait([starting])  # it closes what it has opened
        elif starting.exception() is None:
            await starting.result().aclose()

    async def _begin(self) -> Gateway:
        gateway: Gateway | None = None
        try:
            gateway = await self._build()
            await gateway.start()
        except BaseException:
            self._starting = None
            if gateway is not None:
                await self._abandon(gateway)
            raise
        self._ticks = asyncio.ensure_future(self._tick(gateway))
        return gateway

    async def _abandon(self, gateway: Gateway) -> None:
        """Close what could not be started; the reason why it could not is what counts."""
        try:
            await gateway.aclose()
        except Exception:
            _log.exception("a gateway that did not start could not be closed")

    async def _tick(self, gateway: Gateway) -> None:
        """Go round each second. A round that a store holds up holds up no glance."""
        async with asyncio.TaskGroup() as rounds:
            round_: asyncio.Task[None] | None = None
            while True:
                await asyncio.sleep(self._period)
                try:
                    gateway.glance(time.time())
                except Exception:
                    _log.exception("a glance failed")
                if round_ is None or round_.done():
                    round_ = rounds.create_task(self._go_round(gateway))

    async def _go_round(self, gateway: Gateway) -> None:
        try:
            await gateway.tick(time.time())
        except Exception:
            _log.exception("a tick failed")
