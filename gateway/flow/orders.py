"""What an operator revokes: one access token, one family, everything of a subject, or everything."""

from gateway.family_ports import RefreshStore
from gateway.flow.endings import Endings
from gateway.model import RevocationKind


class RevocationOrders:
    """Revokes by name. Every method raises StoreUnavailable when the truth cannot be read or written."""

    def __init__(self, *, endings: Endings, families: RefreshStore) -> None:
        self._endings = endings
        self._families = families

    async def count_concerned(self, kind: RevocationKind, name: str, now: float) -> int:
        """Return how many live families `revoke` would end; a single access token ends none."""
        match kind:
            case RevocationKind.TOKEN:
                return 0
            case RevocationKind.FAMILY:
                family = await self._families.find_family(name)
                return int(family is not None and family.ended_at is None and family.absolute_expires_at > now)
            case RevocationKind.SUBJECT:
                return len(await self._families.families_of_subject(name, now))
            case _:
                return sum((await self._families.count_live(now)).values())

    async def revoke(self, kind: RevocationKind, name: str, reason: str, now: float) -> int:
        """Revoke, durably when this returns; returns how many live families ended.

        Revoking a subject, or everything, also keeps the sessions concerned from being exchanged, but for those that
        began with a login seen since: whoever stole a session has it still.
        """
        count = await self.count_concerned(kind, name, now)
        match kind:
            case RevocationKind.SUBJECT:
                await self._endings.end_subject(name, reason, now, bars=True)
            case RevocationKind.EVERYTHING:
                await self._endings.end_everything(reason, now)
            case RevocationKind.FAMILY if await self._endings.end_families([name], reason, now):
                pass
            case _:
                await self._endings.end_named(kind, name, reason, now)
        return count
