"""Is a session over because the application says so? One answer proves little, the same one to everybody nothing.

What a store of the application shows, what a logout path did, a cookie that was deleted: these are signs. That the
application, asked who somebody is, answers "nobody" is an inference. It also answers so while it is half deployed or
has lost its own store. So the session is suspended until a second look says the same, and no second look counts while
most sessions are said to be over.
"""

from collections.abc import Callable, Collection
from dataclasses import dataclass
from typing import NamedTuple

from gateway.model import Anonymous, LegacySession, Undetermined, Verdict

_ENOUGH = 10
"""Sessions said to be over that make a crowd; with fewer, their share says nothing."""
_REMEMBERED = 20_000
"""Sessions of one site whose last look is remembered."""

SUSPENDED = Undetermined("suspended")


@dataclass(frozen=True, slots=True)
class InferencePolicy:
    """`second_look` is in seconds. `max_rate` is the share of the sessions looked at within that time, from 0 to 1."""

    second_look: float = 30.0
    max_rate: float = 0.5


class _Look(NamedTuple):
    at: float
    is_over: bool


class Inference:
    """Judges what is said of the sessions that tokens stand for. `sites` are those where the application is asked.

    `alert` is called when so many are said to be over that none of it is believed any more.
    """

    def __init__(
        self,
        policy: InferencePolicy | None = None,
        *,
        sites: Collection[str] = (),
        alert: Callable[[], None] | None = None,
    ) -> None:
        policy = policy or InferencePolicy()
        self._sites = {site: _Site(policy, alert) for site in sites}

    def judge(self, site: str, key: str, verdict: Verdict, now: float) -> Verdict:
        """Return the verdict about a session, or undetermined where it is hearsay that is not believed yet."""
        asked = self._sites.get(site)
        if asked is None:
            return verdict
        if isinstance(verdict, LegacySession):
            asked.hear(key, now, is_over=False)
        elif isinstance(verdict, Anonymous) and verdict.is_hearsay and not asked.hear(key, now, is_over=True):
            return SUSPENDED
        return verdict

    def is_stopped(self, site: str, now: float) -> bool:
        """Whether the application says of most sessions that they are over, so that it is believed of none."""
        asked = self._sites.get(site)
        return asked is not None and asked.is_stopped(now)


class _Site:
    """What the application has said of the sessions of one site."""

    def __init__(self, policy: InferencePolicy, alert: Callable[[], None] | None) -> None:
        self._policy = policy
        self._alert = alert
        self._looks: dict[str, _Look] = {}
        """The last look at each session, by its key, within the time of a second look; the latest last."""
        self._over = 0
        self._suspended: dict[str, float] = {}
        """When each was first said to be over."""
        self._was_stopped = False

    def hear(self, key: str, now: float, *, is_over: bool) -> bool:
        """Take note of a look; returns whether a session that is said to be over is."""
        self._drop(key)
        self._looks[key] = _Look(now, is_over)
        self._over += is_over
        if len(self._looks) > _REMEMBERED:
            self._drop(next(iter(self._looks)))
        if not is_over:
            self._suspended.pop(key, None)
            return False
        if self.is_stopped(now):
            return False
        since = self._suspended.setdefault(key, now)
        if now - since >= self._policy.second_look:
            del self._suspended[key]
            return True
        if len(self._suspended) > _REMEMBERED:
            del self._suspended[next(iter(self._suspended))]
        return False

    def is_stopped(self, now: float) -> bool:
        """Forget the looks of long ago, and say whether those that are left are of a crowd."""
        while self._looks and not 0 <= now - next(iter(self._looks.values())).at < self._policy.second_look:
            self._drop(next(iter(self._looks)))
        is_crowd = self._over >= _ENOUGH and self._over > self._policy.max_rate * len(self._looks)
        if is_crowd:
            self._suspended.clear()  # when this is over, everybody has a second look before him
        if is_crowd and not self._was_stopped and self._alert is not None:
            self._alert()
        self._was_stopped = is_crowd
        return is_crowd

    def _drop(self, key: str) -> None:
        look = self._looks.pop(key, None)
        self._over -= look is not None and look.is_over
