"""What a session of our own making takes: the user's row, and a place of the application that is not only read."""

from typing import Protocol

from gateway.codec import Lookup, Query, Row
from gateway.formats.minting import NewRecord


class UserRows(Protocol):
    """The application's table of users, as it is now."""

    async def find(self, lookup: Lookup) -> Row | None:
        """Return the row of a user, None where there is none.

        Raises:
            VaultUnavailable: nobody can say.
        """
        ...

    async def aclose(self) -> None:
        """Let go of threads and connections."""
        ...


class MintPlace(Protocol):
    """A place with the right to add and to delete records of sessions, over a connection that nothing else uses."""

    async def write(self, record: NewRecord) -> str:
        """Write a record; return its key, which for some rows the database makes.

        Raises:
            VaultUnavailable: it is not known to be written.
        """
        ...

    async def delete(self, query: Query) -> None:
        """Delete the record that a query would find, where there is one.

        Raises:
            VaultUnavailable: it is not known to be gone.
        """
        ...

    async def aclose(self) -> None:
        """Let go of threads and connections."""
        ...
