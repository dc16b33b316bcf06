"""One process of racers: takes its families through races until it has shown so many tokens, and writes the history.

`python -m tests.soak.racers PORT PORT --families N --refreshes N --seconds S --grace S --history FILE --seed N`
What it says on its output is for `tests.soak.refresh`: a line for each second, and one at the end.
"""

import argparse
import asyncio
import random
import sys
import time
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import orjson
import uvloop

from tests.soak.cluster import session_cookie
from tests.soak.history import Race, short
from tests.soak.http import Connection, Reply, exchange_request, refresh_request

CONNECTIONS = 32  # to each gateway
RACERS = (2, 2, 2, 3, 3, 4, 5, 8, 12, 20, 50)  # ten on average
RETRIES = 20


@dataclass(slots=True)
class Line:
    """A family as its owner has it. `ripe_at` is when its token is old enough to be succeeded."""

    number: int
    token: str
    ripe_at: float


class Racers:
    """Shows tokens over two gateways at once; half of the racers of each race go to either."""

    def __init__(self, options: argparse.Namespace) -> None:
        self._options = options
        self._draw = random.Random(options.seed)
        self._idle = [[Connection(port) for _ in range(CONNECTIONS)] for port in options.ports]
        self._freed = asyncio.Event()
        self._lines: deque[Line] = deque()
        self._races: set[asyncio.Task[None]] = set()
        self.shown = 0
        self.dead = 0

    async def run(self) -> None:
        await self._exchange_all()
        print(f"ready {len(self._lines)}", flush=True)
        talking = asyncio.create_task(self._talk())
        with self._options.history.open("wb", buffering=1 << 16) as self._history:
            until = time.monotonic() + self._options.seconds
            while self.shown < self._options.refreshes and time.monotonic() < until:
                await self._begin_race()
            await asyncio.gather(*self._races)
        talking.cancel()
        alive = await self._count_alive()
        print(f"end {self.shown} {alive} {self.dead}", flush=True)

    async def _talk(self) -> None:
        while True:
            print(f"shown {self.shown}", flush=True)
            await asyncio.sleep(1.0)

    # --- the beginning and the end ---

    async def _exchange_all(self) -> None:
        slots = asyncio.Semaphore(CONNECTIONS)

        async def exchange(number: int) -> None:
            async with slots:
                cookie = session_cookie(f"user-{self._options.seed}-{number}")
                reply = await self._patiently(number, exchange_request(cookie))
                assert reply.status == 200, reply
                self._lines.append(Line(number, token_of(reply), time.monotonic() + self._options.grace))

        await asyncio.gather(*(exchange(number) for number in range(self._options.families)))

    async def _count_alive(self) -> int:
        """Show the newest token of every family once more."""
        slots = asyncio.Semaphore(CONNECTIONS)

        async def is_alive(line: Line) -> bool:
            async with slots:
                return (await self._patiently(line.number, refresh_request(line.token))).status == 200

        return sum(await asyncio.gather(*(is_alive(line) for line in self._lines)))

    async def _patiently(self, number: int, request: bytes) -> Reply:
        idle = self._idle[number % len(self._idle)]
        connection = idle.pop()
        try:
            for _ in range(RETRIES):
                reply = await connection.send(request)
                if reply.status not in {0, 503}:
                    break
                await asyncio.sleep(0.2)
            return reply
        finally:
            idle.append(connection)

    # --- a race ---

    async def _begin_race(self) -> None:
        line, racers = await self._next_ripe(), self._draw.choice(RACERS)
        shares = [len(range(side, racers, len(self._idle))) for side in range(len(self._idle))]
        while any(len(idle) < share for idle, share in zip(self._idle, shares, strict=True)):
            self._freed.clear()
            await self._freed.wait()
        taken = [(idle, [idle.pop() for _ in range(share)]) for idle, share in zip(self._idle, shares, strict=True)]
        self.shown += racers
        race = asyncio.create_task(self._race(line, taken))
        self._races.add(race)
        race.add_done_callback(self._races.discard)

    async def _next_ripe(self) -> Line:
        while not self._lines:
            self._freed.clear()
            await self._freed.wait()
        line = self._lines.popleft()
        await asyncio.sleep(max(0.0, line.ripe_at - time.monotonic()))
        return line

    async def _race(self, line: Line, taken: Sequence[tuple[list[Connection], list[Connection]]]) -> None:
        request = refresh_request(line.token)
        connections = [connection for _, some in taken for connection in some]
        replies = await asyncio.gather(*(connection.send(request) for connection in connections))
        for idle, some in taken:
            idle.extend(some)
        self._note(line, replies)
        self._freed.set()

    def _note(self, line: Line, replies: Sequence[Reply]) -> None:
        refused = [reply for reply in replies if reply.status != 200]
        unanswered = sum(reply.status in {0, 503} for reply in refused)
        successors = sorted({token_of(reply) for reply in replies if reply.status == 200})
        newest = successors[0] if successors else line.token
        race = Race(
            line.number, short(line.token), short(newest), len(replies), len(successors), len(refused), unanswered
        )
        self._history.write(race.pack())
        if len(refused) > unanswered:
            self.dead += 1
            print(f"refused {refused[0].status} {refused[0].body[:200]!r}", file=sys.stderr, flush=True)
        # Where nobody was answered, the same token is shown again at once: its grace may have begun.
        line.token, line.ripe_at = newest, time.monotonic() + (self._options.grace if successors else 0.0)
        if successors:
            self._lines.append(line)
        else:
            self._lines.appendleft(line)


def token_of(reply: Reply) -> str:
    return str(orjson.loads(reply.body)["refresh_token"])


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("ports", type=int, nargs=2)
    parser.add_argument("--families", type=int, required=True)
    parser.add_argument("--refreshes", type=int, required=True)
    parser.add_argument("--seconds", type=float, required=True)
    parser.add_argument("--grace", type=float, required=True)
    parser.add_argument("--history", type=Path, required=True)
    parser.add_argument("--seed", type=int, required=True)
    uvloop.run(Racers(parser.parse_args()).run())


if __name__ == "__main__":
    main()
