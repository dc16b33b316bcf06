"""The gateway inside an ASGI server of your own: as middleware around an application, or as a reverse proxy.

::

    from gateway import GatewayMiddleware, create_app

    app = GatewayMiddleware(application, "gateway.yaml")    # in the application's own process
    app = create_app("gateway.yaml")                        # uvicorn module:app

One process only: the embedded store belongs to one, and a second worker would refuse to start.
"""

import os
from collections.abc import Mapping
from functools import partial
from pathlib import Path

from starlette.types import ASGIApp

from gateway.asgi.middleware import Middleware
from gateway.asgi.proxy import Proxy
from gateway.core.phases import is_switched_on
from gateway.settings.last_good import SECTIONS
from gateway.settings.load import load_settings
from gateway.settings.passthrough import Passthrough, load_passthrough
from gateway.settings.schema import Settings
from gateway.wiring.gateway import Gateway
from gateway.wiring.passthrough import PassthroughGateway

Source = Settings | str | Path
"""The configuration: read already, or the path of its file."""

Environ = Mapping[str, str]


class GatewayMiddleware(Middleware):
    """Protects an ASGI application. `environ` is where secrets and `ENABLE_JWT_AUTH` are looked up.

    The configuration is read, and everything opened, when the server starts; on a server without lifespan with the
    first request. `upstreams` is not used: the application is called directly.
    """

    def __init__(self, app: ASGIApp, settings: Source, *, environ: Environ = os.environ) -> None:
        super().__init__(app, partial(open_gateway, settings, environ))


def create_app(settings: Source, *, environ: Environ = os.environ) -> Proxy:
    """Return the reverse proxy in front of the configured applications as an ASGI application.

    WebSockets are refused with 501: use `crossfade run` where the application has any.
    """
    return Proxy(partial(open_gateway, settings, environ))


async def open_gateway(settings: Source, environ: Environ) -> Gateway | PassthroughGateway:
    """Put together what the configuration describes; with `ENABLE_JWT_AUTH=false` the way back that needs nothing.

    Raises:
        StartError: the configuration, a key or a file cannot be used.
    """
    is_on = is_switched_on(environ.get("ENABLE_JWT_AUTH"))
    if isinstance(settings, Settings):
        return await Gateway.open(settings, environ) if is_on else PassthroughGateway(_passthrough_of(settings))
    path = Path(settings)
    if is_on:
        return await Gateway.open(load_settings(path, environ), environ)
    return PassthroughGateway(load_passthrough(path, environ))


def _passthrough_of(settings: Settings) -> Passthrough:
    return Passthrough.of({name: getattr(settings, name) for name in SECTIONS})
