"""What `make bench` prints, from rounds that are given."""

from bench.contenders import DIRECT, ENVOY_CACHED, MIRROR, PLAIN, STRICT
from bench.rounds import Round, Told, read_told
from bench.table import added, goal_table, goals, p50, paced_table, ratio, saturation_table


def test_the_line_of_a_load_is_read() -> None:
    text = "Running 1s test\n  2 threads\nRESULT 1000 2000000 3 4 50 99 100\nbye\n"
    assert read_told(text) == Told(requests=1000, duration=2_000_000, errors=7, p50=50, p99=99, p999=100)


def one(cpu: float, latency: int, *, errors: int = 0) -> Round:
    return Round(Told(10, 10, errors, latency, 2 * latency, 3 * latency), Told(1000, 500_000, 0, 1, 2, 3), cpu, 80.0)


def direct(latency: int) -> Round:
    return Round(Told(10, 10, 0, latency, 2 * latency, 3 * latency))


RESULTS = {
    PLAIN: [one(10, 150), one(30, 160), one(20, 170)],
    ENVOY_CACHED: [one(100, 150), one(300, 160), one(200, 170)],
    MIRROR: [one(30, 200), one(90, 500), one(20, 300)],
    DIRECT: [direct(100), direct(350), direct(150)],
}


def test_ratios_are_taken_round_by_round() -> None:
    assert ratio(RESULTS, MIRROR, PLAIN) == 3.0
    assert ratio(RESULTS, MIRROR, ENVOY_CACHED) == 0.3


def test_what_a_contender_adds_is_taken_round_by_round() -> None:
    assert added(RESULTS, MIRROR, p50) == 150


def test_who_is_missing_has_neither() -> None:
    assert ratio(RESULTS, STRICT, MIRROR) is None
    assert added(RESULTS, STRICT, p50) is None
    assert added({MIRROR: RESULTS[MIRROR]}, MIRROR, p50) is None


def test_the_goals_say_what_is_reached() -> None:
    verdicts = {goal.name: (goal.measured, goal.bound) for goal in goals(RESULTS)}
    assert verdicts[f"CPU: {MIRROR} / {ENVOY_CACHED}"] == (0.3, 0.75)
    assert verdicts[f"CPU: {MIRROR} / {PLAIN}"] == (3.0, 2.0)
    assert verdicts[f"added p50 ms: {MIRROR}"] == (0.15, 0.2)
    text = goal_table(RESULTS)
    assert f"| CPU: {MIRROR} / {ENVOY_CACHED} | 0.30 | 0.75 | reached |" in text
    assert f"| CPU: {MIRROR} / {PLAIN} | 3.00 | 2.00 | **not reached** |" in text
    assert f"| CPU: {STRICT} / {MIRROR} | – | 1.25 |  |" in text


def test_the_application_itself_has_no_row_at_saturation() -> None:
    assert DIRECT not in saturation_table(RESULTS)
    assert f"| {MIRROR} | 30.0 | 2,000 | 1 | 2 | 3 | 80 | 0.30 | 3.00 | 0 |" in saturation_table(RESULTS)
    assert f"| {DIRECT} | 150 | 300 | 450 | 0 | 0 | 0 |" in paced_table(RESULTS, 1000)


def test_errors_are_added_up() -> None:
    text = paced_table({MIRROR: [one(1, 1, errors=2), one(1, 1, errors=3)]}, 1000)
    assert f"| {MIRROR} | 1 | 2 | 3 | – | – | 5 |" in text
