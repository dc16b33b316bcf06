"""How families end, move and are forgotten in every RefreshStore. Each backend runs these by a subclass."""

import asyncio

from gateway.model import RevocationKind
from gateway.records import RefreshOutcome
from tests.stores.conformance_refresh import UNTIL, Stores
from tests.stores.samples import NOW, OTHER_SESSION, SESSION, digest, family


class FamilyRules:
    """Subclasses give the fixture `stores`."""

    # --- ending ---

    async def test_ending_families_records_each_once(self, stores: Stores) -> None:
        for name in ("f1", "f2", "f3"):
            await stores.open(family(name))
        ended = await stores.families.end_families(["f1", "f2", "f1", "nobody"], "logout", UNTIL, NOW + 1)
        assert [(entry.kind, entry.name, entry.expires_at, entry.reason) for entry in ended] == [
            (RevocationKind.FAMILY, "f1", UNTIL, "logout"),
            (RevocationKind.FAMILY, "f2", UNTIL, "logout"),
        ]
        assert await stores.recorded() == ended
        assert await stores.families.end_families(["f1", "f2"], "logout", UNTIL, NOW + 2) == []
        assert await stores.recorded() == ended

    async def test_what_ended_first_stays_the_reason(self, stores: Stores) -> None:
        await stores.open(family())
        await stores.families.end_families(["f1"], "logout", UNTIL, NOW + 1)
        await stores.families.end_families(["f1"], "admin", UNTIL, NOW + 2)
        kept = await stores.families.find_family("f1")
        assert kept is not None
        assert (kept.ended_at, kept.ended_reason) == (NOW + 1, "logout")

    async def test_an_ended_family_has_no_session_and_no_sealed_token(self, stores: Stores) -> None:
        await stores.open(family())
        await stores.present("f1-1", "b")
        await stores.families.end_families(["f1"], "logout", UNTIL, NOW)
        assert await stores.vault.fetch("f1") is None
        assert (await stores.row("f1-1")).successor_sealed is None
        assert (await stores.present("b", "c"))[0] is RefreshOutcome.ENDED

    async def test_a_rotation_and_a_logout_that_race_never_leave_a_live_family(self, stores: Stores) -> None:
        await stores.open(family())
        _, ended = await asyncio.gather(
            stores.present("f1-1", "b"), stores.families.end_families(["f1"], "logout", UNTIL, NOW)
        )
        assert len(ended) == 1
        assert await stores.families.families_of_session(SESSION, NOW) == []
        assert (await stores.present("f1-1", "c"))[0] is RefreshOutcome.ENDED

    async def test_ending_a_subject_ends_its_families_with_one_epoch(self, stores: Stores) -> None:
        await stores.open(family("f1"))
        await stores.open(family("f2"))
        await stores.open(family("f3", subject="bob"))
        (epoch,) = await stores.families.end_subject("ada", "password_change", UNTIL, NOW)
        assert (epoch.kind, epoch.name, epoch.expires_at) == (RevocationKind.SUBJECT, "ada", UNTIL)
        assert epoch.sequence == await stores.log.sequence()
        assert await stores.recorded() == [epoch]
        assert [one.id for one in await stores.families.families_of_session(SESSION, NOW)] == ["f3"]
        assert await stores.vault.fetch("f1") is None

    async def test_the_live_families_of_a_subject_are_found_whatever_their_session(self, stores: Stores) -> None:
        await stores.open(family("f1"))
        await stores.open(family("f2", session_hash=OTHER_SESSION))
        await stores.open(family("f3", subject="bob"))
        await stores.open(family("f4"))
        await stores.families.end_families(["f4"], "logout", UNTIL, NOW)
        found = await stores.families.families_of_subject("ada", NOW)
        assert sorted(one.id for one in found) == ["f1", "f2"]

    async def test_a_subject_without_families_has_an_epoch_all_the_same(self, stores: Stores) -> None:
        assert len(await stores.families.end_subject("ada", "admin", UNTIL, NOW)) == 1

    async def test_the_sequence_only_grows(self, stores: Stores) -> None:
        numbers = [await stores.log.sequence()]
        for name in ("f1", "f2"):
            await stores.open(family(name))
            await stores.families.end_families([name], "logout", UNTIL, NOW)
            numbers.append(await stores.log.sequence())
        await stores.families.end_subject("ada", "admin", UNTIL, NOW)
        numbers.append(await stores.log.sequence())
        assert numbers == sorted(set(numbers))

    # --- sessions ---

    async def test_families_are_found_by_their_session_for_as_long_as_they_live(self, stores: Stores) -> None:
        await stores.open(family("f1"))
        await stores.open(family("f2", session_hash=OTHER_SESSION))
        await stores.open(family("f3", idle=NOW + 10))
        assert [one.id for one in await stores.families.families_of_session(SESSION, NOW)] == ["f1", "f3"]
        assert [one.id for one in await stores.families.families_of_session(SESSION, NOW + 10)] == ["f1"]

    async def test_families_follow_their_session_to_its_new_id(self, stores: Stores) -> None:
        await stores.open(family("f1"))
        await stores.open(family("f2"))
        await stores.open(family("f3"))
        await stores.families.end_families(["f3"], "logout", UNTIL, NOW)
        assert await stores.families.move_families(SESSION, OTHER_SESSION, NOW) == 2
        assert await stores.families.families_of_session(SESSION, NOW) == []
        assert len(await stores.families.families_of_session(OTHER_SESSION, NOW)) == 2
        assert await stores.families.move_families(SESSION, OTHER_SESSION, NOW) == 0

    async def test_a_barred_session_is_barred_until_then_and_never_shorter(self, stores: Stores) -> None:
        assert not await stores.families.is_barred(SESSION, NOW)
        await stores.families.bar_session(SESSION, NOW + 100, NOW)
        await stores.families.bar_session(SESSION, NOW + 50, NOW)
        assert await stores.families.is_barred(SESSION, NOW + 99)
        assert not await stores.families.is_barred(SESSION, NOW + 100)
        assert not await stores.families.is_barred(OTHER_SESSION, NOW)

    async def test_a_bar_holds_for_what_was_signed_before_it_and_not_for_what_was_signed_later(
        self, stores: Stores
    ) -> None:
        await stores.families.bar_session(SESSION, NOW + 100, NOW)
        assert await stores.families.is_barred(SESSION, NOW + 50, signed_at=NOW - 1)
        assert await stores.families.is_barred(SESSION, NOW + 50, signed_at=NOW)
        assert not await stores.families.is_barred(SESSION, NOW + 50, signed_at=NOW + 1)
        assert await stores.families.is_barred(SESSION, NOW + 50)

    async def test_of_several_bars_the_latest_counts_for_what_is_signed(self, stores: Stores) -> None:
        await stores.families.bar_session(SESSION, NOW + 100, NOW)
        await stores.families.bar_session(SESSION, NOW + 60, NOW + 50)
        await stores.families.bar_session(SESSION, NOW + 70, NOW + 20)
        assert await stores.families.is_barred(SESSION, NOW + 90, signed_at=NOW + 40)
        assert not await stores.families.is_barred(SESSION, NOW + 90, signed_at=NOW + 51)

    # --- counting and cleaning ---

    async def test_live_families_are_counted_by_client(self, stores: Stores) -> None:
        assert await stores.families.count_live(NOW) == {}
        await stores.open(family("f1"))
        await stores.open(family("f2"))
        await stores.open(family("f3", client_id="mobile"))
        await stores.open(family("f4", client_id="mobile", idle=NOW + 10))
        await stores.families.end_families(["f1"], "logout", UNTIL, NOW)
        assert await stores.families.count_live(NOW) == {"web": 1, "mobile": 2}
        assert await stores.families.count_live(NOW + 10) == {"web": 1, "mobile": 1}

    async def test_only_what_nothing_can_need_is_deleted(self, stores: Stores) -> None:
        await stores.open(family("old"))
        await stores.present("old-1", "b")
        await stores.open(family("young", absolute=NOW + 9000), now=NOW)
        await stores.families.end_families(["old"], "logout", NOW + 2000, NOW)
        await stores.families.bar_session(SESSION, NOW + 2000, NOW)
        assert await stores.families.delete_expired(NOW + 1000, 100) == 0
        late = NOW + 5000
        assert await stores.families.delete_expired(late, 100) >= 4
        assert await stores.families.find_family("old") is None
        assert await stores.families.find_family_of_token(digest("old-1")) is None
        assert await stores.families.find_family("young") is not None
        assert await stores.vault.fetch("young") is not None
        assert await stores.log.live(NOW) == []
        assert await stores.families.delete_expired(late, 100) == 0

    async def test_deleting_goes_on_in_steps_of_the_limit(self, stores: Stores) -> None:
        for name in ("f1", "f2", "f3"):
            await stores.open(family(name))
        deleted = []
        while step := await stores.families.delete_expired(NOW + 5000, 2):
            deleted.append(step)
        assert max(deleted) <= 2
        assert sum(deleted) >= 6
        assert [await stores.families.find_family(name) for name in ("f1", "f2", "f3")] == [None] * 3

    async def test_the_sequence_goes_on_after_its_newest_entries_were_deleted(self, stores: Stores) -> None:
        await stores.families.end_subject("ada", "admin", NOW + 10, NOW)
        before = await stores.log.sequence()
        await stores.families.delete_expired(NOW + 5000, 100)
        assert await stores.log.sequence() == before
        (epoch,) = await stores.families.end_subject("ada", "admin", UNTIL, NOW)
        assert epoch.sequence > before

    async def test_a_sweep_forgets_sealed_successors_whose_grace_is_over(self, stores: Stores) -> None:
        await stores.open(family())
        await stores.present("f1-1", "b")
        await stores.families.delete_expired(NOW + 299, 10)
        assert (await stores.row("f1-1")).successor_sealed is not None
        assert await stores.families.delete_expired(NOW + 300, 10) == 0
        assert (await stores.row("f1-1")).successor_sealed is None
        assert (await stores.row("f1-1")).used_at == NOW
