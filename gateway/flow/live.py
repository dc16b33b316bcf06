"""What is open for long: tunnels and event streams, found again by token, family and subject."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from gateway.model import Permit, Revocation, RevocationKind


@dataclass(frozen=True, slots=True, eq=False)
class Handle:
    """One open tunnel or stream. `end` closes it and may be called once."""

    keys: tuple[tuple[RevocationKind, str], ...]
    sequence: int
    end: Callable[[], None]


class Live:
    """The open tunnels and event streams of this process."""

    def __init__(self) -> None:
        self._by_key: dict[tuple[RevocationKind, str], set[Handle]] = {}
        self._count = 0

    def __len__(self) -> int:
        """How many are open."""
        return self._count

    def add(self, permit: Permit, end: Callable[[], None]) -> Handle | None:
        """Remember one that a credential opened; None for an anonymous one, which nothing can revoke."""
        keys = _keys_of(permit)
        if not keys:
            return None
        sequence = permit.token.sequence if permit.token is not None else 0
        handle = Handle(keys, sequence, end)
        for key in keys:
            self._by_key.setdefault(key, set()).add(handle)
        self._count += 1
        return handle

    def remove(self, handle: object) -> None:
        """Forget one that ended by itself. Forgetting twice is harmless."""
        if not isinstance(handle, Handle) or handle not in self._by_key.get(handle.keys[0], ()):
            return
        self._count -= 1
        for key in handle.keys:
            handles = self._by_key[key]
            handles.discard(handle)
            if not handles:
                del self._by_key[key]

    def end(self, revocations: Sequence[Revocation]) -> int:
        """End all that the revocations concern; returns how many.

        An epoch spares those whose token was issued after it (`seq` not smaller).
        """
        concerned = {
            handle
            for revocation in revocations
            for handle in self._by_key.get((revocation.kind, revocation.name), ())
            if not _is_epoch(revocation) or handle.sequence < revocation.sequence
        }
        for handle in concerned:
            self.remove(handle)
            handle.end()
        return len(concerned)

    def end_session(self, site: str, key: str) -> int:
        """End all that were opened by a legacy session's own cookie; returns how many."""
        return self.end([Revocation(RevocationKind.FAMILY, _session_name(site, key), 0.0, "")])


def _keys_of(permit: Permit) -> tuple[tuple[RevocationKind, str], ...]:
    if permit.token is not None:
        token = permit.token
        return (
            (RevocationKind.FAMILY, token.session_id),
            (RevocationKind.TOKEN, token.token_id),
            (RevocationKind.SUBJECT, token.subject),
            (RevocationKind.EVERYTHING, ""),
        )
    if permit.session is not None:
        session = permit.session
        return (
            (RevocationKind.FAMILY, _session_name(session.site, session.key)),
            (RevocationKind.SUBJECT, session.subject),
        )
    return ()


def _session_name(site: str, key: str) -> str:
    # A family id is a UUID and holds no NUL, so the two namespaces cannot meet.
    return f"{site}\0{key}"


def _is_epoch(revocation: Revocation) -> bool:
    return revocation.kind in {RevocationKind.SUBJECT, RevocationKind.EVERYTHING}
