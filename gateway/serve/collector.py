"""Python's collector of cycles: it passes over what was there at the start, runs seldom, and its pauses are told."""

import gc
import time
from collections.abc import Callable, Mapping

_THRESHOLDS = (10_000, 20, 20)
"""Objects made and not yet dropped before the young are looked at; how often that happens before older ones are. What
carries requests makes no cycles, so that there is little to find."""


def settle_collector(tell: Callable[[float], None]) -> Callable[[], None]:
    """Let full collections pass over everything that exists by now, and tell how long each collection stopped us.

    `tell` gets seconds. Returns what makes the collector as it was.
    """
    before = gc.get_threshold()
    gc.collect()
    gc.freeze()
    gc.set_threshold(*_THRESHOLDS)
    began = 0.0

    def watch(phase: str, _details: Mapping[str, int]) -> None:
        nonlocal began
        if phase == "start":
            began = time.perf_counter()
        else:
            tell(time.perf_counter() - began)

    def stop() -> None:
        gc.callbacks.remove(watch)
        gc.set_threshold(*before)

    gc.callbacks.append(watch)
    return stop
