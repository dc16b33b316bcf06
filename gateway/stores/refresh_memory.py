"""A RefreshStore that lasts as long as its process. No method suspends, so each is one transaction."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

from gateway.core.rotation import LONGEST_GRACE
from gateway.errors import StoreUnavailable
from gateway.model import Revocation, RevocationKind
from gateway.records import (
    Decide,
    Family,
    Presented,
    RefreshOutcome,
    RefreshRow,
    Rotation,
    RotationDecision,
    SealedSession,
    rotated,
)
from gateway.stores.bars_memory import EVERYBODY, SubjectBars
from gateway.stores.leeway import LEEWAY_ROOM, revocation_end
from gateway.stores.revocation_log_memory import MemoryRevocationLog
from gateway.stores.vault_memory import MemoryVaultStore


@dataclass(slots=True)
class _Kept:
    """A family with its tokens, the oldest generation first."""

    family: Family
    tokens: list[RefreshRow]


class _Bar(NamedTuple):
    barred_at: float
    until: float


class MemoryRefreshStore:
    """Families and refresh tokens in dictionaries, with the log and the vault that share their transactions."""

    def __init__(self, log: MemoryRevocationLog, vault: MemoryVaultStore) -> None:
        self._log = log
        self._vault = vault
        self._families: dict[str, _Kept] = {}
        self._owners: dict[bytes, _Kept] = {}
        self._barred: dict[bytes, _Bar] = {}
        self._bars = SubjectBars()

    async def open_family(
        self, family: Family, token: RefreshRow, vaulted: SealedSession | None, *, cap: int, now: float
    ) -> bool:
        """Store a new family; False where the session has `cap` live families already.

        Raises:
            StoreUnavailable: a family or token of that name is there already.
        """
        if family.id in self._families or token.token_hash in self._owners:
            raise StoreUnavailable
        if len(self._of_session(family.session_hash, now)) >= cap:
            return False
        self._families[family.id] = self._owners[token.token_hash] = _Kept(family, [token])
        if vaulted is not None:
            self._vault.entries[family.id] = vaulted
        return True

    async def find_presented(self, token_hash: bytes) -> Presented | None:
        """Return a refresh token with its family, or None."""
        kept = self._owners.get(token_hash)
        if kept is None:
            return None
        return Presented(kept.family, next(row for row in kept.tokens if row.token_hash == token_hash), 0.0)

    async def rotate(self, token_hash: bytes, decide: Decide, now: float, *, seen: Presented | None = None) -> Rotation:
        """Present a refresh token. The family in the result is as the transaction left it."""
        kept = self._owners.get(token_hash)
        if kept is None:
            return Rotation(RotationDecision(RefreshOutcome.UNKNOWN), None)
        place = [row.token_hash for row in kept.tokens].index(token_hash)
        decision = decide(kept.family, kept.tokens[place])
        revocations: tuple[Revocation, ...] = ()
        if decision.outcome is RefreshOutcome.ROTATED:
            self._succeed(kept, place, decision, now)
        elif decision.outcome is RefreshOutcome.REPLAY and kept.family.ended_at is None:
            revocations = (self._end(kept, "replay", revocation_end(kept.family), now),)
        return Rotation(decision, kept.family, revocations)

    async def find_family(self, family_id: str) -> Family | None:
        """Return the family, ended or not, or None."""
        kept = self._families.get(family_id)
        return kept.family if kept else None

    async def find_family_of_token(self, token_hash: bytes) -> Family | None:
        """Return the family that a refresh token belongs to, or None."""
        kept = self._owners.get(token_hash)
        return kept.family if kept else None

    async def families_of_session(self, session_hash: bytes, now: float) -> Sequence[Family]:
        """Return the live families that came from a legacy session."""
        return [kept.family for kept in self._of_session(session_hash, now)]

    async def families_of_subject(self, subject: str, now: float) -> Sequence[Family]:
        """Return the live families of a subject."""
        live = (kept.family for kept in self._families.values() if _is_live(kept.family, now))
        return [family for family in live if family.subject == subject]

    async def end_families(
        self, family_ids: Sequence[str], reason: str, revoked_until: float, now: float
    ) -> Sequence[Revocation]:
        """End families and record one revocation for each that had not ended."""
        named = [self._families[family_id] for family_id in dict.fromkeys(family_ids) if family_id in self._families]
        return [self._end(kept, reason, revoked_until, now) for kept in named if kept.family.ended_at is None]

    async def end_subject(
        self, subject: str, reason: str, revoked_until: float, now: float, *, barred_until: float = 0.0
    ) -> Sequence[Revocation]:
        """End all families of a subject and record one epoch for it; bar its sessions where that is asked for."""
        for kept in self._families.values():
            if kept.family.subject == subject and kept.family.ended_at is None:
                self._mark_ended(kept, reason, now)
        epoch = self._log.add(Revocation(RevocationKind.SUBJECT, subject, revoked_until, reason))
        if barred_until > now:
            self._bars.bar(subject, epoch.sequence, barred_until)
        return [epoch]

    async def bar_everybody(
        self, reason: str, revoked_until: float, barred_until: float, now: float
    ) -> Sequence[Revocation]:
        """Record one epoch for all tokens, and bar all sessions."""
        epoch = self._log.add(Revocation(RevocationKind.EVERYTHING, "", revoked_until, reason))
        self._bars.bar(EVERYBODY, epoch.sequence, barred_until)
        return [epoch]

    async def end_oldest(self, created_until: float, reason: str, now: float, limit: int) -> int:
        """End up to `limit` families that were opened until then; returns how many."""
        live = [kept for kept in self._families.values() if kept.family.ended_at is None]
        old = [kept for kept in live if kept.family.created_at <= created_until][:limit]
        for kept in old:
            self._mark_ended(kept, reason, now)
        return len(old)

    async def move_families(self, old_session_hash: bytes, new_session_hash: bytes, now: float) -> int:
        """Follow a rotated legacy session id; returns how many live families moved."""
        self._bars.follow(old_session_hash, new_session_hash)
        moved = self._of_session(old_session_hash, now)
        for kept in moved:
            kept.family = replace(kept.family, session_hash=new_session_hash)
        return len(moved)

    async def note_login(self, subject: str, session_hash: bytes, now: float) -> None:
        """Remember a login, if the sessions of its subject are barred."""
        self._bars.note_login(subject, session_hash, await self._log.sequence(), now)

    async def bar_session(self, session_hash: bytes, until: float, now: float) -> None:
        """Let no family be opened from a legacy session until then; a longer bar is not shortened."""
        earlier = self._barred.get(session_hash, _Bar(now, until))
        self._barred[session_hash] = _Bar(max(now, earlier.barred_at), max(until, earlier.until))

    async def is_barred(
        self, session_hash: bytes, now: float, *, subject: str = "", signed_at: float | None = None
    ) -> bool:
        """Say whether `bar_session` holds for it, or for what was signed at a known time, or a bar of its subject."""
        bar = self._barred.get(session_hash)
        if bar is not None and bar.until > now and (signed_at is None or signed_at <= bar.barred_at):
            return True
        return self._bars.holds_for(subject, session_hash, now)

    async def count_live(self, now: float) -> Mapping[str, int]:
        """Return the number of live families by client id."""
        families = (kept.family for kept in self._families.values())
        return dict(Counter(family.client_id for family in families if _is_live(family, now)))

    async def delete_expired(self, now: float, limit: int) -> int:
        """Delete up to `limit` rows that nothing can need any more; returns how many."""
        deleted = 0
        dead = [kept for kept in self._families.values() if kept.family.absolute_expires_at <= now - LEEWAY_ROOM]
        for kept in dead:
            while kept.tokens and deleted < limit:
                del self._owners[kept.tokens.pop().token_hash]
                deleted += 1
            if not kept.tokens and deleted < limit:
                self._vault.entries.pop(kept.family.id, None)
                del self._families[kept.family.id]
                deleted += 1
        over = [session_hash for session_hash, bar in self._barred.items() if bar.until <= now][: limit - deleted]
        for session_hash in over:
            del self._barred[session_hash]
        deleted += len(over) + self._bars.delete_expired(now)
        self._forget_sealed(now)
        return deleted + self._log.delete_expired(now, limit - deleted)

    # --- steps ---

    def _of_session(self, session_hash: bytes, now: float) -> list[_Kept]:
        live = (kept for kept in self._families.values() if _is_live(kept.family, now))
        return [kept for kept in live if session_hash and kept.family.session_hash == session_hash]

    def _succeed(self, kept: _Kept, place: int, decision: RotationDecision, now: float) -> None:
        successor = decision.successor
        assert successor is not None
        if kept.tokens[place].used_at is not None or successor.token_hash in self._owners:
            raise StoreUnavailable
        kept.tokens[place] = replace(kept.tokens[place], used_at=now, successor_sealed=decision.successor_sealed)
        if place:
            kept.tokens[place - 1] = replace(kept.tokens[place - 1], successor_sealed=None)
        kept.tokens.append(successor)
        self._owners[successor.token_hash] = kept
        kept.family = rotated(kept.family, decision)

    def _forget_sealed(self, now: float) -> None:
        """Null the sealed successors whose grace is over."""
        for kept in self._families.values():
            kept.tokens[:] = [
                replace(row, successor_sealed=None)
                if row.successor_sealed is not None and row.used_at is not None and row.used_at <= now - LONGEST_GRACE
                else row
                for row in kept.tokens
            ]

    def _mark_ended(self, kept: _Kept, reason: str, now: float) -> None:
        kept.family = replace(kept.family, ended_at=now, ended_reason=reason)
        kept.tokens[:] = [replace(row, successor_sealed=None) for row in kept.tokens]
        self._vault.entries.pop(kept.family.id, None)

    def _end(self, kept: _Kept, reason: str, until: float, now: float) -> Revocation:
        self._mark_ended(kept, reason, now)
        return self._log.add(Revocation(RevocationKind.FAMILY, kept.family.id, until, reason))


def _is_live(family: Family, now: float) -> bool:
    return family.ended_at is None and family.idle_expires_at > now and family.absolute_expires_at > now
