"""Drives a codec over rows that the test holds, as `stores.sessions` does over a place."""

import sqlite3
from collections.abc import Callable, Mapping
from contextlib import closing
from pathlib import Path

from gateway.codec import Lookup, Row, SessionCodec, UnreadableSession
from gateway.model import Undetermined, Verdict

Fetch = Callable[[Lookup], Row | None]


def no_rows(_: Lookup) -> Row | None:
    return None


def verdict_of(codec: SessionCodec, cookies: Mapping[bytes, bytes], now: float, fetch: Fetch = no_rows) -> Verdict:
    reading = codec.read(cookies, now)
    try:
        lookup = next(reading)
        while True:
            lookup = reading.send(fetch(lookup))
    except StopIteration as end:
        verdict: Verdict = end.value
        return verdict
    except UnreadableSession:
        return Undetermined("unreadable")


def rows_of(database: Path) -> Fetch:
    """Look into a real SQLite file."""

    def fetch(lookup: Lookup) -> Row | None:
        query = f"SELECT {', '.join(lookup.columns)} FROM {lookup.table} WHERE {lookup.key} = ?"
        with closing(sqlite3.connect(database)) as connection:
            row: Row | None = connection.execute(query, (lookup.value,)).fetchone()
        return row

    return fetch
