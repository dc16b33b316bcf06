"""What the counters say of the migration so far, over all processes of a gateway."""

from collections.abc import Sequence
from typing import NamedTuple

from gateway.errors import SessionRetired
from gateway.facts import Comparison, Event
from gateway.model import Credential
from gateway.observe.families import Families

_TOKENS = frozenset({Credential.BEARER, Credential.TOKEN_COOKIE})
_NO_VERDICT = frozenset({Comparison.AGREED, Comparison.SKIPPED})
_LOOKED_AT = (Event.SESSION_USER, Event.SESSION_ANONYMOUS, Event.SESSION_UNDETERMINED)


class Counts(NamedTuple):
    """How often each happened since the counters began."""

    by_token: int = 0
    by_session: int = 0
    looked_at: int = 0
    undetermined: int = 0
    stale: int = 0
    compared: int = 0
    disagreed: int = 0
    retired: int = 0


class Tally:
    """Reads the counters. The slots of a family do not move, so that they are found once."""

    def __init__(self, families: Families) -> None:
        rows = list(families.requests.rows())
        credential = tuple(families.requests.labels).index("credential")
        self._by_token = [slot for values, slot in rows if values[credential] in _TOKENS]
        self._by_session = [slot for values, slot in rows if values[credential] == Credential.SESSION]
        offsets = families.events.offsets("event")
        errors = families.errors
        self._retired = errors.start + errors.offsets("code")[SessionRetired.code]
        self._comparisons = [(route, outcome, slot) for (route, outcome), slot in families.comparisons.rows()]
        self._events = {event: families.events.start + offsets[event] for event in Event}

    def count(self, slots: "Sequence[float] | memoryview[float]") -> Counts:
        """Return the counts in the slots of one process, or in those of all processes summed."""
        events = self._events
        return Counts(
            by_token=int(sum(slots[slot] for slot in self._by_token)),
            by_session=int(sum(slots[slot] for slot in self._by_session)),
            looked_at=int(sum(slots[events[event]] for event in _LOOKED_AT)),
            undetermined=int(slots[events[Event.SESSION_UNDETERMINED]]),
            stale=int(slots[events[Event.CODEC_STALE]]),
            compared=int(sum(slots[slot] for _, outcome, slot in self._comparisons if outcome != Comparison.SKIPPED)),
            disagreed=int(sum(slots[slot] for _, outcome, slot in self._comparisons if outcome not in _NO_VERDICT)),
            retired=int(slots[self._retired]),
        )

    def disagreements(
        self, slots: "Sequence[float] | memoryview[float]", limit: int
    ) -> "Sequence[tuple[str, str, int]]":
        """Return route, cause and count of the most frequent disagreements, the most frequent first."""
        found = [
            (route, outcome, int(slots[slot]))
            for route, outcome, slot in self._comparisons
            if outcome not in _NO_VERDICT and slots[slot]
        ]
        return sorted(found, key=lambda row: -row[2])[:limit]
