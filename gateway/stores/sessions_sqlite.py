"""Session records in the application's SQLite file, opened for reading only."""

import asyncio
import sqlite3
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path

from gateway.codec import MAX_TEXT, Lookup, Query, Row
from gateway.stores.sessions import PlaceUnavailable, ensure_lookup

_LARGEST = 2 * MAX_TEXT  # bytes of a row; a codec itself refuses what is larger than MAX_TEXT


class SQLitePlace:
    """Looks rows up in `file`, off the event loop. A writer is waited for `busy_timeout` seconds.

    The file is opened for each lookup, so that one which was replaced or restored is noticed at once; that costs a
    tenth of a millisecond beside the change of threads.
    """

    def __init__(self, file: Path, *, busy_timeout: float = 0.25, threads: int = 2) -> None:
        self._uri = f"{file.absolute().as_uri()}?mode=ro"
        self._busy_timeout = busy_timeout
        self._threads = ThreadPoolExecutor(threads, thread_name_prefix="crossfade-sessions")

    async def fetch(self, query: Query) -> Row | None:
        """See `Place`."""
        try:
            row = asyncio.get_running_loop().run_in_executor(self._threads, self._select, ensure_lookup(query))
        except RuntimeError as error:  # after close
            raise PlaceUnavailable("unreachable") from error
        return await row

    def close(self) -> None:
        """Let go of its threads. A lookup that is running ends by itself."""
        self._threads.shutdown(wait=False)

    async def aclose(self) -> None:
        """See `Place`."""
        self.close()

    def _select(self, lookup: Lookup) -> Row | None:
        columns = ", ".join(f"r.{quoted(name)}" for name in lookup.columns)
        query = f"SELECT {columns} FROM {quoted(lookup.table)} AS r WHERE r.{quoted(lookup.key)} = ?"  # noqa: S608
        try:
            with closing(sqlite3.connect(self._uri, uri=True, timeout=self._busy_timeout)) as connection:
                connection.setlimit(sqlite3.SQLITE_LIMIT_LENGTH, _LARGEST)
                row: Row | None = connection.execute(query, (lookup.value,)).fetchone()
        except sqlite3.DataError as error:
            raise PlaceUnavailable("unreadable") from error
        except sqlite3.Error as error:
            is_busy = getattr(error, "sqlite_errorcode", 0) & 0xFF == sqlite3.SQLITE_BUSY
            raise PlaceUnavailable("timeout" if is_busy else "unreachable") from error
        return row


def quoted(name: str) -> str:
    """Quote an identifier. After `r.` it is one even if the column does not exist; alone SQLite would take it for text.

    https://sqlite.org/quirks.html#dblquote
    """
    return '"' + name.replace('"', '""') + '"'
