"""From a configuration file to a process that serves, and its exit code."""

import asyncio
from collections.abc import Callable, Mapping
from pathlib import Path

import structlog

from gateway.core.phases import is_known_switch, is_switched_on
from gateway.errors import ConfigurationError
from gateway.observe.exposition import Exposition
from gateway.observe.lines import LineWriter
from gateway.observe.log import configure
from gateway.serve.listeners import bind_all
from gateway.serve.running import AdminApps, Running, Served, State
from gateway.settings.last_good import last_good_path, write_last_good
from gateway.settings.load import load_settings
from gateway.settings.passthrough import load_passthrough
from gateway.settings.schema.listeners import Admin
from gateway.web.admin import create_admin_app
from gateway.wiring.administration import Administration, PassthroughAdministration
from gateway.wiring.gateway import Gateway
from gateway.wiring.passthrough import PassthroughGateway
from gateway.wiring.version import find_version

Environ = Mapping[str, str]

_log = structlog.get_logger()


def run_gateway(config_path: str, *, environ: Environ) -> int:
    """Serve until a signal ends it. Returns 0, or 3 when the drain deadline passed before everything was finished.

    With `ENABLE_JWT_AUTH=false` only what carries requests is read and opened.

    Raises:
        StartError: it cannot serve; its `exit_code` says why.
    """
    switch = environ.get("ENABLE_JWT_AUTH")
    serve = _serve if is_switched_on(switch) else _serve_way_back
    lines = _configure_log(environ, must_start=serve is _serve_way_back)
    if not is_known_switch(switch):
        _log.warning("ENABLE_JWT_AUTH is neither true nor false; tokens stay on", value=switch)
    try:
        with asyncio.Runner(loop_factory=_find_loop_factory()) as runner:
            return runner.run(serve(Path(config_path), environ))
    finally:
        lines.close()


def _configure_log(environ: Environ, *, must_start: bool) -> LineWriter:
    try:
        return configure(environ.get("LOG_LEVEL", "info"))
    except ConfigurationError:
        if not must_start:
            raise
        return configure()


def _find_loop_factory() -> Callable[[], asyncio.AbstractEventLoop] | None:
    try:
        import uvloop
    except ImportError:  # not CPython, or a platform that it does not run on
        return None
    return uvloop.new_event_loop


async def _serve(path: Path, environ: Environ) -> int:
    settings = load_settings(path, environ)
    copy = last_good_path(path)
    # Two gateways on one port must share their keys and their truth, or each refuses the other's tokens.
    is_shared = settings.stores.postgres is not None
    sockets = bind_all(settings.listen, settings.admin, settings.metrics, needs_admin=True, is_shared=is_shared)
    try:
        gateway = await Gateway.open(settings, environ)
    except BaseException:
        sockets.close()
        raise
    state = Administration(gateway)
    running = Running(gateway, state, _apps(gateway, state, settings.admin), sockets, settings.drain)

    async def reload() -> None:
        fresh = await asyncio.to_thread(load_settings, path, environ)
        needs_restart = gateway.reload(fresh)
        write_last_good(fresh, copy)
        _log.info("the configuration was taken over", needs_restart=needs_restart)

    return await running.serve(reload=reload, started=lambda: write_last_good(settings, copy))


async def _serve_way_back(path: Path, environ: Environ) -> int:
    settings = load_passthrough(path, environ)
    for note in settings.notes:
        _log.warning("configuration", note=note)
    sockets = bind_all(settings.listen, settings.admin, settings.metrics, needs_admin=False)
    try:
        gateway = PassthroughGateway(settings)
    except BaseException:
        sockets.close()
        raise
    state = PassthroughAdministration(gateway)
    return await Running(gateway, state, _apps(gateway, state, settings.admin), sockets, settings.drain).serve()


def _apps(gateway: Served, state: State, admin: Admin) -> AdminApps:
    exposition = Exposition(gateway.metrics, version=find_version())
    return AdminApps(
        tcp=create_admin_app(state=state, exposition=exposition, allows_actions=False, hosts=admin.hosts),
        local=create_admin_app(state=state, exposition=exposition, allows_actions=True),
    )
