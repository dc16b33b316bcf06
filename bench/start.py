"""`python -m bench.start`: from the start of the process to its first answer, and from the death of a worker to its successor.

The store is PostgreSQL, with Redis, tokens and two workers. A start ends when a request with a token has its answer from
the application. A worker is killed with SIGKILL, the older one each time; that ends when its death is counted and two workers serve
again, as the metrics tell. What a start is made of: `python -X importtime -m gateway run --config …`.
"""

import argparse
import os
import platform
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path

from bench import tokens
from bench.contenders import ORIGIN_PORT, found, origin
from bench.processes import ROOT, family, running
from bench.scaling import MASTER, migrate

PORT, ADMIN_PORT, REDIS_PORT = 19060, 19160, 19061
PATIENCE = 30.0


def configuration(folder: Path, material: tokens.Material) -> Path:
    path = folder / "gateway.yaml"
    path.write_text(
        f"listen: 127.0.0.1:{PORT}\nworkers: 2\npublic_url: {tokens.ISSUER}\n"
        f"admin: {{ listen: 127.0.0.1:{ADMIN_PORT}, socket: {folder}/admin.sock }}\n"
        f"upstreams: {{ app: {{ url: 'http://127.0.0.1:{ORIGIN_PORT}' }} }}\n"
        f"phase: {{ initial: parallel, override_file: {folder}/phase }}\n"
        f"tokens: {{ audience: {tokens.AUDIENCE}, algorithm: RS256 }}\nkeys: [{{ file: {material.private} }}]\n"
        "stores: { postgres: { env: DSN }, secret: { env: MASTER }, redis: { env: REDIS } }\n"
        "routes: [{ path: /*, auth: required }]\n"
    )
    return path


def is_answered(token: str) -> bool:
    """Whether a request with this token is answered by the application."""
    try:
        with socket.create_connection(("127.0.0.1", PORT), timeout=PATIENCE) as connection:
            connection.sendall(f"GET / HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {token}\r\n\r\n".encode())
            return connection.recv(4096).startswith(b"HTTP/1.1 200 ")
    except OSError:
        return False


def metric(name: str) -> float:
    """Scrape one series; 0 while it is not there, or the admin port is not yet open."""
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{ADMIN_PORT}/metrics", timeout=PATIENCE) as answer:
            lines = answer.read().decode().splitlines()
    except OSError:
        return 0.0
    return next((float(line.rpartition(" ")[2]) for line in lines if line.startswith(name)), 0.0)


def seconds_until(condition: Callable[[], bool], began: float) -> float:
    while not condition():
        if time.perf_counter() - began > PATIENCE:
            raise SystemExit(f"it did not come within {PATIENCE:.0f} s")
        time.sleep(0.002)
    return time.perf_counter() - began


def start(command: list[str], environment: dict[str, str], token: str) -> tuple[subprocess.Popen[bytes], float]:
    """Start the gateway; returns it with the seconds to its first answer."""
    began = time.perf_counter()
    process = subprocess.Popen(
        command, cwd=ROOT, env=os.environ | environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        return process, seconds_until(lambda: process.poll() is not None or is_answered(token), began)
    except BaseException:
        stop(process)
        raise


def stop(process: "subprocess.Popen[bytes]") -> None:
    process.send_signal(signal.SIGINT)
    try:
        process.wait(PATIENCE)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def kill_worker(pid: int) -> float:
    """Kill the worker that has lived longest; returns the seconds until two serve again."""
    restarts = metric('crossfade_process_restarts_total{role="worker"}')
    _, victim, *_ = sorted(family(pid)[1:])  # the first child has the admin port
    began = time.perf_counter()
    os.kill(victim, signal.SIGKILL)
    return seconds_until(
        lambda: (
            metric('crossfade_process_restarts_total{role="worker"}') > restarts
            and metric('crossfade_processes{role="worker"}') == 2
        ),
        began,
    )


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.start", description=__doc__)
    parser.add_argument("--rounds", type=int, default=7)
    options = parser.parse_args()
    if found("nginx") is None:
        raise SystemExit("nginx is not installed")
    from tests.servers import redis_binary
    from tests.servers_postgres import PostgresServer

    everywhere = ",".join(str(number) for number in sorted(os.sched_getaffinity(0)))
    redis = (redis_binary(), "--port", str(REDIS_PORT), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no")
    starts, deaths = [], []
    with tempfile.TemporaryDirectory() as name, ExitStack() as stack:
        folder = Path(name)
        material = tokens.make(folder, 1)
        config = configuration(folder, material)
        environment = {
            "DSN": stack.enter_context(PostgresServer()).url,
            "REDIS": f"redis://127.0.0.1:{REDIS_PORT}/0",
            "MASTER": MASTER,
            "LOG_LEVEL": "error",
            # Modules are compiled once, as in an installation, whatever the environment of this program says; elsewhere.
            "PYTHONDONTWRITEBYTECODE": "",
            "PYTHONPYCACHEPREFIX": str(folder / "bytecode"),
        }
        stack.enter_context(running(redis, everywhere, {}, REDIS_PORT))
        stack.enter_context(running(origin(folder), everywhere, {}, ORIGIN_PORT))
        migrate(config, environment)
        command = [sys.executable, "-m", "gateway", "run", "--config", str(config)]
        stop(start(command, environment, material.tokens[0])[0])
        for _ in range(options.rounds):
            process, seconds = start(command, environment, material.tokens[0])
            try:
                starts.append(seconds)
                seconds_until(lambda: metric('crossfade_processes{role="worker"}') == 2, time.perf_counter())
                deaths.append(kill_worker(process.pid))
            finally:
                stop(process)
    print(report(starts, deaths))


def report(starts: list[float], deaths: list[float]) -> str:
    lines = [
        f"{platform.machine()}, {platform.python_implementation()} {platform.python_version()}, load {os.getloadavg()[0]:.1f}; "
        f"{len(starts)} rounds",
        "",
        "| | median s | shortest s | longest s | goal s |",
        "|---|---|---|---|---|",
    ]
    for what, times in (("start to first request", starts), ("a worker's death to two that serve", deaths)):
        lines.append(f"| {what} | {statistics.median(times):.2f} | {min(times):.2f} | {max(times):.2f} | 1 |")
    return "\n".join(lines)


if __name__ == "__main__":
    main()
