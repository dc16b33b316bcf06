"""The tables of `make bench`: medians of the rounds, ratios and differences taken round by round, and the goals."""

import statistics
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from bench.contenders import DIRECT, ENVOY_CACHED, MIRROR, PLAIN, SESSION, STRICT
from bench.rounds import Round

Results = Mapping[str, Sequence[Round]]
"""The rounds of each contender, equally many, in their order of time."""


def median(rounds: Sequence[Round], figure: Callable[[Round], float]) -> float:
    return statistics.median(figure(one) for one in rounds)


def ratio(results: Results, name: str, other: str) -> float | None:
    """How often the CPU per request of `other` goes into that of `name`; None where one of them was not measured."""
    if name not in results or other not in results:
        return None
    return statistics.median(one.cpu / to.cpu for one, to in zip(results[name], results[other], strict=True))


def added(results: Results, name: str, figure: Callable[[Round], float]) -> float | None:
    """How much of a latency the contender adds to that of the application asked directly, in microseconds."""
    if name not in results or DIRECT not in results:
        return None
    pairs = zip(results[name], results[DIRECT], strict=True)
    return statistics.median(figure(one) - figure(direct) for one, direct in pairs)


def saturation_table(results: Results) -> str:
    lines = [
        "| At saturation | CPU µs per request | req/s on one core | p50 µs | p99 µs | p99.9 µs | RSS MiB | × Envoy with cache | × nginx plain | errors |",
        "|---|---|---|---|---|---|---|---|---|---|",
    ]
    for name, rounds in results.items():
        told = [one.saturated for one in rounds if one.saturated]
        if not told:
            continue
        latencies = (statistics.median(getattr(one, word) for one in told) for word in ("p50", "p99", "p999"))
        cells = [f"{median(rounds, lambda one: one.cpu):.1f}", f"{median(rounds, lambda one: one.rate):,.0f}"]
        cells += [f"{latency:,.0f}" for latency in latencies]
        cells += [f"{median(rounds, lambda one: one.memory):.0f}"]
        cells += [number(ratio(results, name, other)) for other in (ENVOY_CACHED, PLAIN)]
        lines.append(row(name, [*cells, str(sum(one.errors for one in told))]))
    return "\n".join(lines)


def paced_table(results: Results, rate: int) -> str:
    lines = [
        f"| At {rate:,} requests a second | p50 µs | p99 µs | p99.9 µs | added p50 µs | added p99 µs | errors |",
        "|---|---|---|---|---|---|---|",
    ]
    for name, rounds in results.items():
        latencies = (statistics.median(getattr(one.paced, word) for one in rounds) for word in ("p50", "p99", "p999"))
        cells = [f"{latency:,.0f}" for latency in latencies]
        cells += [number(added(results, name, figure), ",.0f") for figure in (p50, p99)]
        lines.append(row(name, [*cells, str(sum(one.paced.errors for one in rounds))]))
    return "\n".join(lines)


@dataclass(frozen=True, slots=True)
class Goal:
    """What is to be reached. `measured` is None where a contender was missing."""

    name: str
    measured: float | None
    bound: float


def goals(results: Results) -> list[Goal]:
    bounds: list[tuple[str, str, float]] = [
        (MIRROR, ENVOY_CACHED, 0.75),
        (MIRROR, PLAIN, 2.0),
        (STRICT, MIRROR, 1.25),
        (SESSION, MIRROR, 1.3),
    ]
    found = [Goal(f"CPU: {name} / {other}", ratio(results, name, other), bound) for name, other, bound in bounds]
    for name in (MIRROR, STRICT):
        found.append(Goal(f"added p50 ms: {name}", in_ms(added(results, name, p50)), 0.2))
        found.append(Goal(f"added p99 ms: {name}", in_ms(added(results, name, p99)), 1.0))
    return found


def goal_table(results: Results) -> str:
    lines = ["| Goal | measured | at most | |", "|---|---|---|---|"]
    for goal in goals(results):
        verdict = "" if goal.measured is None else "reached" if goal.measured <= goal.bound else "**not reached**"
        lines.append(row(goal.name, [number(goal.measured), number(goal.bound), verdict]))
    return "\n".join(lines)


def p50(one: Round) -> float:
    return one.paced.p50


def p99(one: Round) -> float:
    return one.paced.p99


def in_ms(microseconds: float | None) -> float | None:
    return None if microseconds is None else microseconds / 1000


def number(value: float | None, form: str = ".2f") -> str:
    return "–" if value is None else format(value, form)


def row(name: str, cells: Sequence[str]) -> str:
    return f"| {' | '.join((name, *cells))} |"
