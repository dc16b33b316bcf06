"""`python -m bench.revocation`: what a million revocations cost, and how soon a revocation holds at another gateway.

Real gateways over a real PostgreSQL and Redis. *Ready* is from the start of the process until `/readyz` is 200; memory is
RSS of its processes; a look-up is timed in a process of its own, 1,000 tokens that are not revoked, best of many rounds.
*Revoke to refusal*: a token is revoked at one gateway, and from the moment of the acknowledgement on it is shown to the
other, one request after the other over one connection, until that one refuses.
"""

import argparse
import asyncio
import http.client
import json
import statistics
import subprocess
import sys
import tempfile
import time
import uuid
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import asyncpg

from bench import tokens
from bench.contenders import ORIGIN_PORT, origin
from bench.processes import ROOT, resident_mebibytes, running
from gateway.model import VerifiedToken
from gateway.stores.postgres import PostgresDatabase
from gateway.stores.postgres_address import parse_postgres_url
from gateway.stores.revocation_memory import MemoryRevocationStore
from gateway.stores.revocation_postgres import PostgresRevocationLog
from gateway.wiring.clock import SystemClock
from tests.servers import running_redis
from tests.servers_postgres import PostgresServer

PORTS = (19021, 19022)
MASTER = "0123456789abcdefghijklmnopqrstuvwxyzABCDEF"
FILL = """
    WITH numbers AS (
        UPDATE crossfade_revocation_counter SET sequence = sequence + $1 RETURNING sequence - $1 AS first
    )
    INSERT INTO crossfade_revocations
    SELECT first + n, 'sid', gen_random_uuid()::text, extract(epoch FROM now()) + 3600 + n % 600000, 'logout'
    FROM numbers, generate_series(1, $1) n
"""


def write_config(folder: Path, port: int, mode: str, material: tokens.Material) -> Path:
    place = folder / f"{mode}-{port}-{uuid.uuid4().hex[:6]}"
    place.mkdir()
    config = place / "gateway.yaml"
    config.write_text(
        f"listen: 127.0.0.1:{port}\npublic_url: {tokens.ISSUER}\n"
        f"admin: {{ listen: 127.0.0.1:{port + 100}, socket: {place}/admin.sock }}\n"
        f"upstreams: {{ app: {{ url: 'http://127.0.0.1:{ORIGIN_PORT}' }} }}\n"
        f"phase: {{ initial: parallel, override_file: {place}/phase }}\n"
        f"tokens: {{ audience: {tokens.AUDIENCE}, algorithm: RS256 }}\n"
        f"clients: [{{ id: web, delivery: body }}]\n"
        f"keys: [{{ file: {material.private} }}]\n"
        "stores: { postgres: { env: DSN }, redis: { env: REDIS }, secret: { env: MASTER } }\n"
        f"revocation: {{ mode: {mode} }}\n"
        "routes: [{ path: /*, auth: required }]\n"
    )
    return config


def command(*words: str) -> tuple[str, ...]:
    return (sys.executable, "-m", "gateway", *words)


@contextmanager
def gateway(config: Path, port: int, environment: dict[str, str]) -> Iterator[tuple[int, float]]:
    """Yields the process id and after how many seconds it was ready."""
    began = time.monotonic()
    with running(command("run", "--config", str(config)), "0,1", environment, port + 100) as pid:
        while ask("GET", port + 100, "/readyz")[0] != 200:
            time.sleep(0.005)
        yield pid, time.monotonic() - began


def ask(method: str, port: int, path: str) -> tuple[int, bytes]:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    try:
        connection.request(method, path)
        answer = connection.getresponse()
        return answer.status, answer.read()
    except ConnectionError:
        return 0, b""
    finally:
        connection.close()


# --- a million ---


async def execute(url: str, statement: str, *arguments: object) -> None:
    connection = await asyncpg.connect(url)
    try:
        await connection.execute(statement, *arguments)
    finally:
        await connection.close()


async def fill_and_look_up(url: str, rounds: int) -> dict[str, float]:
    """In a process of its own: how long the mirror fills, what it weighs, and what a look-up costs."""
    names = [
        VerifiedToken("ada", str(uuid.uuid4()), str(uuid.uuid4()), "web", 1 << 60, 0, 0, 0, {}) for _ in range(1000)
    ]
    database = PostgresDatabase(parse_postgres_url(url))
    mirror = MemoryRevocationStore(PostgresRevocationLog(database), SystemClock())
    await database.run(lambda connection: connection.execute("SELECT 1"))
    before, began, busy = resident_mebibytes(_own_pid()), time.monotonic(), time.process_time()
    await mirror.catch_up()
    took, after = time.monotonic() - began, resident_mebibytes(_own_pid())
    busy = time.process_time() - busy
    best = min(_time_of(mirror, names) for _ in range(rounds))
    await database.aclose()
    weight = after - before
    return {"entries": len(mirror), "seconds": took, "cpu": busy, "mebibytes": weight, "nanoseconds": best * 1e6}


def _own_pid() -> int:
    return int(Path("/proc/self").readlink().name)


def _time_of(mirror: MemoryRevocationStore, names: list[VerifiedToken]) -> float:
    began = time.perf_counter()
    for name in names:
        try:
            mirror.look_up(name).send(None)
        except StopIteration:
            pass
    return time.perf_counter() - began


def look_up(url: str, rounds: int) -> dict[str, float]:
    words = [sys.executable, "-m", "bench.revocation", "--look-up", url, "--rounds", str(rounds)]
    done = subprocess.run(words, capture_output=True, text=True, check=True, timeout=300, cwd=ROOT)
    found: dict[str, float] = json.loads(done.stdout)
    return found


