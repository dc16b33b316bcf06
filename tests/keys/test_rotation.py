"""The ring of a replica follows the store and the files: monthly, by hand, and when a key is stolen."""

import asyncio
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import jwt
import pytest
from structlog.testing import capture_logs

from gateway.core.key_states import KeySchedule
from gateway.errors import ConfigurationError, Conflict, DependencyError, StoreUnavailable
from gateway.keys import rotation as rotation_module
from gateway.keys.files import KeyPlace
from gateway.keys.generated import generate_key
from gateway.keys.listed import ListedKeys
from gateway.keys.ring import KeyRing, RingKey
from gateway.keys.rotation import KeyRotation
from gateway.keys.sealed import KeySeal
from gateway.records import DecideKeys
from gateway.stores.keys_memory import MemoryKeyStore
from tests.keys.material import key_file, pem_of, ring_key

DAY = 86400.0
MONTHLY = KeySchedule(30 * DAY, DAY, 7200.0)
NEVER = replace(MONTHLY, every=None)
SEAL = KeySeal(bytes(32))
NOW = 1_800_000_000.0


class Away(MemoryKeyStore):
    """A store that can be switched off."""

    is_away = False

    async def read(self) -> Any:
        if self.is_away:
            raise StoreUnavailable
        return await super().read()


@contextmanager
def replica(
    store: MemoryKeyStore,
    *places: KeyPlace,
    schedule: KeySchedule = MONTHLY,
    seal: KeySeal = SEAL,
    on_compromise: Callable[[], object] = lambda: None,
) -> Iterator[KeyRotation]:
    listed = ListedKeys(places, {})
    listed.load()
    rotation = KeyRotation(
        ring=KeyRing(listed.keys),
        store=store,
        seal=seal,
        schedule=schedule,
        algorithm="ES256",
        listed=listed,
        on_compromise=on_compromise,
    )
    try:
        yield rotation
    finally:
        rotation.ring.close()


async def kid_of(rotation: KeyRotation) -> str:
    return str(jwt.get_unverified_header(await rotation.ring.sign({}, type_="at+jwt"))["kid"])


def states(rotation: KeyRotation, now: float) -> list[str]:
    keys: Any = rotation.describe(now)["keys"]
    return [str(key["state"]) for key in keys]


# --- the gateway's own keys ---


async def test_replicas_that_start_at_once_make_one_key_and_sign_with_it() -> None:
    store = MemoryKeyStore()
    with replica(store) as one, replica(store) as two:
        await asyncio.gather(one.start(NOW), two.start(NOW))
        assert len(await store.read()) == 1
        await one.look(NOW + 1)
        assert await kid_of(one) == await kid_of(two) == one.active


async def test_k2_a_month_passes_without_a_token_that_some_replica_refuses() -> None:
    """K2: each token that one replica signs verifies on the other, which looks later, until it is over."""
    store, signed = MemoryKeyStore(), []
    with replica(store) as one, replica(store) as two:
        await one.start(NOW)
        await two.start(NOW)
        for hour in range(24 * 65):
            now = NOW + hour * 3600
            await one.look(now)
            signed.append((now, await kid_of(one)))
            late = [kid for at, kid in signed[-2:] if now - at <= 3600]
            assert set(late) <= set(two.ring.verification_keys), hour
            await two.look(now)
    assert len({kid for _, kid in signed}) == 3


async def test_a_restart_finds_the_same_keys_in_the_same_states() -> None:
    store = MemoryKeyStore()
    with replica(store) as before:
        await before.start(NOW)
        await before.rotate(by="ada", reason="test", is_emergency=False, now=NOW + 5)
        expected = before.describe(NOW + 6)
    with replica(store) as after:
        await after.start(NOW + 6)
        assert after.describe(NOW + 6) == expected


