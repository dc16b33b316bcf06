"""What a process does: everything, or its part of a gateway that several serve. Each returns an exit code."""

from collections.abc import Callable, Sequence

from gateway.observe.exposition import Exposition
from gateway.serve.listeners import Sockets, bind_all
from gateway.serve.plans import Opened, Plan
from gateway.serve.running import AdminApps, Kin, Reload, Running
from gateway.settings.schema.listeners import Admin, Drain
from gateway.web.admin import create_admin_app
from gateway.wiring.census import Together
from gateway.wiring.share import ALONE, Share
from gateway.wiring.version import find_version

_UNTIL_TOLD = Drain.model_construct(delay=86_400.0, timeout=0.0)
"""The admin port tells that we drain until a second signal, which comes when the last worker is gone."""


async def serve_alone(plan: Plan) -> int:
    """Serve everything in this process.

    Raises:
        StartError: it cannot.
    """
    where = plan.listening
    sockets = bind_all(where.listen, where.admin, where.metrics, needs_admin=plan.needs_admin, is_shared=plan.is_shared)
    try:
        opened = await plan.open(ALONE)
    except BaseException:
        sockets.close()
        raise
    running = Running(opened.gateway, opened.state, apps_of(opened, where.admin), sockets, where.drain)
    return await running.serve(reload=_remembering(opened.reload, plan.remember), started=plan.remember)


def _remembering(reload: Reload | None, remember: Callable[[], None]) -> Reload | None:
    if reload is None:
        return None

    async def take_over() -> None:
        await reload()
        remember()

    return take_over


async def serve_worker(plan: Plan, share: Share, sockets: Sockets, kin: Kin) -> int:
    """Carry requests; somebody else has the admin port.

    Raises:
        StartError: it cannot.
    """
    opened = await plan.open(share)
    running = Running(
        opened.gateway, opened.state, apps_of(opened, plan.listening.admin), sockets, plan.listening.drain, kin=kin
    )
    return await running.serve(reload=opened.reload)


async def serve_admin(
    plan: Plan, share: Share, sockets: Sockets, kin: Kin, stripes: "Sequence[memoryview[float]]"
) -> int:
    """Serve the admin port for all processes, whose metrics are in `stripes`.

    Raises:
        StartError: it cannot.
    """
    metrics = share.metrics
    assert metrics is not None, "processes that share a gateway count in stripes"
    opened = await plan.open(share, Together(metrics, stripes))
    apps = apps_of(opened, plan.listening.admin, stripes)
    return await Running(opened.gateway, opened.state, apps, sockets, _UNTIL_TOLD, kin=kin).serve(reload=opened.reload)


def apps_of(opened: Opened, admin: Admin, stripes: "Sequence[memoryview[float]]" = ()) -> AdminApps:
    """Return what the admin port and the local socket serve."""
    exposition = Exposition(opened.gateway.metrics, version=find_version(), stripes=stripes)
    return AdminApps(
        tcp=create_admin_app(state=opened.state, exposition=exposition, allows_actions=False, hosts=admin.hosts),
        local=create_admin_app(state=opened.state, exposition=exposition, allows_actions=True),
    )
