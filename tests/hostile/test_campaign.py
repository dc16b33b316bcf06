"""A sample of the generated messages, and proof that the campaign would see a gateway that lets something through."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from tests.hostile.application import Application, Recorder
from tests.hostile.campaign import Campaign, differences
from tests.hostile.gate import Gate
from tests.hostile.grids import Message, some_messages, spliced_messages
from tests.hostile.origins import Origin, running_origins
from tests.hostile.parsers import PARSERS, Disagreement, agreed

POST = b"POST / HTTP/1.1\r\nHost: a\r\n"
SMUGGLED = b"GET /smuggled HTTP/1.1\r\nHost: a\r\n\r\n"


@pytest.mark.timeout(300)
@pytest.mark.asyncio(loop_scope="module")
async def test_a_sample_of_all_grids_is_refused_or_read_by_everybody_as_by_us(gate: Gate, tmp_path: Path) -> None:
    """`make hostile` sends all of them; this is the same with a sample, and the servers that this machine has."""
    campaign = Campaign(gate)
    await campaign.run(some_messages(2000, seed=7))
    tally = await campaign.run(spliced_messages(500, seed=7))
    assert tally.faults == []
    assert tally.refused > 1000
    assert tally.forwarded > 100
    with running_origins(tmp_path) as origins:
        assert {"gunicorn", "uvicorn", "waitress"} <= {origin.name for origin in origins}
        found = await asyncio.to_thread(lambda: list(differences(origins, sorted(tally.streams)[:150])))
    assert found == []


# --- the instruments ---


class Relay:
    """A gateway that checks nothing: it stands where the real one does, and passes on what it is sent."""

    def __init__(self) -> None:
        self.app = Recorder()
        self.port = 0

    async def settled(self) -> None:
        await asyncio.sleep(0)

    async def start(self) -> None:
        self._server = await asyncio.get_running_loop().create_server(lambda: Application(self.app), "127.0.0.1", 0)
        self.port = self._server.sockets[0].getsockname()[1]

    async def stop(self) -> None:
        self._server.close()


@pytest_asyncio.fixture
async def relay() -> AsyncIterator[Relay]:
    relay = Relay()
    await relay.start()
    yield relay
    await relay.stop()


@pytest.mark.parametrize(
    "raw",
    [
        pytest.param(POST + b"Content-Length: 6\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n" + SMUGGLED, id="CL.TE"),
        pytest.param(POST + b"X: a\nTransfer-Encoding: chunked\r\nContent-Length: 0\r\n\r\n" + SMUGGLED, id="bare LF"),
        pytest.param(POST + b"Transfer-Encoding: chunked\r\n\r\n5\r\nhelloXX0\r\n\r\n", id="chunk"),
    ],
)
async def test_a_gateway_that_passes_everything_on_is_noticed(relay: Relay, raw: bytes) -> None:
    campaign = Campaign(relay)  # type: ignore[arg-type]
    tally = await campaign.run([Message("known", raw)])
    assert len(tally.faults) == 1


@pytest.mark.parametrize(
    "raw",
    [
        pytest.param(POST + b"Content-Length: 6\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\nX", id="two lengths"),
        pytest.param(POST + b"Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n", id="a coding that only one accepts"),
        pytest.param(POST + b"Content-Length: 6\r\n\r\nhello", id="unfinished"),
    ],
)
def test_parsers_that_disagree_are_noticed(raw: bytes) -> None:
    with pytest.raises(Disagreement):
        agreed(raw)


def test_each_parser_finds_all_requests_of_a_connection() -> None:
    raw = POST + b"Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n" + SMUGGLED
    for parser in PARSERS:
        assert [(reading.method, reading.target, reading.body) for reading in parser(raw)] == [
            (b"POST", b"/", b"hello"),
            (b"GET", b"/smuggled", b""),
        ]


async def test_a_server_that_counts_otherwise_is_noticed(relay: Relay) -> None:
    """Two requests in what should be one, and one that swallows the next."""
    origin = Origin("relay", relay.port, patience=0.3)
    doubled = POST + b"Content-Length: 0\r\n\r\n" + SMUGGLED
    swallowing = POST + b"Content-Length: 200\r\n\r\n"
    assert len(await asyncio.to_thread(lambda: list(differences([origin], [[doubled]])))) == 1
    assert len(await asyncio.to_thread(lambda: list(differences([origin], [[swallowing]])))) == 1
