"""Packages that only some configurations need."""

from importlib import import_module

from gateway.errors import ConfigurationError
from gateway.settings.schema.root import Settings


def ensure_installed(*modules: str, extra: str, wanted_by: str) -> None:
    """Refuse to go on without the packages of an extra; `wanted_by` is the setting that needs them.

    Raises:
        ConfigurationError: one is not installed; the message says how to.
    """
    try:
        for module in modules:
            import_module(module)
    except ImportError:
        raise ConfigurationError(
            f"{wanted_by} needs a package that is not installed. Run: pip install 'crossfade[{extra}]'"
        ) from None


def load_drivers(settings: Settings) -> None:
    """Import what the configured stores need, before a fork: then no process that is forked has to.

    Raises:
        ConfigurationError: one is not installed.
    """
    if settings.stores.postgres is not None:
        ensure_installed("asyncpg", extra="postgres", wanted_by="stores.postgres")
    if settings.stores.redis is not None:
        ensure_installed("redis", "redis.asyncio", "hiredis", extra="redis", wanted_by="stores.redis")
