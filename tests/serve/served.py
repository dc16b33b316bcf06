"""A gateway that does what a test tells it, behind the real server, in a process of its own: this one."""

import asyncio
import os
import signal
from collections.abc import Coroutine, Mapping
from pathlib import Path
from typing import Any

import httpx

from gateway.core.trust import NOBODY
from gateway.errors import StartError
from gateway.facts import Nothing
from gateway.flow.live import Live
from gateway.flow.passthrough import PassthroughWatch
from gateway.http1.fields import FieldTable
from gateway.model import Answer, Peer, Phase, RequestHead, RevocationKind
from gateway.observe.exposition import Exposition
from gateway.observe.metrics import Metrics
from gateway.serve.admin import OursAlone
from gateway.serve.listeners import bind_all
from gateway.serve.running import AdminApps, Reload, Running
from gateway.settings.addresses import Address
from gateway.settings.schema.listeners import Admin, Drain
from gateway.settings.schema.listeners import Metrics as MetricsPort
from gateway.web.admin import create_admin_app
from gateway.web.readiness import Readiness
from gateway.wire.policy import WirePolicy
from gateway.wire.pool import Pool
from gateway.wire.ports import Decision
from gateway.wire.server import WireServer
from gateway.wire.wheel import Wheel
from gateway.wiring.clock import SystemClock
from gateway.wiring.share import Word

PATIENCE = 10.0


class Flow:
    """Answers at once, or `/slow` when it is let go."""

    def __init__(self) -> None:
        self.slow_came = asyncio.Event()
        self.let_go: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def begin(self, head: RequestHead, peer: Peer, now: float) -> Decision | Coroutine[Any, Any, Decision]:
        return self._later() if head.path == b"/slow" else Answer(200, (), b"ok")

    refuse = OursAlone.refuse

    async def _later(self) -> Decision:
        self.slow_came.set()
        await asyncio.shield(self.let_go)
        return Answer(200, (), b"ok")


class Small:
    """A gateway without stores."""

    def __init__(self) -> None:
        self.metrics = Metrics(routes=())
        self.pools: Mapping[str, Pool] = {}
        self.flow = Flow()
        self.was_asked_to_start = asyncio.Event()
        self.may_start = asyncio.Event()
        self.may_start.set()
        self.start_error: StartError | None = None
        self.ticks = 0
        self.ticked = asyncio.Event()
        self.is_open = False
        self.live = Live()

    async def start(self) -> None:
        self.was_asked_to_start.set()
        await self.may_start.wait()
        if self.start_error is not None:
            raise self.start_error
        self.is_open = True

    def glance(self, now: float) -> None:
        raise RuntimeError("a bug in a glance")

    def hear(self, word: Word, now: float) -> None:
        raise RuntimeError("a bug in hearing")

    async def tick(self, now: float) -> None:
        self.ticks += 1
        self.ticked.set()
        raise RuntimeError("a bug in a tick")

    async def aclose(self) -> None:
        self.is_open = False

    def server(self) -> WireServer:
        return WireServer(
            flow=self.flow,
            watch=PassthroughWatch(),
            live=self.live,
            pools=self.pools,
            own=_nobody,
            table=FieldTable(()),
            proxies=NOBODY,
            policy=WirePolicy(linger=0.1),
            facts=Nothing(),
            clock=SystemClock(),
            wheel=Wheel(tick=0.05),
            request_prefix="t",
        )


async def _nobody(*_: object) -> None:
    raise AssertionError("no request here is for us")


class SmallState:
    """The state behind the admin port."""

    def __init__(self, gateway: Small) -> None:
        self._gateway = gateway
        self.drain_began = asyncio.Event()

    @property
    def is_draining(self) -> bool:
        return self.drain_began.is_set()

    @is_draining.setter
    def is_draining(self, _value: bool) -> None:
        self.drain_began.set()

    def readiness(self) -> Readiness:
        return Readiness("draining" if self.is_draining else "" if self._gateway.is_open else "starting")

    async def phase(self) -> Mapping[str, object]:
        return {"phase": "parallel"}

    async def set_phase(
        self, phase: Phase, *, by: str, reason: str, rollout: float | None = None
    ) -> Mapping[str, object]:
        return {"phase": phase}

    async def advance(self, *, by: str, reason: str, rollout: float | None, is_forced: bool) -> Mapping[str, object]:
        return {"has_advanced": True}

    async def pause(self, *, by: str, reason: str, is_paused: bool) -> Mapping[str, object]:
        return {"is_paused": is_paused}

    async def panic(self, *, by: str, reason: str) -> Mapping[str, object]:
        return {"phase": "off"}

    async def roll_back(self, *, by: str, reason: str, is_rehearsal: bool) -> Mapping[str, object]:
        return {"phase": "off"}

    async def explain(self, *, subject: str, session_id: str) -> Mapping[str, object]:
        return {"lines": []}

    async def revoke(
        self, kind: RevocationKind, name: str, *, by: str, reason: str, is_rehearsal: bool
    ) -> Mapping[str, object]:
        return {"revoked": False, "families": 0}

    async def status(self) -> Mapping[str, object]:
        return {}

    async def keys(self) -> Mapping[str, object]:
        return {}

    async def rotate_keys(self, *, by: str, reason: str, is_emergency: bool) -> Mapping[str, object]:
        return {}

    async def compromise_key(self, kid: str, *, by: str, reason: str) -> Mapping[str, object]:
        return {}


class House:
    """A running gateway with its ports."""

    def __init__(self, folder: Path, drain: Drain, reload: Reload | None = None) -> None:
        self.gateway = Small()
        self.reload = reload
        self.has_started = asyncio.Event()
        admin = Admin.model_construct(listen=Address("127.0.0.1", 0), socket=folder / "admin.sock")
        self.sockets = bind_all(Address("127.0.0.1", 0), admin, MetricsPort(), needs_admin=True)
        self.data, self.admin = (
            f"http://127.0.0.1:{one.getsockname()[1]}" for one in (self.sockets.data[0], self.sockets.admin[0])
        )
        self.local = httpx.AsyncHTTPTransport(uds=str(admin.socket))
        state = self.state = SmallState(self.gateway)
        exposition = Exposition(self.gateway.metrics, version="1")
        apps = AdminApps(
            tcp=create_admin_app(state=state, exposition=exposition, allows_actions=False),
            local=create_admin_app(state=state, exposition=exposition, allows_actions=True),
        )
        self.running = Running(self.gateway, state, apps, self.sockets, drain, tick=0.05)
        self.task = asyncio.ensure_future(self.running.serve(reload=reload, started=self.has_started.set))

    async def started(self) -> None:
        async with asyncio.timeout(PATIENCE):
            await self.has_started.wait()

    async def exit_code(self) -> int:
        async with asyncio.timeout(PATIENCE):
            return await self.task


async def get(url: str, client: httpx.AsyncClient | None = None) -> httpx.Response:
    if client is not None:
        return await client.get(url)
    async with httpx.AsyncClient(trust_env=False, timeout=PATIENCE) as fresh:
        return await fresh.get(url)


def tell(number: signal.Signals) -> None:
    """Send a signal to this process, as an orchestrator would."""
    os.kill(os.getpid(), number)
