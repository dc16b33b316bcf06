"""What every History must tell. Each backend runs these by a subclass."""

from dataclasses import replace

from gateway.family_ports import History
from gateway.model import RevocationKind
from tests.stores.conformance_refresh import UNTIL, Stores
from tests.stores.samples import NOW, OTHER_SESSION, SESSION, chooser, digest, family, revocation


class HistoryRules:
    """Subclasses give the fixtures `stores` and `history` over one database."""

    async def test_a_whole_life_is_in_the_trail_with_its_family(self, stores: Stores, history: History) -> None:
        await stores.open(family())
        await stores.present("f1-1", "b")
        await stores.families.move_families(SESSION, OTHER_SESSION, NOW + 1)
        await stores.log.record([revocation(RevocationKind.TOKEN, "jti-1")], NOW + 2, "f1")
        await stores.families.rotate(digest("f1-1"), chooser("c", NOW + 60), NOW + 60)
        families, entries = await history.of(subject="ada", family_id="", limit=10)
        assert [(found.id, found.ended_reason) for found in families] == [("f1", "replay")]
        assert [(entry.at, entry.what, entry.family_id, entry.reason) for entry in reversed(entries)] == [
            (NOW, "family_opened", "f1", "web"),
            (NOW, "token_rotated", "f1", ""),
            (NOW + 1, "family_moved", "f1", ""),
            (NOW + 2, "revoked", "f1", "test"),
            (NOW + 60, "family_ended", "f1", "replay"),
        ]
        assert await history.of(subject="", family_id="f1", limit=10) == (families, entries)

    async def test_another_user_is_not_in_it(self, stores: Stores, history: History) -> None:
        await stores.open(family("f1"))
        await stores.open(family("f2", subject="eve", session_hash=OTHER_SESSION))
        await stores.families.end_subject("eve", "logout", UNTIL, NOW)
        families, entries = await history.of(subject="ada", family_id="", limit=10)
        assert [found.id for found in families] == ["f1"]
        assert {entry.family_id for entry in entries} == {"f1"}
        _, entries = await history.of(subject="eve", family_id="", limit=10)
        assert {entry.what for entry in entries} == {"family_opened", "family_ended", "subject_ended"}

    async def test_who_is_unknown_has_no_history(self, stores: Stores, history: History) -> None:
        await stores.open(replace(family(), session_hash=b""))
        await stores.families.bar_session(SESSION, UNTIL, NOW)
        for subject, family_id in (("nobody", ""), ("", "f9"), ("", "")):
            assert await history.of(subject=subject, family_id=family_id, limit=10) == ([], [])

    async def test_the_trail_outlives_its_family(self, stores: Stores, history: History) -> None:
        await stores.open(family())
        while await stores.families.delete_expired(NOW + 5000, 100):
            pass
        families, entries = await history.of(subject="", family_id="f1", limit=10)
        assert (families, [entry.what for entry in entries]) == ([], ["family_opened"])

    async def test_no_more_is_read_than_was_asked_for(self, stores: Stores, history: History) -> None:
        for number in range(5):
            await stores.open(replace(family(f"f{number}"), created_at=NOW + number), cap=9)
        families, entries = await history.of(subject="ada", family_id="", limit=3)
        assert [found.id for found in families] == ["f2", "f3", "f4"]
        assert len(entries) == 3
