"""What all processes of a gateway do together, as its admin port tells it."""

from collections.abc import Sequence
from math import isnan
from typing import Protocol

from gateway.observe.families import WORKER
from gateway.observe.metrics import Metrics
from gateway.wiring.carrier import Carrier


class Census(Protocol):
    """What the processes of a gateway do together."""

    @property
    def is_serving(self) -> bool:
        """Whether requests are answered."""
        ...

    @property
    def stream_count(self) -> int:
        """How many tunnels and event streams are open."""
        ...

    def counters(self) -> "Sequence[float] | memoryview[float]":
        """Return the slots of the metrics, summed."""
        ...


class Itself:
    """The census of a process that is alone."""

    def __init__(self, gateway: Carrier) -> None:
        self._gateway = gateway

    @property
    def is_serving(self) -> bool:
        """Whether everything was opened."""
        return self._gateway.is_started

    @property
    def stream_count(self) -> int:
        """How many tunnels and event streams are open."""
        return len(self._gateway.live)

    def counters(self) -> "Sequence[float] | memoryview[float]":
        """Return the slots of its metrics."""
        return self._gateway.metrics.slots


class Together:
    """The census of several processes, by the metrics that each of them keeps."""

    def __init__(self, metrics: Metrics, stripes: "Sequence[memoryview[float]]") -> None:
        self._stripes = stripes
        self._layout = metrics.layout
        processes = metrics.families.processes
        self._worker = processes.start + processes.offsets("role")[WORKER]
        self._streams = metrics.families.streams.start

    @property
    def is_serving(self) -> bool:
        """Whether one worker at least is there."""
        return any(stripe[self._worker] == 1.0 for stripe in self._stripes)

    @property
    def stream_count(self) -> int:
        """How many tunnels and event streams are open."""
        return int(sum(count for stripe in self._stripes if not isnan(count := stripe[self._streams])))

    def counters(self) -> "Sequence[float] | memoryview[float]":
        """Return the slots of all metrics, summed."""
        return self._layout.merge(self._stripes)
