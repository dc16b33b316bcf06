"""A gateway that runs: its listeners, its seconds, its reloads, and its end."""

import asyncio
import time
from collections.abc import Callable, Coroutine, Mapping, Sized
from contextlib import AsyncExitStack
from dataclasses import dataclass
from typing import Protocol

import structlog
from starlette.types import ASGIApp

from gateway.errors import ConfigurationError, Unavailable
from gateway.observe.families import ADMIN, WORKER
from gateway.observe.metrics import Metrics
from gateway.observe.process import ProcessWatch
from gateway.serve.admin import admin_server
from gateway.serve.capacity import room_for_clients
from gateway.serve.collector import settle_collector
from gateway.serve.drain import Stop
from gateway.serve.listeners import Listener, Sockets, listen
from gateway.serve.mailboxes import Mailbox
from gateway.settings.schema.listeners import Drain
from gateway.web.admin import AdminState
from gateway.wire.pool import Pool
from gateway.wire.server import WireServer
from gateway.wiring.clock import SystemClock
from gateway.wiring.share import News, Word

DRAINED = 0
CUT_SHORT = 3
"""Exit code when the drain deadline passed before everything in flight was finished."""

_log = structlog.get_logger()


class Served(Protocol):
    """A gateway as the process sees it: the whole one, or the way back that needs nothing."""

    metrics: Metrics

    @property
    def live(self) -> Sized:
        """The open tunnels and event streams."""
        ...

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

    def glance(self, now: float) -> None:
        """See what an operator decided by hand."""
        ...

    async def tick(self, now: float) -> None:
        """Do what is due each second."""
        ...

    def hear(self, word: Word, now: float) -> None:
        """Take in what another process of the same gateway tells."""
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


@dataclass(frozen=True, slots=True)
class Kin:
    """What ties a process to the others. `lifeline` is a pipe that ends with the supervisor."""

    mailbox: Mailbox
    lifeline: int


Reload = Callable[[], Coroutine[object, object, None]]
"""Takes over a new configuration. Raises ConfigurationError; then the old one stays in force."""


class Running:
    """One gateway in one process: alone, or as one of several with its `kin`.

    Takes over the sockets; a worker has none of the admin port, and the process of the admin port no other. `tick` is
    in seconds.
    """

    def __init__(
        self,
        gateway: Served,
        state: State,
        apps: AdminApps,
        sockets: Sockets,
        drain: Drain,
        *,
        kin: Kin | None = None,
        tick: float = 1.0,
    ) -> None:
        self._gateway = gateway
        self._state = state
        self._apps = apps
        self._sockets = sockets
        self._drain = drain
        self._kin = kin
        self._period = tick
        self._woken = asyncio.Event()
        self._figures = ProcessWatch()
        self._was_full = False
        self._stop_watching_collector: Callable[[], None] = lambda: None
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
        self._meet(stop)
        try:
            await self._open_admin()
            await self._gateway.start()
            data = await listen(self._gateway.server(), self._sockets.data, self._capacity)
            self._listeners.append(data)
            self._begin(data)
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

    def _meet(self, stop: Stop) -> None:
        if self._kin is None:
            return
        loop, kin = asyncio.get_running_loop(), self._kin

        def lose_supervisor() -> None:
            loop.remove_reader(kin.lifeline)
            stop.abandon()

        loop.add_reader(kin.lifeline, lose_supervisor)
        loop.add_reader(kin.mailbox.fileno(), kin.mailbox.read, self._hear)

    def _begin(self, data: Listener) -> None:
        self._gateway.metrics.set_reload(is_successful=True, now=time.time())
        self._gateway.metrics.set_role(WORKER if self._sockets.data else ADMIN)
        self._keep(self._tick(data))
        self._stop_watching_collector = settle_collector(self._gateway.metrics.add_pause)
        for fault in self._sockets.faults:
            _log.warning("not listening", fault=fault)
        _log.info("serving", listen=[_name_of(one.getsockname()) for one in self._sockets.data or self._sockets.admin])

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
            rest.callback(self._stop_watching_collector)
            rest.push_async_callback(self._gateway.aclose)
            for listener in self._listeners:
                rest.push_async_callback(listener.server.close)
                rest.callback(listener.close)
            for task in self._tasks:
                rest.callback(task.cancel)

    # --- while it runs ---

    async def _tick(self, data: Listener) -> None:
        """Go round once a second, or when woken. A round that a store holds up holds up no glance."""
        round_: asyncio.Task[None] | None = None
        while True:
            try:
                self._show(data)
            except Exception:
                _log.exception("what this process does could not be shown")
            await self._rest()
            try:
                self._gateway.glance(time.time())
                await data.look()
            except Exception:
                _log.exception("a glance failed")
            if round_ is None or round_.done():
                round_ = self._keep(self._go_round())

    async def _rest(self) -> None:
        try:
            async with asyncio.timeout(self._period):
                await self._woken.wait()
        except TimeoutError:
            pass
        self._woken.clear()

    async def _go_round(self) -> None:
        try:
            await self._gateway.tick(time.time())
        except Unavailable as error:  # an outage, which is logged by the name of what is away
            _log.warning("a tick was not finished", fault=str(error))
        except Exception:
            _log.exception("a tick failed")

    def _hear(self, word: Word) -> None:
        try:
            self._gateway.hear(word, time.time())
        except Exception:
            _log.exception("a word of another process was lost")
        if word.news is News.PHASE:
            self._woken.set()

    def _capacity(self) -> int:
        return room_for_clients(sum(pool.policy.max_connections for pool in self._gateway.pools.values()))

    def _show(self, data: Listener) -> None:
        server = data.server
        self._gateway.metrics.set_process(self._figures.look())
        self._gateway.metrics.set_streams(len(self._gateway.live))
        metrics, pools = self._gateway.metrics, self._gateway.pools.values()
        self._show_fullness(is_full=data.is_full)
        active = server.request_count
        metrics.set_connections("client", active=active, idle=server.connection_count - active)
        idle = sum(pool.idle_count for pool in pools)
        metrics.set_connections("upstream", active=sum(pool.open_count for pool in pools) - idle, idle=idle)

    def _show_fullness(self, *, is_full: bool) -> None:
        if is_full is not self._was_full:
            self._was_full = is_full
            _log.warning("no room for more clients: new ones wait" if is_full else "there is room for clients again")
        self._gateway.metrics.set_full(is_full=is_full)

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

    def _keep(self, coroutine: Coroutine[object, object, None]) -> asyncio.Task[None]:
        task = asyncio.get_running_loop().create_task(coroutine)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task


def _name_of(address: object) -> str:
    return f"{address[0]}:{address[1]}" if isinstance(address, tuple) else str(address)
