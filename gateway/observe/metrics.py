"""What is counted, in fixed slots. `observe.families` says what there is, `docs/metrics.md` what it means.

Nothing that a client sends can make a new series: whatever is not on a closed list counts under `_none` or `_OTHER`.
"""

from bisect import bisect_left
from collections.abc import Sequence

from gateway.errors import InternalError, Source
from gateway.facts import Comparison, Dependant, Event, Fact
from gateway.model import Credential, Phase
from gateway.observe.families import (
    ABANDONED,
    CLIENT_CLOSED,
    DURATION_BOUNDS,
    FAILED,
    NO_ROUTE,
    OVERHEAD_BOUNDS,
    PASSED,
    PAUSE_BOUNDS,
    REFUSED,
    Families,
    error_sources,
)
from gateway.observe.process import ProcessFigures
from gateway.observe.slots import number_of_kid

_MOST_KINDS = 4096
"""Combinations of route, method, status, credential and code whose slots are remembered."""


class Metrics:
    """The port `Facts`, kept in one array of doubles.

    `routes` are the templates of the configured rules and the addresses of our own endpoints, `dependencies` what
    `crossfade_dependency_up` speaks of. `slots` is the array to count in, of `families.layout.size` doubles; without
    it a new one in anonymous shared memory is made. Only one process may write to an array; what the last one said of
    itself is cleared.
    """

    def __init__(
        self, *, routes: Sequence[str], dependencies: Sequence[str] = (), slots: "memoryview[float] | None" = None
    ) -> None:
        self.families = families = Families(routes, dependencies)
        self.layout = families.layout
        self.slots = families.layout.allocate(1)[0] if slots is None else slots
        families.layout.clear_gauges(self.slots)
        requests, durations = families.requests, families.durations
        self._requests = requests.start
        self._kinds: dict[tuple[str, str, int, Credential, str], tuple[int, int, int | None]] = {}
        self._routes = requests.offsets("route")
        self._methods = requests.offsets("method")
        self._credentials = requests.offsets("credential")
        self._statuses = tuple(requests.offsets("status").values())
        self._durations = {route: durations.start + offset for route, offset in durations.offsets("route").items()}
        self._duration_sum = durations.width - 1
        self._overhead = families.overhead.start
        self._overhead_sum = self._overhead + families.overhead.width - 1
        self._passed, self._errors = _outcomes(families)
        self._events = _slots_of(families.events.offsets("event"), families.events.start)
        dependants = families.dependants
        self._dependants = dependants.start
        self._dependant_routes, self._dependant_kinds = dependants.offsets("route"), dependants.offsets("kind")
        self._cpu = 0.0  # seconds of this process that are counted already
        self._dependencies = _slots_of(families.dependencies.offsets("dependency"), families.dependencies.start)

    def request(self, fact: Fact) -> None:
        """Count a finished request."""
        route, method, status, credential, code, duration, asked = fact
        kind = (route, method, status, credential, code)
        known = self._kinds.get(kind)
        if known is None:
            known = self._find_slots(*kind)
            if len(self._kinds) < _MOST_KINDS:
                self._kinds[kind] = known
        slots, (counter, row, error) = self.slots, known
        if error is not None:
            slots[error] += 1
        slots[counter] += 1
        slots[row + bisect_left(DURATION_BOUNDS, duration)] += 1
        slots[row + self._duration_sum] += duration
        overhead = duration - asked if duration > asked else 0.0
        slots[self._overhead + bisect_left(OVERHEAD_BOUNDS, overhead)] += 1
        slots[self._overhead_sum] += overhead

    def _find_slots(
        self, route: str, method: str, status: int, credential: Credential, code: str
    ) -> tuple[int, int, int | None]:
        """Return the slot of the counter, the first of the durations, and that of the error."""
        decision, error = self._passed, None
        if code:
            decision, error = self._errors.get(code) or self._errors[InternalError.code]
        hundreds = status // 100
        counter = (
            self._requests
            + self._routes.get(route, 0)
            + self._methods.get(method, 0)
            + self._credentials[credential]
            + decision
            + self._statuses[hundreds if 0 < hundreds < 6 else 0]
        )
        return counter, self._durations.get(route) or self._durations[NO_ROUTE], error

    def count(self, event: Event) -> None:
        """Count an event."""
        self.slots[self._events[event]] += 1

    def compare(self, route: str, outcome: Comparison) -> None:
        """Count a comparison of both worlds."""
        block = self.families.comparisons
        self.slots[block.start + block.offsets("route").get(route, 0) + block.offsets("outcome")[outcome]] += 1

    def depend(self, route: str, kind: Dependant, agent: bytes | None) -> None:
        """Count a request that only a session cookie carries."""
        self.slots[self._dependants + self._dependant_routes.get(route, 0) + self._dependant_kinds[kind]] += 1

    def set_phase(self, phase: Phase) -> None:
        """Show which phase is in force."""
        for (name,), slot in self.families.phases.rows():
            self.slots[slot] = float(name == phase)

    def set_dependency(self, dependency: str, *, is_up: bool) -> None:
        """Show whether a dependency answers; one that was not named at construction is not shown."""
        slot = self._dependencies.get(dependency)
        if slot is not None:
            self.slots[slot] = float(is_up)

    def set_revocations(self, count: int, *, staleness: float) -> None:
        """Show how many revocations are known, and for how many seconds nothing has confirmed that these are all."""
        self.slots[self.families.revocations.start] = float(count)
        self.slots[self.families.staleness.start] = staleness

    def set_keys(self, active: str, *, is_current: bool) -> None:
        """Show which key signs, by its kid (a thumbprint in base64url), and whether the newest keys are in force."""
        self.slots[self.families.signing_key.start] = number_of_kid(active)
        self.slots[self.families.keys_current.start] = float(is_current)

    def set_connections(self, side: str, *, active: int, idle: int) -> None:
        """Show how many connections are open; `side` is client or upstream."""
        connections = self.families.connections
        row = connections.start + connections.offsets("side")[side]
        self.slots[row], self.slots[row + 1] = float(active), float(idle)

    def set_reload(self, *, is_successful: bool, now: float) -> None:
        """Show how the last load of the configuration went. `now` is in seconds since 1970."""
        self.slots[self.families.reload_success.start] = float(is_successful)
        if is_successful:
            self.slots[self.families.reload_time.start] = now

    def set_streams(self, count: int) -> None:
        """Show how many tunnels and event streams are open."""
        self.slots[self.families.streams.start] = float(count)

    def add_pause(self, seconds: float) -> None:
        """Count a pause of Python's collector."""
        pauses = self.families.pauses
        self.slots[pauses.start + bisect_left(PAUSE_BOUNDS, seconds)] += 1
        self.slots[pauses.start + pauses.width - 1] += seconds

    def set_full(self, *, is_full: bool) -> None:
        """Show whether this process has no room for more clients."""
        self.slots[self.families.full.start] = float(is_full)

    def set_role(self, role: str) -> None:
        """Show that this process does its work, as a worker or for the admin port."""
        processes = self.families.processes
        self.slots[processes.start + processes.offsets("role")[role]] = 1.0

    def count_restart(self, role: str) -> None:
        """Count a process that is started again."""
        restarts = self.families.restarts
        self.slots[restarts.start + restarts.offsets("role")[role]] += 1

    def set_process(self, figures: ProcessFigures | None) -> None:
        """Show what this process uses, where that is known."""
        if figures is None:
            return
        families, slots = self.families, self.slots
        slots[families.cpu.start] += figures.cpu - self._cpu
        self._cpu = figures.cpu
        slots[families.virtual_memory.start] = float(figures.virtual_memory)
        slots[families.resident_memory.start] = float(figures.resident_memory)
        slots[families.open_files.start] = float(figures.open_files)
        slots[families.most_files.start] = float(figures.most_files)
        slots[families.start_time.start] = figures.start_time


def _slots_of(offsets: dict[str, int], start: int) -> dict[str, int]:
    return {value: start + offset for value, offset in offsets.items()}


def _outcomes(families: Families) -> tuple[int, dict[str, tuple[int, int]]]:
    """Return the offset of `passed`, and for each error code the offset of its decision and its own slot."""
    decisions = families.requests.offsets("decision")
    errors = _slots_of(families.errors.offsets("code"), families.errors.start)
    outcomes = {
        code: (decisions[REFUSED if source is Source.CLIENT else FAILED], errors[code])
        for code, source in error_sources().items()
    }
    outcomes[CLIENT_CLOSED] = (decisions[ABANDONED], errors[CLIENT_CLOSED])
    return decisions[PASSED], outcomes
