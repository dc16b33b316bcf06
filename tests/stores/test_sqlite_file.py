"""A database file is ours alone, or the start fails with a sentence that says what to do."""

import shutil
import sqlite3
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from gateway.errors import ConfigurationError
from gateway.stores.sqlite_file import open_exclusively
from gateway.stores.sqlite_schema import APPLICATION_ID, MIGRATIONS

OPENER = """
import sys
from pathlib import Path
from gateway.errors import StartError
from gateway.stores.sqlite import Database
try:
    Database.open(Path(sys.argv[1]))
except StartError as error:
    print(error)
    sys.exit(error.exit_code)
"""


def refusal(path: Path) -> str:
    with pytest.raises(ConfigurationError) as caught:
        open_exclusively(path)
    assert caught.value.exit_code == 78
    assert str(path) in str(caught.value)
    return str(caught.value)


def test_a_new_file_is_made_with_its_directory_and_closed_to_others(tmp_path: Path) -> None:
    path = tmp_path / "run" / "crossfade.db"
    connection = open_exclusively(path)
    connection.execute("INSERT INTO barred_sessions VALUES (?, 0, 1.0)", (b"s" * 32,))
    modes = {file.name: stat.S_IMODE(file.stat().st_mode) for file in path.parent.iterdir()}
    connection.close()
    assert modes == {"crossfade.db": 0o600, "crossfade.db-wal": 0o600}
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700


def test_a_file_that_others_could_read_is_closed_to_them(tmp_path: Path) -> None:
    path = tmp_path / "crossfade.db"
    path.touch(mode=0o644)
    open_exclusively(path).close()
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_every_commit_is_flushed_to_the_disk(tmp_path: Path) -> None:
    connection = open_exclusively(tmp_path / "crossfade.db")
    settings = [connection.execute(f"PRAGMA {name}").fetchone()[0] for name in ("journal_mode", "synchronous")]
    connection.close()
    assert settings == ["wal", 2]


def test_a_file_can_be_opened_again_and_keeps_its_rows(tmp_path: Path) -> None:
    path = tmp_path / "crossfade.db"
    first = open_exclusively(path)
    first.execute("INSERT INTO barred_sessions VALUES (?, 0, 1.0)", (b"s" * 32,))
    first.close()
    second = open_exclusively(path)
    assert second.execute("SELECT until FROM barred_sessions").fetchall() == [(1.0,)]
    assert second.execute("PRAGMA user_version").fetchone() == (len(MIGRATIONS),)
    second.close()


def test_a_second_process_is_refused_with_exit_code_78(tmp_path: Path) -> None:
    path = tmp_path / "crossfade.db"
    connection = open_exclusively(path)
    second = subprocess.run([sys.executable, "-c", OPENER, str(path)], capture_output=True, text=True, check=False)
    connection.close()
    assert second.returncode == 78
    assert "in use by another process" in second.stdout
    assert "Stop the other one" in second.stdout


def test_a_second_opening_in_the_same_process_is_refused_too(tmp_path: Path) -> None:
    connection = open_exclusively(tmp_path / "crossfade.db")
    assert "in use by another process" in refusal(tmp_path / "crossfade.db")
    connection.close()


def test_a_file_that_is_no_database_is_named_and_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "crossfade.db"
    path.write_text("a letter to my grandmother, who has no interest in databases")
    assert "is not an SQLite database" in refusal(path)
    assert path.read_text().startswith("a letter")


def test_a_damaged_file_is_named(tmp_path: Path) -> None:
    path = tmp_path / "crossfade.db"
    open_exclusively(path).close()
    content = bytearray(path.read_bytes())
    content[4096:8192] = b"\xff" * 4096
    path.write_bytes(content)
    assert "is damaged" in refusal(path)


def test_a_database_of_another_application_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "shop.db"
    other = sqlite3.connect(path)
    other.execute("CREATE TABLE orders (id)")
    other.commit()
    other.close()
    before = path.read_bytes()
    assert "belongs to another application" in refusal(path)
    assert path.read_bytes() == before


def test_an_empty_database_of_another_application_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "shop.db"
    other = sqlite3.connect(path)
    other.execute("PRAGMA application_id=7")
    other.close()
    assert "belongs to another application" in refusal(path)


def test_a_file_of_a_newer_version_is_not_touched(tmp_path: Path) -> None:
    path = tmp_path / "crossfade.db"
    newer = sqlite3.connect(path)
    newer.execute(f"PRAGMA application_id={APPLICATION_ID}")
    newer.execute(f"PRAGMA user_version={len(MIGRATIONS) + 1}")
    newer.close()
    assert "newer version" in refusal(path)


def test_a_directory_is_not_a_database(tmp_path: Path) -> None:
    assert "is a directory" in refusal(tmp_path)


def test_a_place_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    assert "Give this user write permission to the directory" in refusal(tmp_path / "file" / "crossfade.db")


@pytest.mark.skipif(not Path("/proc/self").exists(), reason="needs a file system that takes no files")
def test_a_file_system_that_takes_no_files_is_named() -> None:
    assert "cannot be opened" in refusal(Path("/proc/crossfade.db"))


def test_a_copy_of_an_open_database_can_be_opened(tmp_path: Path) -> None:
    path = tmp_path / "crossfade.db"
    connection = open_exclusively(path)
    shutil.copy(path, tmp_path / "copy.db")
    open_exclusively(tmp_path / "copy.db").close()
    connection.close()


@pytest.mark.parametrize(
    ("code", "says"),
    [
        (sqlite3.SQLITE_READONLY, "cannot be written. Give this user write permission"),
        (sqlite3.SQLITE_READONLY_DBMOVED, "cannot be written. Give this user write permission"),
        (sqlite3.SQLITE_CANTOPEN, "cannot be opened. Give this user read and write permission"),
        (sqlite3.SQLITE_FULL, "the disk is full"),
        (sqlite3.SQLITE_IOERR, "input or output error"),
    ],
)
def test_what_sqlite_reports_becomes_a_sentence(
    code: int, says: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    error = sqlite3.OperationalError()
    error.sqlite_errorcode = code

    def fail(*_: object) -> None:
        raise error

    monkeypatch.setattr("gateway.stores.sqlite_file._claim", fail)
    assert says in refusal(tmp_path / "crossfade.db")


def test_a_file_system_without_write_ahead_logging_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    real = sqlite3.connect

    def connect_without_wal(path: Path, **options: object) -> sqlite3.Connection:
        class Connection(sqlite3.Connection):
            def execute(self, statement: str, *parameters: object) -> sqlite3.Cursor:
                return super().execute(statement.replace("journal_mode=WAL", "journal_mode=DELETE"), *parameters)  # type: ignore[arg-type]

        return real(path, factory=Connection, **options)  # type: ignore[call-overload, no-any-return]

    monkeypatch.setattr(sqlite3, "connect", connect_without_wal)
    assert "without write-ahead logging" in refusal(tmp_path / "crossfade.db")
