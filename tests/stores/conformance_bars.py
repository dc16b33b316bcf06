"""Who was revoked as a subject, or with everybody, exchanges no session that did not begin with a login since; in every
RefreshStore. Each backend runs these by a subclass."""

from dataclasses import replace

from gateway.model import RevocationKind
from gateway.records import RefreshOutcome
from tests.stores.conformance_refresh import UNTIL, Stores
from tests.stores.samples import NOW, OTHER_SESSION, SESSION, family

LONG = NOW + 10_000_000


async def bar(stores: Stores, subject: str = "ada") -> None:
    await stores.families.end_subject(subject, "stolen", UNTIL, NOW, barred_until=LONG)


async def is_barred(stores: Stores, subject: str = "ada", session_hash: bytes = SESSION) -> bool:
    return await stores.families.is_barred(session_hash, NOW + 1, subject=subject)


class BarRules:
    """Subclasses give the fixture `stores`."""

    async def test_ending_a_subject_bars_its_sessions_only_where_that_is_asked_for(self, stores: Stores) -> None:
        await stores.families.end_subject("ada", "logout", UNTIL, NOW)
        assert not await is_barred(stores)
        await bar(stores)
        assert await is_barred(stores)
        assert await is_barred(stores, session_hash=OTHER_SESSION)
        assert not await is_barred(stores, "bob")

    async def test_a_session_that_began_with_a_login_since_is_not_barred(self, stores: Stores) -> None:
        await bar(stores)
        await stores.families.note_login("ada", SESSION, NOW)
        assert not await is_barred(stores)
        assert await is_barred(stores, session_hash=OTHER_SESSION)

    async def test_a_login_before_the_bar_does_not_count(self, stores: Stores) -> None:
        await stores.families.note_login("ada", SESSION, NOW)
        await bar(stores)
        assert await is_barred(stores)
        await stores.families.note_login("ada", SESSION, NOW)
        await bar(stores)
        assert await is_barred(stores)

    async def test_a_login_of_somebody_else_does_not_count(self, stores: Stores) -> None:
        await bar(stores)
        await stores.families.note_login("bob", SESSION, NOW)
        assert await is_barred(stores)

    async def test_a_login_goes_with_its_session_to_a_new_id(self, stores: Stores) -> None:
        await bar(stores)
        await stores.families.note_login("ada", SESSION, NOW)
        await stores.families.move_families(SESSION, OTHER_SESSION, NOW)
        assert not await is_barred(stores, session_hash=OTHER_SESSION)

    async def test_a_bar_ends_when_it_said_and_never_earlier(self, stores: Stores) -> None:
        await bar(stores)
        await stores.families.end_subject("ada", "again", UNTIL, NOW, barred_until=NOW + 5)
        assert await stores.families.is_barred(SESSION, LONG - 1, subject="ada")
        assert not await stores.families.is_barred(SESSION, LONG, subject="ada")
        assert await stores.families.delete_expired(LONG, 100) >= 1

    async def test_a_cookie_signed_since_is_no_login(self, stores: Stores) -> None:
        await bar(stores)
        assert await stores.families.is_barred(SESSION, NOW + 9, subject="ada", signed_at=NOW + 8)

    async def test_everybody_is_barred_with_one_epoch(self, stores: Stores) -> None:
        await stores.families.note_login("ada", SESSION, NOW)
        (epoch,) = await stores.families.bar_everybody("leak", UNTIL, LONG, NOW)
        assert (epoch.kind, epoch.name, epoch.expires_at) == (RevocationKind.EVERYTHING, "", UNTIL)
        assert epoch.sequence == await stores.log.sequence()
        assert await is_barred(stores)
        assert await is_barred(stores, "bob", OTHER_SESSION)
        await stores.families.note_login("ada", SESSION, NOW)
        assert not await is_barred(stores)
        await bar(stores)
        assert await is_barred(stores)

    async def test_all_families_end_in_steps(self, stores: Stores) -> None:
        for number in range(5):
            await stores.open(family(f"f{number}", subject=f"s{number}", session_hash=b"%032d" % number))
        await stores.open(replace(family("late", subject="late", session_hash=b"l" * 32), created_at=NOW + 50))
        steps = [await stores.families.end_oldest(NOW + 10, "leak", NOW + 10, 2) for _ in range(4)]
        assert steps == [2, 2, 1, 0]
        assert (await stores.present("f0-1", "b"))[0] is RefreshOutcome.ENDED
        assert await stores.vault.fetch("f3") is None
        assert [one.id for one in await stores.families.families_of_subject("late", NOW + 60)] == ["late"]
        assert list(await stores.recorded()) == []
