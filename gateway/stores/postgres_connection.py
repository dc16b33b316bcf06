"""One connection to PostgreSQL, and the bounds of all of them."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol, cast

import asyncpg

from gateway.errors import ConfigurationError
from gateway.stores.postgres_address import PostgresAddress

Row = Sequence[object]


class Connection(Protocol):
    """As much of `asyncpg.Connection` as we use."""

    async def execute(self, query: str, *arguments: object) -> str:
        """Carry out a statement; return its tag, such as `UPDATE 1`."""
        ...

    async def executemany(self, command: str, args: Sequence[Row]) -> None:
        """Carry out a statement once for each row of arguments."""
        ...

    async def fetch(self, query: str, *arguments: object) -> Sequence[Row]:
        """Return all rows."""
        ...

    async def fetchrow(self, query: str, *arguments: object) -> Row | None:
        """Return the first row, or None."""
        ...

    async def fetchval(self, query: str, *arguments: object) -> object:
        """Return the first column of the first row, or None."""
        ...

    async def close(self) -> None:
        """Say goodbye to the server."""
        ...

    def terminate(self) -> None:
        """Close at once; whoever waits for an answer gets an error."""
        ...

    def is_closed(self) -> bool:
        """Say whether it was closed by either side."""
        ...


@dataclass(frozen=True, slots=True)
class PostgresPolicy:
    """Bounds. `connections` are opened as they are needed, `queue` is how many callers may be under way at once.

    All waits are in seconds: `patience` for a caller, all attempts and reconnecting included; `connect_timeout` for one
    connection; `statement_timeout` and `lock_timeout` are told to the server.
    `has_statement_cache` is off behind a pooler that hands its connections round.
    """

    connections: int = 10
    queue: int = 2000
    patience: float = 5.0
    connect_timeout: float = 3.0
    statement_timeout: float = 4.0
    lock_timeout: float = 2.0
    has_statement_cache: bool = True


async def connect(address: PostgresAddress, policy: PostgresPolicy) -> Connection:
    """Open one connection.

    Raises:
        ConfigurationError: the URL cannot be used.
        Exception: one of `FOREIGN`.
    """
    try:
        connection = await asyncpg.connect(
            address.url,
            timeout=policy.connect_timeout,
            statement_cache_size=256 if policy.has_statement_cache else 0,
            server_settings={"application_name": "crossfade"},
        )
    except (ValueError, asyncpg.ClientConfigurationError):
        raise ConfigurationError(
            f"The URL of the PostgreSQL at {address} has an option or a file that cannot be used. Correct it."
        ) from None
    return cast("Connection", connection)
