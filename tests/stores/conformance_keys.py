"""What every KeyStore must keep."""

import asyncio
from dataclasses import replace

import pytest

from gateway.errors import Conflict
from gateway.key_ports import KeyStore
from gateway.records import KeyChange, KeyRecord
from tests.stores.samples import NOW

LISTED = KeyRecord("listed", "RS256", NOW, NOW + 1)
KEPT = KeyRecord("kept", "ES256", NOW + 1, NOW + 2, sealed=b"\x00sealed\xff")


class KeyStoreRules:
    """Subclasses give the fixture `keys`."""

    async def test_nothing_is_known_of_keys_before_one_was_published(self, keys: KeyStore) -> None:
        assert list(await keys.read()) == []

    async def test_records_come_back_as_they_were_in_the_order_of_their_publication(self, keys: KeyStore) -> None:
        after = await keys.change(lambda _: KeyChange(write=(KEPT, LISTED)))
        assert list(after) == list(await keys.read()) == [LISTED, KEPT]

    async def test_a_record_is_replaced_by_its_kid_and_deleted_by_it(self, keys: KeyStore) -> None:
        await keys.change(lambda _: KeyChange(write=(KEPT, LISTED)))
        stolen = replace(LISTED, compromised_at=NOW + 3)
        assert list(await keys.change(lambda _: KeyChange(write=(stolen,), delete=("kept",)))) == [stolen]

    async def test_a_decision_sees_what_is_there_and_changes_nothing_when_it_raises(self, keys: KeyStore) -> None:
        await keys.change(lambda _: KeyChange(write=(LISTED,)))

        def refuse(found: object) -> KeyChange:
            assert found == [LISTED]
            raise Conflict("no")

        with pytest.raises(Conflict, match="no"):
            await keys.change(refuse)
        assert list(await keys.read()) == [LISTED]

    async def test_of_many_that_would_each_make_a_key_one_does(self, keys: KeyStore) -> None:
        async def make(number: int) -> None:
            mine = replace(KEPT, kid=f"kept {number}")
            await keys.change(lambda found: KeyChange() if found else KeyChange(write=(mine,)))

        await asyncio.gather(*(make(number) for number in range(8)))
        assert len(await keys.read()) == 1
