"""The mirror: a copy of all living revocations inside this process, good for as long as it is known to be complete.

It is complete when the log was read to its end, or when the feed has brought all up to the number that Redis has.
Either moment is worth `max_staleness` seconds; after that nobody can say.
"""

import math
from collections.abc import Callable, Iterable, Sequence

from gateway.errors import RevocationUnavailable, StoreUnavailable
from gateway.model import CLEAR, Revocation, RevocationKind, Standing, VerifiedToken
from gateway.ports import Clock, RevocationLog
from gateway.stores.keeper import Keeper
from gateway.stores.revocation_names import ExpiringNames

_PAGE = 5_000
_EPOCHS = frozenset({RevocationKind.SUBJECT, RevocationKind.EVERYTHING})

Announce = Callable[[Sequence[Revocation]], object]
"""Told of revocations that others made, once each: what they concern may be open here."""


class MemoryRevocationStore:
    """Answers from memory; unavailable until the log was read once, and again when nothing confirmed it in time.

    What is recorded here is published here at once. Besides, the log is read every `check_every` seconds: for what
    other gateways recorded, and for what a caller recorded who went away before publishing it.
    `max_staleness` is in seconds; without it the copy stays good, because nobody else writes to the log.
    """

    def __init__(
        self,
        log: RevocationLog,
        clock: Clock,
        *,
        check_every: float = 1.0,
        max_staleness: float = math.inf,
        announce: Announce = lambda _news: None,
    ) -> None:
        self._log = log
        self._clock = clock
        self._monotonic = clock.monotonic
        self._announce = announce
        self._max_staleness = max_staleness
        self._names = ExpiringNames(clock.wall())
        self._epochs: dict[str, tuple[int, float]] = {}
        self._everything = 0
        self._numbers = _Numbers()
        self._is_filled = False
        self._confirmed_at = clock.monotonic()
        self._good_until = -math.inf
        self._check_every = check_every
        self._keeper = Keeper(self._round)

    async def start(self) -> None:
        """Read the log, and go on reading it. Never raises: `look_up` is unavailable until it could be read."""
        await self._keeper.start()

    async def close(self) -> None:
        """Stop reading the log."""
        await self._keeper.close()

    @property
    def staleness(self) -> float:
        """For how many seconds nothing has confirmed that the copy is complete."""
        return max(self._clock.monotonic() - self._confirmed_at, 0.0)

    def glance(self, token: VerifiedToken) -> Standing | None:
        """See `RevocationStore`."""
        if self._monotonic() > self._good_until:
            return None
        if self._everything or token.subject in self._epochs or self._names.may_hold(*token.names):
            return self.recall(token)
        return CLEAR

    def inquire(self, token: VerifiedToken, settle: Callable[[Standing | None], None]) -> bool:
        """See `RevocationStore`: there is nobody to ask."""
        return False

    async def look_up(self, token: VerifiedToken) -> Standing:
        """Return what is known of the token. Never suspends.

        Raises:
            RevocationUnavailable: the copy may lack something.
        """
        if self._monotonic() > self._good_until:
            raise RevocationUnavailable
        return self.recall(token)

    def recall(self, token: VerifiedToken) -> Standing:
        """Return what is known of the token, although the copy may lack something."""
        names, (one, family) = self._names, token.names
        token_revoked = family_revoked = False
        if names.may_hold(one, family):
            token_revoked, family_revoked = one in names, family in names
        epoch = self._epochs.get(token.subject)
        if not (token_revoked or family_revoked or epoch or self._everything):
            return CLEAR
        return Standing(token_revoked, family_revoked, epoch[0] if epoch else 0, self._everything)

    async def publish(self, revocations: Sequence[Revocation]) -> None:
        """Make recorded revocations effective. Never suspends, never raises; they are not announced."""
        for entry in revocations:
            self._numbers.note(entry.sequence)
        self._take(revocations)

    def take_news(self, revocations: Sequence[Revocation]) -> None:
        """Take what the feed has brought, and announce what was not known yet."""
        news = [entry for entry in revocations if self._numbers.note(entry.sequence)]
        self._take(news)
        if news:
            self._announce(news)

    def confirm(self, sequence: int, at: float) -> bool:
        """Take note that `sequence` was the newest number at the monotonic time `at`; False where something is missing.

        Nothing is confirmed before the log was read once.
        """
        if not self._is_filled or self._numbers.complete < sequence:
            return False
        self._confirmed_at = max(self._confirmed_at, at)
        self._good_until = self._confirmed_at + self._max_staleness
        return True

    async def catch_up(self) -> None:
        """Take what the log has and this does not, and announce it, but for what was there before we were.

        Raises:
            StoreUnavailable: the log cannot be read.
        """
        at, newest = self._clock.monotonic(), await self._log.sequence()
        if newest < self._numbers.complete:
            self._numbers = _Numbers()  # the log lost its end, as in a failover: its numbers come a second time
        take = self.take_news if self._is_filled else self._fill
        while self._numbers.complete < newest or not self._is_filled:
            page = await self._log.live(self._clock.wall(), after=self._numbers.complete, limit=_PAGE)
            take(page)
            self._numbers.complete_up_to(page[-1].sequence if page else newest)
            if not page and not self._is_filled:
                self._names.finish_filling()
                self._is_filled = True
        self.confirm(newest, at)

    def wake(self) -> None:
        """Read the log now: another source has just failed."""
        self._keeper.wake()

    def sweep(self, now: float) -> int:
        """Forget expired epochs and some of the expired names; returns how many. All had their turn after 256 calls."""
        over = [subject for subject, (_, expires_at) in self._epochs.items() if expires_at <= now]
        for subject in over:
            del self._epochs[subject]
        return len(over) + self._names.discard_expired(now)

    def __len__(self) -> int:
        return len(self._names) + len(self._epochs)

    async def _round(self) -> float:
        self.sweep(self._clock.wall())
        try:
            await self.catch_up()
        except StoreUnavailable:
            pass  # what was published or fed is known; the rest is read in the next round
        return self._check_every

    def _fill(self, revocations: Sequence[Revocation]) -> None:
        epochs = [entry for entry in revocations if entry.kind in _EPOCHS]
        named = [entry for entry in revocations if entry.kind not in _EPOCHS] if epochs else revocations
        self._names.fill([(entry.kind + entry.name, entry.expires_at) for entry in named])
        self._take(epochs)

    def _take(self, revocations: Iterable[Revocation]) -> None:
        for entry in revocations:
            if entry.kind is RevocationKind.EVERYTHING:
                self._everything = max(self._everything, entry.sequence)
            elif entry.kind is RevocationKind.SUBJECT:
                epoch, expires_at = self._epochs.get(entry.name, (0, 0.0))
                self._epochs[entry.name] = max(epoch, entry.sequence), max(expires_at, entry.expires_at)
            else:
                self._names.add(entry.kind + entry.name, entry.expires_at)


class _Numbers:
    """Which revocations are known: all up to `complete`, and some beyond, since several gateways publish at once."""

    def __init__(self) -> None:
        self.complete = 0
        self._beyond: set[int] = set()

    def note(self, sequence: int) -> bool:
        """Take note of one; False where it was known."""
        if sequence <= self.complete or sequence in self._beyond:
            return False
        self._beyond.add(sequence)
        self._close_up()
        return True

    def complete_up_to(self, sequence: int) -> None:
        """Take note that all living ones up to this number are known."""
        if sequence > self.complete:
            self.complete = sequence
            self._beyond = {number for number in self._beyond if number > sequence}
            self._close_up()

    def _close_up(self) -> None:
        while self.complete + 1 in self._beyond:
            self.complete += 1
            self._beyond.remove(self.complete)
