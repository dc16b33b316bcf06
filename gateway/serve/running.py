"""A gateway that runs: its listeners, its seconds, its reloads, and its end."""

import asyncio
import gc
import time
from collections.abc import Awaitable, Callable, Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass
from typing import Protocol

import structlog
from starlette.types import ASGIApp

from gateway.errors import ConfigurationError
from gateway.observe.metrics import Metrics
from gateway.serve.admin import admin_server
from gateway.serve.drain import Stop
from gateway.serve.listeners import Listener, Sockets, listen
from gateway.settings.schema.listeners import Drain
from gateway.web.admin import AdminState
from gateway.wire.pool import Pool
from gateway.wire.server import WireServer
from gateway.wiring.clock import SystemClock

DRAINED = 0
CUT_SHORT = 3
"""Exit code when the drain deadline passed before everything in flight was finished."""

_log = structlog.get_logger()


class Served(Protocol):
    """A gateway as the process sees it: the whole one, or the way back that needs nothing."""

    metrics: Metrics

    @property
    def pools(self) -> Mapping[str, Pool]:
        """The way to each application."""
        ...

    def server(self) -> WireServer:
        """Return the protocol factory of the data port."""
        ...

    async def start(self) -> None:
        """Open what is needed to serve. Raises StartError."""
        ...

    async def tick(self, now: float) -> None:
        """Do what is due each second."""
        ...

    async def aclose(self) -> None:
        """Close everything."""
        ...


class State(AdminState, Protocol):
    """The state behind the admin port; the process tells it when the drain begins."""

    is_draining: bool


@dataclass(frozen=True, slots=True)
class AdminApps:
    """What is served on the admin port and on the local socket."""

    tcp: ASGIApp
    local: ASGIApp


Reload = Callable[[], Awaitable[None]]
"""Takes over a new configuration. Raises ConfigurationError; then the old one stays in force."""


class Running:
    """One gateway in one process. Takes over the sockets. `tick` is in seconds."""

    def __init__(
        self, gateway: Served, state: State, apps: AdminApps, sockets: Sockets, drain: Drain, *, tick: float = 1.0
    ) -> None:
        self._gateway = gateway
        self._state = state
        self._apps = apps
        self._sockets = sockets
        self._drain = drain
        self._period = tick
        self._listeners: list[Listener] = []
        self._reload: Reload | None = None
        self._tasks: set[asyncio.Task[None]] = set()

    async def serve(self, *, reload: Reload | None = None, started: Callable[[], object] = lambda: None) -> int:
        """Serve until a signal ends it; returns 0 or 3. `started` is called once requests are answered.

        Raises:
            StartError: it cannot serve.
        """
        stop = Stop()
        self._reload = reload
        stop.install(asyncio.get_running_loop(), self._ask_reload)
        try:
            await self._open_admin()
            await self._gateway.start()
            data = await listen(self._gateway.server(), self._sockets.data)
            self._listeners.append(data)
            self._begin(data.server)
            started()
            await stop.asked.wait()
            return await self._end(stop, data)
        finally:
            await self._close()

    async def _open_admin(self) -> None:
        """Before everything else, so that a probe hears that we are starting."""
        clock = SystemClock()
        self._listeners.append(await listen(admin_server(self._apps.tcp, clock), self._sockets.admin))
        if self._sockets.local is not None:
            local = admin_server(self._apps.local, clock)
            self._listeners.append(await listen(local, [self._sockets.local.listener]))

    def _begin(self, server: WireServer) -> None:
        self._gateway.metrics.set_reload(is_successful=True, now=time.time())
        self._keep(self._tick(server))
        # What is there now stays: full collections need not look at it again.
        gc.collect()
        gc.freeze()
        for fault in self._sockets.faults:
            _log.warning("not listening", fault=fault)
        _log.info("serving", listen=[_name_of(one.getsockname()) for one in self._sockets.data])

    async def _end(self, stop: Stop, data: Listener) -> int:
        self._state.is_draining = True
        _log.info("draining", delay=self._drain.delay, timeout=self._drain.timeout)
        await stop.pause(self._drain.delay)
        data.close()
        is_finished = await stop.finish(data.server, self._drain.timeout)
        _log.info("drained" if is_finished else "drain deadline exceeded")
        return DRAINED if is_finished else CUT_SHORT

    async def _close(self) -> None:
        """Close everything, the last opened first; what fails to close does not keep the rest open."""
        async with AsyncExitStack() as rest:
            rest.callback(self._sockets.close)
            rest.push_async_callback(self._gateway.aclose)
            for listener in self._listeners:
                rest.push_async_callback(listener.server.close)
                rest.callback(listener.close)
            for task in self._tasks:
                rest.callback(task.cancel)

    # --- while it runs ---

    async def _tick(self, server: WireServer) -> None:
        while True:
            self._show_connections(server)
            await asyncio.sleep(self._period)
            try:
                await self._gateway.tick(time.time())
            except Exception:
                _log.exception("a tick failed")

    def _show_connections(self, server: WireServer) -> None:
        metrics, pools = self._gateway.metrics, self._gateway.pools.values()
        active = server.request_count
        metrics.set_connections("client", active=active, idle=server.connection_count - active)
        idle = sum(pool.idle_count for pool in pools)
        metrics.set_connections("upstream", active=sum(pool.open_count for pool in pools) - idle, idle=idle)

    def _ask_reload(self) -> None:
        if self._reload is not None:
            self._keep(self._try_reload(self._reload))

    async def _try_reload(self, reload: Reload) -> None:
        try:
            await reload()
        except ConfigurationError as error:
            fault = str(error)
        except Exception as error:  # a fault of ours must not go unseen, nor end what serves
            _log.exception("a reload failed")
            fault = type(error).__name__
        else:
            self._gateway.metrics.set_reload(is_successful=True, now=time.time())
            return
        self._gateway.metrics.set_reload(is_successful=False, now=time.time())
        _log.error("the configuration was not taken over; the old one stays in force", fault=fault)

    def _keep(self, coroutine: Awaitable[None]) -> None:
        task = asyncio.ensure_future(coroutine)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)


def _name_of(address: object) -> str:
    return f"{address[0]}:{address[1]}" if isinstance(address, tuple) else str(address)
