"""Cookies sealed at rest: only the right family, subject, key and version open them."""

from dataclasses import dataclass, replace

import pytest

from gateway.bridge.vault import SealedVault, VaultKeys
from gateway.errors import SessionEnded, StoreUnavailable, VaultUnavailable
from gateway.model import VaultedSession, VerifiedToken
from gateway.records import Family, RefreshRow, SealedSession
from gateway.stores.refresh_memory import MemoryRefreshStore
from gateway.stores.revocation_log_memory import MemoryRevocationLog
from gateway.stores.vault_memory import MemoryVaultStore

FAMILY = Family("f-1", "ada", "web", "main", b"h" * 32, {}, 0, 0.0, 1000.0, 1000.0)
TOKEN = VerifiedToken("ada", "f-1", "t", "web", 0, 0, 0, 1000, {})
SESSION = VaultedSession("f-1", "ada", "main", ((b"sessionid", b"s\xe9cret"), (b"remember", b"")), "s1", 0, 900.0)
KEYS = VaultKeys("old", {"old": b"o" * 32, "new": b"n" * 32})


@dataclass
class SettableClock:
    now: float = 0.0

    def wall(self) -> float:
        return self.now

    def monotonic(self) -> float:
        return self.now


class CountingStore(MemoryVaultStore):
    """Counts how often it is asked."""

    fetched = 0

    async def fetch(self, session_id: str) -> SealedSession | None:
        self.fetched += 1
        return await super().fetch(session_id)


class Room:
    """A vault with one entry, and what is behind it."""

    def __init__(self, *, keys: VaultKeys = KEYS, cache_age: float = 0.0, cache_size: int = 10) -> None:
        self.clock = SettableClock()
        self.store = CountingStore()
        self.families = MemoryRefreshStore(MemoryRevocationLog(), self.store)
        self._cache = (cache_age, cache_size)
        self._count = 0
        self.vault = self.with_keys(keys)

    def with_keys(self, keys: VaultKeys) -> SealedVault:
        return SealedVault(
            store=self.store,
            families=self.families,
            keys=keys,
            clock=self.clock,
            entropy=self._entropy,
            cache_age=self._cache[0],
            cache_size=self._cache[1],
        )

    def _entropy(self, length: int) -> bytes:
        self._count += 1
        return self._count.to_bytes(length, "big")

    async def fill(self, family: Family = FAMILY, session: VaultedSession = SESSION) -> "Room":
        sealed = await self.vault.seal(session, family.absolute_expires_at)
        row = RefreshRow(family.id.encode().ljust(32), family.id, 0, 0.0, 1000.0)
        assert await self.families.open_family(family, row, sealed, cap=5, now=0.0)
        return self


async def test_what_was_sealed_opens_unchanged_for_a_token_and_for_its_family() -> None:
    room = await Room().fill()
    assert await room.vault.open(TOKEN) == SESSION
    assert await room.vault.open_family(FAMILY) == SESSION


async def test_a_sealed_entry_shows_nothing_and_lasts_as_long_as_its_family() -> None:
    room = await Room().fill()
    entry = room.store.entries["f-1"]
    assert b"s\xe9cret" not in entry.sealed
    assert b"s1" not in entry.sealed
    assert (entry.key_id, entry.version, entry.expires_at) == ("old", 0, 1000.0)


async def test_the_same_session_is_never_sealed_to_the_same_bytes() -> None:
    room = Room()
    first, second = await room.vault.seal(SESSION, 1000.0), await room.vault.seal(SESSION, 1000.0)
    assert first.sealed != second.sealed


@pytest.mark.parametrize(
    ("token", "damage"),
    [
        (replace(TOKEN, subject="bob"), {}),
        (TOKEN, {"key_id": "new"}),
        (TOKEN, {"key_id": "gone"}),
        (TOKEN, {"version": 1}),
        (TOKEN, {"sealed": b""}),
        (TOKEN, {"sealed": b"x" * 60}),
    ],
)
async def test_what_does_not_belong_together_does_not_open(token: VerifiedToken, damage: dict[str, object]) -> None:
    room = await Room().fill()
    room.store.entries["f-1"] = replace(room.store.entries["f-1"], **damage)  # type: ignore[arg-type]
    with pytest.raises(VaultUnavailable):
        await room.vault.open(token)


async def test_the_entry_of_one_family_does_not_open_for_another() -> None:
    room = await Room().fill()
    room.store.entries["f-2"] = replace(room.store.entries["f-1"], session_id="f-2")
    with pytest.raises(VaultUnavailable):
        await room.vault.open(replace(TOKEN, session_id="f-2"))


async def test_entries_under_an_older_key_open_and_new_ones_use_the_active_key() -> None:
    room = await Room().fill()
    rotated = room.with_keys(replace(KEYS, active="new"))
    assert await rotated.open(TOKEN) == SESSION
    assert await rotated.update(SESSION, {b"sessionid": b"s2"}, "s2")
    assert room.store.entries["f-1"].key_id == "new"


async def test_an_error_says_nothing_of_the_session() -> None:
    room = await Room().fill()
    with pytest.raises(VaultUnavailable) as refused:
        await room.with_keys(VaultKeys("new", {"new": b"n" * 32})).open(TOKEN)
    assert "f-1" not in str(refused.value)
    assert "ada" not in str(refused.value)


