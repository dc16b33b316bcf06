"""From a configuration file to a process that serves, and its exit code."""

import asyncio
from collections.abc import Callable, Mapping
from pathlib import Path

import structlog

from gateway.core.phases import is_switched_on
from gateway.observe.exposition import Exposition
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
    lines = configure(environ.get("LOG_LEVEL", "info"))
    serve = _serve if is_switched_on(environ.get("ENABLE_JWT_AUTH")) else _serve_way_back
    try:
        with asyncio.Runner(loop_factory=_find_loop_factory()) as runner:
            return runner.run(serve(Path(config_path), environ))
    finally:
        lines.close()


def _find_loop_factory() -> Callable[[], asyncio.AbstractEventLoop] | None:
    try:
        import uvloop
    except ImportError:  # not CPython, or a platform that it does not run on
        return None
    return uvloop.new_event_loop


async def _serve(path: Path, environ: Environ) -> int:
    settings = load_settings(path, environ)
    copy = last_good_path(path)
    sockets = bind_all(settings.listen, settings.admin, settings.metrics, needs_admin=True)
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
