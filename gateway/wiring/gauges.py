"""How things are now, as metrics; and a line in the log when a dependency goes or comes back."""

from collections.abc import Mapping

import structlog

from gateway.keys.remote import RemoteIssuers
from gateway.keys.rotation import KeyRotation
from gateway.observe.metrics import Metrics
from gateway.wiring.blacklist import Blacklist
from gateway.wiring.events import SessionListeners

_WHY_DEAF = {
    "off": "the server sends no keyspace events: set notify-keyspace-events to Egx",
    "away": "the server cannot be reached, or does not let the gateway subscribe",
}

_log = structlog.get_logger()


class Gauges:
    """Shows what is looked at each second."""

    def __init__(
        self,
        metrics: Metrics,
        rotation: KeyRotation,
        blacklist: Blacklist,
        issuers: RemoteIssuers,
        listeners: SessionListeners,
    ) -> None:
        self._metrics = metrics
        self._rotation = rotation
        self._blacklist = blacklist
        self._issuers = issuers
        self._listeners = listeners
        self._are_up: dict[str, bool] = {}

    @property
    def are_up(self) -> Mapping[str, bool]:
        """The dependencies by name, and whether each answered when they were shown last."""
        return self._are_up

    def show(self, *, is_store_up: bool) -> None:
        """Show how things are. No store is asked."""
        self._metrics.set_keys(self._rotation.active, is_current=not self._rotation.fault)
        mirror = self._blacklist.mirror
        self._metrics.set_revocations(len(mirror), staleness=mirror.staleness)
        self._show("store", is_up=is_store_up)
        for alias, is_usable in self._issuers.states().items():
            self._show(f"issuer:{alias}", is_up=is_usable)
        state, is_fed = self._blacklist.state, self._blacklist.is_fed
        if state is not None:
            self._show("redis", is_up=state().is_up, reason=state().reason)
        if is_fed is not None:
            self._show("redis_feed", is_up=is_fed())
        for site, hearing in self._listeners.states().items():
            self._show(f"events:{site}", is_up=hearing == "on", reason=_WHY_DEAF.get(hearing, ""))

    def _show(self, name: str, *, is_up: bool, reason: str = "") -> None:
        self._metrics.set_dependency(name, is_up=is_up)
        if self._are_up.get(name, True) != is_up:
            _log.warning("a dependency is away" if not is_up else "a dependency is back", name=name, reason=reason)
        self._are_up[name] = is_up
