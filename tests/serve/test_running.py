"""A process from its start to its end, as probes, clients and signals see it."""

import asyncio
import signal
import socket
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import httpx
import pytest
from structlog.testing import capture_logs

from gateway.errors import ConfigurationError, DependencyError, StartError, StoreUnavailable
from gateway.serve.listeners import listen
from gateway.serve.running import CUT_SHORT, DRAINED, Reload
from gateway.settings.schema.listeners import Drain
from tests.serve.served import House, Small, get, tell

Open = Callable[..., House]


@pytest.fixture
async def open_house(tmp_path: Path) -> AsyncIterator[Open]:
    """Start a gateway; whatever a test leaves running is ended."""
    houses: list[House] = []

    def begin(*, delay: float = 0.0, timeout: float = 5.0, reload: Reload | None = None) -> House:
        houses.append(House(tmp_path, Drain.model_construct(delay=delay, timeout=timeout), reload))
        return houses[-1]

    yield begin
    for house in houses:
        house.task.cancel()
        await asyncio.wait([house.task])


async def readiness(house: House) -> tuple[int, str]:
    answer = await get(f"{house.admin}/readyz")
    return answer.status_code, answer.json()["reason"]


async def test_probes_are_answered_before_requests_are(open_house: Open) -> None:
    house = open_house()
    house.gateway.may_start.clear()
    await house.gateway.was_asked_to_start.wait()
    assert await readiness(house) == (503, "starting")
    assert (await get(f"{house.admin}/livez")).status_code == 200
    with pytest.raises(httpx.ConnectError):
        await get(house.data)
    house.gateway.may_start.set()
    await house.started()
    assert await readiness(house) == (200, "")
    assert (await get(house.data)).text == "ok"


async def test_a_start_that_fails_leaves_nothing_behind(open_house: Open) -> None:
    house = open_house()
    house.gateway.start_error = DependencyError("Redis cannot be reached.")
    with pytest.raises(DependencyError):
        await house.exit_code()
    with pytest.raises(httpx.ConnectError):
        await get(f"{house.admin}/livez")
    assert house.sockets.local is not None
    assert not house.sockets.local.path.exists()


async def test_sigterm_finishes_what_is_in_flight_and_ends_with_0(open_house: Open) -> None:
    house = open_house()
    await house.started()
    slow = asyncio.ensure_future(get(f"{house.data}/slow"))
    await house.gateway.flow.slow_came.wait()
    tell(signal.SIGTERM)
    await house.state.drain_began.wait()
    assert await readiness(house) == (503, "draining")
    with pytest.raises(httpx.ConnectError):
        await get(house.data)
    house.gateway.flow.let_go.set_result(None)
    answer = await slow
    assert (answer.text, answer.headers["connection"]) == ("ok", "close")
    assert await house.exit_code() == DRAINED
    assert not house.gateway.is_open


async def test_new_requests_are_served_through_the_delay(open_house: Open) -> None:
    house = open_house(delay=60.0)
    await house.started()
    tell(signal.SIGTERM)
    await house.state.drain_began.wait()
    assert await readiness(house) == (503, "draining")
    assert (await get(house.data)).text == "ok"
    tell(signal.SIGTERM)
    assert await house.exit_code() == DRAINED


async def test_the_deadline_cuts_short_and_ends_with_3(open_house: Open) -> None:
    house = open_house(timeout=0.05)
    await house.started()
    slow = asyncio.ensure_future(get(f"{house.data}/slow"))
    await house.gateway.flow.slow_came.wait()
    tell(signal.SIGTERM)
    assert await house.exit_code() == CUT_SHORT
    with pytest.raises(httpx.TransportError):
        await slow


async def test_a_second_signal_ends_at_once(open_house: Open) -> None:
    house = open_house(delay=60.0, timeout=60.0)
    await house.started()
    slow = asyncio.ensure_future(get(f"{house.data}/slow"))
    await house.gateway.flow.slow_came.wait()
    tell(signal.SIGTERM)
    await house.state.drain_began.wait()
    tell(signal.SIGTERM)
    assert await house.exit_code() == CUT_SHORT
    with pytest.raises(httpx.TransportError):
        await slow


async def test_ctrl_c_skips_the_delay(open_house: Open) -> None:
    house = open_house(delay=60.0)
    await house.started()
    tell(signal.SIGINT)
    assert await house.exit_code() == DRAINED


async def test_an_idle_connection_does_not_hold_the_end_up(open_house: Open) -> None:
    house = open_house()
    await house.started()
    async with httpx.AsyncClient(trust_env=False) as client:
        await get(house.data, client)
        tell(signal.SIGTERM)
        assert await house.exit_code() == DRAINED


