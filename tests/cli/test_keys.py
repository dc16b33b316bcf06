"""`crossfade keys`."""

import json
import stat
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from tests.cli.commands import MINIMAL, crossfade


@pytest.fixture
def config(tmp_path: Path) -> Path:
    path = tmp_path / "gateway.yaml"
    path.write_text(MINIMAL)
    return path


@pytest.mark.parametrize("algorithm", ["RS256", "PS256", "ES256", "EdDSA"])
def test_a_new_key_is_printed(algorithm: str) -> None:
    ended = crossfade("keys", "generate", "--alg", algorithm)
    assert (ended.code, ended.err) == (0, "")
    load_pem_private_key(ended.out.encode(), password=None)


def test_a_new_key_is_written_for_its_owner_and_never_over_another(tmp_path: Path) -> None:
    path = tmp_path / "run" / "key.pem"
    ended = crossfade("keys", "generate", "-o", path)
    assert (ended.code, ended.out) == (0, "")
    assert ended.err == f"{path} is made. Name it in the configuration: keys: [{{ file: {path} }}]\n"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    before = path.read_bytes()
    again = crossfade("keys", "generate", "-o", path)
    assert (again.code, again.err) == (78, f"{path} exists and is not replaced; choose another name.\n")
    assert path.read_bytes() == before


def test_public_keys_are_shown_without_anything_private(config: Path) -> None:
    for name in ("new.pem", "old.pem"):
        assert crossfade("keys", "generate", "-o", config.parent / name).code == 0
    config.write_text(MINIMAL + "keys: [{ file: new.pem }, { file: old.pem }]\n")
    ended = crossfade("keys", "jwks", "-c", config)
    assert ended.code == 0
    keys = json.loads(ended.out)["keys"]
    assert len(keys) == 2
    assert all(set(key) == {"kty", "e", "n", "kid", "use", "alg"} for key in keys)


def test_no_key_is_made_to_show_it(config: Path) -> None:
    ended = crossfade("keys", "jwks", "-c", config)
    assert ended.code == 78
    assert ended.err == "There is no signing key yet: `crossfade run` makes one at its first start.\n"
    assert [path.name for path in config.parent.iterdir()] == ["gateway.yaml"]


def test_a_key_that_cannot_be_used_is_a_sentence(config: Path) -> None:
    config.write_text(MINIMAL + "keys: { env: SIGNING_KEY }\n")
    ended = crossfade("keys", "jwks", "-c", config, env={"SIGNING_KEY": "hunter2"})
    assert ended.code == 78
    assert "the environment variable SIGNING_KEY" in ended.err
    assert "hunter2" not in ended.err
