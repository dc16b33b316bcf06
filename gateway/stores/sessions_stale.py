"""Has the application changed its secret? Then no cookie fits any more, and that is not everybody's logout."""

from collections.abc import Callable

from gateway.model import Anonymous, LegacySession, SessionCookie, Undetermined, Verdict

_REMEMBERED = 4096  # different cookies that are told apart in one window; more only count as these


class StaleCodecGuard:
    """Declares a codec stale when suddenly most cookies fail every secret; until a good one is seen again.

    In a window of `window` seconds at least `minimum` different cookies must be bad, and of the share of good ones
    less than half be left of what was usual in the last full window. While stale, a bad signature is undetermined.
    `alert` is called when that begins.
    """

    def __init__(self, *, minimum: int = 20, window: float = 60.0, alert: Callable[[], None] | None = None) -> None:
        self.is_stale = False
        self._alert = alert
        self._minimum = minimum
        self._window = window
        self._since = 0.0
        self._usual = 1.0
        self._good: set[int] = set()
        self._bad: set[int] = set()

    def judge(self, verdict: Verdict, shown: SessionCookie, now: float) -> Verdict:
        """Learn from a verdict and return it, or undetermined in its place. `now` is in seconds since 1970."""
        if not self._since <= now < self._since + self._window:
            self._begin(now)
        if isinstance(verdict, Anonymous) and verdict.reason == "bad_signature":
            _add(self._bad, shown)
            if not self.is_stale and self._has_jumped():
                self._go_stale()
            return Undetermined("stale_codec") if self.is_stale else verdict
        if isinstance(verdict, LegacySession) or _was_signed(verdict):
            self._recover()
            _add(self._good, shown)
        return verdict

    def _begin(self, now: float) -> None:
        """Begin a window; what was usual is learned from one with enough cookies, and never while stale."""
        total = len(self._good) + len(self._bad)
        if total >= self._minimum and not self.is_stale:
            self._usual = len(self._good) / total
        self._since = now
        self._good.clear()
        self._bad.clear()

    def _has_jumped(self) -> bool:
        good, bad = len(self._good), len(self._bad)
        return bad >= self._minimum and good / (good + bad) < self._usual / 2

    def _go_stale(self) -> None:
        self.is_stale = True
        if self._alert is not None:
            self._alert()

    def _recover(self) -> None:
        if self.is_stale:
            self.is_stale = False
            self._bad.clear()


def _was_signed(verdict: Verdict) -> bool:
    """Whether a secret fitted although nobody is signed in."""
    return isinstance(verdict, Anonymous) and verdict.reason in {"expired", "no_user", "not_bound"}


def _add(seen: set[int], shown: SessionCookie) -> None:
    if len(seen) < _REMEMBERED:
        seen.add(hash(shown.cookies))
