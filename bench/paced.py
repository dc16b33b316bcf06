"""`python -m bench.paced PORT FIELDS`: an open load of so many requests a second, and how late the answers are.

FIELDS is a file with a header field in each line; the requests show one after the other. A request that is due goes out on a
connection that is free, and waits where none is: that wait counts. One thread without a loop of its own sleeps in `select`, whose
time-out is exact to some microseconds, where event loops round to milliseconds. Prints what the script for wrk prints:
requests, duration in µs, answers that were not 200, broken connections, and the latency in µs at 50, 99 and 99.9 %.
"""

import argparse
import itertools
import select
import socket
import time
from collections import deque
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from bench.arrivals import Arrivals
from bench.percentiles import percentile

PATIENCE = 10.0
"""Seconds without any answer after which the load gives up."""


class Connection:
    """A kept connection that carries one request at a time."""

    __slots__ = ("_buffer", "_missing", "due", "socket", "status")

    def __init__(self, port: int) -> None:
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=PATIENCE)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.due = 0.0
        self.status = b""
        self._buffer = b""
        self._missing = 0

    def fileno(self) -> int:
        return self.socket.fileno()

    def ask(self, request: bytes, due: float) -> None:
        self.due, self._buffer, self._missing, self.status = due, b"", 0, b""
        self.socket.sendall(request)

    def is_answered(self) -> bool:
        """Read once. True when the whole answer is there; only answers with a Content-Length are understood.

        Raises:
            ConnectionError: the other side closed, or says nothing of a length.
        """
        data = self.socket.recv(65_536)
        if not data:
            raise ConnectionResetError
        if self.status:
            self._missing -= len(data)
            return self._missing <= 0
        self._buffer += data
        end = self._buffer.find(b"\r\n\r\n")
        if end < 0:
            return False
        head = self._buffer[:end].lower() + b"\r\n"
        _, found, rest = head.partition(b"\r\ncontent-length:")
        if not found:
            raise ConnectionError("an answer without a Content-Length")
        self.status = head[9:12]
        self._missing = int(rest[: rest.index(b"\r\n")]) - (len(self._buffer) - end - 4)
        return self._missing <= 0


@dataclass(slots=True)
class Load:
    """The connections and what went wrong on them."""

    port: int
    requests: Iterator[bytes]
    idle: deque[Connection]
    busy: set[Connection] = field(default_factory=set)
    refused: int = 0
    broken: int = 0

    def run(self, arrivals: Arrivals) -> None:
        """Send each request when it is due, until all are answered."""
        while arrivals.next_due is not None or self.busy:
            self._send(arrivals)
            due = arrivals.next_due
            patience = PATIENCE if due is None or not self.idle else max(0.0, due - time.perf_counter())
            readable, _, _ = select.select(tuple(self.busy), (), (), patience)
            if not readable and patience == PATIENCE:
                raise SystemExit(f"no answer within {PATIENCE:.0f} s")
            for connection in readable:
                self._receive(connection, arrivals)

    def _send(self, arrivals: Arrivals) -> None:
        while self.idle and (due := arrivals.take(time.perf_counter())) is not None:
            connection = self.idle.popleft()
            try:
                connection.ask(next(self.requests), due)
            except ConnectionError:
                self._replace(connection)
            else:
                self.busy.add(connection)

    def _receive(self, connection: Connection, arrivals: Arrivals) -> None:
        try:
            is_answered = connection.is_answered()
        except ConnectionError:
            self.busy.discard(connection)
            self._replace(connection)
            return
        if is_answered:
            arrivals.answered(connection.due, time.perf_counter())
            self.refused += connection.status != b"200"
            self.busy.discard(connection)
            self.idle.append(connection)

    def _replace(self, connection: Connection) -> None:
        self.broken += 1
        connection.socket.close()
        self.idle.append(Connection(self.port))


def requests_with(lines: list[str]) -> Iterator[bytes]:
    """Requests that show one of these header fields after the other, without end."""
    return itertools.cycle([f"GET / HTTP/1.1\r\nHost: localhost\r\n{line}\r\n\r\n".encode() for line in lines])


def pace(port: int, lines: list[str], *, rate: float, seconds: float, connections: int) -> list[int]:
    """Run the load; returns the seven numbers of the line that is printed."""
    load = Load(port, requests_with(lines), deque(Connection(port) for _ in range(connections)))
    began = time.perf_counter() + 0.01
    arrivals = Arrivals(began=began, rate=rate, count=round(rate * seconds))
    load.run(arrivals)
    duration = time.perf_counter() - began
    for connection in load.idle:
        connection.socket.close()
    ordered = sorted(arrivals.latencies)
    tails = [round(percentile(ordered, share) * 1e6) for share in (0.5, 0.99, 0.999)]
    return [len(ordered), round(duration * 1e6), load.refused, load.broken, *tails]


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.paced", description=__doc__)
    parser.add_argument("port", type=int)
    parser.add_argument("fields", type=Path)
    parser.add_argument("--rate", type=float, default=1000.0)
    parser.add_argument("--seconds", type=float, default=5.0)
    parser.add_argument("--connections", type=int, default=32)
    options = parser.parse_args()
    with suppress(OSError):
        Path("/proc/self/timerslack_ns").write_text("1")  # the kernel may else wake a sleeper 50 µs late
    lines = options.fields.read_text().splitlines()
    told = pace(options.port, lines, rate=options.rate, seconds=options.seconds, connections=options.connections)
    print("RESULT", *told)


if __name__ == "__main__":
    main()