async def test_private_keys_lie_sealed_and_open_only_with_the_same_master_secret() -> None:
    store = MemoryKeyStore()
    with replica(store) as rotation:
        await rotation.start(NOW)
    [record] = await store.read()
    assert record.sealed is not None
    assert b"PRIVATE" not in record.sealed
    assert SEAL.open(record).kid == record.kid
    with (
        replica(store, seal=KeySeal(bytes([7]) * 32)) as other,
        pytest.raises(ConfigurationError, match=r"sealed with another master secret.*stores\.secret"),
    ):
        await other.start(NOW)


@pytest.mark.parametrize("changed", [{"kid": "other"}, {"algorithm": "EdDSA"}, {"sealed": b"\x01short"}])
def test_a_sealed_key_cannot_pass_for_another(changed: dict[str, Any]) -> None:
    record = SEAL.seal(ring_key("ES256"))
    with pytest.raises(ConfigurationError):
        SEAL.open(replace(record, **changed))


async def test_the_calendar_goes_on_while_the_store_is_away() -> None:
    store = Away()
    with replica(store) as rotation:
        await rotation.start(NOW)
        first = rotation.active
        await rotation.look(NOW + 29 * DAY)
        store.is_away = True
        await rotation.look(NOW + 31 * DAY)
        assert rotation.active != first
        with pytest.raises(StoreUnavailable):
            await rotation.rotate(by="", reason="", is_emergency=False, now=NOW)


async def test_nothing_starts_before_it_is_known_which_keys_are_compromised(tmp_path: Path) -> None:
    store = Away()
    store.is_away = True
    with replica(store, listing(tmp_path)) as rotation, pytest.raises(DependencyError, match="which signing keys are"):
        await rotation.start(NOW)


async def test_the_end_of_the_present_key_set_follows_the_calendar() -> None:
    with replica(MemoryKeyStore()) as rotation:
        await rotation.start(NOW)
        assert rotation.ring.changes_at == NOW + 29 * DAY  # a next key is published
        await rotation.look(NOW + 29 * DAY)
        assert rotation.ring.changes_at == NOW + 30 * DAY  # it signs
        await rotation.look(NOW + 30 * DAY)
        assert rotation.ring.changes_at == NOW + 30 * DAY + 7200  # the one of before is gone
        await rotation.look(NOW + 30 * DAY + 7200)
        assert len(rotation.ring.verification_keys) == 1


async def test_while_nothing_can_be_stored_no_key_is_made_again_and_again(monkeypatch: pytest.MonkeyPatch) -> None:
    class ReadOnly(MemoryKeyStore):
        is_read_only = False

        async def change(self, decide: DecideKeys) -> Any:
            if self.is_read_only:
                raise StoreUnavailable
            return await super().change(decide)

    made: list[str] = []

    def make(algorithm: str) -> RingKey:
        made.append(algorithm)
        return generate_key(algorithm)

    monkeypatch.setattr(rotation_module, "generate_key", make)
    store = ReadOnly()
    with replica(store) as rotation:
        await rotation.start(NOW)
        store.is_read_only = True
        for second in range(5):
            await rotation.look(NOW + 29 * DAY + second)
        store.is_read_only = False
        await rotation.look(NOW + 29 * DAY + 9)
        assert len(made) == len(await store.read()) == 2
        await rotation.rotate(by="", reason="", is_emergency=True, now=NOW + 29 * DAY + 10)
        await rotation.look(NOW + 60 * DAY)
        assert len({record.kid for record in await store.read()}) == len(await store.read())


# --- K6: a key is stolen ---


@pytest.mark.parametrize("is_listed", [False, True])
async def test_k6_a_compromised_key_is_refused_by_every_replica_at_its_next_look(
    tmp_path: Path, *, is_listed: bool
) -> None:
    """K6: a row that beats files; the drill over real processes is in tests/e2e."""
    places = [KeyPlace("ES256", file=key_file(tmp_path / "key.pem", pem_of("ES256")))] if is_listed else []
    store = MemoryKeyStore()
    with replica(store, *places) as one, replica(store, *places) as two:
        await one.start(NOW)
        await two.start(NOW)
        stolen, stamp = one.active, two.ring.generation
        await one.compromise(stolen, by="ada", reason="stolen", now=NOW + 5)
        assert one.active != stolen
        await two.look(NOW + 6)
        for each in (one, two):
            assert stolen not in each.ring.verification_keys
            assert stolen not in str(each.ring.jwks())
        assert await kid_of(one) == await kid_of(two) != stolen
        assert two.ring.generation > stamp  # what was proved with it is proved again
    with replica(store, *places) as restarted:
        await restarted.start(NOW + 9)
        assert stolen not in restarted.ring.verification_keys


