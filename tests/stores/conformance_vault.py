"""What every VaultStore must keep."""

import asyncio

from tests.stores.conformance_refresh import UNTIL, Stores
from tests.stores.samples import NOW, family, sealed


class VaultStoreRules:
    """Subclasses give the fixture `stores`."""

    async def test_a_write_on_the_version_that_was_read_counts(self, stores: Stores) -> None:
        await stores.open(family())
        newer = sealed(version=1, content=b"other cookies")
        assert await stores.vault.replace(newer, expected_version=0)
        assert await stores.vault.fetch("f1") == newer

    async def test_a_write_on_an_older_version_does_not(self, stores: Stores) -> None:
        await stores.open(family())
        newer = sealed(version=1, content=b"first")
        await stores.vault.replace(newer, expected_version=0)
        assert not await stores.vault.replace(sealed(version=1, content=b"late"), expected_version=0)
        assert await stores.vault.fetch("f1") == newer

    async def test_of_racing_writes_one_wins(self, stores: Stores) -> None:
        await stores.open(family())
        entries = [sealed(version=1, content=b"racer %d" % n) for n in range(8)]
        won = await asyncio.gather(*(stores.vault.replace(entry, expected_version=0) for entry in entries))
        assert won.count(True) == 1
        assert await stores.vault.fetch("f1") == entries[won.index(True)]

    async def test_nothing_is_written_after_the_family_ended(self, stores: Stores) -> None:
        await stores.open(family())
        await stores.families.end_families(["f1"], "logout", UNTIL, NOW)
        assert not await stores.vault.replace(sealed(version=1), expected_version=0)
        assert await stores.vault.fetch("f1") is None

    async def test_nothing_is_written_for_a_family_that_never_was(self, stores: Stores) -> None:
        assert not await stores.vault.replace(sealed("nobody", version=1), expected_version=0)
