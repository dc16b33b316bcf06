"""Which version this is."""

from importlib.metadata import PackageNotFoundError, version


def find_version() -> str:
    """Return the version of the installed distribution; `unknown` in a tree that was never installed."""
    try:
        return version("crossfade")
    except PackageNotFoundError:
        return "unknown"
