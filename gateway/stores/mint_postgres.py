"""New sessions in the application's PostgreSQL."""

from datetime import datetime
from typing import TypeVar

import asyncpg
import orjson

from gateway.codec import Lookup, Query
from gateway.errors import StoreUnavailable, VaultUnavailable
from gateway.formats.minting import NewRecord, NewRow
from gateway.stores.postgres import PostgresDatabase, Work
from gateway.stores.postgres_address import PostgresAddress
from gateway.stores.postgres_connection import Connection, PostgresPolicy
from gateway.stores.sessions_postgres import quoted, type_of

Result = TypeVar("Result")


class PostgresMintPlace:
    """Adds rows and deletes them, each in one short transaction, in at most `patience` seconds."""

    def __init__(self, address: PostgresAddress, *, patience: float = 1.0, has_statement_cache: bool = True) -> None:
        self._database = PostgresDatabase(
            address,
            PostgresPolicy(
                connections=2,
                patience=patience,
                connect_timeout=patience,
                statement_timeout=patience * 0.8,
                lock_timeout=patience / 2,
                has_statement_cache=has_statement_cache,
            ),
        )

    async def write(self, record: NewRecord) -> str:
        """See `MintPlace`. The database itself makes each column's type of what JSON can say."""
        assert isinstance(record, NewRow)
        table, names = _table(record.table), [quoted(name) for name in record.columns]
        content = orjson.dumps({name: _written(value) for name, value in record.columns.items()}).decode()
        statement = (
            f"INSERT INTO {table} ({', '.join(names)}) SELECT {', '.join(f'r.{name}' for name in names)} "  # noqa: S608
            f"FROM jsonb_populate_record(NULL::{table}, CAST($1::text AS jsonb)) AS r"
        )
        if record.key in record.columns:
            await self._run(statement, content)
            return str(record.columns[record.key])
        return await self._run(f"{statement} RETURNING {quoted(record.key)}::text", content)

    async def delete(self, query: Query) -> None:
        """See `MintPlace`. What the column cannot hold is the key of no record."""
        assert isinstance(query, Lookup)
        table, column = _table(query.table), f"r.{quoted(query.key)}"

        async def work(connection: Connection) -> None:
            kind = await type_of(connection, table, column)
            statement = f"DELETE FROM {table} AS r WHERE {column} = CAST($1::text AS {kind})"  # noqa: S608 - quoted
            await connection.execute(statement, query.value)

        try:
            await self._carry_out(work)
        except VaultUnavailable as error:
            fault = error.__cause__
            if fault is None or not isinstance(fault.__cause__, asyncpg.DataError):
                raise

    async def aclose(self) -> None:
        """See `MintPlace`."""
        await self._database.aclose()

    async def _run(self, statement: str, content: str) -> str:
        async def work(connection: Connection) -> str:
            return str(await connection.fetchval(statement, content))

        return await self._carry_out(work)

    async def _carry_out(self, work: Work[Result]) -> Result:
        try:
            return await self._database.run(work)
        except StoreUnavailable as error:
            raise VaultUnavailable("A session could not be written or deleted.") from error


def _table(name: str) -> str:
    return ".".join(quoted(part) for part in name.split("."))


def _written(value: object) -> object:
    if isinstance(value, bytes):
        return "\\x" + value.hex()
    return value.isoformat() if isinstance(value, datetime) else value
