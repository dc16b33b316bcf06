"""A database of its own for the tests of a place in PostgreSQL."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager

import asyncpg

from tests.servers_postgres import PostgresServer


async def tell(url: str, statements: str) -> None:
    """Carry out statements that ask for nothing."""
    connection = await asyncpg.connect(url)
    await connection.execute(statements)
    await connection.close()


@contextmanager
def database_of(server: PostgresServer, name: str, tables: str) -> Iterator[str]:
    """Make a database with these tables, give its URL, and drop it."""
    asyncio.run(tell(server.url, f"CREATE DATABASE {name}"))
    url = server.url.replace("/postgres?", f"/{name}?")
    asyncio.run(tell(url, tables))
    yield url
    asyncio.run(tell(server.url, f"DROP DATABASE {name} WITH (FORCE)"))
