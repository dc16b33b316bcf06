"""Several workers over one PostgreSQL are one gateway: the phase, a reload and a logout reach all of them."""

import asyncio
import os
import signal
import threading
from collections.abc import Iterator
from pathlib import Path

import httpx
import jwt
import pytest
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed
from websockets.typing import Origin

from tests.e2e.pair import MASTER, SharedWorld, signing_key, wait_for
from tests.e2e.world import World
from tests.fetching import fetch
from tests.servers_postgres import PostgresServer

WORKERS = 2
ENOUGH = 12
"""Connections that are opened so that every worker gets one, all but surely."""


@pytest.fixture(scope="module")
def several(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SharedWorld]:
    with PostgresServer() as postgres:
        world = SharedWorld(tmp_path_factory.mktemp("several"), extra=f"workers: {WORKERS}")
        world.gateway.environment |= {"DSN": postgres.url, "MASTER": MASTER, "KEY": signing_key()}
        try:
            world.write_config()
            done = world.command("migrate", "up", "--config", str(world.config))
            assert done.returncode == 0, done.stderr
            world.start()
            wait_for(lambda: metric(world, 'crossfade_processes{role="worker"}') == WORKERS, within=20.0)
            yield world
        finally:
            world.stop()


def metric(world: World, series: str) -> float:
    lines = fetch(f"{world.admin}/metrics")[1].splitlines()
    return sum(float(line.rpartition(" ")[2]) for line in lines if line.startswith(series))


def statuses(world: World, path: str, **headers: str) -> set[int]:
    """How a request is answered on many connections, which are spread over the workers."""
    return {fetch(f"{world.base}{path}", headers)[0] for _ in range(ENOUGH)}


def session_endpoint(world: World) -> set[int]:
    return statuses(world, "/.crossfade/session", **{"X-Crossfade": "1"})


def supervisor(world: World) -> int:
    assert world.gateway.child is not None
    return world.gateway.child.pid


def command(world: World, *words: str) -> None:
    done = world.command(*words, "--config", str(world.config))
    assert done.returncode == 0, done.stderr


def test_a_panic_reaches_every_worker_and_so_does_its_end(several: SharedWorld) -> None:
    assert session_endpoint(several) == {200}
    command(several, "phase", "panic", "--reason", "a test")
    assert session_endpoint(several) == {409}, "the answer to the command comes after the word to the workers"
    command(several, "phase", "set", "parallel", "--reason", "over")
    wait_for(lambda: session_endpoint(several) == {200}, within=3.0)
    assert metric(several, 'crossfade_migration_phase{phase="parallel"}') == 1
    assert metric(several, 'crossfade_migration_phase{phase="off"}') == 0


def test_the_override_file_reaches_every_worker(several: SharedWorld) -> None:
    override = several.folder / "phase"
    override.write_text("off\n")
    wait_for(lambda: session_endpoint(several) == {409}, within=3.0)
    override.unlink()
    wait_for(lambda: session_endpoint(several) == {200}, within=3.0)


class Load(threading.Thread):
    """Asks without a pause, each time the worker of its connection."""

    def __init__(self, base: str) -> None:
        super().__init__()
        self.base = base
        self.is_over = threading.Event()
        self.statuses: list[int] = []
        self.failures: list[Exception] = []

    def run(self) -> None:
        with httpx.Client(base_url=self.base, trust_env=False, timeout=10) as client:
            while not self.is_over.is_set():
                try:
                    self.statuses.append(client.get("/login/").status_code)
                except httpx.HTTPError as error:
                    self.failures.append(error)


def test_a_reload_under_load_loses_no_request_and_reaches_every_worker(several: SharedWorld) -> None:
    text = several.config.read_text()
    loads = [Load(several.base) for _ in range(4)]
    for load in loads:
        load.start()
    try:
        assert statuses(several, "/private") == {404}
        several.config.write_text(text.replace("routes: [", "routes: [{ path: /private, auth: required }, "))
        os.kill(supervisor(several), signal.SIGHUP)
        wait_for(lambda: statuses(several, "/private") == {401})
        several.config.write_text("routes: [{ path: /private, auth: sometimes }]")
        os.kill(supervisor(several), signal.SIGHUP)
        wait_for(lambda: metric(several, "crossfade_config_last_reload_successful") == 0)
        assert statuses(several, "/private") == {401}
    finally:
        for load in loads:
            load.is_over.set()
            load.join()
    assert all(load.statuses for load in loads)
    assert {status for load in loads for status in load.statuses} == {200}
    assert [load.failures for load in loads] == [[]] * len(loads)
    # A worker that is started now begins with what is in force, not with the broken file.
    restarts = metric(several, "crossfade_process_restarts_total")
    os.kill(min(workers(several)), signal.SIGTERM)
    wait_for(lambda: metric(several, "crossfade_process_restarts_total") > restarts)
    wait_for(lambda: metric(several, 'crossfade_processes{role="worker"}') == WORKERS)
    assert statuses(several, "/private") == {401}
    several.config.write_text(text)
    os.kill(supervisor(several), signal.SIGHUP)
    wait_for(lambda: metric(several, "crossfade_config_last_reload_successful") == 1)
    wait_for(lambda: statuses(several, "/private") == {404})


def workers(world: World) -> list[int]:
    """The processes that are not the admin port's, which was started first."""
    pid = supervisor(world)
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return sorted(int(child) for child in children)[1:]


async def test_a_logout_ends_what_the_session_has_open_in_every_worker(several: SharedWorld) -> None:
    browser = await asyncio.to_thread(several.browser)
    await asyncio.to_thread(browser.log_in)
    headers = {"Cookie": f"sessionid={browser.cookies['sessionid']}"}
    sockets: list[ClientConnection] = [
        await connect(
            f"ws://localhost:{several.port}/ws/echo",
            additional_headers=headers,
            origin=Origin(several.base),
            proxy=None,
        )
        for _ in range(ENOUGH)
    ]
    try:
        for socket in sockets:
            await socket.send("hello")
            assert await socket.recv() == "hello"
        await asyncio.to_thread(wait_for, lambda: metric(several, "crossfade_open_streams") == ENOUGH)
        await asyncio.to_thread(browser.log_out_of_the_application)
        for socket in sockets:
            with pytest.raises(ConnectionClosed):
                await asyncio.wait_for(socket.recv(), 5)
    finally:
        for socket in sockets:
            await socket.close()


def test_k6_a_compromised_key_is_refused_by_every_worker_and_all_agree_which_one_signs(several: SharedWorld) -> None:
    """K6: the order comes over the admin port, which is another process than those that check tokens."""
    browser = several.browser()
    browser.log_in()
    assert browser.exchange().status_code == 200
    bearer = {"Authorization": f"Bearer {browser.token}"}
    assert statuses(several, "/api/me", **bearer) == {200}
    stolen = str(jwt.get_unverified_header(browser.token)["kid"])
    command(several, "keys", "compromise", stolen, "--reason", "drill")
    wait_for(lambda: statuses(several, "/api/me", **bearer) == {401}, within=5.0)
    wait_for(lambda: metric(several, f'crossfade_signing_key_info{{kid="{stolen[:8]}"}}') == 0, within=5.0)
    assert metric(several, "crossfade_signing_key_info") == 1
    assert browser.refresh().status_code == 200
    wait_for(lambda: statuses(several, "/api/me", Authorization=f"Bearer {browser.token}") == {200}, within=5.0)
