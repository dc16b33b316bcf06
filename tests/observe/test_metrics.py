"""What is counted, under which names, and that no client can make a new series."""

import random
from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families

from gateway.errors import InvalidToken, RevocationUnavailable, UpstreamTimeout
from gateway.facts import Dependant, Event, RequestFact
from gateway.model import Credential, Phase
from gateway.observe.exposition import Exposition
from gateway.observe.families import DURATION_BOUNDS, Families, error_sources
from gateway.observe.metrics import Metrics
from gateway.observe.process import ProcessWatch

ROUTES = ("/static/*", "/*")


@pytest.fixture
def metrics() -> Metrics:
    return Metrics(routes=ROUTES, dependencies=("redis", "postgres"))


def fact(
    route: str = "/*",
    method: str = "GET",
    status: int = 200,
    credential: Credential = Credential.NONE,
    code: str = "",
    duration: float = 0.02,
    upstream_duration: float = 0.0197,
) -> RequestFact:
    return RequestFact(route, method, status, credential, code, duration, upstream_duration)


def samples(metrics: Metrics, name: str) -> dict[tuple[tuple[str, str], ...], float]:
    """Scrape, and return the samples of one name by their sorted labels."""
    body, _ = Exposition(metrics, version="1.2.3").render("")
    return {
        tuple(sorted(sample.labels.items())): sample.value
        for family in text_string_to_metric_families(body.decode())
        for sample in family.samples
        if sample.name == name
    }


def test_a_request_that_the_application_answered_is_passed(metrics: Metrics) -> None:
    metrics.request(fact(route="/static/*", method="POST", status=404, credential=Credential.SESSION))
    labels = {
        "route": "/static/*",
        "method": "POST",
        "status": "4xx",
        "credential": "session",
        "decision": "passed",
    }
    assert samples(metrics, "crossfade_requests_total") == {tuple(sorted(labels.items())): 1.0}


@pytest.mark.parametrize(
    ("code", "decision"),
    [
        (InvalidToken.code, "refused"),
        (RevocationUnavailable.code, "failed"),
        (UpstreamTimeout.code, "failed"),
        ("client_closed", "abandoned"),
    ],
)
def test_an_error_is_refused_when_it_is_the_clients_fault_and_failed_otherwise(
    metrics: Metrics, code: str, decision: str
) -> None:
    metrics.request(fact(status=401, code=code))
    (labels,) = samples(metrics, "crossfade_requests_total")
    assert dict(labels)["decision"] == decision
    assert samples(metrics, "crossfade_errors_total")[(("code", code),)] == 1.0


def test_a_duration_falls_into_the_first_bucket_that_holds_it(metrics: Metrics) -> None:
    for duration in (0.005, 0.0051, 60.0):
        metrics.request(fact(duration=duration, upstream_duration=duration))
    buckets = samples(metrics, "crossfade_http_request_duration_seconds_bucket")
    counts = {dict(labels)["le"]: count for labels, count in buckets.items()}
    assert counts["0.005"] == 1.0
    assert counts["0.01"] == 2.0
    assert counts["10.0"] == 2.0
    assert counts["+Inf"] == 3.0
    (total,) = samples(metrics, "crossfade_http_request_duration_seconds_sum").values()
    assert total == pytest.approx(60.0101)


def test_overhead_is_the_duration_without_the_applications_share(metrics: Metrics) -> None:
    metrics.request(fact(duration=0.0203, upstream_duration=0.02))
    metrics.request(fact(duration=0.01, upstream_duration=0.02))
    buckets = samples(metrics, "crossfade_overhead_seconds_bucket")
    assert buckets[(("le", "0.00025"),)] == 1.0, "never negative"
    assert buckets[(("le", "0.0005"),)] == 2.0


def test_events_are_counted_by_name(metrics: Metrics) -> None:
    metrics.count(Event.REFRESH_REPLAY)
    metrics.count(Event.REFRESH_REPLAY)
    assert samples(metrics, "crossfade_events_total")[(("event", "refresh_replay"),)] == 2.0


