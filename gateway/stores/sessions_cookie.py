"""Sessions that lie in the cookie itself: there is no place to ask."""

from gateway.codec import Query, Row
from gateway.stores.sessions import PlaceUnavailable


class NoPlace:
    """The place of sessions that need none."""

    async def fetch(self, query: Query) -> Row | None:
        """Refuse: a codec that needs a record is configured without a place, and unknown is not anonymous.

        Raises:
            PlaceUnavailable: always.
        """
        raise PlaceUnavailable("unreachable")

    async def aclose(self) -> None:
        """See `Place`: there is nothing to let go of."""
