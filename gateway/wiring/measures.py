"""Which series there are: the labels that come from the configuration, fixed for the life of the processes."""

from collections.abc import Sequence
from dataclasses import dataclass

from gateway.observe.metrics import Metrics
from gateway.observe.slots import Layout
from gateway.settings.passthrough import Passthrough
from gateway.settings.schema.root import Settings
from gateway.web.app import endpoints_under
from gateway.wiring.events import sessions_with_events
from gateway.wiring.remote import names_of


@dataclass(frozen=True, slots=True)
class Measures:
    """The labels. A reload adds none: what is new counts as `_none` until the next start."""

    routes: Sequence[str]
    dependencies: Sequence[str] = ()

    def metrics(self, slots: "memoryview[float] | None" = None) -> Metrics:
        """Return the metrics of this process; made after a fork."""
        return Metrics(routes=self.routes, dependencies=self.dependencies, slots=slots)

    @property
    def layout(self) -> Layout:
        """Which slot is which."""
        return self.metrics().layout


def measures_of(settings: Settings) -> Measures:
    """What a whole gateway counts."""
    return Measures(
        routes=[*(route.path for route in settings.routes), *endpoints_under(settings.prefix).values()],
        dependencies=(
            "store",
            *(["redis", "redis_feed"] if settings.stores.redis is not None else []),
            *names_of(settings),
            *(f"events:{session.name}" for session in sessions_with_events(settings)),
        ),
    )


def measures_of_way_back(settings: Passthrough) -> Measures:
    """What is counted while tokens are off."""
    return Measures(routes=[route.path for route in settings.routes])
