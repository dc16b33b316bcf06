"""Two copies of the blacklist asked together: the shared one, and the one in this process.

The shared copy is what other services read and write too, and it may lose a key without anybody noticing (a deletion by
hand, an eviction between two looks). The process that holds the truth knows better: what either of them knows counts.
"""

import asyncio
from collections.abc import Sequence

from gateway.model import Revocation, Standing, VerifiedToken
from gateway.ports import RevocationStore


class PairedRevocationStore:
    """A token is as bad as the worse of the two copies says, and neither may be unable to say."""

    def __init__(self, shared: RevocationStore, own: RevocationStore) -> None:
        self._shared = shared
        self._own = own

    async def look_up(self, token: VerifiedToken) -> Standing:
        """See `RevocationStore`. Our own copy never suspends, so that it costs no turn of the loop."""
        own = await self._own.look_up(token)
        shared = await self._shared.look_up(token)
        return Standing(
            token_revoked=own.token_revoked or shared.token_revoked,
            family_revoked=own.family_revoked or shared.family_revoked,
            subject_epoch=max(own.subject_epoch, shared.subject_epoch),
            global_epoch=max(own.global_epoch, shared.global_epoch),
        )

    async def publish(self, revocations: Sequence[Revocation]) -> None:
        """See `RevocationStore`."""
        await self._own.publish(revocations)
        await asyncio.ensure_future(self._shared.publish(revocations))
