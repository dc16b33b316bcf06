"""Percentiles by nearest rank, so that each is a value that was measured."""

import math
from collections.abc import Sequence


def percentile(ordered: Sequence[float], share: float) -> float:
    """Return the smallest value that at least `share` (0 < share ≤ 1) of the ascending values do not exceed.

    Raises:
        ValueError: there are no values.
    """
    if not ordered:
        raise ValueError("no values")
    return ordered[math.ceil(share * len(ordered)) - 1]