def measure_mirror(folder: Path, material: tokens.Material, options: argparse.Namespace) -> list[str]:
    lines = [
        "| | entries | filled in s | CPU s | weighs MiB | look-up ns | gateway ready in s | gateway RSS MiB |",
        "|" + "---|" * 8,
    ]
    costs = []
    for count in (0, options.entries):
        with PostgresServer() as postgres, running_redis(folder / f"redis-{count}", is_tcp=True) as redis:
            environment = {"DSN": postgres.url, "REDIS": redis.url, "MASTER": MASTER}
            config = write_config(folder, PORTS[0], "mirror", material)
            subprocess.run(
                command("migrate", "up", "--config", str(config)), env=_with(environment), cwd=ROOT, check=True
            )
            if count:
                asyncio.run(execute(postgres.url, FILL, count))
                asyncio.run(execute(postgres.url, "ANALYZE crossfade_revocations"))
            alone = look_up(postgres.url, options.rounds)
            with gateway(config, PORTS[0], environment) as (pid, ready):
                memory = resident_mebibytes(pid)
            costs.append(alone["nanoseconds"])
            lines.append(
                f"| mirror | {alone['entries']:,} | {alone['seconds']:.2f} | {alone['cpu']:.2f} | {alone['mebibytes']:.0f} "
                f"| {alone['nanoseconds']:.0f} | {ready:.2f} | {memory:.0f} |"
            )
    return [*lines, "", f"look-up full / empty: {costs[1] / costs[0]:.2f}, {costs[1] - costs[0]:.0f} ns more"]


def _with(environment: dict[str, str]) -> dict[str, str]:
    import os

    return os.environ | environment


# --- revoke to refusal ---


class Client:
    """One connection to a gateway."""

    def __init__(self, port: int) -> None:
        self._connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
        self._connection.connect()

    def status(self, token: str) -> int:
        self._connection.request("GET", "/", headers={"Authorization": f"Bearer {token}"})
        answer = self._connection.getresponse()
        answer.read()
        return answer.status

    def revoke(self, token: str) -> None:
        self._connection.request(
            "POST", "/.crossfade/revoke", f"token={token}&client_id=web",
            {"Content-Type": "application/x-www-form-urlencoded", "X-Crossfade": "1"},
        )  # fmt: skip
        answer = self._connection.getresponse()
        if answer.status != 200:
            raise SystemExit(f"the revocation was answered {answer.status}: {answer.read()!r}")
        answer.read()


def race(token: str, here: Client, there: Client) -> tuple[float, float]:
    """Milliseconds from the request, and from its acknowledgement, until the other gateway refuses."""
    if there.status(token) != 200:
        raise SystemExit("a good token is refused")
    asked = time.perf_counter()
    here.revoke(token)
    acknowledged = time.perf_counter()
    sent = acknowledged
    while there.status(token) != 401:
        sent = time.perf_counter()
        if sent - acknowledged > 10:
            raise SystemExit("a revoked token is accepted for ten seconds")
    return (sent - asked) * 1e3, (sent - acknowledged) * 1e3


def measure_revocation(folder: Path, material: tokens.Material) -> list[str]:
    lines = [
        "| mode | revocations | from the order p50 ms | p99 ms | from its acknowledgement p50 ms | p99 ms | max ms |",
        "|" + "---|" * 7,
    ]
    for mode in ("strict", "mirror"):
        with ExitStack() as stack:
            postgres = stack.enter_context(PostgresServer())
            redis = stack.enter_context(running_redis(folder / f"redis-{mode}", is_tcp=True))
            environment = {"DSN": postgres.url, "REDIS": redis.url, "MASTER": MASTER}
            configs = [write_config(folder, port, mode, material) for port in PORTS]
            subprocess.run(
                command("migrate", "up", "--config", str(configs[0])), env=_with(environment), cwd=ROOT, check=True
            )
            for config, port in zip(configs, PORTS, strict=True):
                stack.enter_context(gateway(config, port, environment))
            here, there = (Client(port) for port in PORTS)
            results = [race(token, here, there) for token in material.tokens]
            total, after = [one for one, _ in results], [one for _, one in results]
            lines.append(
                f"| {mode} | {len(results)} | {_percentile(total, 50):.1f} | {_percentile(total, 99):.1f} "
                f"| {_percentile(after, 50):.2f} | {_percentile(after, 99):.2f} | {max(after):.2f} |"
            )
    return lines


def _percentile(values: list[float], percent: int) -> float:
    return statistics.quantiles(values, n=100, method="inclusive")[percent - 1]


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.revocation", description=__doc__)
    parser.add_argument("--entries", type=int, default=1_000_000)
    parser.add_argument("--revocations", type=int, default=500)
    parser.add_argument("--rounds", type=int, default=200)
    parser.add_argument("--look-up", metavar="URL", help="only fill a mirror from there, and print what that took")
    options = parser.parse_args()
    if options.look_up:
        print(json.dumps(asyncio.run(fill_and_look_up(options.look_up, options.rounds))))
        return
    with tempfile.TemporaryDirectory() as name, ExitStack() as stack:
        folder = Path(name)
        material = tokens.make(folder, options.revocations)
        stack.enter_context(running(origin(folder), "0,1", {}, ORIGIN_PORT))
        print("\n".join(measure_mirror(folder, material, options)), "\n", flush=True)
        print("\n".join(measure_revocation(folder, material)))


if __name__ == "__main__":
    main()
