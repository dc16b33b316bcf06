"""`make soak`: half an hour of load, while everything around the gateway is reloaded, revoked, broken and restarted.

Two workers over a real PostgreSQL and a real Redis, in front of an application that misbehaves when it is asked to.
What each answer must be is known here, apart from the gateway: no verdict may be wrong, no 5xx without a fault that the
soak itself made at that time, no answer for somebody else, and neither memory nor files nor tasks may grow.
"""

import argparse
import asyncio
import itertools
import random
import signal
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import uvloop

from tests.servers_postgres import PostgresServer
from tests.soak.cluster import Cluster
from tests.soak.disturbances import Application, Disturber
from tests.soak.visitors import Site, Visitor
from tests.soak.vitals import Vitals

COUNTED = (sys.executable, "-m", "tests.soak.counted")
WORKERS = 2
_PROCESSES = WORKERS + 2  # the supervisor and the admin port
_VISITORS = 40
_LOOK_EVERY = 5.0
_TALK_EVERY = 60.0

CONFIG = """
listen: 127.0.0.1:{port}
public_url: http://localhost:{public_port}
admin: {{ listen: 127.0.0.1:{admin_port}, socket: {folder}/admin.sock }}
workers: {workers}
upstreams:
  app: {{ url: "http://127.0.0.1:{application}", response_timeout: 5s, idle_timeout: 5s, pool_idle: 5s }}
phase: {{ initial: parallel, override_file: {folder}/phase }}
sessions:
  - name: main
    format: flask
    place: {{ cookie: {{}} }}
    secrets: [{{ env: APP_SECRET }}]
    login_url: /login/
clients: [{{ id: mobile, delivery: body }}]
tokens: {{ algorithm: {algorithm}, access: 60s, leeway: 1s, grace: {grace}, trust_store_alone: true }}
rates: {{ session: off, family: off, account: off }}
keys: [{{ env: KEY }}{further_key}]
stores: {{ postgres: {{ env: DSN }}, redis: {{ env: REDIS_URL }}, secret: {{ env: MASTER }} }}
limits: {{ fields: {fields} }}
drain: {{ delay: 0s, timeout: 2s }}
routes:
  - {{ path: /public/*, auth: public }}
  - {{ path: /toggle/*, auth: {toggle} }}
  - {{ path: /*, auth: required }}
"""


@dataclass
class Result:
    """What was found. `faults` must be empty."""

    seconds: float
    counts: Counter[str]
    lateness: Sequence[float]
    starved: Counter[str]
    faults: Sequence[str]
    vitals: Vitals

    def __str__(self) -> str:
        requests = self.counts["requests"]
        return "\n".join(
            [
                f"{requests:,} requests in {self.seconds:,.0f} s, {requests / self.seconds:,.0f}/s",
                *(f"  {name}: {count:,}" for name, count in sorted(self.counts.items()) if name != "requests"),
                f"answers that only a lack of processors explains: {self.starved.total()} {dict(self.starved)}",
                f"revocations not known at once, while processes had to wait: {len(self.lateness)}, at most "
                f"{max(self.lateness, default=0.0):.3f} s late",
                *map(str, self.vitals.lives.values()),
                f"faults: {len(self.faults)}",
                *self.faults,
            ]
        )


async def stress(folder: Path, *, seconds: float, rate: float, seed: int, talks: bool = False) -> Result:
    """Start everything, keep it under stress for so long at `rate` visits per second, and judge.

    A visit that takes longer puts the next ones of its connection off, and they catch up.
    """
    tasks = folder / "tasks"
    tasks.mkdir()
    application = Application(folder)
    cluster = Cluster(
        folder, gateways=1, grace="5s", command=COUNTED, postgres=PostgresServer(autovacuum="on"), config=CONFIG,
        workers=WORKERS, application=application.port, toggle="required", fields=100, further_key="",
    )  # fmt: skip
    cluster.gateways[0].environment |= {"CROSSFADE_TASKS": str(tasks), "LOG_LEVEL": "warning"}
    try:
        application.start()
        with cluster:
            site = Site(cluster.ports[0], str(cluster.folder(0) / "admin.sock"), random.Random(seed))
            vitals = Vitals(cluster.pids[0], tasks)
            disturber = Disturber(cluster, application, site)
            took = await _visit(site, vitals, disturber, seconds=seconds, rate=rate, talks=talks)
            faults = [*site.faults, *vitals.faults(_PROCESSES)]
            if site.counts["faults"] > len(site.faults):
                faults.append(f"{site.counts['faults']} faults of answers in all")
            if application.witness.exists():
                faults.append(f"forwarded and should not: {application.witness.read_text()}")
            return Result(took, site.counts, site.troubles.lateness, site.troubles.starved, faults, vitals)
    finally:
        application.kill()


async def _visit(
    site: Site, vitals: Vitals, disturber: Disturber, *, seconds: float, rate: float, talks: bool
) -> float:
    visitors = [Visitor(site, number) for number in range(_VISITORS)]
    await asyncio.gather(*(visitor.sign_in() for visitor in visitors))
    began = time.monotonic()

    async def come_again(visitor: Visitor, hand: int) -> None:
        due = began
        while (due := due + site.draw.expovariate(rate / (2 * _VISITORS))) < began + seconds:
            await asyncio.sleep(max(0.0, due - time.monotonic()))
            await visitor.look_after_tokens()
            await visitor.visit(hand)

    async def watch() -> None:
        talked_at = began
        while True:
            vitals.look()
            if talks and time.monotonic() - talked_at >= _TALK_EVERY:
                talked_at = time.monotonic()
                print(f"{talked_at - began:6.0f} s  {site.counts}", flush=True)
            await asyncio.sleep(min(_LOOK_EVERY, seconds / 10))

    try:
        async with asyncio.TaskGroup() as group:  # whatever fails of the soak itself ends all of it
            disturbing = disturber.go_on(max(1.0, min(8.0, seconds / 10)))
            around = [group.create_task(watch()), group.create_task(disturbing)]
            await asyncio.wait([group.create_task(come_again(*each)) for each in itertools.product(visitors, (0, 1))])
            for task in around:
                task.cancel()
    finally:
        for visitor in visitors:
            visitor.close()
    return time.monotonic() - began


def main() -> int:
    parser = argparse.ArgumentParser(prog="make soak", description=__doc__)
    parser.add_argument("--seconds", type=float, default=1_800)
    parser.add_argument("--rate", type=float, default=200, help="visits per second")
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # so that nothing that was started stays
        result = uvloop.run(stress(Path(name), talks=True, **vars(options)))
    print(result)
    return 1 if result.faults or result.starved.total() else 0  # what a busy machine explains proves nothing


if __name__ == "__main__":
    sys.exit(main())
