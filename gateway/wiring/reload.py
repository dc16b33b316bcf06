"""What is in force after a reload, where only some sections can be taken over while requests are served."""

from gateway.errors import ConfigurationError
from gateway.settings.schema.root import Settings


def in_force_after(current: Settings, fresh: Settings) -> Settings:
    """Return the settings with the routes, the keys and the algorithm of a fresh configuration, else as they were.

    Raises:
        ConfigurationError: a route leads to an application that only a restart would know.
    """
    for route in fresh.routes:
        if route.upstream is not None and route.upstream not in current.upstreams:
            raise ConfigurationError(f"routes: {route.path} leads to {route.upstream}, which needs a restart first.")
    return current.model_copy(
        update={
            "routes": fresh.routes,
            "keys": fresh.keys,
            "tokens": current.tokens.model_copy(update={"algorithm": fresh.tokens.algorithm}),
        }
    )


def needs_restart(current: Settings, fresh: Settings) -> list[str]:
    """Return the sections of a fresh configuration that are not in force."""
    return sorted(name for name in Settings.model_fields if getattr(current, name) != getattr(fresh, name))
