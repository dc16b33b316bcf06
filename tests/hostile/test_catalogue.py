"""Each row of the catalogue against the whole gateway, in one piece and byte by byte."""

import re
from collections.abc import Callable, Iterator

import pytest

from tests.hostile.catalogue import CATALOGUE, PATHS, Case
from tests.hostile.gate import Gate

pytestmark = pytest.mark.asyncio(loop_scope="module")

NEXT = b"GET /next HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"
SMALL = 4096


def whole(raw: bytes) -> Iterator[bytes]:
    yield raw


def in_pieces(raw: bytes) -> Iterator[bytes]:
    """Byte by byte, but for the longest ones, which go in pieces of a prime length."""
    step = 1 if len(raw) <= SMALL else 1021
    for at in range(0, len(raw), step):
        yield raw[at : at + step]


@pytest.mark.parametrize("cut", [whole, in_pieces])
@pytest.mark.parametrize("case", CATALOGUE, ids=[case.name for case in CATALOGUE])
async def test_a_hostile_request(gate: Gate, case: Case, cut: Callable[[bytes], Iterator[bytes]]) -> None:
    """The client sees the statuses of the row, the application the requests of the row, and nobody anything more.

    Behind each row goes one honest request: it is answered where the connection stays, and never read where it ends.
    """
    gate.app.clear()
    outcome = case.outcome
    seen = await gate.talk(cut(gate.fill(case.raw) + (b"" if case.ends else NEXT)), ends=case.ends)
    statuses = [int(status) for status in re.findall(rb"HTTP/1\.1 (\d\d\d) ", seen)]
    if outcome.may_continue:
        statuses = [status for status in statuses if status != 100]
    expected = [*outcome.statuses, *([{200}] if outcome.stays else [])]
    assert len(statuses) == len(expected), seen
    assert all(status in allowed for status, allowed in zip(statuses, expected, strict=True)), statuses
    await gate.settled()
    assert gate.app.faults == []
    arrivals = [*outcome.arrivals, *(["GET /next"] if outcome.stays else [])]
    assert [f"{arrival.method} {arrival.target}" for arrival in gate.app.arrivals] == [
        gate.fill(arrival.encode()).decode() for arrival in arrivals
    ]
    if not arrivals and not outcome.is_broken:
        assert bytes(gate.app.received) == b""
    if outcome.arrivals:
        first = gate.app.arrivals[0]
        lines = [f"{name}: {value}" for name, value in first.fields]
        assert [line for line in outcome.sees if gate.fill(line.encode()).decode() not in lines] == []
        assert [name for name in outcome.hides if first.values(name)] == []
        assert first.body == outcome.body


@pytest.mark.parametrize("case", PATHS, ids=[case.name for case in PATHS])
async def test_while_tokens_are_off_paths_are_the_applications_business(transparent_gate: Gate, case: Case) -> None:
    """In phase `off` a path that could be read in two ways goes through byte for byte; framing is refused as ever."""
    gate = transparent_gate
    gate.app.clear()
    await gate.talk([case.raw + NEXT])
    target = case.raw.split(b" ")[1].decode()
    forwarded = [] if b"#" in case.raw else [target, "/next"]
    assert [arrival.target for arrival in gate.app.arrivals] == forwarded
