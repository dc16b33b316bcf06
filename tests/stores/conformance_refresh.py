"""What every RefreshStore must keep, whatever lies under it. Each backend runs these by a subclass."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, replace

import pytest

from gateway.errors import StoreUnavailable
from gateway.family_ports import RefreshStore
from gateway.model import Revocation, RevocationKind
from gateway.ports import RevocationLog, VaultStore
from gateway.records import Family, RefreshOutcome, RefreshRow, RotationDecision
from tests.stores.samples import (
    NOW,
    chooser,
    digest,
    family,
    first_token,
    sealed,
    seen,
)

UNTIL = NOW + 3630


@dataclass(frozen=True, slots=True)
class Stores:
    """The stores of one backend, which share their transactions."""

    families: RefreshStore
    vault: VaultStore
    log: RevocationLog
    looks_first: bool = False
    """Whether a token is looked at before it is presented, as the gateway does."""

    async def open(self, owner: Family, *, cap: int = 5, now: float = NOW) -> bool:
        return await self.families.open_family(owner, first_token(owner.id), sealed(owner.id), cap=cap, now=now)

    async def present(self, token: str, fresh: str, now: float = NOW) -> tuple[RefreshOutcome, str]:
        seen = await self.families.find_presented(digest(token)) if self.looks_first else None
        rotation = await self.families.rotate(digest(token), chooser(fresh, now), now, seen=seen)
        return rotation.decision.outcome, rotation.decision.token

    async def row(self, token: str) -> RefreshRow:
        rows: list[RefreshRow] = []
        await self.families.rotate(digest(token), seen(rows), NOW)
        return rows[0]

    async def recorded(self) -> Sequence[Revocation]:
        return await self.log.live(NOW)


class RefreshStoreRules:
    """Subclasses give the fixture `stores`."""

    # --- opening ---

    async def test_a_new_family_is_kept_with_its_token_and_its_vaulted_session(self, stores: Stores) -> None:
        owner = family(claims={"roles": ["editor"], "name": "Ada Łovelace"})
        assert await stores.open(owner)
        assert await stores.families.find_family("f1") == owner
        assert await stores.families.find_family_of_token(digest("f1-1")) == owner
        presented = await stores.families.find_presented(digest("f1-1"))
        assert presented is not None
        assert (presented.family, presented.row) == (owner, await stores.row("f1-1"))
        assert await stores.families.find_presented(digest("nobody's")) is None
        assert await stores.row("f1-1") == first_token()
        assert await stores.vault.fetch("f1") == sealed()

    async def test_the_key_that_a_family_is_bound_to_is_kept(self, stores: Stores) -> None:
        owner = replace(family(), bound_key="k" * 43)
        assert await stores.open(owner)
        assert await stores.families.find_family("f1") == owner
        assert await stores.families.find_family_of_token(digest("f1-1")) == owner

    async def test_a_family_without_a_vaulted_session_has_none(self, stores: Stores) -> None:
        assert await stores.families.open_family(family(), first_token(), None, cap=1, now=NOW)
        assert await stores.vault.fetch("f1") is None

    async def test_nobody_knows_what_was_never_stored(self, stores: Stores) -> None:
        assert await stores.families.find_family("f1") is None
        assert await stores.families.find_family_of_token(digest("f1-1")) is None
        assert await stores.vault.fetch("f1") is None

    async def test_a_session_has_at_most_as_many_live_families_as_the_cap(self, stores: Stores) -> None:
        assert await stores.open(family("f1"), cap=2)
        assert await stores.open(family("f2"), cap=2)
        assert not await stores.open(family("f3"), cap=2)
        assert await stores.families.find_family("f3") is None
        assert await stores.vault.fetch("f3") is None
        assert await stores.families.find_family_of_token(digest("f3-1")) is None

    async def test_families_that_ended_or_expired_leave_room(self, stores: Stores) -> None:
        assert await stores.open(family("f1"), cap=1)
        await stores.families.end_families(["f1"], "logout", UNTIL, NOW)
        assert await stores.open(family("f2"), cap=1)
        assert await stores.open(family("f3"), cap=1, now=NOW + 500)

    async def test_families_of_no_session_have_no_cap(self, stores: Stores) -> None:
        assert await stores.open(family("f1", session_hash=b""), cap=1)
        assert await stores.open(family("f2", session_hash=b""), cap=1)
        assert await stores.families.families_of_session(b"", NOW) == []

    async def test_racers_for_the_last_place_do_not_share_it(self, stores: Stores) -> None:
        opened = await asyncio.gather(*(stores.open(family(f"f{n}"), cap=3) for n in range(8)))
        assert opened.count(True) == 3

    async def test_a_family_of_a_name_that_is_taken_is_refused_whole(self, stores: Stores) -> None:
        await stores.open(family(), cap=1)
        with pytest.raises(StoreUnavailable):
            await stores.families.open_family(
                family(subject="eve"), replace(first_token(), token_hash=digest("other")), None, cap=1, now=NOW
            )
        kept = await stores.families.find_family("f1")
        assert kept is not None
        assert kept.subject == "ada"
        assert await stores.families.find_family_of_token(digest("other")) is None

    # --- rotating ---

    async def test_a_token_is_succeeded_once(self, stores: Stores) -> None:
        await stores.open(family())
        rotation = await stores.families.rotate(digest("f1-1"), chooser("b", NOW + 60), NOW + 60)
        assert rotation.decision.outcome is RefreshOutcome.ROTATED
        assert rotation.family == replace(family(), generation=2, idle_expires_at=NOW + 560)
        assert await stores.families.find_family("f1") == rotation.family
        assert await stores.row("f1-1") == replace(first_token(), used_at=NOW + 60, successor_sealed=b"sealed b")
        assert await stores.row("b") == RefreshRow(digest("b"), "f1", 2, NOW + 60, NOW + 560)
        assert await stores.recorded() == []

    async def test_a_rotation_moves_the_end_of_its_family_where_the_decision_says_so(self, stores: Stores) -> None:
        await stores.open(family())

        def later(owner: Family, row: RefreshRow) -> RotationDecision:
            return replace(chooser("b", NOW)(owner, row), absolute_expires_at=NOW + 5000)

        rotation = await stores.families.rotate(digest("f1-1"), later, NOW)
        assert rotation.family is not None
        assert rotation.family.absolute_expires_at == NOW + 5000
        assert await stores.families.find_family("f1") == rotation.family

    async def test_all_racers_for_one_token_get_the_same_successor(self, stores: Stores) -> None:
        await stores.open(family())
        results = await asyncio.gather(*(stores.present("f1-1", f"racer {n}") for n in range(20)))
        outcomes = [outcome for outcome, _ in results]
        assert outcomes.count(RefreshOutcome.ROTATED) == 1
        assert outcomes.count(RefreshOutcome.GRACE) == 19
        assert len({successor for _, successor in results}) == 1
        assert await stores.recorded() == []

    async def test_a_retry_within_the_grace_gets_the_same_successor(self, stores: Stores) -> None:
        await stores.open(family())
        assert await stores.present("f1-1", "b") == (RefreshOutcome.ROTATED, "b")
        assert await stores.present("f1-1", "c", NOW + 30) == (RefreshOutcome.GRACE, "b")
        assert await stores.present("b", "c", NOW + 30) == (RefreshOutcome.ROTATED, "c")

    async def test_a_retry_does_not_renew_the_grace(self, stores: Stores) -> None:
        await stores.open(family())
        await stores.present("f1-1", "b")
        await stores.present("f1-1", "c", NOW + 29)
        assert (await stores.present("f1-1", "c", NOW + 31))[0] is RefreshOutcome.REPLAY

    async def test_the_next_rotation_forgets_the_sealed_token_before_the_last(self, stores: Stores) -> None:
        await stores.open(family())
        await stores.present("f1-1", "b")
        await stores.present("b", "c")
        assert (await stores.row("f1-1")).successor_sealed is None
        assert (await stores.row("b")).successor_sealed == b"sealed c"

    async def test_a_replay_ends_the_family_and_records_it_together(self, stores: Stores) -> None:
        await stores.open(family())
        await stores.present("f1-1", "b")
        rotation = await stores.families.rotate(digest("f1-1"), chooser("c", NOW + 60), NOW + 60)
        assert rotation.decision.outcome is RefreshOutcome.REPLAY
        (revocation,) = rotation.revocations
        assert (revocation.kind, revocation.name, revocation.reason) == (RevocationKind.FAMILY, "f1", "replay")
        assert revocation.expires_at > family().absolute_expires_at
        assert await stores.recorded() == [revocation]
        assert rotation.family is not None
        assert (rotation.family.ended_at, rotation.family.ended_reason) == (NOW + 60, "replay")
        assert await stores.families.find_family("f1") == rotation.family
        assert await stores.vault.fetch("f1") is None
        assert (await stores.present("b", "d", NOW + 60))[0] is RefreshOutcome.ENDED

    async def test_a_grandparent_is_a_replay_even_within_the_grace(self, stores: Stores) -> None:
        await stores.open(family())
        await stores.present("f1-1", "b")
        await stores.present("b", "c")
        assert (await stores.present("f1-1", "d", NOW + 1))[0] is RefreshOutcome.REPLAY

    async def test_replays_that_race_record_one_end(self, stores: Stores) -> None:
        await stores.open(family())
        await stores.present("f1-1", "b")
        late = NOW + 60
        rotations = await asyncio.gather(
            *(stores.families.rotate(digest("f1-1"), chooser("c", late), late) for _ in range(5))
        )
        assert sum(len(rotation.revocations) for rotation in rotations) == 1
        assert len(await stores.recorded()) == 1

    async def test_an_unknown_token_belongs_to_nobody(self, stores: Stores) -> None:
        rotation = await stores.families.rotate(digest("never issued"), chooser("b", NOW), NOW)
        assert rotation.decision.outcome is RefreshOutcome.UNKNOWN
        assert rotation.family is None

    async def test_an_outcome_that_changes_nothing_changes_nothing(self, stores: Stores) -> None:
        await stores.open(family())
        rotation = await stores.families.rotate(digest("f1-1"), seen([]), NOW)
        assert rotation.decision.outcome is RefreshOutcome.TOO_YOUNG
        assert rotation.family == family()
        assert await stores.row("f1-1") == first_token()

    async def test_a_decision_that_fails_leaves_everything_as_it_was(self, stores: Stores) -> None:
        await stores.open(family())

        def fail(owner: Family, row: RefreshRow) -> None:
            raise LookupError(owner.id)

        with pytest.raises(LookupError):
            await stores.families.rotate(digest("f1-1"), fail, NOW)  # type: ignore[arg-type]
        assert (await stores.present("f1-1", "b"))[0] is RefreshOutcome.ROTATED

    async def test_a_successor_of_a_name_that_is_taken_is_refused_whole(self, stores: Stores) -> None:
        await stores.open(family("f1"))
        await stores.open(family("f2"))
        with pytest.raises(StoreUnavailable):
            await stores.present("f1-1", "f2-1")
        assert (await stores.row("f1-1")).used_at is None
        assert (await stores.present("f1-1", "b"))[0] is RefreshOutcome.ROTATED

    async def test_a_token_that_is_spent_is_not_succeeded_again_whatever_is_decided(self, stores: Stores) -> None:
        await stores.open(family())
        await stores.present("f1-1", "b")
        spent = await stores.row("f1-1")

        def insist(owner: Family, row: RefreshRow) -> object:
            return chooser("c", NOW)(owner, replace(row, used_at=None))

        with pytest.raises(StoreUnavailable):
            await stores.families.rotate(digest("f1-1"), insist, NOW)  # type: ignore[arg-type]
        assert await stores.row("f1-1") == spent
