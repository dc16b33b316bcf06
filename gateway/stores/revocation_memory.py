"""The RevocationStore of the embedded mode: a copy of the log inside the one process that writes it.

A million entries must fit into 90 MB and a look-up must not suspend, so names are kept as keyed hashes: Python hashes
strings by SipHash under a key drawn for each process. A collision, of which nobody can choose one, refuses.
"""

from array import array
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from gateway.errors import RevocationUnavailable, StoreUnavailable
from gateway.model import Revocation, RevocationKind, Standing, VerifiedToken
from gateway.ports import Clock, RevocationLog
from gateway.stores.keeper import Keeper

_PAGE = 10_000
_SPAN = 1800
"""Names expire together in spans of half an hour, never early. In seconds."""
_BITS = (1 << 60) - 1
"""Python keeps integers of up to 60 bits in 32 bytes, and longer ones in 48."""
_CLEAR = Standing()


class MemoryRevocationStore:
    """Answers from memory; unavailable until the log was read once.

    What is recorded is published at once; besides, the log is read on every `check_every` seconds, for revocations
    whose caller went away between recording and publishing.
    """

    def __init__(self, log: RevocationLog, clock: Clock, *, check_every: float = 1.0) -> None:
        self._log = log
        self._clock = clock
        self._names = _Names()
        self._epochs: dict[str, tuple[int, float]] = {}
        self._everything = 0
        self._read_up_to = 0
        self._is_filled = False
        self._check_every = check_every
        self._keeper = Keeper(self._round)

    async def start(self) -> None:
        """Read the log, and go on reading it. Never raises: `look_up` is unavailable until it could be read."""
        await self._keeper.start()

    async def close(self) -> None:
        """Stop reading the log."""
        await self._keeper.close()

    async def look_up(self, token: VerifiedToken) -> Standing:
        """Return what is known of the token. Never suspends.

        Raises:
            RevocationUnavailable: the log could not be read yet.
        """
        if not self._is_filled:
            raise RevocationUnavailable
        token_revoked = _key(RevocationKind.TOKEN, token.token_id) in self._names
        family_revoked = _key(RevocationKind.FAMILY, token.session_id) in self._names
        epoch = self._epochs.get(token.subject)
        if not (token_revoked or family_revoked or epoch or self._everything):
            return _CLEAR
        return Standing(token_revoked, family_revoked, epoch[0] if epoch else 0, self._everything)

    async def publish(self, revocations: Sequence[Revocation]) -> None:
        """Make recorded revocations effective. Never suspends, never raises."""
        self._take(revocations)

    async def catch_up(self, now: float) -> None:
        """Take what the log has and this does not.

        Raises:
            StoreUnavailable: the log cannot be read.
        """
        while page := await self._log.live(now, after=self._read_up_to, limit=_PAGE):
            self._take(page)
            self._read_up_to = page[-1].sequence
        self._is_filled = True

    def sweep(self, now: float, *, limit: int = _PAGE) -> int:
        """Forget up to `limit` names that have expired, and expired epochs; returns how many."""
        over = [subject for subject, (_, expires_at) in self._epochs.items() if expires_at <= now]
        for subject in over:
            del self._epochs[subject]
        return len(over) + self._names.discard_expired(now, limit)

    def __len__(self) -> int:
        return len(self._names) + len(self._epochs)

    async def _round(self) -> float:
        now = self._clock.wall()
        self.sweep(now)
        try:
            await self.catch_up(now)
        except StoreUnavailable:
            pass  # what was published directly is known; the rest is read in the next round
        return self._check_every

    def _take(self, revocations: Iterable[Revocation]) -> None:
        for entry in revocations:
            if entry.kind is RevocationKind.EVERYTHING:
                self._everything = max(self._everything, entry.sequence)
            elif entry.kind is RevocationKind.SUBJECT:
                epoch, expires_at = self._epochs.get(entry.name, (0, 0.0))
                self._epochs[entry.name] = max(epoch, entry.sequence), max(expires_at, entry.expires_at)
            else:
                self._names.add(_key(entry.kind, entry.name), entry.expires_at)


@dataclass(slots=True)
class _Span:
    """Hashes that expire within the same half hour."""

    ends_at: int
    keys: "array[int]" = field(default_factory=lambda: array("q"))


class _Names:
    """A set of hashes that expire: each leads to its span, and each span knows its hashes."""

    def __init__(self) -> None:
        self._span_of: dict[int, _Span] = {}
        self._spans: dict[int, _Span] = {}

    def __contains__(self, key: int) -> bool:
        return key in self._span_of

    def __len__(self) -> int:
        return len(self._span_of)

    def add(self, key: int, expires_at: float) -> None:
        ends_at = (int(expires_at // _SPAN) + 1) * _SPAN
        span = self._span_of.get(key)
        if span is None or span.ends_at < ends_at:
            span = self._spans.get(ends_at)
            if span is None:
                span = self._spans[ends_at] = _Span(ends_at)
            self._span_of[key] = span
            span.keys.append(key)

    def discard_expired(self, now: float, limit: int) -> int:
        discarded = 0
        for span in [span for span in self._spans.values() if span.ends_at <= now]:
            while span.keys and discarded < limit:
                key = span.keys.pop()
                if self._span_of.get(key) is span:  # else it was added again and expires later
                    del self._span_of[key]
                    discarded += 1
            if not span.keys:
                del self._spans[span.ends_at]
        return discarded


def _key(kind: RevocationKind, name: str) -> int:
    return hash(kind + name) & _BITS
