"""The rows of users, asked for when a session is made."""

import asyncio

from gateway.codec import Lookup, Row
from gateway.errors import VaultUnavailable
from gateway.stores.sessions import Place, PlaceUnavailable


class PlacedUsers:
    """The port `UserRows` over a place that is only read, and waited for `timeout` seconds."""

    def __init__(self, place: Place, *, timeout: float = 2.0) -> None:
        self._place = place
        self._timeout = timeout

    async def find(self, lookup: Lookup) -> Row | None:
        """See `UserRows`."""
        try:
            async with asyncio.timeout(self._timeout):
                return await self._place.fetch(lookup)
        except (TimeoutError, PlaceUnavailable) as error:
            raise VaultUnavailable("Nobody can say whether the user may still sign in.") from error

    async def aclose(self) -> None:
        """See `UserRows`."""
        await self._place.aclose()
