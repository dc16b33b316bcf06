"""`python -m bench.streams`: how long an event takes from the application to the client, directly and through the gateway.

The gateway has one core, this program and the application (`bench.live_origin`) the other. The application writes the moment into each
event. Spread, the events of all streams follow one after the other, so that the delay is the way alone; together, all streams
have theirs at the same moment, and the delay is mostly the turn that one has to wait for, in the client, too. Directly and
through the gateway in turns.
"""

import argparse
import os
import platform
import re
import select
import socket
import statistics
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

from bench.contenders import LOAD_CORE
from bench.live_gateway import GATEWAY_PORT, ORIGIN_PORT, gateway_and_origin
from bench.percentiles import percentile

DIRECT, THROUGH = "directly", "through the gateway"
GOAL = 5.0
"""Milliseconds that the gateway may add to an event."""
PATIENCE = 10.0
_EVENT = re.compile(rb"data: (\d+)\n\n")


@dataclass(frozen=True, slots=True)
class Delays:
    """What one round measured, in milliseconds."""

    events: int
    p50: float
    p99: float
    longest: float


class Stream:
    """One client. An event that was cut is kept until the rest of it has come."""

    def __init__(self, port: int, target: str, token: str) -> None:
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=PATIENCE)
        request = f"GET {target} HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {token}\r\n\r\n"
        self.socket.sendall(request.encode())
        self._held = b""

    def read(self) -> list[int]:
        """Read once; returns when each event that is complete now was written, in nanoseconds.

        Raises:
            SystemExit: the stream ended.
        """
        data = self.socket.recv(65_536)
        if not data:
            raise SystemExit("an event stream ended")
        self._held += data
        moments, end = [], 0
        for event in _EVENT.finditer(self._held):
            moments.append(int(event[1]))
            end = event.end()
        self._held = self._held[end:]
        return moments


def listen(port: int, target: str, token: str, *, streams: int, seconds: float) -> list[float]:
    """Open the streams; returns the delay of each event in milliseconds, ascending, after half a second of settling."""
    opened = [Stream(port, target, token) for _ in range(streams)]
    by_file = {one.socket.fileno(): one for one in opened}
    poll = select.epoll()
    for number in by_file:
        poll.register(number, select.EPOLLIN)
    begins = time.monotonic() + 0.5
    delays = []
    while (now := time.monotonic()) < begins + seconds:
        for number, _ in poll.poll(0.1):
            moments = by_file[number].read()
            came = time.monotonic_ns()
            if now > begins:
                delays += [(came - moment) / 1e6 for moment in moments]
    poll.close()
    for one in opened:
        one.socket.close()
    return sorted(delays)


def measure(port: int, pattern: str, token: str, options: argparse.Namespace) -> Delays:
    target = f"/events/{pattern}/{options.rate:g}"
    delays = listen(port, target, token, streams=options.streams, seconds=options.seconds)
    time.sleep(0.2)  # the application sees the streams closed before the next ones open
    return Delays(len(delays), percentile(delays, 0.5), percentile(delays, 0.99), delays[-1])


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.streams", description=__doc__)
    parser.add_argument("--streams", type=int, default=200)
    parser.add_argument("--rate", type=float, default=5.0, help="events per second of each stream")
    parser.add_argument("--seconds", type=float, default=5.0)
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    os.sched_setaffinity(0, {int(LOAD_CORE)})
    results: dict[tuple[str, str], list[Delays]] = {}
    with tempfile.TemporaryDirectory() as name, gateway_and_origin(Path(name)) as (_, token):
        for _ in range(options.rounds):
            for pattern in ("spread", "together"):
                for way, port in ((DIRECT, ORIGIN_PORT), (THROUGH, GATEWAY_PORT)):
                    results.setdefault((pattern, way), []).append(measure(port, pattern, token, options))
    print(report(results, options))


def report(results: dict[tuple[str, str], list[Delays]], options: argparse.Namespace) -> str:
    machine = f"{platform.machine()}, {platform.python_implementation()} {platform.python_version()}"
    lines = [
        f"{machine}, load {os.getloadavg()[0]:.1f}; {options.streams} streams, {options.rate:g} events per second each, "
        f"medians of {options.rounds} rounds of {options.seconds:g} s, the longest of all",
        "",
        "| events | way | how many | p50 ms | p99 ms | longest ms |",
        "|---|---|---|---|---|---|",
    ]
    for (pattern, way), rounds in results.items():
        p50, p99 = (statistics.median(getattr(one, word) for one in rounds) for word in ("p50", "p99"))
        events, longest = sum(one.events for one in rounds), max(one.longest for one in rounds)
        lines.append(f"| {pattern} | {way} | {events:,} | {p50:.2f} | {p99:.2f} | {longest:.2f} |")
    lines.append("")
    for pattern in dict.fromkeys(pattern for pattern, _ in results):
        pairs = zip(results[pattern, THROUGH], results[pattern, DIRECT], strict=True)
        added = statistics.median(one.p99 - direct.p99 for one, direct in pairs)
        lines += [f"- {pattern}: the gateway adds {added:.2f} ms to the p99 (goal: at most {GOAL:g})"]
    return "\n".join(lines)


if __name__ == "__main__":
    main()
