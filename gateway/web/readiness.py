"""Whether this instance should get requests, and what it depends on."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Dependency:
    """Something that is asked over a network or a disk.

    `is_required` follows the failure policy: without it this instance can serve nothing. What can be bridged, or
    concerns some requests only, is not required: otherwise one outage would take every instance out at once.
    """

    name: str
    is_up: bool
    is_required: bool = False


@dataclass(frozen=True, slots=True)
class Readiness:
    """The answer of `/readyz`. `reason` is a closed word, empty when nothing but a dependency stands in the way."""

    reason: str = ""
    """One of: starting, draining, no_phase, or empty."""
    dependencies: tuple[Dependency, ...] = ()

    @property
    def is_ready(self) -> bool:
        """Whether requests may come."""
        return not self.reason and all(one.is_up or not one.is_required for one in self.dependencies)

    @property
    def is_degraded(self) -> bool:
        """Whether something is away that can be done without."""
        return self.is_ready and not all(one.is_up for one in self.dependencies)

    def body(self) -> dict[str, object]:
        """Return what is answered as JSON."""
        status = "degraded" if self.is_degraded else "ready" if self.is_ready else "not_ready"
        return {
            "status": status,
            "reason": self.reason,
            "dependencies": {one.name: {"up": one.is_up, "required": one.is_required} for one in self.dependencies},
        }
