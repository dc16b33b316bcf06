"""What this process uses, as Linux tells it under /proc."""

import os
import resource
from dataclasses import dataclass
from pathlib import Path

_TICKS = os.sysconf("SC_CLK_TCK")
_PAGE = os.sysconf("SC_PAGE_SIZE")
_FILES_PER_REST = 100
"""Open files for which one more look goes by before they are listed again."""


@dataclass(frozen=True, slots=True)
class ProcessFigures:
    """CPU in seconds, memory in bytes, the start in seconds since 1970."""

    cpu: float
    virtual_memory: int
    resident_memory: int
    open_files: int
    most_files: int
    start_time: float


class ProcessWatch:
    """Looks at this process. Make it in the process itself, after a fork."""

    def __init__(self, proc: Path = Path("/proc")) -> None:
        self._stat = proc / "self" / "stat"
        self._files = proc / "self" / "fd"
        self._booted_at = _read_boot_time(proc)
        self._listed = 0
        self._rests = 0

    def look(self) -> ProcessFigures | None:
        """Return the figures; None where the system does not tell."""
        try:
            # The name of the program may hold anything, and ends with the last parenthesis.
            fields = self._stat.read_text().rpartition(")")[2].split()
            open_files = count_told(self._files) or self._list_files()
        except (OSError, UnicodeDecodeError):
            return None
        return ProcessFigures(
            cpu=(int(fields[11]) + int(fields[12])) / _TICKS,
            virtual_memory=int(fields[20]),
            resident_memory=int(fields[21]) * _PAGE,
            open_files=open_files,
            most_files=resource.getrlimit(resource.RLIMIT_NOFILE)[0],
            start_time=self._booted_at + int(fields[19]) / _TICKS,
        )

    def _list_files(self) -> int:
        """Count them one by one, more seldom the more there are: 10,000 take as long as a hundred requests."""
        if self._rests:
            self._rests -= 1
        else:
            self._listed = sum(1 for _ in self._files.iterdir()) - 1  # without the one for looking
            self._rests = self._listed // _FILES_PER_REST
        return self._listed


def count_told(folder: Path) -> int:
    """Return how many open files the system says that there are: since Linux 6.2 the size of their folder, before 0."""
    return folder.stat().st_size


def _read_boot_time(proc: Path) -> float:
    try:
        lines = (proc / "stat").read_text().splitlines()
    except OSError:
        return 0.0
    return next((float(line.split()[1]) for line in lines if line.startswith("btime ")), 0.0)
