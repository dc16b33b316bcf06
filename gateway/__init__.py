"""Crossfade moves the users of a session-cookie application to JWTs without changing a line of it."""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from gateway.errors import GatewayError
    from gateway.serve.embed import GatewayMiddleware, create_app
    from gateway.settings.load import load_settings

__all__ = ["GatewayError", "GatewayMiddleware", "create_app", "load_settings"]

_HOMES = {
    "GatewayError": "gateway.errors",
    "GatewayMiddleware": "gateway.serve.embed",
    "create_app": "gateway.serve.embed",
    "load_settings": "gateway.settings.load",
}


def __getattr__(name: str) -> object:
    """Import a public name when it is used (PEP 562), so that importing a part does not import the whole."""
    home = _HOMES.get(name)
    if home is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(home), name)
