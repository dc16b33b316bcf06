"""Closed sets of labels laid out as one array of doubles: a series is a slot, and the slots are counted beforehand."""

import mmap
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from typing import Literal

Kind = Literal["counter", "gauge", "histogram", "key"]
"""`key` is a gauge that names a key: its slot holds the first 48 bits of the kid, which a double keeps exactly."""


@dataclass(frozen=True, slots=True)
class Block:
    """One metric family: a run of slots, one row for each combination of its label values.

    A row of a counter or gauge is one slot. A row of a histogram is one slot for each bound, one for what is beyond
    the last bound, and one for the sum. A sparse family shows only the rows that were ever counted.
    """

    name: str
    documentation: str
    kind: Kind
    labels: Mapping[str, tuple[str, ...]]
    bounds: tuple[float, ...]
    is_sparse: bool
    start: int

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
    ) -> Block:
        """Reserve the slots of one family. Values of a label that repeat count once."""
        closed = {label: tuple(dict.fromkeys(values)) for label, values in (labels or {}).items()}
        block = Block(name, documentation, kind, closed, bounds, is_sparse, self.size)
        self.blocks.append(block)
        self.size += block.size
        return block

    def allocate(self) -> "memoryview[float]":
        """Return the slots, all zero, in anonymous memory that forked processes share."""
        return memoryview(mmap.mmap(-1, 8 * self.size)).cast("d")


def number_of_kid(kid: str) -> float:
    """Return the first 8 characters of a kid as a number of 48 bits, 0 for none."""
    return float(int.from_bytes(urlsafe_b64decode(kid[:8]), "big")) if len(kid) >= 8 else 0.0


def kid_of_number(number: float) -> str:
    """Return the characters that `number_of_kid` was given; empty for 0."""
    return urlsafe_b64encode(int(number).to_bytes(6, "big")).decode() if number else ""
