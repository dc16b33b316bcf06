"""What is open for long: tunnels and event streams, found again by token, family and subject."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from gateway.errors import SessionEnded
from gateway.model import Permit, Revocation, RevocationKind

_REMEMBERED = 10_000
"""Revocations that are remembered for what is opened by a request of before."""

Key = tuple[RevocationKind, str]


@dataclass(frozen=True, slots=True, eq=False)
class Handle:
    """One open tunnel or stream. `end` closes it and may be called once."""

    keys: tuple[Key, ...]
    sequence: int
    end: Callable[[], None]

    def is_concerned(self, kind: RevocationKind, sequence: int) -> bool:
        """Whether a revocation of one of the keys ends it. An epoch spares those whose token was issued after it."""
        return kind not in _EPOCHS or self.sequence < sequence


_EPOCHS = frozenset({RevocationKind.SUBJECT, RevocationKind.EVERYTHING})


class Live:
    """The open tunnels and event streams of this process.

    A stream is known only when its response begins, long after its request was admitted. So the last revocations are
    remembered in their order, and `moment` counts them: what was revoked in between never opens.
    """

    def __init__(self, remembered: int = _REMEMBERED) -> None:
        """`remembered` bounds how many revocations are kept for later."""
        self.moment = 0
        """How many revocations have come."""
        self._by_key: dict[Key, set[Handle]] = {}
        self._count = 0
        self._bound = remembered
        self._recent: dict[Key, tuple[int, int]] = {}
        """The moment and the sequence of the last revocation of each key, the latest last."""
        self._forgotten = 0
        """The moment of the last one that is not remembered any more."""

    def __len__(self) -> int:
        """How many are open."""
        return self._count

    def add(self, permit: Permit, end: Callable[[], None], since: int | None = None) -> Handle | None:
        """Remember one that a credential opened; None for an anonymous one, which nothing can revoke.

        `since` is the `moment` from before the admission; without it, only revocations to come count.

        Raises:
            SessionEnded: it was revoked since then, or so much was that nobody can say.
        """
        keys = _keys_of(permit)
        if not keys:
            return None
        sequence = permit.token.sequence if permit.token is not None else 0
        handle = Handle(keys, sequence, end)
        if since is not None and since != self.moment and self._was_ended(handle, since):
            raise SessionEnded
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
        for revocation in revocations:
            self._note(revocation)
        concerned = {
            handle
            for revocation in revocations
            for handle in self._by_key.get((revocation.kind, revocation.name), ())
            if handle.is_concerned(revocation.kind, revocation.sequence)
        }
        for handle in concerned:
            self.remove(handle)
            handle.end()
        return len(concerned)

    def end_session(self, site: str, key: str) -> int:
        """End all that were opened by a legacy session's own cookie; returns how many."""
        return self.end([Revocation(RevocationKind.FAMILY, _session_name(site, key), 0.0, "")])

    def end_tokens(self) -> int:
        """End all that any token opened, because a signing key was given up and nobody knows which it signed.

        Whoever has a good token opens them again.
        """
        return self.end([Revocation(RevocationKind.EVERYTHING, "", 0.0, "key_compromised", sequence=2**63)])

    def _note(self, revocation: Revocation) -> None:
        self.moment += 1
        key = (revocation.kind, revocation.name)
        self._recent.pop(key, None)
        self._recent[key] = (self.moment, revocation.sequence)
        if len(self._recent) > self._bound:
            oldest = next(iter(self._recent))
            self._forgotten, _ = self._recent.pop(oldest)

    def _was_ended(self, handle: Handle, since: int) -> bool:
        if since < self._forgotten:
            return True
        for key in handle.keys:
            moment, sequence = self._recent.get(key, (0, 0))
            if moment > since and handle.is_concerned(key[0], sequence):
                return True
        return False


def _keys_of(permit: Permit) -> tuple[Key, ...]:
    if permit.token is not None:
        token = permit.token
        return (
            (RevocationKind.FAMILY, token.session_id),
            (RevocationKind.TOKEN, token.token_id),
            (RevocationKind.SUBJECT, token.subject),
            (RevocationKind.EVERYTHING, ""),
        )
    if permit.remote is not None:
        remote = permit.remote  # it has no family, and lives for as long as nobody names its token or its subject
        named = ((RevocationKind.TOKEN, remote.token_id),) if remote.token_id else ()
        return (*named, (RevocationKind.SUBJECT, remote.subject), (RevocationKind.EVERYTHING, ""))
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
