"""A copy of the last good configuration, as far as the way back needs it. Never holds a secret."""

import json
import os
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

from gateway.settings.load import LARGEST
from gateway.settings.schema.root import Settings

SECTIONS = (
    "listen",
    "upstreams",
    "public_url",
    "prefix",
    "trusted_proxies",
    "routes",
    "tokens",
    "identity_headers",
    "admin",
    "metrics",
    "limits",
    "drain",
    "workers",
)
"""What carries requests while tokens are off."""


def last_good_path(configuration: Path) -> Path:
    """Return where the copy of a configuration file lies: `run/last-good.json` beside it."""
    return configuration.parent / "run" / "last-good.json"


def write_last_good(settings: Settings, path: Path) -> bool:
    """Keep a copy, replacing the former one at once or not at all. False where it cannot be written."""
    sections = settings.model_dump(mode="json", include=set(SECTIONS))
    if settings.stores.postgres is None:
        sections["workers"] = 1  # what `auto` means there; the stores are not part of the copy
    content = json.dumps(sections, indent=2)
    fresh = path.with_name(f"{path.name}.{os.getpid()}")
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "w") as stream:
            stream.write(content)
            stream.flush()
            os.fsync(descriptor)
        fresh.replace(path)
    except OSError:
        with suppress(OSError):
            fresh.unlink()
        return False
    return True


def read_last_good(path: Path) -> Mapping[str, object]:
    """Return the sections of the copy as plain values; none where it is missing or damaged."""
    try:
        with path.open("rb") as stream:
            copy = json.loads(stream.read(LARGEST))
    except (OSError, ValueError, RecursionError):
        return {}
    return {key: copy[key] for key in SECTIONS if key in copy} if isinstance(copy, dict) else {}
