"""`make hostile`: every generated message against the whole gateway, on real sockets.

Invariant: a message is refused and nothing of it reaches the application, or what reaches the application is read by
three independent parsers as exactly the requests that the gateway answered for. A client on a second connection always
gets the answer to its own request. No real server finds other requests in the forwarded bytes than the gateway did.

`python -m tests.hostile.campaign --messages 400000 --splices 100000 --seed 1`
"""

import argparse
import asyncio
import itertools
import re
import tempfile
import time
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import uvloop

from tests.hostile.gate import Gate
from tests.hostile.grids import Message, every_message, some_messages, spliced_messages
from tests.hostile.origins import Origin, running_origins
from tests.hostile.parsers import Disagreement, agreed

_NEXT = b"GET /next HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"
_PADDING = 40
"""Honest requests behind each message, so that one that swallows what follows comes to its end."""
_IDLE = 0.25
"""Seconds of silence after which a message is taken to wait for more than there is, and the client ends."""
_CANARY_EVERY = 50
_STATUS = re.compile(rb"HTTP/1\.1 (\d\d\d) ")
_CLOSE = b"\r\nconnection: close\r\n"
_REQUEST_ID = re.compile(rb"x-request-id: [^\r]*")
_MOST_FAULTS = 20


@dataclass
class Tally:
    """What became of the messages. `faults` are those that broke the invariant, with the reason."""

    sent: int = 0
    refused: int = 0
    forwarded: int = 0
    canaries: int = 0
    grids: Counter[str] = field(default_factory=Counter)
    faults: list[str] = field(default_factory=list)
    streams: set[tuple[bytes, ...]] = field(default_factory=set)
    """The distinct series of requests that reached the application whole."""

    def __str__(self) -> str:
        return (
            f"{self.sent} messages: {self.refused} refused, {self.forwarded} forwarded as {len(self.streams)} distinct "
            f"streams; {self.canaries} canaries; {len(self.faults)} faults"
        )


class Campaign:
    """Sends messages one after the other, so that whatever arrives belongs to the last one."""

    def __init__(self, gate: Gate) -> None:
        self._gate = gate
        self.tally = Tally()

    async def run(self, messages: Iterable[Message]) -> Tally:
        for message in messages:
            await self._send(message)
            if self.tally.sent % _CANARY_EVERY == 0:
                await self._sing()
            if len(self.tally.faults) >= _MOST_FAULTS:
                break
        return self.tally

    async def _send(self, message: Message) -> None:
        app, tally = self._gate.app, self.tally
        app.clear()
        seen = await self._exchange(message.raw + _NEXT * _PADDING)
        await self._gate.settled()
        tally.sent += 1
        tally.grids[message.grid] += 1
        fault = self._judge(message, seen)
        if fault:
            tally.faults.append(f"{message.grid}: {fault}: {message.raw!r} -> {seen[:400]!r}, {bytes(app.received)!r}")

    def _judge(self, message: Message, seen: bytes) -> str:
        app, tally = self._gate.app, self.tally
        answered = [status for status in map(int, _STATUS.findall(seen)) if status != 100]
        ours = [status for status in answered if status >= 400 and status != 404]
        served = len(answered) - len(ours)
        raw = bytes(app.received)
        if _STATUS.search(seen.partition(_CLOSE)[2]):
            return "an exchange went on after its end"
        if app.faults:
            return f"the application could not read it: {app.faults}"
        if len(app.arrivals) != served:
            return f"{len(app.arrivals)} requests arrived and {served} were answered"
        if app.is_cut_short:
            return "" if message.has_hostile_body and ours else "an unfinished request reached the application"
        try:
            readings = agreed(raw)
        except Disagreement as disagreement:
            return f"parsers disagree: {disagreement}"
        if len(readings) != len(app.arrivals):
            return f"{len(readings)} requests were read and {len(app.arrivals)} arrived"
        tally.forwarded += bool(raw)
        tally.refused += bool(ours)
        if raw:
            tally.streams.add(tuple(map(_anonymous, app.requests)))
        return "" if raw or ours else "it was neither refused nor forwarded"

    async def _exchange(self, raw: bytes) -> bytes:
        """Send everything at once; the end of the stream follows only where the gateway waits for more."""
        reader, writer = await asyncio.open_connection("127.0.0.1", self._gate.port)
        seen = b""
        try:
            writer.write(raw)
            while True:
                try:
                    async with asyncio.timeout(_IDLE):
                        data = await reader.read(65536)
                except TimeoutError:
                    writer.write_eof()
                    data = await reader.read(65536)
                if not data:
                    return seen
                seen += data
        except ConnectionError:
            return seen
        finally:
            writer.transport.abort()

    async def _sing(self) -> None:
        self._gate.app.clear()
        self.tally.canaries += 1
        target = f"/canary/{self.tally.sent}"
        status, fields, _ = await self._gate.ask(
            f"GET {target} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n".encode()
        )
        if status != 200 or fields.get("x-target") != target:
            self.tally.faults.append(f"a canary asked for {target} and got {status} {fields}")


def _anonymous(request: bytes) -> bytes:
    """Return a request without what differs at each sending."""
    return _REQUEST_ID.sub(b"x-request-id: 1", request)


def differences(origins: Sequence[Origin], streams: Iterable[Sequence[bytes]]) -> Iterator[str]:
    """Yield where a real server counts other requests in a stream than the gateway did.

    Behind each stream goes one honest request. A server may refuse what we let through, and may close early; it must
    never find more requests, nor swallow one.
    """
    for requests in streams:
        wanted = len(requests) + 1
        for origin in origins:
            counted = origin.count([*requests, _NEXT])
            has_stopped = counted.answers and (counted.refused or counted.closed)
            if counted.answers > wanted or (counted.answers < wanted and not has_stopped):
                yield f"{origin.name} counts {counted} instead of {wanted}: {requests!r}"


async def campaign(messages: int, splices: int, seed: int) -> Tally:
    """Run a campaign of its own, and say how it goes."""
    with tempfile.TemporaryDirectory() as directory:
        gate = Gate()
        await gate.start(Path(directory), "parallel")
        try:
            run = Campaign(gate)
            grids = every_message() if messages <= 0 else some_messages(messages, seed)
            await run.run(grids)
            print(f"grids: {run.tally}", flush=True)
            await run.run(spliced_messages(splices, seed))
        finally:
            await gate.stop()
    return run.tally


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--messages", type=int, default=0, help="how many of the grids; 0 for all of them")
    parser.add_argument("--splices", type=int, default=50_000, help="how many spliced ones")
    parser.add_argument("--seed", type=int, default=1)
    wanted = parser.parse_args()
    began = time.monotonic()
    tally = uvloop.run(campaign(wanted.messages, wanted.splices, wanted.seed))
    print(f"{tally} (seed {wanted.seed}, {time.monotonic() - began:.0f} s)", flush=True)
    faults = tally.faults
    with tempfile.TemporaryDirectory() as directory, running_origins(Path(directory)) as origins:
        faults += list(itertools.islice(differences(origins, sorted(tally.streams)), _MOST_FAULTS))
        names = ", ".join(origin.name for origin in origins)
        print(f"{len(tally.streams)} streams replayed to {names} ({time.monotonic() - began:.0f} s)")
    for fault in faults:
        print(fault)
    raise SystemExit(bool(faults))


if __name__ == "__main__":
    main()
