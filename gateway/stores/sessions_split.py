"""Sessions whose records lie in one place and whose users in another: Redis or files, and a database."""

from gateway.codec import Entry, Query, Row
from gateway.stores.sessions import Place


class SplitPlace:
    """Asks `users` for rows of `tables`, and `records` for everything else."""

    def __init__(self, records: Place, users: Place, tables: frozenset[str]) -> None:
        self._records = records
        self._users = users
        self._tables = tables

    async def fetch(self, query: Query) -> Row | None:
        """See `Place`."""
        is_of_users = not isinstance(query, Entry) and query.table in self._tables
        return await (self._users if is_of_users else self._records).fetch(query)

    async def aclose(self) -> None:
        """See `Place`."""
        await self._records.aclose()
        await self._users.aclose()
