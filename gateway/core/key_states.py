"""Which signing key is in which state: next → active → retiring → gone. The times are stored, so all replicas agree.

A *kept* key is one that the gateway made itself and keeps sealed in its store; a *listed* one stands in the
configuration. The first listed key and all kept ones are candidates, and the newest candidate that may sign does. A key
that has a successor verifies for `retire_delay` longer, until no token that it signed is alive; a listed one without
any verifies for as long as it is listed. A compromised key is neither, whatever a file says.
"""

import math
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from gateway.records import KeyRecord

SETTLING = 10.0
"""Seconds after which every replica knows a key that was published: each looks once a second."""


class KeyState(StrEnum):
    """What a key is good for."""

    NEXT = "next"
    """Published, so that everybody can fetch it before it signs."""
    ACTIVE = "active"
    """Signs."""
    RETIRING = "retiring"
    """Only verifies, until the last token that it signed is over."""
    GONE = "gone"
    COMPROMISED = "compromised"
    """Refused at once, and never again anything else."""


@dataclass(frozen=True, slots=True)
class KeySchedule:
    """When keys change; all in seconds. `every` is None where nobody makes keys by the calendar."""

    every: float | None = None
    publish_lead: float = 86400.0
    """How long a key is published before it signs: longer than anybody keeps the public keys."""
    retire_delay: float = 7200.0
    """How long a key verifies after another has taken its place: at least the life of a token and the leeway."""


@dataclass(frozen=True, slots=True)
class RingPlan:
    """The states at one moment. `active` is empty where no key may sign; `changes_at` is inf where none will change."""

    states: Mapping[str, KeyState]
    active: str
    changes_at: float

    def verifying(self) -> tuple[str, ...]:
        """Return the keys that verify, the one that signs first."""
        order = (KeyState.ACTIVE, KeyState.NEXT, KeyState.RETIRING)
        return tuple(kid for state in order for kid, found in self.states.items() if found is state)


def plan_ring(records: Iterable[KeyRecord], listed: Sequence[str], schedule: KeySchedule, now: float) -> RingPlan:
    """Say which key is in which state at `now` (seconds since 1970).

    `records` are those whose key is at hand, or that are compromised; `listed` are the ids of listed keys in their
    order. A key that was not published for its lead signs only where no other can: then nobody holds an older set of
    keys that would still work.
    """
    ring = _Ring(records, listed, schedule)
    active = ring.find_active(now)
    states = {record.kid: ring.state_of(record, active, now) for record in ring.records}
    moments = [record.signs_from for record in ring.candidates]
    moments += [ring.ends_at(record) for record in ring.sound]
    changes_at = min((moment for moment in moments if moment > now), default=math.inf)
    return RingPlan(states, active.kid if active is not None else "", min(changes_at, ring.due_at(now)))


def due_at(records: Iterable[KeyRecord], listed: Sequence[str], schedule: KeySchedule, now: float) -> float:
    """Return when the next key is to be made and published: `now` where there is none at all, inf where never."""
    return _Ring(records, listed, schedule).due_at(now)


class _Ring:
    """Records in the order of preference: listed ones as they are listed, then kept ones, the newest first."""

    def __init__(self, records: Iterable[KeyRecord], listed: Sequence[str], schedule: KeySchedule) -> None:
        ranks = {kid: rank for rank, kid in enumerate(listed)}
        self._listed: Collection[str] = ranks
        self._schedule = schedule
        self.records = sorted(
            (record for record in records if record.is_kept or record.is_compromised or record.kid in ranks),
            key=lambda record: (ranks.get(record.kid, len(ranks)), -record.signs_from, record.kid),
        )
        self.sound = [record for record in self.records if not record.is_compromised]
        first = next((record for record in self.sound if record.kid in ranks), None)
        self.candidates = [record for record in self.sound if record is first or record.kid not in ranks]
        self._successors = [record for record in self.records if record is first or self._is_kept_heir(record)]

    def _is_kept_heir(self, record: KeyRecord) -> bool:
        """Whether a kept key takes or took the place of older ones, unless it was given up before it could."""
        if record.kid in self._listed or not record.is_kept:
            return False
        return record.compromised_at is None or record.compromised_at >= record.signs_from

    def superseded_at(self, record: KeyRecord) -> float:
        """Return when another key takes the place of this one, inf where none is known to."""
        is_listed = record.kid in self._listed
        later = (
            other.signs_from
            for other in self._successors
            if other.signs_from > record.signs_from and not (is_listed and other.kid in self._listed)
        )
        return min(later, default=math.inf)

    def ends_at(self, record: KeyRecord) -> float:
        return self.superseded_at(record) + self._schedule.retire_delay

    def find_active(self, now: float) -> KeyRecord | None:
        ripe = [record for record in self.candidates if record.signs_from <= now and now < self.superseded_at(record)]
        if ripe:
            return max(ripe, key=lambda record: (record.signs_from, record.published_at, record.kid))
        left = [record for record in self.sound if now < self.ends_at(record)]
        return min(left, key=lambda record: (record.signs_from > now, record.published_at), default=None)

    def state_of(self, record: KeyRecord, active: KeyRecord | None, now: float) -> KeyState:
        if record.is_compromised:
            return KeyState.COMPROMISED
        if now >= self.ends_at(record):
            return KeyState.GONE
        if active is None or record is active:
            return KeyState.ACTIVE if active is not None else KeyState.NEXT
        if record in self.candidates:
            return KeyState.NEXT if record.signs_from > now else KeyState.RETIRING
        # One that is listed behind another has no time of its own: newer than all that ever signed, it waits for its.
        signed = [other.published_at for other in self.candidates if other.signs_from <= now]
        return KeyState.NEXT if record.published_at > max([*signed, active.published_at]) else KeyState.RETIRING

    def due_at(self, now: float) -> float:
        if not self.candidates:
            return now if self._schedule.every is not None else math.inf
        if self._schedule.every is None:
            return math.inf
        newest = max(record.signs_from for record in self.candidates)
        return newest + self._schedule.every - self._schedule.publish_lead