# --- ended or lost ---


async def test_an_entry_that_went_with_its_family_means_that_the_session_ended() -> None:
    room = await Room().fill()
    await room.families.end_families(["f-1"], "logout", 2000.0, 10.0)
    with pytest.raises(SessionEnded):
        await room.vault.open(TOKEN)


async def test_a_family_that_nobody_knows_has_ended() -> None:
    with pytest.raises(SessionEnded):
        await Room().vault.open(TOKEN)


async def test_an_entry_that_is_missing_while_its_family_lives_is_lost_and_no_logout() -> None:
    room = await Room().fill()
    room.store.entries.clear()
    with pytest.raises(VaultUnavailable):
        await room.vault.open(TOKEN)


async def test_when_nobody_can_say_why_it_is_missing_it_is_no_logout() -> None:
    room = Room()

    async def away(family_id: str) -> Family | None:
        raise StoreUnavailable

    room.families.find_family = away  # type: ignore[method-assign]
    with pytest.raises(VaultUnavailable):
        await room.vault.open(TOKEN)


# --- compare-and-set ---


async def test_a_changed_cookie_is_stored_under_the_next_version() -> None:
    room = await Room().fill()
    assert await room.vault.update(SESSION, {b"sessionid": b"s2"}, "s2")
    assert await room.vault.open(TOKEN) == replace(
        SESSION, cookies=((b"sessionid", b"s2"),), session_key="s2", version=1
    )
    assert room.store.entries["f-1"].expires_at == 1000.0


async def test_of_two_writers_that_read_the_same_version_one_wins() -> None:
    room = await Room().fill()
    assert await room.vault.update(SESSION, {b"sessionid": b"s2"}, "s2")
    assert not await room.vault.update(SESSION, {b"sessionid": b"s3"}, "s3")
    assert (await room.vault.open(TOKEN)).session_key == "s2"


async def test_the_store_has_the_last_word_in_a_race() -> None:
    room = await Room().fill()

    async def beaten(entry: SealedSession, *, expected_version: int) -> bool:
        return False

    room.store.replace = beaten  # type: ignore[method-assign]
    assert not await room.vault.update(SESSION, {b"sessionid": b"s2"}, "s2")


async def test_nothing_is_written_after_the_family_has_ended() -> None:
    room = await Room().fill()
    await room.families.end_families(["f-1"], "logout", 2000.0, 10.0)
    assert not await room.vault.update(SESSION, {b"sessionid": b"s2"}, "s2")
    assert room.store.entries == {}


# --- the cache ---


async def test_without_a_cache_the_store_is_asked_each_time() -> None:
    room = await Room().fill()
    for _ in range(3):
        await room.vault.open(TOKEN)
    assert room.store.fetched == 3


async def test_an_opened_entry_is_used_again_until_it_is_too_old() -> None:
    room = await Room(cache_age=5.0).fill()
    await room.vault.open(TOKEN)
    room.clock.now = 4.9
    assert await room.vault.open(TOKEN) == SESSION
    assert room.store.fetched == 1
    room.clock.now = 5.0
    await room.vault.open(TOKEN)
    assert room.store.fetched == 2


async def test_a_cached_entry_opens_for_its_own_subject_only() -> None:
    room = await Room(cache_age=5.0).fill()
    await room.vault.open(TOKEN)
    with pytest.raises(VaultUnavailable):
        await room.vault.open(replace(TOKEN, subject="bob"))


async def test_a_write_is_seen_at_once() -> None:
    room = await Room(cache_age=5.0).fill()
    await room.vault.open(TOKEN)
    await room.vault.update(SESSION, {b"sessionid": b"s2"}, "s2")
    assert (await room.vault.open(TOKEN)).session_key == "s2"


async def test_what_was_read_before_a_write_is_not_remembered_after_it() -> None:
    room = await Room(cache_age=5.0).fill()
    fetch = room.store.fetch

    async def overtaken(session_id: str) -> SealedSession | None:
        entry = await fetch(session_id)
        room.store.fetch = fetch  # type: ignore[method-assign]
        await room.vault.update(SESSION, {b"sessionid": b"s2"}, "s2")
        return entry

    room.store.fetch = overtaken  # type: ignore[method-assign]
    assert (await room.vault.open(TOKEN)).session_key == "s1"
    assert (await room.vault.open(TOKEN)).session_key == "s2"


async def test_the_cache_is_bounded_and_drops_what_was_not_used_for_longest() -> None:
    room = await Room(cache_age=5.0, cache_size=2).fill()
    for name in ("f-2", "f-3"):
        await room.fill(replace(FAMILY, id=name), replace(SESSION, session_id=name))
    for name in ("f-1", "f-2", "f-1", "f-3", "f-1", "f-2"):
        await room.vault.open(replace(TOKEN, session_id=name))
    assert room.store.fetched == 4


# --- keys ---


@pytest.mark.parametrize(("active", "keys"), [("a", {}), ("a", {"b": bytes(32)}), ("a", {"a": bytes(16)})])
def test_keys_that_cannot_seal_are_refused_when_they_are_given(active: str, keys: dict[str, bytes]) -> None:
    with pytest.raises(ValueError, match="vault"):
        VaultKeys(active, keys)


def test_keys_are_not_shown() -> None:
    assert "ooo" not in repr(KEYS)
