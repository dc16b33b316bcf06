"""`crossfade revoke`: what is said to the gateway that runs, and what is refused before."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cli.commands import MINIMAL, Asked, Said, crossfade, local_server


class Admin:
    """A gateway that remembers what it was asked."""

    def __init__(self) -> None:
        self.asked: list[Asked] = []
        self.families = 2

    def __call__(self, asked: Asked) -> Said:
        self.asked.append(asked)
        return Said(body=json.dumps({"revoked": True, "families": self.families}).encode())


@pytest.fixture
def config(tmp_path: Path) -> Path:
    path = tmp_path / "gateway.yaml"
    path.write_text(MINIMAL + "admin: { socket: admin.sock }\n")
    return path


@pytest.fixture
def admin(config: Path) -> Iterator[Admin]:
    admin = Admin()
    with local_server(config.parent / "admin.sock", admin):
        yield admin


@pytest.mark.parametrize(
    ("words", "kind", "name"),
    [
        (("--jti", "t1"), "jti", "t1"),
        (("--sid", "f1"), "sid", "f1"),
        (("--subject", "42"), "sub", "42"),
        (("--all",), "all", ""),
    ],
)
def test_each_kind_is_told_to_the_gateway(
    config: Path, admin: Admin, words: tuple[str, ...], kind: str, name: str
) -> None:
    ended = crossfade("revoke", *words, "--reason", "stolen", "-c", config)
    assert (ended.code, ended.out, ended.err) == (0, "revoked; 2 families ended\n", "")
    order = json.loads(admin.asked[0].body)
    assert order.pop("by")
    assert order == {"kind": kind, "name": name, "reason": "stolen", "dry_run": False}


def test_a_dry_run_says_how_many_families_would_end(config: Path, admin: Admin) -> None:
    admin.families = 1
    ended = crossfade("revoke", "--subject", "42", "--dry-run", "-c", config)
    assert (ended.code, ended.out) == (0, "1 family would end\n")
    assert json.loads(admin.asked[0].body)["dry_run"] is True


@pytest.mark.parametrize("words", [("--subject", "a\udcffda", "--reason", "x"), ("--all", "--reason", "\udcff")])
def test_what_is_not_utf8_is_said_so(config: Path, admin: Admin, words: tuple[str, ...]) -> None:
    ended = crossfade("revoke", *words, "-c", config)
    assert ended.code == 2
    assert "is not UTF-8" in ended.err
    assert not admin.asked


def test_the_whole_answer_can_be_had_as_json(config: Path, admin: Admin) -> None:
    ended = crossfade("revoke", "--all", "--reason", "leak", "--json", "-c", config)
    assert json.loads(ended.out) == {"revoked": True, "families": 2}


@pytest.mark.parametrize(
    "words",
    [
        ("--reason", "x"),
        ("--jti", "t1", "--sid", "f1", "--reason", "x"),
        ("--all", "--subject", "42", "--reason", "x"),
        ("--subject", "42"),
        ("--subject", "42", "--reason", " "),
    ],
    ids=["nothing named", "two named", "one and all", "no reason", "a blank reason"],
)
def test_what_is_not_clear_is_not_done(config: Path, admin: Admin, words: tuple[str, ...]) -> None:
    assert crossfade("revoke", *words, "-c", config).code == 2
    assert not admin.asked
