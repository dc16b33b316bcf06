"""Packages that only some configurations need."""

from importlib import import_module

from gateway.errors import ConfigurationError


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
