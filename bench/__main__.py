"""`make bench`: CPU per request, requests per second on one core, latency and memory, side by side.

The proxy has one core, the load and the upstream (nginx, 100 bytes) the other. Rounds are interleaved; in each of them a contender
is first saturated (wrk, each connection asks again as soon as it is answered), then asked at a steady rate (`bench.paced`, latency from
the moment at which a request was due), and so is the application itself. Medians of each figure are printed; ratios and
differences are taken round by round, because the speed of a shared machine drifts.
"""

import argparse
import os
import platform
import tempfile
import time
from contextlib import ExitStack
from pathlib import Path

from bench import sessions, table, tokens
from bench.contenders import (
    DIRECT,
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
from bench.processes import running
from bench.rounds import Loads, Round, measure, pace

REDIS_PORT = 19010


def contenders(folder: Path, material: tokens.Material) -> list[Contender]:
    makers = [
        nginx_plain(folder, material),
        haproxy(folder, material),
        envoy(folder, material, cached=False),
        envoy(folder, material, cached=True),
        crossfade(folder, material, "mirror", REDIS_PORT),
        crossfade(folder, material, "strict", REDIS_PORT),
        crossfade_session(folder, material),
        crossfade_asgi(folder, material, "uvicorn"),
        crossfade_asgi(folder, material, "granian"),
    ]
    return [contender for contender in makers if contender is not None]


def redis_command() -> tuple[str, ...]:
    from tests.servers import redis_binary

    return (redis_binary(), "--port", str(REDIS_PORT), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no")


def main() -> None:
    parser = argparse.ArgumentParser(prog="make bench", description=__doc__)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=int, default=5, help="of each of the two loads in a round")
    parser.add_argument("--connections", type=int, default=32)
    parser.add_argument("--rate", type=int, default=1000, help="requests a second of the steady load")
    parser.add_argument("--tokens", type=int, default=500)
    options = parser.parse_args()
    for needed in ("nginx", "wrk", "taskset"):
        if found(needed) is None:
            raise SystemExit(f"{needed} is not installed; the benchmark needs nginx, wrk and taskset")
    with tempfile.TemporaryDirectory() as name, ExitStack() as stack:
        folder = Path(name)
        material = tokens.make(folder, options.tokens)
        shown = [f"theme=dark; sessionid={key}" for key in sessions.make(folder, options.tokens)]
        tokens.write_load(folder, "sessions", "Cookie", shown)
        stack.enter_context(running(origin(folder), LOAD_CORE, {}, ORIGIN_PORT))
        stack.enter_context(running(redis_command(), LOAD_CORE, {}, REDIS_PORT))
        chosen = contenders(folder, material)
        pids = {
            c.name: stack.enter_context(running(c.command, PROXY_CORE, dict(c.environment), c.port)) for c in chosen
        }
        loads = Loads(folder, options.seconds, options.connections, options.rate)
        before = os.getloadavg()[0]
        results = run_rounds(chosen, pids, loads, options.rounds)
        print(report(chosen, results, options, before))


def run_rounds(chosen: list[Contender], pids: dict[str, int], loads: Loads, rounds: int) -> dict[str, list[Round]]:
    direct = Contender(DIRECT, ORIGIN_PORT, (), ())
    results: dict[str, list[Round]] = {one.name: [] for one in (*chosen, direct)}
    short = Loads(loads.folder, 1, loads.connections, loads.rate)
    for contender in chosen:
        measure(contender, pids[contender.name], short)
    for _ in range(rounds):
        results[DIRECT].append(Round(pace(direct, loads)))
        for contender in chosen:
            time.sleep(0.2)
            results[contender.name].append(measure(contender, pids[contender.name], loads))
    return results


def report(
    chosen: list[Contender], results: dict[str, list[Round]], options: argparse.Namespace, load_before: float
) -> str:
    machine = f"{platform.machine()}, {platform.python_implementation()} {platform.python_version()}"
    how = f"{options.rounds} interleaved rounds of {options.seconds} s saturated and {options.seconds} s steady"
    return "\n\n".join(
        (
            f"{machine}, {os.cpu_count()} cores, load {load_before:.1f} when it began; medians of {how}",
            table.saturation_table(results),
            table.paced_table(results, options.rate),
            table.goal_table(results),
            "\n".join(f"- {contender.name}: {version_of(contender)}" for contender in chosen),
        )
    )


if __name__ == "__main__":
    main()
