"""`make soak-kill`: kill -9 of the gateway, of PostgreSQL and of Redis at every step of rotate, revoke and exchange.

A step is everything that the endpoint does in a database: each statement, each COMMIT, the moment between a COMMIT and
the answer, each command to Redis. The gateway waits there while it, or what it talks to, is killed and started again.
"""

import argparse
import asyncio
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.faults.breaker import Breaker
from tests.faults.operations import OPERATIONS, Client, Operation
from tests.soak.cluster import Cluster

COMMAND = (sys.executable, "-m", "tests.faults.breakable")
VICTIMS = ("gateway", "postgres", "redis")
_ATTEMPTS = 50


@dataclass
class Stand:
    """A gateway that can be stopped at each step, with all that it needs."""

    cluster: Cluster
    breaker: Breaker

    @classmethod
    @asynccontextmanager
    async def open(cls, folder: Path) -> "AsyncIterator[Stand]":
        async with Breaker(folder / "breakpoints") as breaker:
            cluster = Cluster(folder, gateways=1, command=COMMAND)
            cluster.gateways[0].environment["CROSSFADE_BREAKPOINTS"] = str(breaker.socket)
            with cluster:
                yield cls(cluster, breaker)

    def kill(self, victim: str) -> None:
        match victim:
            case "gateway":
                self.cluster.kill_gateway(0)
            case "postgres":
                self.cluster.postgres.kill()
            case _:
                self.cluster.redis.kill()

    def revive(self, victim: str) -> None:
        match victim:
            case "gateway":
                self.cluster.start_gateway(0)
            case "postgres":
                self.cluster.postgres.start()
            case _:
                self.cluster.redis.start()

    async def steps_of(self, operation: Operation) -> list[str]:
        """Carry it out undisturbed; return the names of its steps."""
        client = Client(self.cluster)
        await operation.prepare(client)
        self.breaker.arm()
        reply = await client.send(operation.request())
        steps = self.breaker.steps
        self.breaker.arm()
        await operation.check(client, reply)
        client.close()
        assert reply.status == 200, reply
        return steps

    async def interrupt(self, make: type[Operation], victim: str, at: int) -> bool:
        """Kill the victim at one step, start it again, and check; return whether the request was acknowledged."""
        client = Client(self.cluster)
        try:
            for _ in range(_ATTEMPTS):
                operation = make()
                await operation.prepare(client)
                self.breaker.arm(at, lambda: self.kill(victim))
                reply = await client.send(operation.request())
                is_struck = len(self.breaker.steps) > at
                self.breaker.arm()
                if is_struck:
                    self.revive(victim)
                await operation.check(client, reply)
                if is_struck:
                    return reply.status == 200
                await asyncio.sleep(0.1)  # not all that was struck before is there again: a step was left out
            raise AssertionError("the step did not come")
        finally:
            client.close()


async def kill_at_every_step(folder: Path, is_wanted: Callable[[str], bool] = lambda step: True) -> list[str]:
    """Return one line for each operation and victim. Whatever does not hold is an AssertionError."""
    lines = []
    async with Stand.open(folder) as stand:
        for make in OPERATIONS:
            steps = await stand.steps_of(make())
            wanted = [at for at, step in enumerate(steps) if is_wanted(step)]
            for victim in VICTIMS:
                acknowledged = [await stand.interrupt(make, victim, at) for at in wanted]
                lines.append(
                    f"| {make.name} | {victim} | {len(wanted)} of {len(steps)} | {sum(acknowledged)} "
                    f"| {len(wanted) - sum(acknowledged)} | 0 |"
                )
                print(lines[-1], flush=True)
    return lines


def main() -> None:
    parser = argparse.ArgumentParser(prog="make soak-kill", description=__doc__)
    parser.add_argument("--rounds", type=int, default=1)
    options = parser.parse_args()
    began = time.monotonic()
    print("| operation | killed | steps | acknowledged and kept | repeated with success | promises broken |")
    print("|---|---|---|---|---|---|")
    for _ in range(options.rounds):
        with tempfile.TemporaryDirectory() as name:
            asyncio.run(kill_at_every_step(Path(name)))
    print(f"{time.monotonic() - began:,.0f} s")


if __name__ == "__main__":
    main()
