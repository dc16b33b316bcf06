"""What this machine gives us: processors and open files."""

import os
import resource
from math import ceil
from pathlib import Path
from typing import Literal

_CGROUP = Path("/sys/fs/cgroup")


def count_workers(workers: int | Literal["auto"], *, is_shared: bool, cgroup: Path = _CGROUP) -> int:
    """Return how many processes serve. With `is_shared` they can have the same stores; otherwise one has them alone."""
    if workers != "auto":
        return workers
    return usable_processors(cgroup) if is_shared else 1


def usable_processors(cgroup: Path = _CGROUP) -> int:
    """Return how many processors this process may use: those of its mask, and not more than its container is given."""
    allowed = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    quota = _find_quota(cgroup)
    return allowed if quota is None else max(1, min(allowed, ceil(quota)))


def _find_quota(cgroup: Path) -> float | None:
    """Return how many processors' time the control group may use, None where it is not bounded (cgroup v2, then v1)."""
    try:
        quota, period = (cgroup / "cpu.max").read_text().split()
    except (OSError, ValueError):
        try:
            quota = (cgroup / "cpu" / "cpu.cfs_quota_us").read_text().strip()
            period = (cgroup / "cpu" / "cpu.cfs_period_us").read_text().strip()
        except OSError:
            return None
    if not (quota.isdigit() and period.isdigit() and int(period)):
        return None  # `max`, or -1
    return int(quota) / int(period)


def raise_open_files() -> None:
    """Take as many open files as the system gives; the usual soft limit of 1024 is for those who use select()."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    except (OSError, ValueError):  # macOS says unlimited and means less
        pass


_RESERVE = 96
"""Files for all else than clients and applications: the admin port, stores, keys, logs."""
_FEWEST = 8


def room_for_clients(upstream_connections: int) -> int:
    """Return how many clients this process can hold open files for, with what they need towards the application.

    `upstream_connections` is how many of those there can be at most.
    """
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    free = soft - _RESERVE
    return max(_FEWEST, free - min(upstream_connections, free // 2))
