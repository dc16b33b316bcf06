"""`python -m bench.idle`: what an idle connection costs, and what many of them do to the latency of an active one.

The gateway has one core, this program and the application (nginx) the other. Every connection has carried one request and then
lies idle. Memory is the resident memory of the process, before and after. Latency is that of one connection that goes on asking,
in turns with and without the idle ones, so that a machine that drifts does not decide.
"""

import argparse
import os
import platform
import resource
import socket
import sys
import tempfile
import time
import urllib.request
from contextlib import ExitStack
from pathlib import Path

from bench.contenders import LOAD_CORE, ORIGIN_PORT, PROXY_CORE, found, origin
from bench.processes import resident_mebibytes, running

PORT, ADMIN_PORT = 19020, 19021
REQUEST = b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n"
PATIENCE = 30.0


def configuration(folder: Path) -> Path:
    path = folder / "gateway.yaml"
    path.write_text(
        f"listen: 127.0.0.1:{PORT}\npublic_url: http://localhost:{PORT}\n"
        f"admin: {{ listen: 127.0.0.1:{ADMIN_PORT} }}\nlimits: {{ idle_timeout: 1h }}\n"
        f"upstreams: {{ app: {{ url: 'http://127.0.0.1:{ORIGIN_PORT}' }} }}\n"
    )
    return path


def ask(connection: socket.socket) -> float:
    began = time.perf_counter()
    connection.sendall(REQUEST)
    answer = connection.recv(65_536)
    if not answer.startswith(b"HTTP/1.1 200"):
        raise SystemExit(f"not answered: {answer[:100]!r}")
    return time.perf_counter() - began


def connect() -> socket.socket:
    return socket.create_connection(("127.0.0.1", PORT), timeout=PATIENCE)


def used() -> socket.socket:
    """Return a connection that has carried one request."""
    connection = connect()
    ask(connection)
    return connection


def latencies(count: int) -> list[float]:
    with connect() as connection:
        for _ in range(200):
            ask(connection)
        return sorted(ask(connection) for _ in range(count))


def pauses() -> str:
    """The collector's pauses so far, as the gateway tells them."""
    with urllib.request.urlopen(f"http://127.0.0.1:{ADMIN_PORT}/metrics", timeout=PATIENCE) as answer:
        lines = answer.read().decode().splitlines()
    counts = [line.split("{")[1].replace("}", "") for line in lines if "collector_pause_seconds_bucket" in line]
    return ", ".join(counts)


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.idle", description=__doc__)
    parser.add_argument("--connections", type=int, default=10_000)
    parser.add_argument("--requests", type=int, default=5000)
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    if found("nginx") is None:
        raise SystemExit("nginx is not installed")
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    os.sched_setaffinity(0, {int(LOAD_CORE)})
    with tempfile.TemporaryDirectory() as name, ExitStack() as stack:
        folder = Path(name)
        stack.enter_context(running(origin(folder), LOAD_CORE, {}, ORIGIN_PORT))
        command = (sys.executable, "-m", "gateway", "run", "--config", str(configuration(folder)))
        pid = stack.enter_context(running(command, PROXY_CORE, {"LOG_LEVEL": "error"}, PORT))
        print(report(pid, options))


def report(pid: int, options: argparse.Namespace) -> str:
    latencies(1000)
    lines = [
        f"{platform.machine()}, {platform.python_implementation()} {platform.python_version()}, {options.connections} connections",
        "",
        "| round | KiB per idle connection | p50 µs without / with | p99 µs without / with | max µs without / with |",
        "|---|---|---|---|---|",
    ]
    costs = []
    for number in range(options.rounds):
        alone = latencies(options.requests)
        before = resident_mebibytes(pid)
        idle = [used() for _ in range(options.connections)]
        time.sleep(2.0)
        costs.append((resident_mebibytes(pid) - before) * 1024 / options.connections)
        among = latencies(options.requests)
        for connection in idle:
            connection.close()
        time.sleep(2.0)
        figures = [(one[int(len(one) * share)] * 1e6) for share in (0.5, 0.99) for one in (alone, among)]
        lines.append(
            f"| {number + 1} | {costs[-1]:.2f} | {figures[0]:.0f} / {figures[1]:.0f} | {figures[2]:.0f} / {figures[3]:.0f} "
            f"| {alone[-1] * 1e6:.0f} / {among[-1] * 1e6:.0f} |"
        )
    lines += ["", f"- first round: {costs[0]:.2f} KiB each; later rounds use memory again that the first one left"]
    lines += [f"- pauses of the collector (cumulative buckets): {pauses()}"]
    return "\n".join(lines)


if __name__ == "__main__":
    main()
