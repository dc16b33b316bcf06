"""`python -m bench.scaling`: what a second worker is worth.

The load and the application need processors too, so that on a machine of two cores two workers never have both. Two things can be
measured there. First the work: the CPU time of all processes of the gateway for each request with one worker and with two, and how
evenly the kernel spreads the connections: two free cores give 2 × (CPU with one / CPU with two) / (requests of the busier worker /
half of all). Then the rate itself, with each worker held to a share of a processor (`bench.quota`) that leaves the load and
the application what they need.
"""

import argparse
import os
import platform
import statistics
import subprocess
import sys
import tempfile
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from bench import tokens
from bench.contenders import ORIGIN_PORT, Contender, found, origin
from bench.processes import ROOT, TICKS, cpu_seconds, family, running
from bench.quota import held_to

EVERYWHERE = ",".join(str(number) for number in sorted(os.sched_getaffinity(0)))
MASTER = "0123456789abcdefghijklmnopqrstuvwxyzABCDEF"


@dataclass(frozen=True, slots=True)
class Round:
    """CPU in microseconds per request of all processes; `share` is the busier worker's of the workers' CPU time."""

    cpu: float
    share: float
    errors: int
    rate: float
    used: float
    """Processors that all processes of the gateway used on average."""


def gateway(folder: Path, material: tokens.Material, workers: int) -> tuple[Contender, Path]:
    port = 19030 + workers
    place = folder / f"workers-{workers}"
    place.mkdir()
    config = place / "gateway.yaml"
    config.write_text(
        f"listen: 127.0.0.1:{port}\nworkers: {workers}\npublic_url: {tokens.ISSUER}\n"
        f"admin: {{ listen: 127.0.0.1:{port + 100}, socket: {place}/admin.sock }}\n"
        f"upstreams: {{ app: {{ url: 'http://127.0.0.1:{ORIGIN_PORT}' }} }}\n"
        f"phase: {{ initial: parallel, override_file: {place}/phase }}\n"
        f"tokens: {{ audience: {tokens.AUDIENCE}, algorithm: RS256 }}\nkeys: [{{ file: {material.private} }}]\n"
        "stores: { postgres: { env: DSN }, secret: { env: MASTER } }\nroutes: [{ path: /*, auth: required }]\n"
    )
    command = (sys.executable, "-m", "gateway", "run", "--config", str(config))
    return Contender(f"{workers} workers", port, command, ()), config


def times(pid: int) -> dict[int, float]:
    """CPU seconds of each process that the one has started."""
    found_times = {}
    for member in family(pid)[1:]:
        fields = Path(f"/proc/{member}/stat").read_text().rpartition(")")[2].split()
        found_times[member] = (int(fields[11]) + int(fields[12])) / TICKS
    return found_times


def measure(contender: Contender, pid: int, script: Path, options: argparse.Namespace) -> Round:
    before, each_before = cpu_seconds(pid), times(pid)
    command = [str(found("wrk")), "-t1", f"-c{options.connections}", f"-d{options.seconds}s", "--latency"]
    command += ["-s", str(script), f"http://127.0.0.1:{contender.port}/"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=options.seconds + 60, check=True)
    words = next(line for line in done.stdout.splitlines() if line.startswith("RESULT ")).split()[1:]
    requests, duration, status, broken = (int(word) for word in words[:4])
    used = cpu_seconds(pid) - before
    each = sorted(after - each_before.get(member, 0.0) for member, after in times(pid).items())[-2:]
    share = each[-1] / sum(each) if each else 1.0
    seconds = duration / 1e6
    return Round(used / requests * 1e6, share, status + broken, requests / seconds, used / seconds)


def measure_held(
    chosen: list[tuple[Contender, int]], script: Path, options: argparse.Namespace
) -> list[list[Round]] | None:
    """The same with each worker held to its share; None where that is not possible."""
    workers = [member for _, pid in chosen for member in family(pid)[1:] or [pid]]
    try:
        with held_to(options.share, workers):
            return [[measure(one, pid, script, options) for one, pid in chosen] for _ in range(options.rounds)]
    except OSError:
        return None


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.scaling", description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=int, default=5)
    parser.add_argument("--connections", type=int, default=64)
    parser.add_argument("--share", type=float, default=0.3, help="of a processor for each worker, in the second part")
    options = parser.parse_args()
    if found("nginx") is None or found("wrk") is None:
        raise SystemExit("nginx or wrk is not installed")
    from tests.servers_postgres import PostgresServer

    with tempfile.TemporaryDirectory() as name, ExitStack() as stack:
        folder = Path(name)
        material = tokens.make(folder, 500)
        environment = {"DSN": stack.enter_context(PostgresServer()).url, "MASTER": MASTER, "LOG_LEVEL": "error"}
        stack.enter_context(running(origin(folder), EVERYWHERE, {}, ORIGIN_PORT))
        chosen = []
        for workers in (1, 2):
            contender, config = gateway(folder, material, workers)
            if workers == 1:
                migrate(config, environment)
            pid = stack.enter_context(running(contender.command, EVERYWHERE, environment, contender.port))
            chosen.append((contender, pid))
            measure(contender, pid, material.script, argparse.Namespace(**{**vars(options), "seconds": 1}))
        rounds = [[measure(one, pid, material.script, options) for one, pid in chosen] for _ in range(options.rounds)]
        held = measure_held(chosen, material.script, options)
        print(report(rounds))
        print(report_held(held, options.share))


def migrate(config: Path, environment: dict[str, str]) -> None:
    command = [sys.executable, "-m", "gateway", "migrate", "up", "--config", str(config)]
    subprocess.run(command, cwd=ROOT, env=os.environ | environment, check=True, capture_output=True, timeout=60)


def report(rounds: list[list[Round]]) -> str:
    one, two = (statistics.median(pair[number].cpu for pair in rounds) for number in (0, 1))
    ratio = statistics.median(pair[0].cpu / pair[1].cpu for pair in rounds)
    share = statistics.median(pair[1].share for pair in rounds)
    errors = sum(each.errors for pair in rounds for each in pair)
    return "\n".join(
        (
            f"{platform.machine()}, {platform.python_implementation()} {platform.python_version()}; medians of {len(rounds)} rounds",
            f"CPU per request with one worker {one:.1f} µs, with two {two:.1f} µs: one / two = {ratio:.2f}, round by round",
            f"the busier worker had {share:.0%} of the CPU time",
            f"two free cores would give {2 * ratio:.2f} × of one, {2 * ratio / (2 * share):.2f} × until the busier one is full",
            f"errors: {errors}",
        )
    )


def report_held(rounds: list[list[Round]] | None, share: float) -> str:
    if rounds is None:
        return "the rate was not measured: the control groups of this machine cannot be written"
    one, two = (statistics.median(pair[number].rate for pair in rounds) for number in (0, 1))
    used_one, used_two = (statistics.median(pair[number].used for pair in rounds) for number in (0, 1))
    ratio = statistics.median(pair[1].rate / pair[0].rate for pair in rounds)
    errors = sum(each.errors for pair in rounds for each in pair)
    is_starved = used_one < 0.9 * share or used_two < 1.8 * share
    note = "; they did not get what they were allowed, so this says little: is the machine busy?" if is_starved else ""
    return (
        f"each worker held to {share:.0%} of a processor: one {one:,.0f} req/s, two {two:,.0f} req/s: {ratio:.2f} ×, round by round; "
        f"processors used {used_one:.2f} and {used_two:.2f}; errors: {errors}{note}"
    )


if __name__ == "__main__":
    main()
