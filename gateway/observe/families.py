"""Which metric families there are, and the closed set of values of each label."""

from collections.abc import Sequence

from gateway.errors import GatewayError, Source, StartError
from gateway.facts import Comparison, Dependant, Event
from gateway.model import Credential, Phase
from gateway.observe.slots import Layout

DURATION_BOUNDS = (0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1.0, 2.5, 5.0, 7.5, 10.0)
"""Seconds; the advice of OpenTelemetry's semantic conventions for HTTP durations."""

OVERHEAD_BOUNDS = (0.00005, 0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1.0)
"""Seconds; our own part of a request is far below a millisecond."""

PAUSE_BOUNDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25)
"""Seconds; below the first bound nobody notices."""

NO_ROUTE = "_none"
"""The route of a request that was refused before it matched one, and of a route that is not configured."""

OTHER = "_OTHER"
"""What OpenTelemetry calls a method that is not on the list; here also a status outside 100 to 599."""

METHODS = (OTHER, "GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "CONNECT")
STATUSES = (OTHER, "1xx", "2xx", "3xx", "4xx", "5xx")
WORKER, ADMIN = "worker", "admin"
"""What a process does: carry requests (and all else where it is alone), or serve the admin port."""
PASSED, REFUSED, FAILED, ABANDONED = "passed", "refused", "failed", "abandoned"

CLIENT_CLOSED = "client_closed"
"""The code of a request whose client left before the answer was complete; nobody was told."""


def error_sources() -> dict[str, Source]:
    """Return every code that an answer of ours can carry, with whose fault it is."""
    sources: dict[str, Source] = {}
    pending: list[type[GatewayError]] = [GatewayError]
    while pending:
        error = pending.pop()
        pending += [kind for kind in error.__subclasses__() if not issubclass(kind, StartError)]
        sources[error.code] = error.source
    return dict(sorted(sources.items()))


class Families:
    """All families in one layout. `routes` and `dependencies` come from the configuration."""

    def __init__(self, routes: Sequence[str], dependencies: Sequence[str]) -> None:
        self.layout = layout = Layout()
        self.requests = layout.add(
            "counter",
            "crossfade_requests",
            "Requests that are over.",
            {
                "route": (NO_ROUTE, *routes),
                "method": METHODS,
                "credential": tuple(Credential),
                "decision": (PASSED, REFUSED, FAILED, ABANDONED),
                "status": STATUSES,
            },
            is_sparse=True,
        )
        self.durations = layout.add(
            "histogram",
            "crossfade_http_request_duration_seconds",
            "Seconds from the head of a request to the last byte of its answer.",
            {"route": (NO_ROUTE, *routes)},
            bounds=DURATION_BOUNDS,
            is_sparse=True,
        )
        self.overhead = layout.add(
            "histogram",
            "crossfade_overhead_seconds",
            "Seconds of a request that were not spent on the application.",
            bounds=OVERHEAD_BOUNDS,
        )
        self.errors = layout.add(
            "counter",
            "crossfade_errors",
            "Requests that ended with an error of ours.",
            {"code": (*error_sources(), CLIENT_CLOSED)},
        )
        self.events = layout.add(
            "counter", "crossfade_events", "What happened to tokens and sessions.", {"event": tuple(Event)}
        )
        self.pauses = layout.add(
            "histogram",
            "crossfade_collector_pause_seconds",
            "Seconds for which Python's collector stopped a process.",
            bounds=PAUSE_BOUNDS,
            is_sparse=True,
        )
        self._add_migration(routes)
        self._add_gauges(dependencies)
        self._add_processes()

    def _add_migration(self, routes: Sequence[str]) -> None:
        layout = self.layout
        self.dependants = layout.add(
            "counter",
            "crossfade_cookie_only_requests",
            "Requests that only a session cookie carried, from the phase prefer_tokens on.",
            {"route": (NO_ROUTE, *routes), "kind": tuple(Dependant)},
            is_sparse=True,
        )
        self.comparisons = layout.add(
            "counter",
            "crossfade_shadow_comparisons",
            "Requests for which both worlds were compared, in the phase shadow.",
            {"route": (NO_ROUTE, *routes), "outcome": tuple(Comparison)},
            is_sparse=True,
        )

    def _add_gauges(self, dependencies: Sequence[str]) -> None:
        layout = self.layout
        self.phases = layout.add(
            "gauge",
            "crossfade_migration_phase",
            "1 for the phase in force, else 0.",
            {"phase": tuple(Phase)},
            merge="max",
        )
        self.dependencies = layout.add(
            "gauge",
            "crossfade_dependency_up",
            "1 while the dependency answers.",
            {"dependency": dependencies},
            merge="min",
        )
        self.revocations = layout.add(
            "gauge",
            "crossfade_live_revocations",
            "Revocations in the copy in the process that have not expired.",
            merge="max",
        )
        self.staleness = layout.add(
            "gauge",
            "crossfade_revocation_staleness_seconds",
            "Seconds since that copy was last known to be complete.",
            merge="max",
        )
        self.connections = layout.add(
            "gauge",
            "crossfade_connections",
            "Open connections.",
            {"side": ("client", "upstream"), "state": ("active", "idle")},
        )
        self.signing_key = layout.add(
            "key",
            "crossfade_signing_key_info",
            "Always 1; which key signs, by the first 8 characters of its kid.",
            merge="max",
        )
        self.keys_current = layout.add(
            "gauge",
            "crossfade_keys_current",
            "1 while the newest signing keys are in force, 0 when they are not good.",
            merge="min",
        )
        self.streams = layout.add(
            "gauge", "crossfade_open_streams", "Open tunnels and event streams that a credential opened."
        )
        self._add_reloads()

    def _add_reloads(self) -> None:
        layout = self.layout
        self.reload_success = layout.add(
            "gauge",
            "crossfade_config_last_reload_successful",
            "1 when the last load was taken over, else 0.",
            merge="min",
        )
        self.reload_time = layout.add(
            "gauge",
            "crossfade_config_last_reload_success_timestamp_seconds",
            "When the configuration in force was loaded, in seconds since 1970.",
            merge="min",
        )

    def _add_processes(self) -> None:
        layout = self.layout
        self.full = layout.add(
            "gauge", "crossfade_full_processes", "Processes without room for more clients, which wait to be accepted."
        )
        self.processes = layout.add(
            "gauge", "crossfade_processes", "Processes that do their work.", {"role": (WORKER, ADMIN)}
        )
        self.restarts = layout.add(
            "counter", "crossfade_process_restarts", "Processes that were started again.", {"role": (WORKER, ADMIN)}
        )
        self.cpu = layout.add("counter", "process_cpu_seconds", "User and system CPU time in seconds.")
        self.virtual_memory = layout.add(
            "gauge", "process_virtual_memory_bytes", "Virtual memory in bytes.", is_sparse=True
        )
        self.resident_memory = layout.add(
            "gauge", "process_resident_memory_bytes", "Resident memory in bytes.", is_sparse=True
        )
        self.open_files = layout.add("gauge", "process_open_fds", "Open file descriptors.", is_sparse=True)
        self.most_files = layout.add(
            "gauge", "process_max_fds", "Most file descriptors that a process may open.", is_sparse=True, merge="min"
        )
        self.start_time = layout.add(
            "gauge",
            "process_start_time_seconds",
            "When the first process started, in seconds since 1970.",
            is_sparse=True,
            merge="min",
        )
