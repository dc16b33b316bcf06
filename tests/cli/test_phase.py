"""`crossfade phase` and `crossfade health`: talking to the gateway that runs."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cli.commands import MINIMAL, Asked, Said, crossfade, http_server, local_server

STATE = {
    "phase": "parallel",
    "decided_by": "store",
    "stored": "parallel",
    "override_fault": "",
    "history": [{"phase": "parallel", "by": "ada", "reason": "the week begins", "at": 1767225600.0}],
}


class Admin:
    """A gateway that remembers what it was asked."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.asked: list[Asked] = []
        self.says = Said(body=json.dumps(STATE).encode())

    def __call__(self, asked: Asked) -> Said:
        self.asked.append(asked)
        return self.says

    @property
    def order(self) -> object:
        """The last order, without who gave it."""
        document = json.loads(self.asked[-1].body)
        assert document.pop("by")
        return document


@pytest.fixture
def config(tmp_path: Path) -> Path:
    path = tmp_path / "gateway.yaml"
    path.write_text(MINIMAL + "admin: { socket: admin.sock }\n")
    return path


@pytest.fixture
def admin(config: Path) -> Iterator[Admin]:
    admin = Admin(config.parent / "admin.sock")
    with local_server(admin.path, admin):
        yield admin


def test_the_status_is_told_in_lines(config: Path, admin: Admin) -> None:
    ended = crossfade("phase", "status", "-c", config)
    assert (ended.code, ended.err) == (0, "")
    assert ended.out == (
        "phase: parallel\n"
        "decided by: store\n"
        "stored: parallel\n"
        "2026-01-01 00:00:00 UTC  parallel  by ada: the week begins\n"
    )
    assert [(asked.method, asked.path, asked.headers["host"]) for asked in admin.asked] == [
        ("GET", "/phase", "localhost")
    ]


def test_the_status_is_json_for_programs(config: Path, admin: Admin) -> None:
    assert json.loads(crossfade("phase", "status", "--json", "-c", config).out) == STATE


@pytest.mark.parametrize(
    ("words", "path", "order"),
    [
        (("set", "handback", "--reason", "why not"), "/phase", {"phase": "handback", "reason": "why not"}),
        (
            ("set", "parallel", "--rollout", "2.5%", "--reason", "slowly"),
            "/phase",
            {"phase": "parallel", "reason": "slowly", "rollout": 2.5},
        ),
        (("advance", "--reason", "a week"), "/phase/advance", {"reason": "a week", "force": False}),
        (
            ("advance", "--rollout", "50%", "--force", "--reason", "hurry"),
            "/phase/advance",
            {"reason": "hurry", "force": True, "rollout": 50.0},
        ),
        (("pause", "--reason", "holidays"), "/phase/pause", {"reason": "holidays", "paused": True}),
        (("resume", "--reason", "over"), "/phase/pause", {"reason": "over", "paused": False}),
        (("rollback", "--reason", "it hurts"), "/phase/rollback", {"dry_run": False, "reason": "it hurts"}),
        (("rollback", "--dry-run"), "/phase/rollback", {"dry_run": True, "reason": ""}),
        (("panic",), "/phase/panic", {"reason": "panic"}),
        (("panic", "--reason", "fire"), "/phase/panic", {"reason": "fire"}),
    ],
)
def test_orders_go_over_the_local_socket(
    config: Path, admin: Admin, words: tuple[str, ...], path: str, order: object
) -> None:
    admin.says = Said(body=json.dumps({**STATE, "has_advanced": True}).encode())
    assert crossfade("phase", *words, "-c", config).code == 0
    assert (admin.asked[-1].method, admin.asked[-1].path, admin.order) == ("POST", path, order)


def test_a_rehearsal_says_who_would_be_signed_out(config: Path, admin: Admin) -> None:
    rehearsal = {"would_be": "off", "is_rehearsal": True, "would_be_signed_out": {"mobile": 3}, "stored": None}
    admin.says = Said(body=json.dumps(rehearsal).encode())
    ended = crossfade("phase", "rollback", "--dry-run", "-c", config)
    assert ended.out == "would be: off\nis rehearsal: yes\nwould be signed out: mobile 3\nstored: none\n"


def test_a_step_that_is_refused_says_why_and_is_a_finding(config: Path, admin: Admin) -> None:
    answer = {"phase": "parallel", "since": 0.0, "has_advanced": False, "unmet": ["day 1 of 7", "it is\x1b[2J paused"]}
    admin.says = Said(body=json.dumps(answer).encode())
    ended = crossfade("phase", "advance", "--reason", "x", "-c", config)
    assert ended.code == 1
    assert ended.out == (
        "phase: parallel\nsince: 1970-01-01 00:00:00 UTC\nhas advanced: no\n"
        "not yet: day 1 of 7\nnot yet: it is\\x1b[2J paused\n"
    )


def test_a_part_of_the_users_is_written_as_in_the_configuration(config: Path) -> None:
    ended = crossfade("phase", "set", "parallel", "--rollout", "25", "--reason", "x", "-c", config)
    assert (ended.code, "'25' is not a part of the users, such as 25%." in ended.err) == (2, True)


