"""Memory, files and tasks of each process while a soak goes on, and whether they grow."""

import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from statistics import linear_regression, median

from tests.soak.refresh import memory_of

MEBIBYTE = 1 << 20
_WARM_UP = 0.4
"""Part of the time in which caches fill."""
_SHORTEST = 300.0
"""Seconds below which nothing can be said of growth."""
_MOST_GROWTH = 0.05
"""Part of the memory after the warm-up that it may grow by in the rest of the time, and at least 4 MiB."""


@dataclass(frozen=True, slots=True)
class Sample:
    """What a process had at a time (seconds of the monotonic clock). `tasks` is 0 where nobody counts them."""

    at: float
    memory: int
    files: int
    tasks: int


@dataclass
class Life:
    """The samples of one process."""

    name: str
    samples: list[Sample] = field(default_factory=list)

    @property
    def warm(self) -> Sequence[Sample]:
        """Those after the warm-up."""
        first, last = self.samples[0].at, self.samples[-1].at
        return [sample for sample in self.samples if sample.at >= first + (last - first) * _WARM_UP]

    @property
    def growth(self) -> float:
        """Bytes of memory that were added from the end of the warm-up to the last sample, by the line through all."""
        warm = self.warm
        if len(warm) < 3:
            return 0.0
        line = linear_regression([sample.at for sample in warm], [sample.memory for sample in warm])
        return line.slope * (warm[-1].at - warm[0].at)

    def faults(self) -> Iterable[str]:
        """What grew, as sentences; nothing where it did not last long enough to say."""
        if self.samples[-1].at - self.samples[0].at < _SHORTEST:
            return
        warm = self.warm
        memory = median(sample.memory for sample in warm)
        if self.growth > max(_MOST_GROWTH * memory, 4 * MEBIBYTE):
            yield f"{self.name}: memory grew by {self.growth / MEBIBYTE:.1f} MiB after the warm-up"
        third = len(warm) // 3
        for what in ("files", "tasks"):
            early, late = ([getattr(sample, what) for sample in part] for part in (warm[:third], warm[-third:]))
            if median(late) > median(early) * 1.1 + 5:
                yield f"{self.name}: {what} grew from {median(early):.0f} to {median(late):.0f}"

    def __str__(self) -> str:
        warm = self.warm
        hours = (warm[-1].at - warm[0].at) / 3600
        slope = f"{self.growth / MEBIBYTE / hours:+.1f} MiB/h" if hours else "?"
        first, warmed, last = (sample.memory / MEBIBYTE for sample in (self.samples[0], warm[0], warm[-1]))
        return (
            f"{self.name}: {first:.1f} MiB at first, {warmed:.1f} after the warm-up, {last:.1f} at the end "
            f"(the line rises by {self.growth / MEBIBYTE:+.2f} MiB, {slope}), files "
            f"{_range(sample.files for sample in warm)}, tasks {_range(sample.tasks for sample in warm)}"
        )


def _range(values: Iterable[int]) -> str:
    found = sorted(values)
    return f"{found[0]}-{found[-1]} (median {found[len(found) // 2]})"


@dataclass
class Vitals:
    """All processes of a gateway with several workers. `tasks` is where they write how many they have."""

    supervisor: int
    tasks: Path
    lives: dict[int, Life] = field(default_factory=dict)

    def look(self) -> None:
        children = Path(f"/proc/{self.supervisor}/task/{self.supervisor}/children").read_text().split()
        names = {self.supervisor: "supervisor"} | {
            int(child): "admin" if number == 0 else f"worker {number}" for number, child in enumerate(children)
        }
        for pid, name in names.items():
            life = self.lives.setdefault(pid, Life(name))
            files = len([*Path(f"/proc/{pid}/fd").iterdir()])
            life.samples.append(Sample(time.monotonic(), memory_of(pid), files, self._tasks_of(pid)))

    def _tasks_of(self, pid: int) -> int:
        try:
            return int((self.tasks / str(pid)).read_text() or 0)
        except FileNotFoundError:
            return 0

    def faults(self, expected: int) -> Iterable[str]:
        """What grew, and processes that were not there from the beginning to the end."""
        if len(self.lives) != expected:
            yield f"{len(self.lives)} processes were seen, not {expected}: one died"
        for life in self.lives.values():
            yield from life.faults()
