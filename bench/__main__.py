"""`make bench`: CPU per request, requests per second on one core and latency, side by side.

The proxy has one core, the load (wrk) and the upstream (nginx, 100 bytes) the other. Rounds are interleaved, the median
of each figure is printed, and ratios are taken round by round, because the speed of a shared machine drifts.
"""

import argparse
import platform
import statistics
import subprocess
import tempfile
import time
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from bench import sessions, tokens
from bench.contenders import (
    LOAD_CORE,
    ORIGIN_PORT,
    PROXY_CORE,
    Contender,
    crossfade,
    crossfade_asgi,
    crossfade_session,
    envoy,
    found,
    haproxy,
    nginx_plain,
    origin,
    version_of,
)
from bench.processes import cpu_seconds, resident_mebibytes, running

REDIS_PORT = 19010


@dataclass(frozen=True, slots=True)
class Round:
    """What one round measured. CPU in microseconds per request, latency in microseconds."""

    cpu: float
    rate: float
    p50: float
    p99: float
    p999: float
    errors: int
    memory: float


def load(contender: Contender, folder: Path, seconds: int, connections: int) -> list[int]:
    command = ["taskset", "-c", LOAD_CORE, str(found("wrk")), "-t1", f"-c{connections}", f"-d{seconds}s", "--latency"]
    command += ["-s", f"{folder}/{contender.shows}.lua", f"http://127.0.0.1:{contender.port}/"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=seconds + 30, check=True)
    line = next(line for line in done.stdout.splitlines() if line.startswith("RESULT "))
    return [int(word) for word in line.split()[1:]]


def measure(contender: Contender, pid: int, folder: Path, seconds: int, connections: int) -> Round:
    before = cpu_seconds(pid)
    requests, duration, status, broken, p50, p99, p999 = load(contender, folder, seconds, connections)
    used = cpu_seconds(pid) - before
    rate, memory = requests / duration * 1e6, resident_mebibytes(pid)
    return Round(used / requests * 1e6, rate, p50, p99, p999, status + broken, memory)


def contenders(folder: Path, material: tokens.Material) -> list[Contender]:
    makers = [
        nginx_plain(folder, material),
        haproxy(folder, material),
        envoy(folder, material, cached=False),
        envoy(folder, material, cached=True),
        crossfade(folder, material, redis=None),
        crossfade(folder, material, redis=REDIS_PORT) if redis_command() else None,
        crossfade_session(folder, material),
        crossfade_asgi(folder, material, "uvicorn"),
        crossfade_asgi(folder, material, "granian"),
    ]
    return [contender for contender in makers if contender is not None]


def redis_command() -> tuple[str, ...] | None:
    from tests.servers import redis_binary

    return (redis_binary(), "--port", str(REDIS_PORT), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no")


def main() -> None:
    parser = argparse.ArgumentParser(prog="make bench", description=__doc__)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=int, default=5)
    parser.add_argument("--connections", type=int, default=32)
    parser.add_argument("--tokens", type=int, default=500)
    options = parser.parse_args()
    for needed in ("nginx", "wrk", "taskset"):
        if found(needed) is None:
            raise SystemExit(f"{needed} is not installed; the benchmark needs nginx, wrk and taskset")
    with tempfile.TemporaryDirectory() as name, ExitStack() as stack:
        folder = Path(name)
        material = tokens.make(folder, options.tokens)
        shown = [f"theme=dark; sessionid={key}" for key in sessions.make(folder, options.tokens)]
        (folder / "sessions.lua").write_text(tokens.lua("Cookie", shown))
        stack.enter_context(running(origin(folder), LOAD_CORE, {}, ORIGIN_PORT))
        if command := redis_command():
            stack.enter_context(running(command, LOAD_CORE, {}, REDIS_PORT))
        chosen = contenders(folder, material)
        pids = {
            c.name: stack.enter_context(running(c.command, PROXY_CORE, dict(c.environment), c.port)) for c in chosen
        }
        results = run_rounds(chosen, pids, folder, options)
        print(table(chosen, results))


def run_rounds(
    chosen: list[Contender], pids: dict[str, int], folder: Path, options: argparse.Namespace
) -> dict[str, list[Round]]:
    results: dict[str, list[Round]] = {contender.name: [] for contender in chosen}
    for contender in chosen:
        measure(contender, pids[contender.name], folder, 1, options.connections)
    for _ in range(options.rounds):
        for contender in chosen:
            time.sleep(0.2)
            one = measure(contender, pids[contender.name], folder, options.seconds, options.connections)
            results[contender.name].append(one)
    return results


def table(chosen: list[Contender], results: dict[str, list[Round]]) -> str:
    reference = next((c.name for c in chosen if "cache" in c.name), chosen[0].name)
    plain = chosen[0].name
    lines = [
        f"{platform.machine()}, {platform.python_implementation()} {platform.python_version()}; medians of interleaved rounds",
        "",
        "| | CPU µs per request | req/s on one core | p50 µs | p99 µs | p99.9 µs | RSS MiB | × Envoy with cache | × nginx plain | errors |",
        "|---|---|---|---|---|---|---|---|---|---|",
    ]
    for contender in chosen:
        rounds = results[contender.name]
        ratio = statistics.median(one.cpu / other.cpu for one, other in zip(rounds, results[reference], strict=True))
        to_plain = statistics.median(one.cpu / other.cpu for one, other in zip(rounds, results[plain], strict=True))
        middle = [
            statistics.median(getattr(one, name) for one in rounds)
            for name in ("cpu", "rate", "p50", "p99", "p999", "memory")
        ]
        errors = sum(one.errors for one in rounds)
        lines.append(
            f"| {contender.name} | {middle[0]:.1f} | {middle[1]:,.0f} | {middle[2]:,.0f} | {middle[3]:,.0f} "
            f"| {middle[4]:,.0f} | {middle[5]:.0f} "
            f"| {ratio:.2f} | {to_plain:.2f} | {errors} |"
        )
    lines += ["", *(f"- {contender.name}: {version_of(contender)}" for contender in chosen)]
    return "\n".join(lines)


if __name__ == "__main__":
    main()
