"""From one master secret each purpose has a key of its own."""

import stat
from pathlib import Path

import pytest

from gateway.errors import ConfigurationError
from gateway.keys.secrets import derive, derive_keys, load_master, load_or_generate_master
from tests.keys.material import key_file

MASTER = b"0123456789abcdef0123456789abcdef"


def lasting(tmp_path: Path) -> Path:
    path = tmp_path / "mounts"
    path.write_text("/dev/vda / ext4 rw 0 0\n")
    return path


def test_every_purpose_has_a_key_of_its_own() -> None:
    keys = derive_keys(MASTER)
    derived = [keys.pepper, keys.vault_key, keys.session_hash_key]
    assert [len(key) for key in derived] == [32] * 3
    assert len({*derived, MASTER}) == 4
    assert keys.vault_key_id not in keys.vault_key.hex()


def test_the_same_master_gives_the_same_keys_for_ever() -> None:
    """A change here would log everybody out and lock the vault: the values are part of the format."""
    keys = derive_keys(MASTER)
    assert keys.pepper.hex() == "10631786990942b421833866e804cbd76ec48e1b4f4a1a7af212222ccbb77cb2"
    assert keys.vault_key.hex() == "812eb275e4c31d8a60abc14249f3870f5b4b103f1e02e4c6b8c9fd8c186b4d3b"
    assert keys.session_hash_key.hex() == "7c6ee57256fd5ce63bdc040abea8d41328a79662d69ea8fa76cfd9ecaba7b889"
    assert keys.vault_key_id == "fdbed634f582f714"


def test_another_master_gives_other_keys() -> None:
    assert derive(MASTER, "pepper") != derive(MASTER[::-1], "pepper")


def test_keys_do_not_show_themselves() -> None:
    keys = derive_keys(MASTER)
    assert repr(keys) == f"DerivedKeys(vault_key_id='{keys.vault_key_id}')"


def test_a_master_is_read_from_the_environment_or_a_file(tmp_path: Path) -> None:
    path = key_file(tmp_path / "master", MASTER + b"\n")
    assert load_master({"MASTER": MASTER.decode()}, env="MASTER") == MASTER
    assert load_master({}, file=path) == MASTER


@pytest.mark.parametrize(
    ("master", "says"),
    [
        ("", "has 0 bytes and needs 32"),
        ("short", "has 5 bytes and needs 32"),
        (" " * 40, "has 0 bytes"),
        ("change" * 10, "repeats a few characters"),
    ],
)
def test_a_weak_master_is_refused(master: str, says: str) -> None:
    with pytest.raises(ConfigurationError, match=says) as caught:
        load_master({"MASTER": master}, env="MASTER")
    assert "openssl rand -hex 32" in str(caught.value)
    assert "changechange" not in str(caught.value)


def test_a_variable_that_nobody_set_is_told_from_a_secret_that_is_too_short() -> None:
    with pytest.raises(ConfigurationError, match=r"variable MASTER is not set; .* openssl rand -hex 32"):
        load_master({}, env="MASTER")


def test_a_master_that_others_may_read_is_refused(tmp_path: Path) -> None:
    path = key_file(tmp_path / "master", MASTER, 0o644)
    with pytest.raises(ConfigurationError, match="chmod 600"):
        load_master({}, file=path)


def test_the_first_start_makes_a_master_and_the_next_ones_use_it(tmp_path: Path) -> None:
    path, table = tmp_path / "run" / "master", lasting(tmp_path)
    first = load_or_generate_master(path, {}, mounts=table)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert load_or_generate_master(path, {}, mounts=table) == first
    assert load_or_generate_master(tmp_path / "other", {}, mounts=table) != first


def test_a_master_that_is_there_is_never_replaced(tmp_path: Path) -> None:
    path = key_file(tmp_path / "master", b"")
    with pytest.raises(ConfigurationError):
        load_or_generate_master(path, {}, mounts=lasting(tmp_path))
    assert path.read_bytes() == b""


def test_a_loser_of_a_race_takes_the_winners_master(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = key_file(tmp_path / "master", MASTER)
    monkeypatch.setattr("gateway.keys.secrets.os.path.lexists", lambda _: False)
    assert load_or_generate_master(path, {}, mounts=lasting(tmp_path)) == MASTER


def test_nothing_is_made_where_it_would_be_lost(tmp_path: Path) -> None:
    table = tmp_path / "mounts"
    table.write_text("none / tmpfs rw 0 0\n")
    with pytest.raises(ConfigurationError, match="does not outlive a restart"):
        load_or_generate_master(tmp_path / "master", {}, mounts=table)
    assert load_or_generate_master(tmp_path / "master", {}, is_allowed_anywhere=True, mounts=table)
