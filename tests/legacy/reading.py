"""Drives a codec over rows that the test holds, as `stores.sessions` does over a place."""

import sqlite3
from collections.abc import Callable, Mapping
from contextlib import closing
from pathlib import Path

from gateway.codec import Lookup, Query, Row, SessionCodec, UnreadableSession
from gateway.model import Undetermined, Verdict

Fetch = Callable[[Query], Row | None]


def no_rows(_: Query) -> Row | None:
    return None


def verdict_of(codec: SessionCodec, cookies: Mapping[bytes, bytes], now: float, fetch: Fetch = no_rows) -> Verdict:
    reading = codec.read(cookies, now)
    try:
        query = next(reading)
        while True:
            query = reading.send(fetch(query))
    except StopIteration as end:
        verdict: Verdict = end.value
        return verdict
    except UnreadableSession:
        return Undetermined("unreadable")


def rows_of(database: Path) -> Fetch:
    """Look into a real SQLite file."""

    def fetch(lookup: Query) -> Row | None:
        assert isinstance(lookup, Lookup)
        query = f"SELECT {', '.join(lookup.columns)} FROM {lookup.table} WHERE {lookup.key} = ?"
        with closing(sqlite3.connect(database)) as connection:
            row: Row | None = connection.execute(query, (lookup.value,)).fetchone()
        return row

    return fetch
