"""New sessions in the application's MySQL or MariaDB."""

import asyncio
import json
from collections.abc import Mapping
from datetime import datetime

from gateway.codec import Lookup, Query
from gateway.errors import VaultUnavailable
from gateway.formats.minting import NewRecord, NewRow
from gateway.stores.mysql_address import MySQLAddress
from gateway.stores.sessions_mysql import FOREIGN, SilentCursor, connect, quoted


class MySQLMintPlace:
    """Adds rows and deletes them, each over a connection of its own, in at most `timeout` seconds."""

    def __init__(self, address: MySQLAddress, *, timeout: float = 2.0) -> None:
        self._address = address
        self._timeout = timeout
        self._tls = address.tls()

    async def write(self, record: NewRecord) -> str:
        """See `MintPlace`."""
        assert isinstance(record, NewRow)
        names = ", ".join(quoted(name) for name in record.columns)
        # The driver cannot write bytes (aiomysql 0.3), so that they go as digits.
        marks = ", ".join("UNHEX(%s)" if isinstance(value, bytes) else "%s" for value in record.columns.values())
        statement = f"INSERT INTO {_table(record.table)} ({names}) VALUES ({marks})"  # noqa: S608 - quoted
        made = await self._carry_out(statement, [_written(value) for value in record.columns.values()])
        return str(record.columns.get(record.key, made))

    async def delete(self, query: Query) -> None:
        """See `MintPlace`. Compared byte for byte: MySQL would take `A` for `a`."""
        assert isinstance(query, Lookup)
        key = quoted(query.key)
        statement = f"DELETE FROM {_table(query.table)} WHERE {key} = %s AND CAST({key} AS CHAR) = BINARY %s"  # noqa: S608
        await self._carry_out(statement, [query.value, query.value])

    async def aclose(self) -> None:
        """See `MintPlace`: nothing is held between two calls."""

    async def _carry_out(self, statement: str, values: list[object]) -> int:
        try:
            async with asyncio.timeout(self._timeout):
                connection = await connect(self._address, self._tls, self._timeout)
                try:
                    async with connection.cursor(SilentCursor) as cursor:
                        await cursor.execute(statement, values)
                        return int(cursor.lastrowid)
                finally:
                    connection.close()
        except (TimeoutError, *FOREIGN) as error:
            raise VaultUnavailable("A session could not be written or deleted.") from error


def _table(name: str) -> str:
    return ".".join(quoted(part) for part in name.split("."))


def _written(value: object) -> object:
    """Return a value as the driver takes it: dates without a zone, in the one that they are in."""
    if isinstance(value, bytes):
        return value.hex()
    if isinstance(value, datetime):
        return value.replace(tzinfo=None)
    return json.dumps(value) if isinstance(value, (Mapping, list)) else value
