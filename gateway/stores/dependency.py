"""Whether something that is asked over a network can be asked now."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class DependencyState:
    """`since` is when it came up or went down, in seconds since 1970; `reason` says why it is down, in a few words."""

    is_up: bool
    since: float
    reason: str = ""
