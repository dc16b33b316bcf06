"""New sessions in the application's SQLite file."""

import asyncio
import json
import sqlite3
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from datetime import datetime
from pathlib import Path

from gateway.codec import Lookup, Query
from gateway.errors import VaultUnavailable
from gateway.formats.minting import NewRecord, NewRow
from gateway.stores.sessions_sqlite import quoted


class SQLiteMintPlace:
    """Adds rows to `file` and deletes them, off the event loop, each in at most `patience` seconds.

    Another writer is waited for `busy_timeout` seconds; while it is, all others here wait in turn.
    """

    def __init__(self, file: Path, *, busy_timeout: float = 1.0, patience: float = 2.0) -> None:
        self._uri = f"{file.absolute().as_uri()}?mode=rw"
        self._busy_timeout = busy_timeout
        self._patience = patience
        self._threads = ThreadPoolExecutor(1, thread_name_prefix="crossfade-mint")

    async def write(self, record: NewRecord) -> str:
        """See `MintPlace`."""
        assert isinstance(record, NewRow)
        names = ", ".join(quoted(name) for name in record.columns)
        marks = ", ".join("?" * len(record.columns))
        statement = f"INSERT INTO {quoted(record.table)} ({names}) VALUES ({marks})"  # noqa: S608 - quoted
        made = await self._run(statement, [_written(value) for value in record.columns.values()])
        return str(record.columns.get(record.key, made))

    async def delete(self, query: Query) -> None:
        """See `MintPlace`."""
        assert isinstance(query, Lookup)
        statement = f"DELETE FROM {quoted(query.table)} WHERE {quoted(query.key)} = ?"  # noqa: S608 - quoted
        await self._run(statement, [query.value])

    async def aclose(self) -> None:
        """See `MintPlace`. What is running ends by itself."""
        self._threads.shutdown(wait=False)

    async def _run(self, statement: str, values: list[object]) -> int | None:
        loop = asyncio.get_running_loop()
        try:
            async with asyncio.timeout(self._patience):
                return await loop.run_in_executor(self._threads, self._execute, statement, values)
        except (TimeoutError, sqlite3.Error, RuntimeError) as error:  # the last one after close
            raise VaultUnavailable("A session could not be written or deleted.") from error

    def _execute(self, statement: str, values: list[object]) -> int | None:
        with closing(sqlite3.connect(self._uri, uri=True, timeout=self._busy_timeout)) as connection, connection:
            return connection.execute(statement, values).lastrowid


def _written(value: object) -> object:
    """Return a value as SQLite keeps it: dates as text without a zone, in the one that they are in."""
    if isinstance(value, datetime):
        return value.replace(tzinfo=None).isoformat(" ", "microseconds")
    return json.dumps(value) if isinstance(value, (Mapping, list)) else value
