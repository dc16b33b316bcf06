"""What an honest gateway may answer: who may do what, since when, and which fault of ours explains what. No I/O."""

from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from math import inf

import orjson

from tests.soak.answers import Answer

LEEWAY = 1.0
MAX_STALENESS = 5.0
"""Seconds after its acknowledgement in which a revocation may be unknown to another process, where that process could
not ask Redis in time: `revocation.max_staleness`."""
IN_TIME = 0.05
"""Seconds that Redis has for an answer. Where honest requests take longer, processes have to wait for processors."""
STARVED = 1.0
"""Seconds that no honest request takes unless processes are kept from their processors for very long."""
RECOVERY = {"application": 1.0, "redis": 3.0, "postgres": 3.0}
"""Seconds after a server answers again in which its absence still explains an answer."""
_UPSTREAM = frozenset({"upstream_unreachable", "upstream_malformed", "upstream_timeout"})
_STORES = frozenset({"revocation_unavailable", "store_unavailable", "vault_unavailable", "session_undetermined"})
EXPLAINS = {"application": _UPSTREAM, "redis": _STORES, "postgres": _STORES}


@dataclass(slots=True, eq=False)
class Revocable:
    """A token (`jti`), a family (`sid`) or a user (`sub`), and when its end was ordered and acknowledged."""

    kind: str
    name: str
    ordered_at: float = inf
    acknowledged_at: float = inf


@dataclass(frozen=True, slots=True, eq=False)
class Token:
    """An access token. `circles` are what it ends with."""

    text: str
    user: str
    expires_at: float
    circles: tuple[Revocable, ...]

    @property
    def is_good_until(self) -> float:
        return min(self.expires_at, *(circle.ordered_at for circle in self.circles))

    def is_over_from(self, bound: float = 0.0) -> float:
        """When it is refused for sure, `bound` seconds after a revocation was acknowledged."""
        return min(self.expires_at + LEEWAY, *(circle.acknowledged_at + bound for circle in self.circles))


@dataclass(slots=True)
class Trouble:
    """Something that the soak took away, and when it gave it back."""

    kind: str
    began: float
    ended: float = inf

    def touches(self, sent_at: float, done_at: float) -> bool:
        return self.began <= done_at and sent_at <= self.ended + RECOVERY[self.kind]


@dataclass
class Troubles:
    """All of them."""

    past: list[Trouble] = field(default_factory=list)
    waited_at: float = -inf
    """When an honest request last had to wait for a processor."""
    lateness: list[float] = field(default_factory=list)
    """How long after its acknowledgement a revocation was not known yet, in seconds, where that is excused."""
    starved_at: float = -inf
    """When an honest request last took longer than it could by itself."""
    starved: Counter[str] = field(default_factory=Counter)
    """Answers that nothing explains but that, by their codes."""

    @contextmanager
    def during(self, kind: str, clock: Callable[[], float]) -> Iterator[None]:
        trouble = Trouble(kind, clock())
        self.past.append(trouble)
        yield
        trouble.ended = clock()

    def explains(self, code: str, answer: Answer) -> bool:
        return any(
            code in EXPLAINS[trouble.kind] and trouble.touches(answer.sent_at, answer.done_at)
            for trouble in reversed(self.past)
        )

    def note(self, answer: Answer) -> None:
        """Take note of how long an honest request took."""
        took = answer.done_at - answer.sent_at
        if took > IN_TIME:
            self.waited_at = answer.done_at
        if took > STARVED:
            self.starved_at = answer.done_at

    def is_starved(self, code: str, answer: Answer) -> bool:
        """Whether a process that is kept from its processor gives such an answer, and one was at that time."""
        has_code = code in _STORES or code == "upstream_timeout"
        is_starved = has_code and answer.done_at - self.starved_at < MAX_STALENESS
        self.starved[code] += is_starved
        return is_starved

    def bound(self, answer: Answer) -> float:
        """How long after its acknowledgement a revocation may be unknown to a request.

        Not at all, unless Redis was away or somebody had to wait for a processor: then the copy in the process counts.
        """
        is_away = any(one.kind == "redis" and one.touches(answer.sent_at, answer.done_at) for one in self.past)
        has_waited = answer.done_at - max(self.waited_at, 0.0) < MAX_STALENESS
        return MAX_STALENESS if is_away or has_waited else 0.0


@dataclass(frozen=True, slots=True)
class Call:
    """A request, and what is right for it while its token is good. `status` is that of an answer of the application.

    `is_cut` demands that the answer is seen cut off.
    """

    name: str
    request: bytes
    user: str = ""
    status: int = 200
    token: Token | None = None
    checksum: int = 0
    is_cut: bool = False
    has_content: bool = True
    """The application says whose answer it is."""


def find_fault(call: Call, answer: Answer, troubles: Troubles) -> str:
    """Return what is wrong with an answer as a few words, or nothing."""
    if not answer.status:
        return f"no answer in {answer.done_at - answer.sent_at:.3f} s"
    code = code_of(answer)
    if answer.is_ours and answer.status >= 500 and troubles.explains(code, answer):
        return ""
    if answer.is_ours and answer.status != call.status and troubles.is_starved(code, answer):
        return ""
    allowed = {call.status}
    if call.token is not None:
        if answer.sent_at > call.token.is_over_from(troubles.bound(answer)):
            allowed = {401}
        elif answer.done_at >= call.token.is_good_until:
            allowed.add(401)
            if answer.status == 200 and answer.sent_at > call.token.is_over_from():
                troubles.lateness.append(answer.sent_at - call.token.is_over_from())
    if answer.status not in allowed:
        return _name_fault(call, answer, allowed, code)
    if answer.is_ours:
        return ""
    return _find_fault_of_content(call, answer, troubles)


def code_of(answer: Answer) -> str:
    """The stable code of a problem of ours, empty for an answer of the application."""
    if not answer.is_ours or answer.status < 400:
        return ""
    return str(orjson.loads(answer.body)["code"]) if answer.is_whole else "cut"


def _name_fault(call: Call, answer: Answer, allowed: set[int], code: str) -> str:
    if answer.status == 200 and allowed == {401}:
        late = answer.sent_at - call.token.is_over_from(0.0) if call.token else 0.0
        took = answer.done_at - answer.sent_at
        return f"forwarded {late:.3f} s after its end, answered in {took:.3f} s"
    if answer.status == 401:
        return "a good credential was refused"
    return f"unexplained {answer.status} {code}".rstrip()


def _find_fault_of_content(call: Call, answer: Answer, troubles: Troubles) -> str:
    if call.is_cut:
        return "a cut was hidden" if answer.is_whole else ""
    if not answer.is_whole:
        return "" if troubles.explains("upstream_unreachable", answer) else "cut off"
    if not call.has_content:
        return ""
    content = orjson.loads(answer.body)
    if content["id"] != call.name or content["user"] != call.user:
        return f"the answer of another: {content}"
    return "" if content["sum"] == call.checksum else "another body arrived"
