"""Closed sets of labels laid out as one array of doubles: a series is a slot, and the slots are counted beforehand.

Several processes count side by side, each in a stripe of its own, so that no counting needs a lock. A stripe outlives
its process: the next one goes on where it stopped, and a sum never goes back.
"""

import mmap
import operator
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from math import isnan, nan
from typing import Literal

Kind = Literal["counter", "gauge", "histogram", "key"]
"""`key` is a gauge that names a key: its slot holds the first 48 bits of the kid, which a double keeps exactly."""
Merge = Literal["sum", "min", "max"]


@dataclass(frozen=True, slots=True)
class Block:
    """One metric family: a run of slots, one row for each combination of its label values.

    A row of a counter or gauge is one slot. A row of a histogram is one slot for each bound, one for what is beyond
    the last bound, and one for the sum. A sparse family shows only the rows that were ever counted.

    `merge` says what several processes together have. A gauge that a process has not set is NaN and does not count.
    """

    name: str
    documentation: str
    kind: Kind
    labels: Mapping[str, tuple[str, ...]]
    bounds: tuple[float, ...]
    is_sparse: bool
    start: int
    merge: Merge = "sum"

    @property
    def width(self) -> int:
        """Slots of one row."""
        return len(self.bounds) + 2 if self.kind == "histogram" else 1

    @property
    def size(self) -> int:
        """Slots of the whole family."""
        size = self.width
        for values in self.labels.values():
            size *= len(values)
        return size

    def offsets(self, label: str) -> dict[str, int]:
        """Return for each value of one label what it adds to `start`; the last label varies fastest."""
        stride = self.width
        for name in reversed(tuple(self.labels)):
            if name == label:
                break
            stride *= len(self.labels[name])
        return {value: position * stride for position, value in enumerate(self.labels[label])}

    def rows(self) -> Iterator[tuple[tuple[str, ...], int]]:
        """Yield label values and first slot of each row."""
        for number, values in enumerate(product(*self.labels.values())):
            yield values, self.start + number * self.width


class Layout:
    """Lays families out one after the other."""

    def __init__(self) -> None:
        self.blocks: list[Block] = []
        self.size = 0

    def add(
        self,
        kind: Kind,
        name: str,
        documentation: str,
        labels: Mapping[str, Sequence[str]] | None = None,
        *,
        bounds: tuple[float, ...] = (),
        is_sparse: bool = False,
        merge: Merge = "sum",
    ) -> Block:
        """Reserve the slots of one family. Values of a label that repeat count once."""
        closed = {label: tuple(dict.fromkeys(values)) for label, values in (labels or {}).items()}
        block = Block(name, documentation, kind, closed, bounds, is_sparse, self.size, merge)
        self.blocks.append(block)
        self.size += block.size
        return block

    def allocate(self, count: int) -> "list[memoryview[float]]":
        """Return the stripes of `count` processes, all zero, in anonymous memory that forked processes share."""
        slots = memoryview(mmap.mmap(-1, 8 * self.size * count)).cast("d")
        return [slots[number * self.size : (number + 1) * self.size] for number in range(count)]

    def clear_gauges(self, stripe: "memoryview[float]") -> None:
        """Let a stripe say nothing of what is, since its process is not there (yet); what has happened stays."""
        for block in self.blocks:
            if block.kind in _PRESENT:
                for slot in range(block.start, block.start + block.size):
                    stripe[slot] = nan

    def merge(self, stripes: "Sequence[memoryview[float]]") -> list[float]:
        """Return what all processes together have. A gauge that none has set stays NaN."""
        first, *others = (list[float](stripe.tolist()) for stripe in stripes)
        merged = first
        for other in others:
            merged = list(map(operator.add, merged, other))
        for block in self.blocks:
            if block.kind in _PRESENT:
                for slot in range(block.start, block.start + block.size):
                    told = [value for values in (first, *others) if not isnan(value := values[slot])]
                    merged[slot] = _MERGES[block.merge](told) if told else nan
        return merged


_MERGES: Mapping[Merge, Callable[[Iterable[float]], float]] = {"sum": sum, "min": min, "max": max}
_PRESENT = frozenset({"gauge", "key"})
"""What tells of the present, and not of what has happened."""


def number_of_kid(kid: str) -> float:
    """Return the first 8 characters of a kid as a number of 48 bits, 0 for none."""
    return float(int.from_bytes(urlsafe_b64decode(kid[:8]), "big")) if len(kid) >= 8 else 0.0


def kid_of_number(number: float) -> str:
    """Return the characters that `number_of_kid` was given; empty for 0."""
    return urlsafe_b64encode(int(number).to_bytes(6, "big")).decode() if number else ""