async def test_k6_what_a_token_has_opened_ends_with_the_key_wherever_it_is_noticed() -> None:
    """K6: a stream that a forged token opened does not outlive the key; a restart has none to end."""
    store, told = MemoryKeyStore(), []
    with replica(store) as one, replica(store, on_compromise=lambda: told.append("two")) as two:
        await one.start(NOW)
        await two.start(NOW)
        await one.compromise(one.active, by="", reason="", now=NOW + 1)
        assert told == []
        for second in range(2, 5):
            await two.look(NOW + second)
        assert told == ["two"]
    with replica(store, on_compromise=lambda: told.append("restarted")) as restarted:
        await restarted.start(NOW + 9)
        assert told == ["two"]


async def test_k6_only_the_key_that_is_named_is_given_up() -> None:
    """K6: a mistyped kid is an error, not a rotation."""
    with replica(MemoryKeyStore()) as rotation:
        await rotation.start(NOW)
        with pytest.raises(Conflict, match="no such key"):
            await rotation.compromise("typo", by="", reason="", now=NOW)
        assert states(rotation, NOW) == ["active"]


# --- files: K5, and the faults K1 and K2 ---


def listing(tmp_path: Path, name: str = "key.pem", kind: str = "ES256 a") -> KeyPlace:
    return KeyPlace("ES256", file=key_file(tmp_path / name, pem_of(kind)))


def overwrite(path: Path, content: bytes) -> None:
    """As an editor does, in place; its time is moved on, because two writes may fall into one tick of the clock."""
    path.write_bytes(content)
    status = path.stat()
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns + 1_000_000))


BROKEN = {
    "empty": b"",
    "half written": pem_of("ES256 b")[:100],
    "not a key": b"\x00\xffhello",
    "weak": pem_of("small"),
    "of another kind": pem_of("EdDSA"),
    "public": b"-----BEGIN PUBLIC KEY-----\n",
}


@pytest.mark.parametrize("content", BROKEN.values(), ids=list(BROKEN))
async def test_fault_k1_a_key_that_cannot_be_used_at_the_start_is_a_refusal(tmp_path: Path, content: bytes) -> None:
    """Fault K1: nothing starts with a broken key, and nothing is made in its place."""
    path = key_file(tmp_path / "key.pem", content)
    with pytest.raises(ConfigurationError, match=r"key\.pem"), replica(MemoryKeyStore(), KeyPlace("ES256", file=path)):
        pass


@pytest.mark.parametrize("content", BROKEN.values(), ids=list(BROKEN))
async def test_fault_k2_a_file_that_breaks_keeps_the_last_good_keys_and_is_told_once(
    tmp_path: Path, content: bytes
) -> None:
    """Fault K2: the old keys go on, a fault is shown and logged; the next good file is taken."""
    place = listing(tmp_path)
    assert place.file is not None
    with replica(MemoryKeyStore(), place, schedule=NEVER) as rotation, capture_logs() as lines:
        await rotation.start(NOW)
        good = rotation.active
        overwrite(place.file, content)
        for second in range(1, 4):
            await rotation.look(NOW + second)
        assert rotation.active == good == await kid_of(rotation)
        assert "key.pem" in rotation.fault
        assert [line["log_level"] for line in lines].count("error") == 1
        overwrite(place.file, pem_of("ES256 a"))
        await rotation.look(NOW + 5)
        assert (rotation.fault, rotation.active) == ("", good)


