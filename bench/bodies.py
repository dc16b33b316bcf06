"""`python -m bench.bodies`: large bodies in both directions through nginx and Crossfade.

The proxy has one core, this program and the application (`bench.bulk`) the other; one connection carries one request after the other.
CPU is the user and system time of the proxy's processes for each GiB, throughput is by the clock, and memory is how far the
resident memory rose above what it was before, at its highest (the kernel's high-water mark, reset before each measurement). nginx runs
twice: with its buffers as they come, which write a large upload to disk before it is passed on, and with buffering off.
"""

import argparse
import os
import platform
import socket
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from bench import tokens
from bench.bulk import Taker, send_body
from bench.contenders import LOAD_CORE, PROXY_CORE, found, nginx_config
from bench.live_gateway import configuration
from bench.processes import cpu_seconds, family, resident_mebibytes, running

ORIGIN_PORT, NGINX_PORT, STREAMING_PORT, GATEWAY_PORT = 19040, 19041, 19042, 19043
NGINX, STREAMING, GATEWAY = "nginx as it comes", "nginx, buffering off", "Crossfade"
GIB = 1 << 30
VOLUME = 256 << 20
"""Bytes for each measurement of small bodies, but no more than `MOST` requests."""
MOST = 2000
PATIENCE = 60.0


