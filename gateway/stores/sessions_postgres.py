"""Session records in the application's PostgreSQL; SELECT is all that is asked of it."""

from dataclasses import dataclass
from typing import Any, cast

import asyncpg

from gateway.codec import Lookup, Query, Row
from gateway.errors import StoreUnavailable
from gateway.stores.postgres import PostgresDatabase
from gateway.stores.postgres_address import PostgresAddress
from gateway.stores.postgres_connection import Connection, PostgresPolicy
from gateway.stores.sessions import PlaceUnavailable, ensure_lookup


@dataclass(frozen=True, slots=True)
class PostgresPlacePolicy:
    """Bounds: `patience` is in seconds, for one lookup with all its waits."""

    patience: float = 1.0
    connections: int = 8
    has_statement_cache: bool = True


class PostgresPlace:
    """Looks rows up, each in one short transaction of its own.

    A key that comes from a cookie is text, while its column may be a number or a UUID. Each column is asked once for
    its type and the text cast to it, which keeps the index in use; text that is no such value has no row.
    """

    def __init__(self, address: PostgresAddress, policy: PostgresPlacePolicy | None = None) -> None:
        policy = policy or PostgresPlacePolicy()
        self._database = PostgresDatabase(
            address,
            PostgresPolicy(
                connections=policy.connections,
                patience=policy.patience,
                connect_timeout=policy.patience,
                statement_timeout=policy.patience * 0.8,
                lock_timeout=policy.patience / 2,
                has_statement_cache=policy.has_statement_cache,
            ),
        )
        self._types: dict[tuple[str, str], str] = {}

    async def fetch(self, query: Query) -> Row | None:
        """See `Place`."""
        lookup = ensure_lookup(query)

        async def work(connection: Connection) -> Row | None:
            return await self._select(connection, lookup)

        try:
            return await self._database.run(work)
        except StoreUnavailable as error:
            self._types.pop((lookup.table, lookup.key), None)  # the column may have another type by now
            cause = error.__cause__
            if isinstance(cause, asyncpg.DataError):
                return None
            is_slow = isinstance(cause, (TimeoutError, asyncpg.QueryCanceledError, asyncpg.LockNotAvailableError))
            raise PlaceUnavailable("timeout" if is_slow else "unreachable") from error

    async def aclose(self) -> None:
        """See `Place`. What is under way is waited for, at most as long as a lookup may take."""
        await self._database.aclose()

    async def _select(self, connection: Connection, lookup: Lookup) -> Row | None:
        table = ".".join(quoted(part) for part in lookup.table.split("."))
        column = f"r.{quoted(lookup.key)}"
        kind = self._types.get((lookup.table, lookup.key))
        if kind is None:
            kind = self._types[lookup.table, lookup.key] = await type_of(connection, table, column)
        columns = ", ".join(f"r.{quoted(name)}" for name in lookup.columns)
        query = f"SELECT {columns} FROM {table} AS r WHERE {column} = CAST($1::text AS {kind})"  # noqa: S608 - quoted
        row = await connection.fetchrow(query, lookup.value)
        return None if row is None else tuple(row)


async def type_of(connection: Connection, table: str, column: str) -> str:
    """Return the type of a column, quoted, as PostgreSQL infers it for what is compared with it."""
    statement = await cast("Any", connection).prepare(f"SELECT 1 FROM {table} AS r WHERE {column} = $1")  # noqa: S608
    (parameter,) = statement.get_parameters()
    return f"{quoted(parameter.schema)}.{quoted(parameter.name)}"


def quoted(name: str) -> str:
    """Quote an identifier."""
    return '"' + name.replace('"', '""') + '"'
