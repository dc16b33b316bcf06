"""Holding processes to a share of a processor with the control groups of Linux, where we may (root, cgroup v1 or v2)."""

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

PERIOD = 20_000
"""Microseconds in which the share is counted."""
_ROOT = Path("/sys/fs/cgroup")


@contextmanager
def held_to(share: float, pids: Sequence[int], root: Path = _ROOT) -> Iterator[None]:
    """Give each of the processes at most `share` of one processor, alone, while the block lasts.

    Raises:
        OSError: the control groups cannot be written.
    """
    groups: dict[int, Path] = {}
    try:
        for pid in pids:
            groups[pid] = make_group(root, f"crossfade-bench-{os.getpid()}-{pid}", int(share * PERIOD))
            (groups[pid] / "cgroup.procs").write_text(str(pid))
        yield
    finally:
        for pid, group in groups.items():
            with suppress(OSError):  # it has ended
                (group.parent / "cgroup.procs").write_text(str(pid))
            with suppress(OSError):
                group.rmdir()


def make_group(root: Path, name: str, quota: int) -> Path:
    """Make a group that may use `quota` microseconds in each period, as the version of the hierarchy wants it told.

    What it may use it gets before everybody else, so that the quota is what bounds it.
    """
    is_second = (root / "cgroup.controllers").exists()
    if is_second:
        (root / "cgroup.subtree_control").write_text("+cpu")
    group = (root if is_second else root / "cpu") / name
    group.mkdir()
    if is_second:
        (group / "cpu.max").write_text(f"{quota} {PERIOD}")
        (group / "cpu.weight").write_text("10000")
    else:
        (group / "cpu.cfs_period_us").write_text(str(PERIOD))
        (group / "cpu.cfs_quota_us").write_text(str(quota))
        (group / "cpu.shares").write_text("262144")
    return group
