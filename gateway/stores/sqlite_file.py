"""Opening the embedded database: what can be wrong with the file, each with its own sentence and remedy."""

import os
import sqlite3
from pathlib import Path

from gateway.errors import ConfigurationError
from gateway.stores.sqlite_schema import APPLICATION_ID, MIGRATIONS

_FAULTS: dict[int, str] = {
    sqlite3.SQLITE_BUSY: "is in use by another process, and embedded stores serve one process only. "
    "Stop the other one, or give each its own file.",
    sqlite3.SQLITE_NOTADB: "is not an SQLite database. Point stores.embedded to another path, or move the file away.",
    sqlite3.SQLITE_CORRUPT: "is damaged. Restore it from a backup, or move it away to start with no signed-in tokens.",
    sqlite3.SQLITE_READONLY: "cannot be written. Give this user write permission to the file and its directory.",
    sqlite3.SQLITE_CANTOPEN: "cannot be opened. Give this user read and write permission to the file and its "
    "directory.",
    sqlite3.SQLITE_FULL: "cannot be written, because the disk is full. Make room.",
}
_LARGEST_CHECKED = 64 * 1024 * 1024
"""Bytes that are looked through at each start, in half a second. Damage in a larger file shows when it is met."""
_OTHER_FAULT = "cannot be used: the file system reports an input or output error. Check the disk."


def open_exclusively(path: Path) -> sqlite3.Connection:
    """Open the database, or create it with mode 0600, and hold it against every other process until it is closed.

    The connection commits nothing by itself and may be used by one thread at a time.

    Raises:
        ConfigurationError: the file cannot be used; the message names it and says what to do.
    """
    _prepare(path)
    connection = sqlite3.connect(path, isolation_level=None, timeout=0, check_same_thread=False)
    try:
        _claim(connection, path)
    except sqlite3.Error as error:
        connection.close()
        raise _fault(path, error) from error
    except BaseException:
        connection.close()
        raise
    return connection


def _prepare(path: Path) -> None:
    """Make the directory and the file, closed to everybody else; SQLite gives its side files the same mode."""
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            if os.fstat(descriptor).st_mode & 0o077:
                os.fchmod(descriptor, 0o600)
        finally:
            os.close(descriptor)
    except IsADirectoryError:
        raise ConfigurationError(f"The database {path} is a directory. Point stores.embedded to a file.") from None
    except OSError as error:
        reason = error.strerror or "unknown error"
        raise ConfigurationError(
            f"The database {path} cannot be opened ({reason}). "
            "Give this user write permission to the directory, or point stores.embedded to another path."
        ) from None


def _claim(connection: sqlite3.Connection, path: Path) -> None:
    connection.execute("PRAGMA locking_mode=EXCLUSIVE")
    _ensure_ours(connection, path)
    is_small = path.stat().st_size <= _LARGEST_CHECKED
    if is_small and _scalar(connection, "PRAGMA quick_check(1)") != "ok":
        raise ConfigurationError(f"The database {path} {_FAULTS[sqlite3.SQLITE_CORRUPT]}")
    if _scalar(connection, "PRAGMA journal_mode=WAL") != "wal":
        raise ConfigurationError(
            f"The database {path} lies on a file system without write-ahead logging. "
            "Point stores.embedded to a local disk."
        )
    connection.execute("PRAGMA synchronous=FULL")
    connection.execute("PRAGMA foreign_keys=ON")
    connection.execute("PRAGMA trusted_schema=OFF")
    _migrate(connection)


def _ensure_ours(connection: sqlite3.Connection, path: Path) -> None:
    owner = _scalar(connection, "PRAGMA application_id")
    version = _scalar(connection, "PRAGMA user_version")
    is_empty = _scalar(connection, "SELECT count(*) FROM sqlite_schema") == 0
    if owner != APPLICATION_ID and not (owner == 0 and is_empty):
        raise ConfigurationError(
            f"The database {path} belongs to another application. Point stores.embedded to a file of its own."
        )
    if isinstance(version, int) and version > len(MIGRATIONS):
        raise ConfigurationError(
            f"The database {path} was written by a newer version of Crossfade. Install that version again."
        )


def _migrate(connection: sqlite3.Connection) -> None:
    # The write also takes the exclusive lock, which is then kept.
    connection.execute("BEGIN IMMEDIATE")
    version = _scalar(connection, "PRAGMA user_version")
    assert isinstance(version, int)
    for statements in MIGRATIONS[version:]:
        for statement in statements:
            connection.execute(statement)
    connection.execute(f"PRAGMA application_id={APPLICATION_ID}")
    connection.execute(f"PRAGMA user_version={len(MIGRATIONS)}")
    connection.execute("COMMIT")


def _scalar(connection: sqlite3.Connection, statement: str) -> object:
    return connection.execute(statement).fetchone()[0]


def _fault(path: Path, error: sqlite3.Error) -> ConfigurationError:
    code = getattr(error, "sqlite_errorcode", 0) & 0xFF  # the rest of the number only says where it was noticed
    return ConfigurationError(f"The database {path} {_FAULTS.get(code, _OTHER_FAULT)}")
