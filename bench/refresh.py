"""`make bench-tokens`, first part: refresh rotations per second through HTTP and PostgreSQL, two cores for everything.

Each of the connections has a family of its own and shows its newest token as soon as it has it; `grace` is 0, so that
every use is a rotation. Gateway, PostgreSQL (with fsync), Redis and load share the machine.
"""

import asyncio
import statistics
import tempfile
import time
from collections import deque
from dataclasses import dataclass
from pathlib import Path

import orjson
import uvloop

from bench.processes import cpu_seconds
from tests.servers_postgres import PostgresServer
from tests.soak.cluster import Cluster, session_cookie
from tests.soak.http import Connection, exchange_request, refresh_request


@dataclass(frozen=True, slots=True)
class Rotations:
    """`rate` is per second, `p50` and `p99` in milliseconds, `cpu` in milliseconds of the gateways per rotation."""

    algorithm: str
    rate: float
    p50: float
    p99: float
    cpu: float
    errors: int

    def __str__(self) -> str:
        return f"| {self.algorithm} | {self.rate:,.0f} | {self.p50:.1f} | {self.p99:.1f} | {self.cpu:.2f} | {self.errors} |"


FAMILIES = 50
"""For each connection."""

HEAD = "| | rotations/s | p50 ms | p99 ms | gateway CPU ms | errors |\n|---|---|---|---|---|---|"


def measure(algorithm: str, *, gateways: int, connections: int, seconds: float, rounds: int) -> Rotations:
    """Return the medians of some rounds."""
    with tempfile.TemporaryDirectory() as name:
        postgres = PostgresServer(fsync="on", autovacuum="on", shared_buffers="128MB")
        cluster = Cluster(Path(name), gateways=gateways, algorithm=algorithm, grace="0s", postgres=postgres)
        with cluster:
            return uvloop.run(_rounds(cluster, algorithm, connections, seconds, rounds))


async def _rounds(cluster: Cluster, algorithm: str, connections: int, seconds: float, rounds: int) -> Rotations:
    lines = [Line(cluster.ports[number % len(cluster.ports)], number) for number in range(connections)]
    await asyncio.gather(*(line.begin() for line in lines))
    await _round(cluster, lines, 1.0)
    found = [await _round(cluster, lines, seconds) for _ in range(rounds)]
    rate, p50, p99, cpu = (statistics.median(column) for column in zip(*found, strict=True))
    return Rotations(algorithm, rate, p50, p99, cpu, sum(line.errors for line in lines))


async def _round(cluster: Cluster, lines: "list[Line]", seconds: float) -> tuple[float, float, float, float]:
    for line in lines:
        line.waits.clear()
    before, began = sum(map(cpu_seconds, cluster.pids)), time.monotonic()
    await asyncio.gather(*(line.go_on(began + seconds) for line in lines))
    lasted, used = time.monotonic() - began, sum(map(cpu_seconds, cluster.pids)) - before
    waits = sorted(wait for line in lines for wait in line.waits)
    count = len(waits)
    return count / lasted, waits[count // 2] * 1e3, waits[count * 99 // 100] * 1e3, used / count * 1e3


class Line:
    """One client with some families, whose tokens it shows in turn."""

    def __init__(self, port: int, number: int) -> None:
        self._connection = Connection(port)
        self._number = number
        self._tokens: deque[str] = deque()
        self.waits: list[float] = []
        self.errors = 0

    async def begin(self) -> None:
        for number in range(FAMILIES):
            reply = await self._connection.send(exchange_request(session_cookie(f"user-{self._number}-{number}")))
            self._tokens.append(orjson.loads(reply.body)["refresh_token"])

    async def go_on(self, until: float) -> None:
        while (began := time.monotonic()) < until:
            shown = self._tokens.popleft()
            reply = await self._connection.send(refresh_request(shown))
            self.waits.append(time.monotonic() - began)
            token = orjson.loads(reply.body)["refresh_token"] if reply.status == 200 else shown
            self.errors += token == shown
            self._tokens.append(token)