def test_the_history_says_for_whom_and_whether_it_is_paused(config: Path, admin: Admin) -> None:
    change = {"phase": "parallel", "rollout": 2.5, "is_paused": True, "by": "ada", "reason": "slowly", "at": 0.0}
    admin.says = Said(body=json.dumps({"phase": "parallel", "history": [change]}).encode())
    out = crossfade("phase", "status", "-c", config).out
    assert out == "phase: parallel\n1970-01-01 00:00:00 UTC  parallel 2.5% (paused)  by ada: slowly\n"


def test_going_back_needs_a_reason(config: Path) -> None:
    ended = crossfade("phase", "rollback", "-c", config)
    assert (ended.code, "Missing option '--reason' (or --dry-run)." in ended.err) == (2, True)


@pytest.mark.parametrize(
    ("said", "sentence"),
    [
        (Said(409, b'{"title": "", "detail": "Nothing to do."}'), "The gateway refuses: Nothing to do.\n"),
        (Said(503, b'{"title": "Try again later."}'), "The gateway refuses: Try again later.\n"),
        (Said(500, b"{}"), "The gateway refuses: it gives no reason\n"),
        (Said(400, b'{"detail": "a\\u001b[2Jb"}'), "The gateway refuses: a\\x1b[2Jb\n"),
        (Said(200, b"<html>"), "The gateway gave an answer that nobody understands (200).\n"),
        (Said(200, b"[]"), "The gateway gave an answer that nobody understands (200).\n"),
    ],
)  # fmt: skip
def test_a_refusal_is_a_sentence(config: Path, admin: Admin, said: Said, sentence: str) -> None:
    admin.says = said
    ended = crossfade("phase", "status", "-c", config)
    assert (ended.code, ended.err) == (1, sentence)


def test_without_a_gateway_the_other_ways_back_are_named(config: Path) -> None:
    ended = crossfade("phase", "panic", "-c", config)
    assert ended.code == 69
    assert ended.err.startswith(f"No gateway answers on {config.parent / 'admin.sock'}.")
    assert "ENABLE_JWT_AUTH=false" in ended.err


@pytest.mark.parametrize(
    "text",
    [
        MINIMAL + "admin: { socket: admin.sock }\nkeys: 'x\n",
        "admin: { socket: admin.sock, liste: x }\nupstreams: { app: { url: http://x } }\npublic_url: 7\n",
    ],
)
def test_panic_works_with_a_broken_configuration(config: Path, admin: Admin, text: str) -> None:
    config.write_text(text)
    assert crossfade("phase", "panic", "-c", config).code == 0
    assert admin.asked[-1].path == "/phase/panic"


def test_panic_works_without_a_configuration(config: Path, tmp_path: Path) -> None:
    config.unlink()
    (tmp_path / "run").mkdir()
    admin = Admin(tmp_path / "run" / "admin.sock")
    with local_server(admin.path, admin):
        assert crossfade("phase", "panic", "-c", config).code == 0


def test_somebody_without_a_name_gives_orders_too(config: Path, admin: Admin, monkeypatch: pytest.MonkeyPatch) -> None:
    def nobody() -> str:
        raise KeyError("uid not found: 4711")

    monkeypatch.setattr("getpass.getuser", nobody)
    assert crossfade("phase", "panic", "-c", config).code == 0
    assert json.loads(admin.asked[-1].body)["by"] == "unknown"


@pytest.mark.parametrize(
    ("probe", "said", "code", "out", "err"),
    [
        ("live", Said(200, b"ok\n"), 0, "ok\n", ""),
        ("ready", Said(200, b'{"status":"ready"}'), 0, '{"status":"ready"}\n', ""),
        ("ready", Said(503, b"draining"), 1, "draining\n", "is not ready (503 at http://ADDRESS/readyz)."),
    ],
)  # fmt: skip
def test_health_asks_the_admin_port(config: Path, probe: str, said: Said, code: int, out: str, err: str) -> None:
    with http_server(lambda asked: said) as address:
        config.write_text(MINIMAL + f"admin: {{ listen: {address} }}\n")
        ended = crossfade("health", probe, "-c", config)
    assert (ended.code, ended.out) == (code, out)
    assert err in ended.err.replace(address, "ADDRESS")


def test_health_of_nobody(config: Path) -> None:
    config.write_text(MINIMAL + "admin: { listen: 127.0.0.1:1 }\n")
    ended = crossfade("health", "live", "-c", config)
    assert (ended.code, ended.err) == (1, "No gateway answers at http://127.0.0.1:1/livez; is it running?\n")


@pytest.mark.parametrize("listen", ["0.0.0.0", "[::]"])
def test_a_gateway_on_all_addresses_is_asked_on_this_machine(config: Path, listen: str) -> None:
    config.write_text(MINIMAL + f"admin: {{ listen: '{listen}:1' }}\n")
    where = "127.0.0.1:1" if listen == "0.0.0.0" else "[::1]:1"
    assert f"http://{where}/livez" in crossfade("health", "live", "-c", config).err
