"""Whom to ask whether a token was revoked: Redis for every request, or the mirror in this process.

The shared copy is what other gateways write to, and it may lose a key without anybody noticing (a deletion by hand, an
eviction between two looks). The mirror has what the log has: where both are asked, what either of them knows counts.
"""

import asyncio
from collections.abc import Callable, Sequence
from typing import Protocol

from gateway.errors import RevocationUnavailable
from gateway.model import CLEAR, Revocation, Standing, VerifiedToken
from gateway.ports import RevocationStore


class Mirror(RevocationStore, Protocol):
    """The copy in this process, which neither suspends nor forgets."""

    def recall(self, token: VerifiedToken) -> Standing:
        """Return what is known of the token, complete or not."""
        ...


class StrictRevocationStore:
    """A token is as bad as the worse of the two copies says.

    While Redis cannot say, the mirror does, for as long as it is good. Not so with `needs_shared`, where blacklists of
    other services lie in that Redis which no mirror has.
    """

    def __init__(self, shared: RevocationStore, mirror: Mirror, *, needs_shared: bool) -> None:
        self._shared = shared
        self._mirror = mirror
        self._needs_shared = needs_shared

    def glance(self, token: VerifiedToken) -> Standing | None:
        """See `RevocationStore`: Redis is asked every time."""
        return None

    def inquire(self, token: VerifiedToken, settle: Callable[[Standing | None], None]) -> bool:
        """See `RevocationStore`."""

        def settle_worse(shared: Standing | None) -> None:
            own = self._mirror.recall(token)
            settle(shared if own is CLEAR or shared is None else _worse(own, shared))

        return self._shared.inquire(token, settle_worse)

    async def look_up(self, token: VerifiedToken) -> Standing:
        """See `RevocationStore`. Suspends only while Redis is asked."""
        try:
            shared = await self._shared.look_up(token)
        except RevocationUnavailable:
            if self._needs_shared:
                raise
            return await self._mirror.look_up(token)
        return _worse(self._mirror.recall(token), shared)

    async def publish(self, revocations: Sequence[Revocation]) -> None:
        """See `RevocationStore`."""
        await publish_to_both(revocations, self._mirror, self._shared)


class MirroredRevocationStore:
    """The mirror answers, and Redis only carries what was revoked to the other gateways."""

    def __init__(self, shared: RevocationStore, mirror: RevocationStore) -> None:
        self._shared = shared
        self._mirror = mirror
        self.glance = mirror.glance
        self.inquire = mirror.inquire
        self.look_up = mirror.look_up

    async def publish(self, revocations: Sequence[Revocation]) -> None:
        """See `RevocationStore`."""
        await publish_to_both(revocations, self._mirror, self._shared)


async def publish_to_both(revocations: Sequence[Revocation], mirror: RevocationStore, shared: RevocationStore) -> None:
    """Tell the mirror, which is done at once, then Redis; a caller that leaves does not stop it."""
    await mirror.publish(revocations)
    await asyncio.ensure_future(shared.publish(revocations))


def _worse(own: Standing, shared: Standing) -> Standing:
    if own is CLEAR:
        return shared
    return Standing(
        token_revoked=own.token_revoked or shared.token_revoked,
        family_revoked=own.family_revoked or shared.family_revoked,
        subject_epoch=max(own.subject_epoch, shared.subject_epoch),
        global_epoch=max(own.global_epoch, shared.global_epoch),
    )
