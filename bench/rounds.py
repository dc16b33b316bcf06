"""One round of one contender: at saturation with wrk, then at a steady rate with `bench.paced`."""

import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from bench.contenders import LOAD_CORE, Contender, found
from bench.processes import ROOT, cpu_seconds, resident_mebibytes


@dataclass(frozen=True, slots=True)
class Loads:
    """What each round does: `seconds` at saturation, then as many at `rate` requests a second."""

    folder: Path
    seconds: int
    connections: int
    rate: int


@dataclass(frozen=True, slots=True)
class Told:
    """What a load printed. Latency in microseconds; `errors` are answers that were not 200 and broken connections."""

    requests: int
    duration: int
    errors: int
    p50: int
    p99: int
    p999: int


@dataclass(frozen=True, slots=True)
class Round:
    """What one round measured. CPU in microseconds per request, memory in MiB. The application itself has only `paced`."""

    paced: Told
    saturated: Told | None = None
    cpu: float = 0.0
    memory: float = 0.0

    @property
    def rate(self) -> float:
        """Requests per second at saturation."""
        return self.saturated.requests / self.saturated.duration * 1e6 if self.saturated else 0.0

    @property
    def errors(self) -> int:
        return self.paced.errors + (self.saturated.errors if self.saturated else 0)


def measure(contender: Contender, pid: int, loads: Loads) -> Round:
    before = cpu_seconds(pid)
    saturated = saturate(contender, loads)
    used = cpu_seconds(pid) - before
    memory = resident_mebibytes(pid)
    return Round(pace(contender, loads), saturated, used / saturated.requests * 1e6, memory)


def saturate(contender: Contender, loads: Loads) -> Told:
    """Each connection asks again as soon as it is answered."""
    command = [str(found("wrk")), "-t1", f"-c{loads.connections}", f"-d{loads.seconds}s", "--latency"]
    command += ["-s", f"{loads.folder}/{contender.shows}.lua", f"http://127.0.0.1:{contender.port}/"]
    return run(command, loads.seconds)


def pace(contender: Contender, loads: Loads) -> Told:
    """So many requests a second, each at its time."""
    command = [sys.executable, "-m", "bench.paced", str(contender.port), f"{loads.folder}/{contender.shows}.fields"]
    command += ["--rate", str(loads.rate), "--seconds", str(loads.seconds), "--connections", str(loads.connections)]
    return run(command, loads.seconds)


def run(command: list[str], seconds: int) -> Told:
    pinned = ["taskset", "-c", LOAD_CORE, *command]
    done = subprocess.run(pinned, capture_output=True, text=True, timeout=seconds + 60, check=False, cwd=ROOT)
    if done.returncode:
        raise SystemExit(f"{command!r} ended with {done.returncode}: {done.stderr[-2000:]}")
    return read_told(done.stdout)


def read_told(text: str) -> Told:
    """Read the line that both loads print: requests, duration, bad answers, broken connections, p50, p99, p99.9."""
    line = next(line for line in text.splitlines() if line.startswith("RESULT "))
    requests, duration, refused, broken, *latencies = (int(word) for word in line.split()[1:])
    return Told(requests, duration, refused + broken, *latencies)