def test_exactly_one_phase_is_in_force(metrics: Metrics) -> None:
    metrics.set_phase(Phase.PARALLEL)
    metrics.set_phase(Phase.OFF)
    phases = samples(metrics, "crossfade_migration_phase")
    assert [dict(labels)["phase"] for labels, value in phases.items() if value] == ["off"]
    assert len(phases) == len(Phase)


def test_gauges_show_what_was_set_last(metrics: Metrics) -> None:
    metrics.set_dependency("redis", is_up=True)
    metrics.set_connections("upstream", active=3, idle=4)
    metrics.set_reload(is_successful=True, now=1000.0)
    metrics.set_reload(is_successful=False, now=2000.0)
    up = samples(metrics, "crossfade_dependency_up")
    assert up == {(("dependency", "redis"),): 1.0, (("dependency", "postgres"),): 0.0}
    connections = samples(metrics, "crossfade_connections")
    assert connections[(("side", "upstream"), ("state", "active"))] == 3.0
    assert connections[(("side", "upstream"), ("state", "idle"))] == 4.0
    assert samples(metrics, "crossfade_config_last_reload_successful")[()] == 0.0
    assert samples(metrics, "crossfade_config_last_reload_success_timestamp_seconds")[()] == 1000.0


def test_the_build_and_the_process_are_shown(metrics: Metrics) -> None:
    metrics.set_process(ProcessWatch().look())
    (labels,) = samples(metrics, "crossfade_build_info")
    assert dict(labels)["version"] == "1.2.3"
    assert samples(metrics, "process_resident_memory_bytes")[()] > 0


def test_a_scraper_that_asks_for_openmetrics_gets_it(metrics: Metrics) -> None:
    body, media_type = Exposition(metrics, version="1").render("application/openmetrics-text; version=1.0.0")
    assert media_type.startswith("application/openmetrics-text")
    assert body.endswith(b"# EOF\n")


def test_nothing_that_a_client_sends_makes_a_series(metrics: Metrics) -> None:
    """Label values of requests come from closed lists, whatever the fact holds."""
    noise = random.Random(1)
    for _ in range(500):
        junk = "".join(noise.choices('ABC/*{}"\n', k=6))
        metrics.request(fact(route=junk, method=junk, status=noise.randrange(-5, 2000), code=junk))
    for labels in samples(metrics, "crossfade_requests_total"):
        closed = dict(labels)
        assert closed["route"] == "_none"
        assert closed["method"] == "_OTHER"
        assert closed["decision"] == "failed"
    assert len(samples(metrics, "crossfade_requests_total")) <= 6, "one for each class of status"
    assert len(samples(metrics, "crossfade_errors_total")) == len(error_sources()) + 1


def test_who_depends_on_a_cookie_is_counted_by_route_and_kind(metrics: Metrics) -> None:
    for route in ("/*", "/*", "/of/a/reload/*"):
        metrics.depend(route, Dependant.PROGRAM, b"curl/8")
    assert samples(metrics, "crossfade_cookie_only_requests_total") == {
        (("kind", "program"), ("route", "/*")): 2.0,
        (("kind", "program"), ("route", "_none")): 1.0,
    }


def test_unknown_dependencies_are_not_shown(metrics: Metrics) -> None:
    metrics.set_dependency("surprise", is_up=True)
    assert len(samples(metrics, "crossfade_dependency_up")) == 2


def test_the_number_of_series_is_known_beforehand() -> None:
    """With ten routes the scrape of a fresh gateway is small, and its greatest possible size is a constant."""
    routes = [f"/{number}/*" for number in range(10)]
    fresh = Metrics(routes=routes, dependencies=("redis", "postgres"))
    body, _ = Exposition(fresh, version="1").render("")
    series = sum(1 for line in body.splitlines() if not line.startswith(b"#"))
    assert series < 150
    families = Families(routes, ("redis",))
    assert families.requests.size == 11 * 10 * len(Credential) * 4 * 6
    assert families.durations.size == 11 * (len(DURATION_BOUNDS) + 2)


