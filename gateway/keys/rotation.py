"""The life of the signing keys: what the store and the configuration say, carried into the ring of this process.

The states follow from stored times (`core.key_states`), so that every replica and every restart comes to the same.
Nothing here is on the way of a request.
"""

import asyncio
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial

import structlog

from gateway.core.key_changes import forget_gone, give_up, make_due, publish_listed, rotate_by_hand
from gateway.core.key_states import KeySchedule, RingPlan, due_at, plan_ring
from gateway.errors import ConfigurationError, DependencyError, Unavailable
from gateway.key_ports import KeyStore
from gateway.keys.generated import generate_key
from gateway.keys.listed import ListedKeys
from gateway.keys.ring import KeyRing, RingKey
from gateway.keys.sealed import KeySeal
from gateway.records import DecideKeys, KeyRecord

_log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class _Kept:
    """A listed key whose file holds another one now; it verifies until then, on the replicas that have seen it."""

    key: RingKey
    until: float


class KeyRotation:
    """Looks at files and store, makes the key that is due, and tells the ring. `algorithm` is that of new keys.

    `on_compromise` is called when a key that was in use is found to be given up.
    """

    def __init__(
        self,
        *,
        ring: KeyRing,
        store: KeyStore,
        seal: KeySeal,
        schedule: KeySchedule,
        algorithm: str,
        listed: ListedKeys,
        on_compromise: Callable[[], object] = lambda: None,
    ) -> None:
        self._on_compromise = on_compromise
        self.ring = ring
        self._store = store
        self._seal = seal
        self._schedule = schedule
        self._algorithm = algorithm
        self._listed = listed
        self._records: Sequence[KeyRecord] = ()
        self._first_seen: dict[str, float] = {}
        self._opened: dict[str, RingKey] = {}
        self._closed: dict[str, str] = {}
        self._replaced: dict[str, _Kept] = {}
        self._plan = RingPlan({}, "", 0.0)
        self._spare: KeyRecord | None = None
        self._fault = ""
        self._one_at_a_time = asyncio.Lock()

    @property
    def fault(self) -> str:
        """Why the newest keys are not in force; empty where they are."""
        return self._listed.fault or next(iter(self._closed.values()), "")

    @property
    def active(self) -> str:
        """The id of the key that signs; empty where none may."""
        return self._plan.active

    # --- kept up to date ---

    async def start(self, now: float) -> None:
        """Read the store, and make the first key where there is none.

        Nothing starts before it is known which keys are compromised, whatever stands in files.

        Raises:
            DependencyError: the store cannot be read or written.
            ConfigurationError: a key in it cannot be opened.
        """
        async with self._one_at_a_time:
            try:
                await self._follow_store(now)
            except Unavailable as error:
                raise DependencyError(
                    "The database cannot say which signing keys are good. Is it up, and did `crossfade migrate up` run?"
                ) from error
            if self._closed:
                raise ConfigurationError(self.fault)
            self._install(now)

    async def look(self, now: float) -> None:
        """Look at files and store again. What cannot be read stays as it was, and the calendar goes on."""
        async with self._one_at_a_time:
            if self._listed.has_changed():
                await self._read_files(now)
            try:
                await self._follow_store(now)
            except Unavailable:
                pass  # the posture control says that the store is away
            self._install(now)

    def take(self, listed: ListedKeys, algorithm: str, now: float) -> None:
        """Take over another list of keys, which was loaded already. Keys of places that are not on it are refused."""
        before, self._listed, self._algorithm = self._listed.keys, listed, algorithm
        self._keep_replaced(before, now)
        self._install(now)

    async def _read_files(self, now: float) -> None:
        before = self._listed.keys
        await asyncio.to_thread(self._listed.try_load)
        self._keep_replaced(before, now)

    def _keep_replaced(self, before: Sequence[RingKey], now: float) -> None:
        """Go on with keys whose places hold others now: a replica that has not looked yet still signs with them."""
        listed, places = {key.kid for key in self._listed.keys}, {str(place) for place in self._listed.places}
        for key in before:
            self._replaced.setdefault(key.kid, _Kept(key, now + self._schedule.retire_delay))
        self._replaced = {
            kid: kept for kid, kept in self._replaced.items() if kid not in listed and kept.key.source in places
        }

    async def _follow_store(self, now: float) -> None:
        self._take_records(await self._store.read())
        known = {record.kid for record in self._records}
        new = [KeyRecord(key.kid, key.algorithm, now, now) for key in self._listed.keys if key.kid not in known]
        if new:
            await self._change(lambda found: publish_listed(found, new, self._schedule, now))
        kids = self._kids()
        if now >= due_at(self._records, kids, self._schedule, now):
            spare = await self._make()
            await self._change(lambda found: make_due(found, kids, spare, self._schedule, now))
        if forget_gone(self._records, kids, self._schedule, now).delete:
            await self._change(lambda found: forget_gone(found, kids, self._schedule, now))

    def _take_records(self, records: Sequence[KeyRecord]) -> None:
        known = {record.kid for record in self._records if not record.is_compromised}
        if any(record.is_compromised and record.kid in known for record in records):
            self._on_compromise()
        self._records = records
        for record in records:
            if record.sealed and record.kid not in self._opened and record.kid not in self._closed:
                try:
                    self._opened[record.kid] = self._seal.open(record)
                except ConfigurationError as error:
                    self._closed[record.kid] = str(error)
        kept = {record.kid for record in records if record.sealed}
        if self._spare is not None and self._spare.kid in kept:
            self._spare = None
        self._opened = {kid: key for kid, key in self._opened.items() if kid in kept}
        self._closed = {kid: fault for kid, fault in self._closed.items() if kid in kept}

    # --- the ring ---

    def _install(self, now: float) -> None:
        for kid in [kid for kid, kept in self._replaced.items() if now >= kept.until]:
            del self._replaced[kid]
        self._plan = plan = plan_ring(self._at_hand(now), self._kids(), self._schedule, now)
        keys = [self._key(kid) for kid in plan.verifying()]
        if self.ring.replace(keys, signs=bool(plan.active)):
            _log.info(
                "signing keys", active=plan.active, states={kid: str(state) for kid, state in plan.states.items()}
            )
        self.ring.changes_at = plan.changes_at
        if self.fault != self._fault:
            self._fault = self.fault
            if self._fault:
                _log.error("the newest signing keys are not in force; those of before stay", fault=self._fault)

    def _at_hand(self, now: float) -> list[KeyRecord]:
        """Return the records whose keys this process has, and those of keys that nobody may use."""
        kids = self._kids()
        found = [
            record
            for record in self._records
            if record.is_compromised or record.kid in self._opened or record.kid in kids
        ]
        recorded = {record.kid for record in found}
        for kid in kids:
            if kid not in recorded:  # the store was away since it was listed
                seen = self._first_seen.setdefault(kid, now)
                found.append(KeyRecord(kid, self._key(kid).algorithm, seen, seen + self._schedule.publish_lead))
        return found

    def _kids(self) -> list[str]:
        """Return the ids of the listed keys in their order, and last those whose files were overwritten."""
        return [*(key.kid for key in self._listed.keys), *self._replaced]

    def _key(self, kid: str) -> RingKey:
        listed = next((key for key in self._listed.keys if key.kid == kid), None)
        if listed is not None:
            return listed
        replaced = self._replaced.get(kid)
        return replaced.key if replaced is not None else self._opened[kid]

    async def _make(self) -> KeyRecord:
        """Return a new key, the same one until it was used: while nothing can be stored, one is enough."""
        if self._spare is None or self._spare.algorithm != self._algorithm:
            self._spare = self._seal.seal(await asyncio.to_thread(generate_key, self._algorithm))
        return self._spare

    async def _change(self, decide: DecideKeys) -> None:
        self._take_records(await self._store.change(decide))

    # --- orders ---

    async def rotate(self, *, by: str, reason: str, is_emergency: bool, now: float) -> None:
        """Publish a next key, to sign after the publish lead; in an emergency as soon as every replica has it.

        Raises:
            Conflict: there is a next key already.
            StoreUnavailable: it could not be stored, and nothing was changed.
        """
        spare, kids = await self._make(), self._kids()
        decide = partial(
            rotate_by_hand,
            listed=kids,
            spare=spare,
            schedule=self._schedule,
            now=now,
            is_emergency=is_emergency,
            by=by,
            reason=reason,
        )
        await self._order(decide, now)

    async def compromise(self, kid: str, *, by: str, reason: str, now: float) -> None:
        """Refuse a key from now on; where it signed, another does at once.

        Raises:
            Conflict: nobody knows the key.
            StoreUnavailable: it could not be stored, and nothing was changed.
        """
        spare, kids = await self._make(), self._kids()
        decide = partial(
            give_up, listed=kids, kid=kid, spare=spare, schedule=self._schedule, now=now, by=by, reason=reason
        )
        await self._order(decide, now)

    async def _order(self, decide: DecideKeys, now: float) -> None:
        async with self._one_at_a_time:
            await self._change(decide)
            self._install(now)

    def describe(self, now: float) -> Mapping[str, object]:
        """Return the keys with their states and times, and when the next one will be made."""
        listed = {key.kid: key.source for key in self._listed.keys}
        records = self._at_hand(now)
        due = due_at(records, self._kids(), self._schedule, now)
        return {
            "active": self._plan.active,
            "keys": [
                {
                    "kid": record.kid,
                    "algorithm": record.algorithm,
                    "state": self._plan.states.get(record.kid, "gone"),
                    "source": listed.get(record.kid, "the database"),
                    "published_at": record.published_at,
                    "signs_from": record.signs_from,
                    "compromised_at": record.compromised_at,
                }
                for record in records
            ],
            "next_key_at": None if due == math.inf else due,
            "fault": self.fault,
        }
