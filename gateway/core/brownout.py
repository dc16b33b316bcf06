"""Announced windows in which session cookies are refused on purpose: a rehearsal with an end."""

from dataclasses import dataclass

from gateway.core.rollout import Rollout

_SAFE = frozenset({b"GET", b"HEAD"})
_FEWEST = 50
"""Signed-in requests below which a share says nothing."""


@dataclass(frozen=True, slots=True)
class Window:
    """From `begin` until `end`, in seconds since 1970, for a part of the users: always the same ones."""

    begin: float
    end: float
    part: Rollout


@dataclass(frozen=True, slots=True)
class Brownout:
    """The windows, in any order."""

    windows: tuple[Window, ...] = ()

    def find_window(self, now: float) -> Window | None:
        """Return the window that is open, or None."""
        return next((window for window in self.windows if window.begin <= now < window.end), None)

    def refuses(self, subject: str, method: bytes, now: float) -> bool:
        """Whether the session cookie of this user is refused now: for requests that change nothing only."""
        window = self.find_window(now)
        return window is not None and method in _SAFE and window.part.includes(subject)

    def has_passed(self, since: float | None, now: float) -> bool:
        """Whether a window has come to its end since then."""
        return since is not None and any(since < window.end <= now for window in self.windows)


NO_BROWNOUT = Brownout()


def is_harmful(refused: int, admitted: int, bound: float) -> bool:
    """Whether more than `bound` percent of the signed-in requests were refused, of enough to say so."""
    signed_in = refused + admitted
    return signed_in >= _FEWEST and 100.0 * refused / signed_in > bound
