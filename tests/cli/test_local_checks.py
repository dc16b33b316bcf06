"""The checks of `doctor` that stay on this machine."""

import os
import sqlite3
from pathlib import Path

import pytest

from gateway.cli import local_checks
from gateway.settings.schema import Settings
from gateway.stores.sqlite import Database
from tests.cli.checking import load, told


def test_what_will_be_made_at_the_first_start_is_told(examined: Path) -> None:
    examined.write_text(
        examined.read_text().replace("stores: { secret: { env: MASTER } }\nkeys: { file: key.pem }\n", "")
    )
    settings = load(examined)
    outcomes = told(local_checks.check_keys(settings, {"KUBERNETES_SERVICE_HOST": "10.0.0.1"}))
    assert [(what, state) for what, state, _ in outcomes] == [("keys", "finding"), ("stores.secret", "finding")]
    assert "not made automatically in Kubernetes" in outcomes[0][2]
    alone = load(examined, "stores: { embedded: { single_instance: true } }")
    outcomes = told(local_checks.check_keys(alone, {}))
    assert {state for _, state, _ in outcomes} == {"ok"}
    assert "will be made at the first start" in outcomes[0][2]


def test_what_was_made_at_the_first_start_is_looked_at(examined: Path) -> None:
    examined.write_text(
        examined.read_text().replace("stores: { secret: { env: MASTER } }\nkeys: { file: key.pem }\n", "")
    )
    run = examined.parent / "run"
    run.mkdir()
    (examined.parent / "key.pem").rename(run / "crossfade.signing-key.pem")
    (run / "crossfade.secret").write_text("too short")
    (run / "crossfade.secret").chmod(0o600)
    outcomes = told(local_checks.check_keys(load(examined), {}))
    assert outcomes[0] == ("keys", "ok", "the signing keys can be used")
    assert outcomes[1][1] == "finding"


def database(settings: Settings, *, is_running: bool = False) -> tuple[str, str]:
    ((_, state, sentence),) = told(local_checks.check_database(settings, is_running=is_running))
    return state, sentence


def test_the_database_is_looked_at_and_left_alone(examined: Path) -> None:
    settings = load(examined)
    path = settings.stores.embedded.file
    assert database(settings) == ("ok", f"{path} will be made at the first start")
    held = Database.open(path)
    try:
        state, sentence = database(settings)
        assert (state, "in use by another process" in sentence) == ("finding", True)
        assert database(settings, is_running=True) == ("ok", f"{path} is held by the gateway that runs")
    finally:
        held.close()
    assert database(settings) == ("ok", f"{path} can be opened")
    path.write_bytes(b"this is no database, whatever its name says")
    assert database(settings) == ("finding", f"{path} cannot be used: file is not a database.")
    path.unlink()
    path.mkdir()
    assert database(settings) == ("finding", f"{path} cannot be used: there is no such file.")


def test_a_folder_that_cannot_be_written_is_told(examined: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "access", lambda *_: False)  # root may write everywhere
    settings = load(examined)
    folder = examined.parent
    assert database(settings) == (
        "finding",
        f"{settings.stores.embedded.file} cannot be made: this user may not write in {folder}.",
    )


def test_a_damaged_database_is_told(tmp_path: Path) -> None:
    path = tmp_path / "a.db"
    with sqlite3.connect(path) as connection:
        connection.execute("CREATE TABLE t (x)")
    connection.close()
    assert local_checks._sqlite_problem(path, "SELECT 'row 3 missing from index'") == "it is damaged"
