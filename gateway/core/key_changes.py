"""What to do with the records of signing keys: publish, make the next one, rotate by hand, give one up.

Each returns a `KeyChange` for one transaction over all records, so that replicas that act at once do it once.
`spare` is a new key that is only used where one is needed.
"""

from collections.abc import Sequence
from dataclasses import replace

from gateway.core.key_states import SETTLING, KeySchedule, KeyState, due_at, plan_ring
from gateway.errors import Conflict
from gateway.records import KeyChange, KeyRecord

NOTHING = KeyChange()
_DAY = 86400.0


def publish_listed(
    records: Sequence[KeyRecord], listed: Sequence[KeyRecord], schedule: KeySchedule, now: float
) -> KeyChange:
    """Note when a listed key was seen first. The very first keys may sign at once: nobody has older ones."""
    known = {record.kid for record in records}
    new = tuple(record for record in listed if record.kid not in known)
    if not new:
        return NOTHING
    lead = schedule.publish_lead if records else 0.0
    written = tuple(replace(record, published_at=now, signs_from=now + lead) for record in new)
    return KeyChange(write=written, what="key_published", by="", reason=_names(written), time=now)


def make_due(
    records: Sequence[KeyRecord], listed: Sequence[str], spare: KeyRecord, schedule: KeySchedule, now: float
) -> KeyChange:
    """Publish the spare key where one is due; the first of all keys signs at once."""
    due = due_at(records, listed, schedule, now)
    if now < due:
        return NOTHING
    is_first = not plan_ring(records, listed, schedule, now).active
    signs_from = now if is_first else max(now, due) + schedule.publish_lead
    made = replace(spare, published_at=now, signs_from=signs_from)
    return KeyChange(write=(made,), what="key_published", reason=made.kid, time=now)


def forget_gone(records: Sequence[KeyRecord], listed: Sequence[str], schedule: KeySchedule, now: float) -> KeyChange:
    """Delete kept keys that have verified nothing for a day, so that nobody finds them later.

    The day is for a gateway whose clock is wrong: it must not take keys from the others.
    """
    states = plan_ring(records, listed, schedule, now - _DAY).states
    gone = (record.kid for record in records if record.is_kept and states.get(record.kid) is KeyState.GONE)
    return KeyChange(delete=tuple(gone))


def rotate_by_hand(
    records: Sequence[KeyRecord],
    listed: Sequence[str],
    spare: KeyRecord,
    schedule: KeySchedule,
    now: float,
    *,
    is_emergency: bool,
    by: str,
    reason: str,
) -> KeyChange:
    """Publish the spare key as the next one, to sign after the publish lead.

    In an emergency the next key, the spare where there is none, signs as soon as every replica knows it.

    Raises:
        Conflict: there is a next key already, which waits for its time.
    """
    waiting = _find_next(records, listed, schedule, now)
    if waiting is not None and not is_emergency:
        raise Conflict(f"The next key {waiting.kid} is published already; with --emergency it signs at once.")
    if waiting is None:
        lead = SETTLING if is_emergency else schedule.publish_lead
        made = replace(spare, published_at=now, signs_from=now + lead)
    else:
        made = replace(waiting, signs_from=max(now, waiting.published_at + SETTLING))
    return KeyChange(write=(made,), what="key_rotated", by=by, reason=f"{made.kid}: {reason}", time=now)


def give_up(
    records: Sequence[KeyRecord],
    listed: Sequence[str],
    kid: str,
    spare: KeyRecord,
    schedule: KeySchedule,
    now: float,
    *,
    by: str,
    reason: str,
) -> KeyChange:
    """Mark a key as compromised, and let another sign at once where it was the one that did.

    Raises:
        Conflict: nobody knows the key.
    """
    record = next((record for record in records if record.kid == kid), None)
    if record is None:
        raise Conflict("There is no such key; `crossfade keys list` shows them.")
    if record.is_compromised:
        return NOTHING
    marked = replace(record, compromised_at=now, sealed=b"" if record.is_kept else None)
    others = tuple(marked if other.kid == kid else other for other in records)
    write: tuple[KeyRecord, ...] = (marked,)
    if not _has_ripe(others, listed, schedule, now):
        waiting = _find_next(records, listed, schedule, now)
        if waiting is not None and waiting.kid == kid:
            waiting = None
        heir = replace(spare, published_at=now) if waiting is None else waiting
        write += (replace(heir, signs_from=now),)
    return KeyChange(write=write, what="key_compromised", by=by, reason=f"{kid}: {reason}", time=now)


def _has_ripe(records: Sequence[KeyRecord], listed: Sequence[str], schedule: KeySchedule, now: float) -> bool:
    plan = plan_ring(records, listed, schedule, now)
    found = next((record for record in records if record.kid == plan.active), None)
    return found is not None and found.signs_from <= now


def _find_next(
    records: Sequence[KeyRecord], listed: Sequence[str], schedule: KeySchedule, now: float
) -> KeyRecord | None:
    """Return the kept or first listed key that waits for its time, the one that has waited longest."""
    plan = plan_ring(records, listed, schedule, now)
    waiting = [
        record
        for record in records
        if plan.states.get(record.kid) is KeyState.NEXT and record.signs_from > now and record.kid not in listed[1:]
    ]
    return min(waiting, key=lambda record: record.published_at, default=None)


def _names(records: Sequence[KeyRecord]) -> str:
    return ", ".join(record.kid for record in records)
