"""The schema of the PostgreSQL store: which version is there, which one we need, and the way up and down.

The migrations are plain SQL files that `psql -f` carries out as well; each is one transaction with its own lock
time-out, and takes the advisory lock that lets one migration run at a time. A gateway never migrates by itself.
"""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from importlib.resources import files

import asyncpg

from gateway.errors import ConfigurationError, DependencyError
from gateway.stores.postgres_address import PostgresAddress
from gateway.stores.postgres_connection import Connection, PostgresPolicy, connect
from gateway.stores.postgres_faults import FOREIGN

VERSION = 2
"""The version of the schema that this gateway works with."""

_UP = ("002_add_refresh_tokens.sql",)
_DOWN = ("rollback/002_rollback.sql",)
_POLL = 0.5  # seconds between two looks of `wait`
_LIVE = (
    "SELECT count(*) FROM crossfade_families "
    "WHERE ended_at IS NULL AND idle_expires_at > $1 AND absolute_expires_at > $1"
)


@dataclass(frozen=True, slots=True)
class SchemaState:
    """`version` is the newest that was carried out, 0 for none; `works_with` the oldest that its gateways may be of."""

    version: int = 0
    works_with: int = 0

    @property
    def is_usable(self) -> bool:
        """Say whether this gateway can work with it."""
        return self.version >= VERSION and self.works_with <= VERSION


class Migrations:
    """Looks at and changes the schema of one database, over a connection of its own for each step."""

    def __init__(self, address: PostgresAddress, policy: PostgresPolicy | None = None) -> None:
        self._address = address
        self._policy = policy or PostgresPolicy()

    async def state(self) -> SchemaState:
        """Return which version is there.

        Raises:
            DependencyError: the database cannot be reached.
        """
        async with self._connected() as connection:
            return await _find_state(connection)

    async def ensure_usable(self) -> None:
        """Refuse to work with a schema that is missing, older than ours, or newer than we can know.

        Raises:
            ConfigurationError: it is so; the message names the command to run.
            DependencyError: the database cannot be reached.
        """
        state = await self.state()
        if state.version < VERSION:
            found = f"has version {state.version} of Crossfade's tables" if state.version else "has no Crossfade tables"
            raise ConfigurationError(
                f"The PostgreSQL at {self._address} {found}, and version {VERSION} is needed. Run: crossfade migrate up"
            )
        if not state.is_usable:
            raise ConfigurationError(
                f"The PostgreSQL at {self._address} has version {state.version} of Crossfade's tables, which this "
                f"version does not know. Install a newer Crossfade, or with that one run: crossfade migrate down"
            )

    async def up(self) -> SchemaState:
        """Bring the schema to our version; changes nothing where it is there already.

        Raises:
            DependencyError: the database cannot be reached, or was locked for too long; nothing was changed.
        """
        return await self._carry_out(_UP)

    async def down(self) -> SchemaState:
        """Delete all tables of ours with what is in them.

        Raises:
            DependencyError: the database cannot be reached, or was locked for too long; nothing was changed.
        """
        return await self._carry_out(_DOWN)

    async def wait(self, patience: float) -> None:
        """Wait until the schema can be used, for at most `patience` seconds; a database that is away is waited for too.

        Raises:
            DependencyError: it did not come in time, or the database cannot be reached.
        """
        until = asyncio.get_running_loop().time() + patience
        while True:
            try:
                if (await self.state()).is_usable:
                    return
            except DependencyError:
                if asyncio.get_running_loop().time() >= until:
                    raise
            if asyncio.get_running_loop().time() >= until:
                raise DependencyError(
                    f"The PostgreSQL at {self._address} still has no usable version of Crossfade's tables. "
                    "Run: crossfade migrate up"
                )
            await asyncio.sleep(_POLL)

    async def count_live_families(self, now: float) -> int:
        """Return how many families `down` would end.

        Raises:
            DependencyError: the database cannot be reached.
        """
        async with self._connected() as connection:
            if not (await _find_state(connection)).version:
                return 0
            count = await connection.fetchval(_LIVE, now)
            assert isinstance(count, int)
            return count

    async def clock(self) -> float:
        """Return what time it is for the database, in seconds since 1970.

        Raises:
            DependencyError: the database cannot be reached.
        """
        async with self._connected() as connection:
            now = await connection.fetchval("SELECT extract(epoch FROM clock_timestamp())::float8")
            assert isinstance(now, float)
            return now

    async def most_connections(self) -> int:
        """Return how many connections the server allows, to everybody together.

        Raises:
            DependencyError: the database cannot be reached.
        """
        async with self._connected() as connection:
            return int(str(await connection.fetchval("SELECT current_setting('max_connections')")))

    async def _carry_out(self, names: Sequence[str]) -> SchemaState:
        async with self._connected() as connection:
            for name in names:
                await connection.execute(read_migration(name))
            return await _find_state(connection)

    @asynccontextmanager
    async def _connected(self) -> AsyncIterator[Connection]:
        """Give a connection, which is closed afterwards, and rename what goes wrong on it."""
        try:
            connection = await connect(self._address, self._policy)
        except FOREIGN as error:
            raise DependencyError(_why_unreachable(self._address, error)) from None
        try:
            yield connection
        except FOREIGN as error:
            raise DependencyError(_why_refused(self._address, error)) from None
        finally:
            connection.terminate()


def read_migration(name: str) -> str:
    """Return the text of a file of `gateway/migrations`."""
    return files("gateway").joinpath("migrations", name).read_text(encoding="utf-8")


async def _find_state(connection: Connection) -> SchemaState:
    # One transaction, because a pooler may lead two statements to two servers.
    await connection.execute("BEGIN")
    try:
        if await connection.fetchval("SELECT to_regclass('crossfade_schema') IS NULL"):
            return SchemaState()
        row = await connection.fetchrow(
            "SELECT version, works_with FROM crossfade_schema ORDER BY version DESC LIMIT 1"
        )
    finally:
        await connection.execute("ROLLBACK")
    if row is None:
        return SchemaState()
    version, works_with = row
    assert isinstance(version, int)
    assert isinstance(works_with, int)
    return SchemaState(version, works_with)


def _why_unreachable(address: PostgresAddress, error: Exception) -> str:
    if isinstance(error, asyncpg.InvalidAuthorizationSpecificationError):
        return f"The PostgreSQL at {address} does not let us in. Check the user and the password in its URL."
    if isinstance(error, asyncpg.InvalidCatalogNameError):
        return f"The PostgreSQL at {address} has no database of that name. Make it, or correct stores.postgres."
    return f"The PostgreSQL at {address} cannot be reached. Start it, or correct stores.postgres."


def _why_refused(address: PostgresAddress, error: Exception) -> str:
    if isinstance(error, asyncpg.LockNotAvailableError):
        return f"The PostgreSQL at {address} is locked by somebody else; nothing was changed. Try again."
    if isinstance(error, asyncpg.RaiseError):  # our own sentence
        hint = f" {error.hint}." if error.hint else ""
        return f"The PostgreSQL at {address} was not changed: {error.message}.{hint}"
    if isinstance(error, (asyncpg.InsufficientPrivilegeError, asyncpg.InvalidSchemaNameError)):
        return f"The user of the PostgreSQL at {address} may not do this; grant USAGE and CREATE on a schema."
    return f"The PostgreSQL at {address} did not answer properly; nothing was changed. Look into its log."
