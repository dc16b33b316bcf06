"""`crossfade keys`."""

import json
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from tests.cli.commands import MINIMAL, Asked, Said, crossfade, local_server


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
    assert (ended.code, ended.err) == (0, "No gateway answers; these are the keys of the configuration alone.\n")
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


# --- of the gateway that runs ---

AT = 1767225600.0
SAME = {"algorithm": "RS256", "source": "the database", "published_at": AT, "compromised_at": None}
KEYS = {
    "active": "k-active",
    "keys": [
        {**SAME, "kid": "k-next", "state": "next", "signs_from": AT + 86400},
        {**SAME, "kid": "k-active", "state": "active", "signs_from": AT},
        {**SAME, "kid": "k-old", "state": "retiring", "signs_from": AT},
        {**SAME, "kid": "k-bad", "state": "compromised", "signs_from": AT, "compromised_at": AT + 1},
    ],
    "next_key_at": AT + 2592000,
    "fault": "",
    "jwks": {"keys": [{"kid": "k-active"}]},
}


class Admin:
    """A gateway that remembers what it was asked."""

    def __init__(self) -> None:
        self.asked: list[Asked] = []
        self.says = Said(body=json.dumps(KEYS).encode())

    def __call__(self, asked: Asked) -> Said:
        self.asked.append(asked)
        return self.says


@pytest.fixture
def admin(config: Path) -> Iterator[Admin]:
    config.write_text(MINIMAL + "admin: { socket: admin.sock }\n")
    admin = Admin()
    with local_server(config.parent / "admin.sock", admin):
        yield admin


def test_keys_are_listed_so_that_each_line_can_be_read_aloud(config: Path, admin: Admin) -> None:
    ended = crossfade("keys", "list", "-c", config)
    assert (ended.code, ended.err) == (0, "")
    assert ended.out == (
        "k-next  RS256  next, published on 2026-01-01 00:00:00 UTC, signs from 2026-01-02 00:00:00 UTC;"
        " from the database\n"
        "k-active  RS256  active, published on 2026-01-01 00:00:00 UTC; from the database\n"
        "k-old  RS256  retiring; from the database\n"
        "k-bad  RS256  compromised, refused since 2026-01-01 00:00:01 UTC; from the database\n"
        "The next key will be made on 2026-01-31 00:00:00 UTC.\n"
    )
    assert (admin.asked[-1].method, admin.asked[-1].path) == ("GET", "/keys")


DASHED = "-CDW7rvKnYytuOhjWy5Ct3aaaaaaaaaaaaaaaaaaaaa"
"""A key id that a command line could take for options."""


@pytest.mark.parametrize(
    ("words", "path", "order"),
    [
        (("rotate", "--reason", "spring"), "/keys/rotate", {"reason": "spring", "emergency": False}),
        (("rotate", "--emergency", "--reason", "now"), "/keys/rotate", {"reason": "now", "emergency": True}),
        (("compromise", "k1", "--reason", "stolen"), "/keys/compromise", {"reason": "stolen", "kid": "k1"}),
        (("compromise", DASHED, "--reason", "stolen"), "/keys/compromise", {"reason": "stolen", "kid": DASHED}),
    ],
)
def test_orders_about_keys_go_over_the_local_socket(
    config: Path, admin: Admin, words: tuple[str, ...], path: str, order: dict[str, object]
) -> None:
    ended = crossfade("keys", *words, "--json", "-c", config)
    assert (ended.code, json.loads(ended.out)) == (0, KEYS)
    asked = json.loads(admin.asked[-1].body)
    assert asked.pop("by")
    assert (admin.asked[-1].method, admin.asked[-1].path, asked) == ("POST", path, order)


@pytest.mark.parametrize("words", [("rotate",), ("compromise", "k1"), ("compromise", "--reason", "x")])
def test_what_changes_keys_needs_a_reason_and_a_name(config: Path, words: tuple[str, ...]) -> None:
    ended = crossfade("keys", *words, "-c", config)
    assert ended.code == 2
    assert "Missing" in ended.err


def test_a_gateway_whose_newest_keys_are_bad_says_so(config: Path, admin: Admin) -> None:
    admin.says = Said(body=json.dumps({**KEYS, "fault": "The file is broken."}).encode())
    ended = crossfade("keys", "list", "-c", config)
    assert (ended.code, ended.err) == (0, "The newest keys are not in force: The file is broken.\n")


def test_the_public_keys_are_those_of_the_gateway_that_runs(config: Path, admin: Admin) -> None:
    ended = crossfade("keys", "jwks", "-c", config)
    assert (ended.code, ended.err, json.loads(ended.out)) == (0, "", {"keys": [{"kid": "k-active"}]})
