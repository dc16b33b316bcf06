"""Metrics as Prometheus reads them; the only file that knows `prometheus_client`."""

import platform
from collections.abc import Iterator, Sequence
from itertools import accumulate
from math import isnan

from prometheus_client import CollectorRegistry
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.exposition import choose_encoder
from prometheus_client.registry import Collector

from gateway.observe.metrics import Metrics
from gateway.observe.slots import Block, Layout, kid_of_number


class SlotCollector(Collector):
    """Reads the slots of all processes at the moment of a scrape."""

    def __init__(self, layout: Layout, stripes: "Sequence[memoryview[float]]", version: str) -> None:
        self._layout = layout
        self._stripes = stripes
        self._version = version

    def collect(self) -> Iterator[Metric]:
        """Yield every family, in the order of the layout."""
        slots = self._layout.merge(self._stripes)
        for block in self._layout.blocks:
            yield _read(block, slots)
        build = GaugeMetricFamily("crossfade_build_info", "Always 1.", labels=("version", "python"))
        build.add_metric((self._version, platform.python_version()), 1.0)
        yield build


def _read(block: Block, slots: Sequence[float]) -> Metric:
    if block.kind == "histogram":
        return _read_histogram(block, slots)
    if block.kind == "key":
        return _read_key(block, slots)
    family = (CounterMetricFamily if block.kind == "counter" else GaugeMetricFamily)(
        block.name, block.documentation, labels=tuple(block.labels)
    )
    for values, slot in block.rows():
        value = 0.0 if isnan(slots[slot]) else slots[slot]
        if value or not block.is_sparse:
            family.add_metric(values, value)
    return family


def _read_key(block: Block, slots: Sequence[float]) -> Metric:
    family = GaugeMetricFamily(block.name, block.documentation, labels=("kid",))
    number = slots[block.start]
    kid = "" if isnan(number) else kid_of_number(number)
    if kid:
        family.add_metric((kid,), 1.0)
    return family


def _read_histogram(block: Block, slots: Sequence[float]) -> Metric:
    family = HistogramMetricFamily(block.name, block.documentation, labels=tuple(block.labels))
    names = [*map(str, block.bounds), "+Inf"]
    for values, slot in block.rows():
        counts = list(accumulate(slots[slot : slot + len(names)]))
        if counts[-1] or not block.is_sparse:
            family.add_metric(values, list(zip(names, counts, strict=True)), slots[slot + len(names)])
    return family


class Exposition:
    """Renders metrics for a scrape: those of one process, or of all whose `stripes` are given, as one."""

    def __init__(self, metrics: Metrics, *, version: str, stripes: "Sequence[memoryview[float]]" = ()) -> None:
        self._registry = CollectorRegistry(auto_describe=False)
        self._registry.register(SlotCollector(metrics.layout, stripes or (metrics.slots,), version))

    def render(self, accept: str) -> tuple[bytes, str]:
        """Return body and media type in the format that `accept` (the header of the scraper) prefers.

        Takes a few milliseconds: call it in a thread.
        """
        encode, media_type = choose_encoder(accept)
        return encode(self._registry), media_type