async def test_a_tick_that_fails_is_not_the_last(open_house: Open) -> None:
    house = open_house()
    await house.started()
    async with asyncio.timeout(5):
        while house.gateway.ticks < 2:
            house.gateway.ticked.clear()
            await house.gateway.ticked.wait()
    assert (await get(house.data)).text == "ok"


async def test_an_outage_in_a_tick_is_told_without_a_traceback(
    open_house: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    house = open_house()

    async def tick(now: float) -> None:
        house.gateway.ticked.set()
        raise StoreUnavailable

    monkeypatch.setattr(house.gateway, "tick", tick)
    with capture_logs() as lines:
        await house.started()
        async with asyncio.timeout(5):
            await house.gateway.ticked.wait()
    told = [line for line in lines if line["event"].startswith("a tick")]
    assert told
    assert all(line["log_level"] == "warning" and "exc_info" not in line for line in told)


async def test_what_cannot_be_shown_holds_up_no_tick(open_house: Open, monkeypatch: pytest.MonkeyPatch) -> None:
    house = open_house()
    monkeypatch.setattr(house.gateway.metrics, "set_connections", None)
    await house.started()
    async with asyncio.timeout(5):
        await house.gateway.ticked.wait()


async def test_connections_are_shown(open_house: Open) -> None:
    house = open_house()
    await house.started()
    slow = asyncio.ensure_future(get(f"{house.data}/slow"))
    async with httpx.AsyncClient(trust_env=False) as client, asyncio.timeout(5):
        await get(house.data, client)
        text = ""
        while 'crossfade_connections{side="client",state="idle"} 1.0' not in text:
            await house.gateway.ticked.wait()
            house.gateway.ticked.clear()
            text = (await get(f"{house.admin}/metrics")).text
        assert 'crossfade_connections{side="client",state="active"} 1.0' in text
    house.gateway.flow.let_go.set_result(None)
    await slow


async def test_sighup_takes_a_good_configuration_over_and_keeps_the_old_one_before_a_bad_one(
    open_house: Open,
) -> None:
    outcomes: list[Exception | None] = [
        None,
        ConfigurationError("gateway.yaml:3:1: no"),
        None,
        LookupError("a bug"),
        None,
    ]
    done = asyncio.Event()

    async def reload() -> None:
        outcome = outcomes.pop(0)
        asyncio.get_running_loop().call_soon(done.set)
        if outcome is not None:
            raise outcome

    house = open_house(reload=reload)
    await house.started()
    for expected in ("1.0", "0.0", "1.0", "0.0", "1.0"):
        done.clear()
        tell(signal.SIGHUP)
        await done.wait()
        text = (await get(f"{house.admin}/metrics")).text
        assert f"\ncrossfade_config_last_reload_successful {expected}\n" in text
        assert (await get(house.data)).text == "ok"


async def test_sighup_means_nothing_where_nothing_can_be_reloaded(open_house: Open) -> None:
    house = open_house()
    await house.started()
    tell(signal.SIGHUP)
    assert (await get(house.data)).text == "ok"


async def test_actions_are_on_the_local_socket_alone(open_house: Open) -> None:
    house = open_house()
    await house.started()
    assert (await get(f"{house.admin}/phase")).status_code == 404
    async with httpx.AsyncClient(transport=house.local) as local:
        assert (await local.get("http://localhost/phase")).json() == {"phase": "parallel"}
        assert (await local.post("http://localhost/phase/panic", json={"reason": "x"})).json() == {"phase": "off"}


async def test_the_admin_port_is_as_strict_as_the_data_port(open_house: Open) -> None:
    house = open_house()
    await house.started()
    port = int(house.admin.rpartition(":")[2])
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(b"GET /livez HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n")
    answer = await reader.read()
    writer.close()
    assert answer.startswith(b"HTTP/1.1 400 ")


async def test_what_fails_to_close_does_not_keep_the_rest_open(
    open_house: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def fail(_self: object) -> None:
        raise RuntimeError("stuck")

    house = open_house()
    await house.started()
    monkeypatch.setattr("gateway.wire.server.WireServer.close", fail)
    tell(signal.SIGTERM)
    with pytest.raises(RuntimeError, match="stuck"):
        await house.exit_code()
    assert not house.gateway.is_open
    assert [one.fileno() for one in (*house.sockets.data, *house.sockets.admin)] == [-1, -1]


async def test_a_port_on_which_somebody_began_to_listen_meanwhile_stops_the_start(tmp_path: Path) -> None:
    first, second = (socket.socket() for _ in range(2))
    for one in (first, second):
        one.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    with first, second:
        first.bind(("127.0.0.1", 0))
        second.bind(first.getsockname())
        first.listen()
        with pytest.raises(StartError, match="Cannot listen"):
            await listen(Small().server(), [second])
