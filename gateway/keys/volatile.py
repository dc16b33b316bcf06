"""Places where what we make for ourselves would be lost, or made a second time beside another instance."""

from collections.abc import Mapping
from pathlib import Path

from gateway.errors import ConfigurationError

_VOLATILE = frozenset({"tmpfs", "ramfs", "devtmpfs", "overlay", "aufs"})
MOUNTS = Path("/proc/mounts")


def ensure_lasting(path: Path, what: str, environ: Mapping[str, str], *, mounts: Path = MOUNTS) -> None:
    """Make sure that a file made at `path` outlives this process and is the only one of its kind.

    Raises:
        ConfigurationError: the place is lost on restart, or we run in Kubernetes, where replicas would each make
            their own and refuse each other's tokens.
    """
    remedy = "Configure it as a secret, or allow it with stores.embedded.single_instance: true on a volume that lasts."
    if environ.get("KUBERNETES_SERVICE_HOST"):
        raise ConfigurationError(f"The {what} is not made automatically in Kubernetes. {remedy}")
    kind = find_filesystem(path, mounts)
    if kind in _VOLATILE:
        raise ConfigurationError(
            f"The {what} would be lost: {path} lies on a file system ({kind}) that does not outlive a restart. {remedy}"
        )


def find_filesystem(path: Path, mounts: Path = MOUNTS) -> str | None:
    """Return the type of the file system that `path` lies on or would lie on; None where the system does not say."""
    try:
        lines = mounts.read_text(encoding="utf-8", errors="surrogateescape").splitlines()
    except OSError:
        return None
    resolved = path.resolve()
    best, kind = -1, None
    for line in lines:
        _, place, found = line.split(" ")[:3]
        mount = Path(_unescape(place))
        if resolved.is_relative_to(mount) and len(mount.parts) >= best:  # of two on one place, the later covers
            best, kind = len(mount.parts), found
    return kind


def _unescape(place: str) -> str:
    """Undo the octal escapes of blanks in mount tables (proc(5))."""
    for escape, character in (("\\040", " "), ("\\011", "\t"), ("\\012", "\n"), ("\\134", "\\")):
        place = place.replace(escape, character)
    return place
