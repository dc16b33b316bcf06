"""What is to be served: read from the configuration once, before there is any process or socket for it."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import structlog

from gateway.core.phases import is_switched_on
from gateway.serve.capacity import count_workers
from gateway.serve.running import Reload, Served, State
from gateway.settings.addresses import Address
from gateway.settings.last_good import last_good_path, write_last_good
from gateway.settings.load import load_settings
from gateway.settings.passthrough import load_passthrough
from gateway.settings.schema.listeners import Admin, Drain
from gateway.settings.schema.listeners import Metrics as MetricsPort
from gateway.wiring.administration import Administration, PassthroughAdministration
from gateway.wiring.census import Census
from gateway.wiring.extras import load_drivers
from gateway.wiring.gateway import Gateway
from gateway.wiring.keys import open_listed_keys
from gateway.wiring.measures import Measures, measures_of, measures_of_way_back
from gateway.wiring.overrides import Brake, brake_beside
from gateway.wiring.passthrough import PassthroughGateway
from gateway.wiring.reload import in_force_after
from gateway.wiring.share import Share

Environ = Mapping[str, str]

_log = structlog.get_logger()


class Listening(Protocol):
    """The sections that say where to listen, and how to end."""

    @property
    def listen(self) -> Address:
        """The data port."""
        ...

    @property
    def admin(self) -> Admin:
        """The admin port and the local socket."""
        ...

    @property
    def metrics(self) -> MetricsPort:
        """A port of its own for metrics."""
        ...

    @property
    def drain(self) -> Drain:
        """How to end."""
        ...


@dataclass(frozen=True, slots=True)
class Opened:
    """A gateway in its process. `reload` is None where there is nothing to take over."""

    gateway: Served
    state: State
    reload: Reload | None


class Plan(Protocol):
    """The gateway as it was read. A process that is forked begins with what is in force at that moment."""

    needs_admin: bool
    """Whether an admin port that cannot be had is worth not to start."""
    is_shared: bool
    """Whether a successor, or another gateway, may listen on the same port."""
    workers: int
    """How many processes serve."""
    measures: Measures
    brake: Brake | None

    @property
    def listening(self) -> Listening:
        """Where to listen."""
        ...

    async def open(self, share: Share, census: Census | None = None) -> Opened:
        """Open the gateway in this process. Raises StartError."""
        ...

    def reread(self) -> None:
        """Read the configuration again, for processes that are yet to be forked. Raises ConfigurationError."""
        ...

    def remember(self) -> None:
        """Keep a copy of what was read last, for the way back."""
        ...


def read_plan(path: Path, environ: Environ) -> Plan:
    """Read the configuration; while tokens are off, only what carries requests.

    Raises:
        ConfigurationError: it has a fault.
    """
    return WholePlan(path, environ) if is_switched_on(environ.get("ENABLE_JWT_AUTH")) else WayBackPlan(path, environ)


class WholePlan:
    """The whole gateway."""

    needs_admin = True

    def __init__(self, path: Path, environ: Environ) -> None:
        self._path = path
        self._environ = environ
        self._settings = self._read = load_settings(path, environ)
        self.measures = measures_of(self._settings)
        self.brake: Brake | None = brake_beside(self._settings.phase.override_file)
        # Two gateways on one port must share their keys and their truth, or each refuses the other's tokens.
        self.is_shared = self._settings.stores.postgres is not None
        self.workers = count_workers(self._settings.workers, is_shared=self.is_shared)
        if self.workers > 1:
            load_drivers(self._settings)

    @property
    def listening(self) -> Listening:
        """See `Plan`."""
        return self._settings

    async def open(self, share: Share, census: Census | None = None) -> Opened:
        """See `Plan`."""
        gateway = await Gateway.open(self._settings, self._environ, share=share)

        async def reload() -> None:
            fresh = await asyncio.to_thread(load_settings, self._path, self._environ)
            needs_restart = gateway.reload(fresh)
            self._read = fresh
            _log.info("the configuration was taken over", needs_restart=needs_restart)

        return Opened(gateway, Administration(gateway, census), reload)

    def reread(self) -> None:
        """See `Plan`. The keys are tried too, so that what nobody can use is not even offered to the processes."""
        fresh = load_settings(self._path, self._environ)
        in_force = in_force_after(self._settings, fresh)
        open_listed_keys(in_force, self._environ)
        self._settings, self._read = in_force, fresh

    def remember(self) -> None:
        """See `Plan`."""
        write_last_good(self._read, last_good_path(self._path))


class WayBackPlan:
    """What carries requests while `ENABLE_JWT_AUTH=false`, and nothing else."""

    needs_admin = False
    brake: Brake | None = None

    def __init__(self, path: Path, environ: Environ) -> None:
        self._settings = settings = load_passthrough(path, environ)
        for note in settings.notes:
            _log.warning("configuration", note=note)
        self.measures = measures_of_way_back(settings)
        self.workers = count_workers(settings.workers, is_shared=True)
        self.is_shared = self.workers > 1

    @property
    def listening(self) -> Listening:
        """See `Plan`."""
        return self._settings

    async def open(self, share: Share, census: Census | None = None) -> Opened:
        """See `Plan`."""
        gateway = PassthroughGateway(self._settings, share)
        return Opened(gateway, PassthroughAdministration(gateway, census), None)

    def reread(self) -> None:
        """See `Plan`. Nothing is taken over: the way back stays as it was started."""

    def remember(self) -> None:
        """See `Plan`. The copy of a time with tokens stays."""
