"""Each hostile answer of the application against the whole gateway, and what of it anybody sees."""

import asyncio

import pytest

from tests.hostile.answers import ASKED, MEBIBYTE, OK, ROWS, Row
from tests.hostile.catalogue import get
from tests.hostile.gate import PATIENCE, Gate, read_answer

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest.mark.parametrize("row", ROWS.values(), ids=ROWS)
async def test_a_hostile_answer(gate: Gate, row: Row) -> None:
    """What cannot be passed on is a 502 as a whole; what is cut off is seen cut off."""
    gate.app.clear()
    gate.app.answer = row.answer
    seen = await gate.talk([row.asked])
    assert seen.count(b"HTTP/1.1 ") == 1, seen
    status, fields, body = read_answer(seen)
    assert status == row.status
    assert [word for word in row.hides if word in seen] == []
    if status == 502:
        assert fields["content-type"] == "application/problem+json"
    else:
        assert body == row.body
    await gate.settled()
    assert len(gate.app.arrivals) == 1
    assert b"early" not in gate.app.received


@pytest.mark.parametrize(
    "more", [b"2;" + b"a" * MEBIBYTE, b"0\r\nX: " + b"a" * MEBIBYTE], ids=["extensions", "trailers"]
)
async def test_a_body_with_more_around_it_than_in_it_is_given_up(gate: Gate, more: bytes) -> None:
    """H12: an error where nothing of it was passed on, else it is seen cut off."""
    gate.app.clear()
    gate.app.answer = OK + b"Transfer-Encoding: chunked\r\n\r\n2\r\nok\r\n" + more
    gate.app.keeps_open = True
    status, _, body = read_answer(await gate.talk([ASKED]))
    assert status == 502 or (status, body) == (200, b"2\r\nok\r\n")


@pytest.mark.parametrize("row", [row for name, row in ROWS.items() if "H6" not in name], ids=lambda row: row.status)
async def test_after_a_hostile_answer_everybody_gets_his_own(gate: Gate, row: Row) -> None:
    """The application keeps the connection open on which something was left over; nobody is ever answered from it."""
    gate.app.clear()
    gate.app.answer, gate.app.keeps_open = row.answer, True
    await gate.talk([row.asked])
    gate.app.clear()
    targets = [f"/canary/{number}" for number in range(3)]
    asked = (gate.ask(get(b"Connection: close", target=target.encode())) for target in targets)
    answers = await asyncio.gather(*asked)
    assert [(status, fields["x-target"], body) for status, fields, body in answers] == [
        (200, target, b"") for target in targets
    ]
    assert sorted(arrival.target for arrival in gate.app.arrivals) == targets


async def test_what_comes_on_an_idle_connection_answers_nobody(gate: Gate) -> None:
    """H8: an answer before its request, on a connection that waits for one in the pool."""
    for _ in range(10):
        gate.app.clear()
        assert read_answer(await gate.talk([ASKED]))[0] == 200
        gate.app.speak(OK + b"Content-Length: 4\r\n\r\nevil")
        async with asyncio.timeout(PATIENCE):
            await gate.app.deserted.wait()
        status, fields, body = await gate.ask(get(b"Connection: close", target=b"/canary"))
        assert (status, fields["x-target"], body) == (200, "/canary", b"")