def test_slots_may_be_given_so_that_another_process_can_read_them() -> None:
    families = Families(ROUTES, ())
    (shared,) = families.layout.allocate(1)
    writer, reader = (Metrics(routes=ROUTES, slots=shared) for _ in range(2))
    writer.count(Event.EXCHANGED)
    assert samples(reader, "crossfade_events_total")[(("event", "exchanged"),)] == 1.0


def test_routes_that_repeat_are_one_route() -> None:
    metrics = Metrics(routes=("/*", "/*"))
    metrics.request(fact())
    assert len(samples(metrics, "crossfade_requests_total")) == 1


def together() -> list[Metrics]:
    """Two processes that count in stripes of one array."""
    stripes = Metrics(routes=ROUTES, dependencies=("redis",)).layout.allocate(2)
    return [Metrics(routes=ROUTES, dependencies=("redis",), slots=stripe) for stripe in stripes]


def summed(both: list[Metrics], name: str) -> dict[tuple[tuple[str, str], ...], float]:
    body, _ = Exposition(both[0], version="1", stripes=[one.slots for one in both]).render("")
    return {
        tuple(sorted(sample.labels.items())): sample.value
        for family in text_string_to_metric_families(body.decode())
        for sample in family.samples
        if sample.name == name
    }


def test_what_several_processes_count_is_summed() -> None:
    one, other = both = together()
    one.request(fact())
    other.request(fact(duration=60.0))
    assert list(summed(both, "crossfade_requests_total").values()) == [2.0]
    assert summed(both, "crossfade_http_request_duration_seconds_sum") == {(("route", "/*"),): 60.02}
    one.set_connections("client", active=1, idle=2)
    other.set_connections("client", active=3, idle=4)
    assert summed(both, "crossfade_connections")[(("side", "client"), ("state", "idle"))] == 6.0


def test_what_is_good_for_one_process_only_is_not_good() -> None:
    one, other = both = together()
    one.set_dependency("redis", is_up=True)
    assert summed(both, "crossfade_dependency_up") == {(("dependency", "redis"),): 1.0}, "the other knows nothing yet"
    other.set_dependency("redis", is_up=False)
    assert summed(both, "crossfade_dependency_up") == {(("dependency", "redis"),): 0.0}


def test_in_the_moment_of_a_change_two_phases_are_shown() -> None:
    one, other = both = together()
    one.set_phase(Phase.PARALLEL)
    other.set_phase(Phase.OFF)
    phases = summed(both, "crossfade_migration_phase")
    assert {labels[0][1] for labels, value in phases.items() if value} == {"parallel", "off"}


def test_a_process_that_takes_over_a_stripe_goes_on_counting_and_says_nothing_of_its_predecessor() -> None:
    one, other = both = together()
    one.request(fact())
    one.set_connections("client", active=1, idle=2)
    one.set_role("worker")
    one.set_process(ProcessWatch().look())
    cpu = summed(both, "process_cpu_seconds_total")[()]
    both = [Metrics(routes=ROUTES, dependencies=("redis",), slots=one.slots), other]
    both[0].request(fact())
    assert list(summed(both, "crossfade_requests_total").values()) == [2.0]
    assert set(summed(both, "crossfade_connections").values()) == {0.0}
    assert set(summed(both, "crossfade_processes").values()) == {0.0}
    assert summed(both, "process_cpu_seconds_total")[()] == cpu


def test_a_system_that_tells_nothing_of_processes_shows_nothing(metrics: Metrics, tmp_path: Path) -> None:
    metrics.set_process(ProcessWatch(tmp_path).look())
    assert samples(metrics, "process_resident_memory_bytes") == {}
