"""Drives a codec over rows that the test holds, as `stores.sessions` does over a place."""

import asyncio
import sqlite3
from collections.abc import Callable, Mapping
from contextlib import closing
from pathlib import Path

from gateway.codec import Lookup, Query, Row, SessionCodec, UnreadableSession
from gateway.model import Undetermined, Verdict
from gateway.stores.redis_address import parse_redis_url
from gateway.stores.sessions import Place
from gateway.stores.sessions_redis import RedisPlace
from tests.servers import RedisServer

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


def answers_of(place: Place) -> Fetch:
    """Look into a real place, as the gateway does."""

    def fetch(query: Query) -> Row | None:
        return asyncio.run(place.fetch(query))

    return fetch


def entries_of(server: RedisServer) -> Fetch:
    """Look into a real Redis, whatever the framework has written there."""

    def fetch(query: Query) -> Row | None:
        async def look() -> Row | None:
            place = RedisPlace(parse_redis_url(server.url))
            try:
                return await place.fetch(query)
            finally:
                await place.aclose()

        return asyncio.run(look())

    return fetch


def rows_of(database: Path) -> Fetch:
    """Look into a real SQLite file."""

    def fetch(lookup: Query) -> Row | None:
        assert isinstance(lookup, Lookup)
        query = f"SELECT {', '.join(lookup.columns)} FROM {lookup.table} WHERE {lookup.key} = ?"
        with closing(sqlite3.connect(database)) as connection:
            row: Row | None = connection.execute(query, (lookup.value,)).fetchone()
        return row

    return fetch