@dataclass(frozen=True, slots=True)
class Case:
    is_upload: bool
    chunked: bool
    size: int

    @property
    def name(self) -> str:
        direction, framing = "upload" if self.is_upload else "download", "chunked" if self.chunked else "Content-Length"
        size = f"{self.size >> 20} MiB" if self.size >= 1 << 20 else f"{self.size >> 10} KiB"
        return f"{direction}, {framing}, {size}"

    @property
    def requests(self) -> int:
        return max(1, min(MOST, VOLUME // self.size))

    @property
    def volume(self) -> float:
        """GiB of all requests of one measurement."""
        return self.size * self.requests / GIB


@dataclass(frozen=True, slots=True)
class Cost:
    """CPU in seconds per GiB, throughput in GiB per second, the highest rise of resident memory in MiB."""

    cpu: float
    throughput: float
    rise: float


def nginx_command(folder: Path, port: int, extra: str) -> tuple[str, ...]:
    server = (
        f"listen 127.0.0.1:{port}; client_max_body_size 0; {extra} location / {{ proxy_pass http://origin;"
        ' proxy_http_version 1.1; proxy_set_header Connection ""; proxy_set_header Host $host; }'
    )
    upstream = f"upstream origin {{ server 127.0.0.1:{ORIGIN_PORT}; keepalive 4; }}"
    return (str(found("nginx")), "-c", str(nginx_config(folder, f"bodies-{port}", server, upstream)))


def proxies(folder: Path, material: tokens.Material) -> Iterator[tuple[str, int, tuple[str, ...]]]:
    yield NGINX, NGINX_PORT, nginx_command(folder, NGINX_PORT, "")
    off = "proxy_buffering off; proxy_request_buffering off;"
    yield STREAMING, STREAMING_PORT, nginx_command(folder, STREAMING_PORT, off)
    config = str(configuration(folder, material, port=GATEWAY_PORT, origin_port=ORIGIN_PORT))
    yield GATEWAY, GATEWAY_PORT, (sys.executable, "-m", "gateway", "run", "--config", config)


def request_head(case: Case, token: str) -> bytes:
    target = f"/{case.size}{'/chunked' if case.chunked else ''}"
    top = f"{'PUT' if case.is_upload else 'GET'} {target} HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {token}\r\n"
    if case.is_upload:
        top += "Transfer-Encoding: chunked\r\n" if case.chunked else f"Content-Length: {case.size}\r\n"
    return f"{top}\r\n".encode()


def carry(port: int, case: Case, token: str) -> float:
    """Carry all bodies of the case; returns the seconds it took.

    Raises:
        SystemExit: an answer is not 200, or not all bytes arrived.
    """
    head = request_head(case, token)
    with socket.create_connection(("127.0.0.1", port), timeout=PATIENCE) as connection:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        taker = Taker(connection)
        began = time.perf_counter()
        for _ in range(case.requests):
            connection.sendall(head)
            if case.is_upload:
                send_body(connection, case.size, chunked=case.chunked)
            answer = taker.take_head()
            size = taker.take_body(answer)
            expected = len(str(case.size)) if case.is_upload else case.size
            if not answer.startswith(b"http/1.1 200 ") or size != expected:
                raise SystemExit(f"{case.name}: {size} bytes instead of {expected} behind {answer[:60]!r}")
        return time.perf_counter() - began


def measure(port: int, pid: int, case: Case, token: str) -> Cost:
    before, memory = cpu_seconds(pid), resident_mebibytes(pid)
    for member in family(pid):
        Path(f"/proc/{member}/clear_refs").write_text("5")  # proc(5): the peak begins anew
    seconds = carry(port, case, token)
    highest = resident_mebibytes(pid, "VmHWM")
    return Cost((cpu_seconds(pid) - before) / case.volume, case.volume / seconds, highest - memory)


def parse_sizes(text: str) -> list[int]:
    units = {"K": 10, "M": 20, "G": 30}
    return [int(word[:-1]) << units[word[-1].upper()] for word in text.split(",")]


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.bodies", description=__doc__)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--sizes", type=parse_sizes, default=parse_sizes("1K,1M,64M,1G"), help="for example 1K,64M,1G")
    options = parser.parse_args()
    if found("nginx") is None:
        raise SystemExit("nginx is not installed")
    os.sched_setaffinity(0, {int(LOAD_CORE)})
    cases = [
        Case(is_upload, chunked, size)
        for is_upload in (False, True)
        for chunked in (False, True)
        for size in options.sizes
    ]
    with tempfile.TemporaryDirectory() as name, ExitStack() as stack:
        folder = Path(name)
        material = tokens.make(folder, 1)
        origin = (sys.executable, "-m", "bench.bulk", str(ORIGIN_PORT))
        stack.enter_context(running(origin, LOAD_CORE, {}, ORIGIN_PORT))
        ports, pids = {}, {}
        for proxy, port, command in proxies(folder, material):
            ports[proxy] = port
            pids[proxy] = stack.enter_context(running(command, PROXY_CORE, {"LOG_LEVEL": "error"}, port))
        costs: dict[tuple[Case, str], list[Cost]] = {}
        for number in range(options.rounds + 1):
            for case in cases:
                for proxy, port in ports.items():
                    if number:
                        one = measure(port, pids[proxy], case, material.tokens[0])
                        costs.setdefault((case, proxy), []).append(one)
                    elif case.size < GIB:  # not counted: until every buffer was used once
                        carry(port, case, material.tokens[0])
        print(report(cases, list(ports), costs))


def report(cases: list[Case], names: list[str], costs: dict[tuple[Case, str], list[Cost]]) -> str:
    machine = f"{platform.machine()}, {platform.python_implementation()} {platform.python_version()}"
    lines = [
        f"{machine}, load {os.getloadavg()[0]:.1f}; medians of {len(next(iter(costs.values())))} interleaved rounds",
        "",
        "| | through | MiB/s | CPU s per GiB | memory rose by MiB | throughput × nginx as it comes | × with buffering off |",
        "|---|---|---|---|---|---|---|",
    ]
    for case in cases:
        for name in names:
            rounds = costs[case, name]
            throughput, cpu = (
                statistics.median(getattr(one, word) for one in rounds) for word in ("throughput", "cpu")
            )
            ratios = [f"{against(rounds, costs[case, other]):.2f}" for other in (NGINX, STREAMING)]
            cells = [
                case.name,
                name,
                f"{throughput * 1024:,.0f}",
                f"{cpu:.2f}",
                f"{max(one.rise for one in rounds):.1f}",
            ]
            lines.append(f"| {' | '.join(cells + (ratios if name == GATEWAY else ['', '']))} |")
    return "\n".join(lines)


def against(ours: list[Cost], theirs: list[Cost]) -> float:
    """Our throughput by theirs, round by round."""
    return statistics.median(one.throughput / other.throughput for one, other in zip(ours, theirs, strict=True))


if __name__ == "__main__":
    main()
