"""The rows of users, asked for when a session is made."""

from gateway.codec import Lookup, Row
from gateway.errors import VaultUnavailable
from gateway.stores.sessions import Place, PlaceUnavailable


class PlacedUsers:
    """The port `UserRows` over a place that is only read."""

    def __init__(self, place: Place) -> None:
        self._place = place

    async def find(self, lookup: Lookup) -> Row | None:
        """See `UserRows`."""
        try:
            return await self._place.fetch(lookup)
        except PlaceUnavailable as error:
            raise VaultUnavailable("Nobody can say whether the user may still sign in.") from error

    async def aclose(self) -> None:
        """See `UserRows`."""
        await self._place.aclose()