async def test_fault_k2_a_file_that_vanishes_or_opens_to_everybody_keeps_the_last_good_keys(tmp_path: Path) -> None:
    """Fault K2: a mode is noticed as well as a content."""
    place = listing(tmp_path)
    assert place.file is not None
    with replica(MemoryKeyStore(), place, schedule=NEVER) as rotation:
        await rotation.start(NOW)
        place.file.chmod(0o644)
        await rotation.look(NOW + 1)
        assert "can be read by everybody" in rotation.fault
        place.file.chmod(0o600)
        await rotation.look(NOW + 2)
        assert rotation.fault == ""
        place.file.unlink()
        await rotation.look(NOW + 3)
        assert "cannot be read" in rotation.fault
        assert rotation.active in rotation.ring.verification_keys


async def test_k5_a_file_that_holds_another_key_now_loses_no_token_and_signs_after_a_while(tmp_path: Path) -> None:
    """K5: replicas see a new file at different times; until the retire delay is over the old key goes on."""
    place = listing(tmp_path)
    assert place.file is not None
    with replica(MemoryKeyStore(), place, schedule=NEVER) as rotation:
        await rotation.start(NOW)
        old = rotation.active
        draft = key_file(tmp_path / "draft.pem", pem_of("ES256 b"))
        draft.rename(place.file)
        await rotation.look(NOW + 1)
        assert rotation.active == old
        assert len(rotation.ring.verification_keys) == 2
        await rotation.look(NOW + 1 + 7200)
        assert list(rotation.ring.verification_keys) == [ring_key("ES256 b").kid] == [await kid_of(rotation)]


async def test_k5_a_reload_of_the_configuration_keeps_what_was_written_over_lately(tmp_path: Path) -> None:
    """K5: whether the file or SIGHUP is noticed first."""
    place = listing(tmp_path)
    assert place.file is not None
    with replica(MemoryKeyStore(), place, schedule=NEVER) as rotation:
        await rotation.start(NOW)
        old = rotation.active
        overwrite(place.file, pem_of("ES256 b"))
        for second in (1, 2):
            again = ListedKeys([place], {})
            again.load()
            rotation.take(again, "ES256", NOW + second)
            await rotation.look(NOW + second)
            assert set(rotation.ring.verification_keys) == {old, ring_key("ES256 b").kid}
        await rotation.look(NOW + 1 + 7200)
        assert set(rotation.ring.verification_keys) == {ring_key("ES256 b").kid}


async def test_k5_a_key_that_is_not_listed_any_more_is_refused_at_once(tmp_path: Path) -> None:
    """K5: taking a key out of the configuration is an order; overwriting a file need not be one."""
    places = [listing(tmp_path, "a.pem", "ES256 a"), listing(tmp_path, "b.pem", "ES256 b")]
    with replica(MemoryKeyStore(), *places, schedule=NEVER) as rotation:
        await rotation.start(NOW)
        fewer = ListedKeys(places[:1], {})
        fewer.load()
        rotation.take(fewer, "ES256", NOW + 1)
        assert list(rotation.ring.verification_keys) == [ring_key("ES256 a").kid]


async def test_k5_a_key_that_was_not_published_does_not_sign_but_in_an_emergency(tmp_path: Path) -> None:
    """K5: refuses to sign with a key that was not published for the publish lead."""
    with replica(MemoryKeyStore(), listing(tmp_path), schedule=NEVER) as rotation:
        await rotation.start(NOW)
        listed = rotation.active
        await rotation.rotate(by="ada", reason="test", is_emergency=False, now=NOW + 1)
        await rotation.look(NOW + DAY)
        assert rotation.active == listed
        await rotation.rotate(by="ada", reason="hurry", is_emergency=True, now=NOW + DAY)
        assert rotation.active != listed


async def test_what_is_shown_of_keys_holds_nothing_private(tmp_path: Path) -> None:
    with replica(MemoryKeyStore(), listing(tmp_path)) as rotation:
        await rotation.start(NOW)
        await rotation.rotate(by="ada", reason="test", is_emergency=False, now=NOW)
        shown = repr((rotation.describe(NOW), await rotation._store.read(), rotation._listed))
        assert "sealed" not in shown
        assert "PRIVATE" not in shown
