"""Session records in the application's MySQL or MariaDB; SELECT is all that is asked of it."""

import asyncio
import ssl
from collections.abc import Awaitable

import aiomysql
import pymysql

from gateway.codec import Lookup, Query, Row
from gateway.stores.mysql_address import MySQLAddress
from gateway.stores.sessions import PlaceUnavailable, ensure_lookup

FOREIGN = (pymysql.MySQLError, OSError, RuntimeError, asyncio.IncompleteReadError)
"""What the driver raises, and what it lets through."""


class SilentCursor(aiomysql.Cursor):  # type: ignore[misc]
    """Does not print the server's warnings: "truncated value 'abc'" would show a session's key."""

    async def _show_warnings(self, conn: object) -> None:
        """Do nothing."""


class MySQLPlace:
    """Looks rows up, in at most `timeout` seconds and on at most `connections` connections."""

    def __init__(self, address: MySQLAddress, *, timeout: float = 1.0, connections: int = 8) -> None:
        self._address = address
        self._timeout = timeout
        self._free = asyncio.Semaphore(connections)
        self._idle: list[aiomysql.Connection] = []
        self._tls: ssl.SSLContext | None = address.tls()

    async def fetch(self, query: Query) -> Row | None:
        """See `Place`."""
        lookup = ensure_lookup(query)
        try:
            async with asyncio.timeout(self._timeout), self._free:
                return await self._select(lookup)
        except TimeoutError as error:
            raise PlaceUnavailable("timeout") from error
        except FOREIGN as error:
            raise PlaceUnavailable("unreachable") from error

    async def aclose(self) -> None:
        """See `Place`."""
        while self._idle:
            self._idle.pop().close()

    async def _select(self, lookup: Lookup) -> Row | None:
        columns = ", ".join(f"r.{quoted(name)}" for name in lookup.columns)
        table = ".".join(quoted(part) for part in lookup.table.split("."))
        # Compared as text both ways: MySQL would read '7 or so' as the number 7, and 'A' as 'a'.
        key = f"r.{quoted(lookup.key)}"
        query = f"SELECT {columns}, CAST({key} AS CHAR) FROM {table} AS r WHERE {key} = %s LIMIT 2"  # noqa: S608
        connection = await self._open()
        try:
            async with connection.cursor(SilentCursor) as cursor:
                await cursor.execute(query, (lookup.value,))
                rows = await cursor.fetchall()
        except BaseException:  # in the middle of an answer it is of no use to the next one
            connection.close()
            raise
        self._idle.append(connection)
        return next((tuple(row[:-1]) for row in rows if row[-1] == lookup.value), None)

    async def _open(self) -> aiomysql.Connection:
        while self._idle:
            connection = self._idle.pop()
            if not connection.closed and not connection._reader.at_eof():
                return connection
        return await connect(self._address, self._tls, self._timeout)


def connect(
    address: MySQLAddress, tls: ssl.SSLContext | None, connect_timeout: float
) -> Awaitable[aiomysql.Connection]:
    """Open a connection on which each statement is a transaction."""
    opening: Awaitable[aiomysql.Connection] = aiomysql.connect(
        host=address.host,
        port=address.port,
        user=address.user,
        password=address.password,
        db=address.database,
        unix_socket=address.socket or None,
        ssl=tls,
        charset="utf8mb4",
        autocommit=True,
        connect_timeout=connect_timeout,
    )
    return opening


def quoted(name: str) -> str:
    """Quote an identifier."""
    return "`" + name.replace("`", "``") + "`"
