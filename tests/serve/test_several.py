"""Several processes as one gateway: deaths, signals and the end, seen from outside."""

import os
import signal
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.fetching import fetch
from tests.serve.crew import HALF, App, Crew, ask, get, is_running, read_all, wait_until


@pytest.fixture
def app() -> Iterator[App]:
    app = App()
    yield app
    app.close()


@pytest.fixture(scope="module")
def crew(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Crew]:
    """One for all tests after which it still serves."""
    app = App()
    with Crew(tmp_path_factory.mktemp("crew"), app) as crew:
        crew.start()
        yield crew
    app.close()


@pytest.fixture
def own_crew(tmp_path: Path, app: App) -> Iterator[Crew]:
    with Crew(tmp_path, app) as crew:
        crew.start()
        yield crew


class Client(threading.Thread):
    """Asks again and again on one connection, on a new one where it was lost, and counts."""

    def __init__(self, crew: Crew) -> None:
        super().__init__()
        self.crew = crew
        self.answers = self.losses = 0
        self.is_over = threading.Event()
        self.connection = crew.connect()
        self.owner = crew.owner(self.connection)

    def run(self) -> None:
        while not self.is_over.is_set():
            try:
                is_answered = ask(self.connection, get("/x")).startswith(b"HTTP/1.1 200")
            except OSError:
                is_answered = False
            if is_answered:
                self.answers += 1
            else:
                self.losses += 1
                self.connection.close()
                self.connection = self.crew.connect()
        self.connection.close()


def clients_of_all_workers(crew: Crew) -> list[Client]:
    """As many clients as it takes for every worker to have two."""
    clients: list[Client] = []
    while any(sum(client.owner == pid for client in clients) < 2 for pid in crew.workers()):
        clients.append(Client(crew))
        assert len(clients) < 100
    return clients


def test_a_worker_that_is_killed_takes_only_its_own_requests_with_it(crew: Crew) -> None:
    clients = clients_of_all_workers(crew)
    victim, survivor = crew.workers()
    counted = crew.metric("crossfade_requests_total")
    for client in clients:
        client.start()
    wait_until(lambda: all(client.answers > 20 for client in clients))
    before = crew.metric("crossfade_requests_total")
    os.kill(victim, signal.SIGKILL)
    wait_until(lambda: len(crew.workers()) == 2 and victim not in crew.workers(), patience=5.0)
    wait_until(lambda: crew.metric('crossfade_processes{role="worker"}') == 2, patience=5.0)
    answers = [client.answers for client in clients]
    wait_until(lambda: all(client.answers > seen + 20 for client, seen in zip(clients, answers, strict=True)))
    for client in clients:
        client.is_over.set()
        client.join()
    assert {client.losses for client in clients if client.owner == survivor} == {0}
    assert all(client.losses <= 1 for client in clients if client.owner == victim)
    assert crew.metric("crossfade_requests_total") > before > counted


def test_what_was_counted_survives_the_worker_that_counted_it(crew: Crew) -> None:
    before = crew.metric("crossfade_requests_total")
    for _ in range(10):
        assert fetch(f"{crew.base}/x")[0] == 200
    wait_until(lambda: crew.metric("crossfade_requests_total") >= before + 10)  # an answer is there before its count
    counted = crew.metric("crossfade_requests_total")
    restarts = crew.metric('crossfade_process_restarts_total{role="worker"}')
    for victim in crew.workers():
        os.kill(victim, signal.SIGKILL)
    wait_until(lambda: crew.metric('crossfade_process_restarts_total{role="worker"}') == restarts + 2)
    assert crew.metric("crossfade_requests_total") == counted
    wait_until(lambda: crew.metric('crossfade_processes{role="worker"}') == 2)
    assert fetch(f"{crew.base}/x")[0] == 200
    wait_until(lambda: crew.metric("crossfade_requests_total") == counted + 1)
    assert crew.metric('crossfade_migration_phase{phase="off"}') == 1


def test_the_admin_port_comes_back_and_its_death_costs_no_request(crew: Crew) -> None:
    with crew.connect() as connection:
        assert ask(connection, get("/x")).endswith(b"/x")
        victim, workers = crew.admin_pid, crew.workers()
        os.kill(victim, signal.SIGKILL)
        wait_until(lambda: victim not in crew.children() and len(crew.children()) == 3)
        (crew.admin_pid,) = set(crew.children()) - set(workers)
        assert ask(connection, get("/y")).endswith(b"/y")
        assert fetch(f"{crew.admin}/readyz")[0] == 200
        assert crew.metric('crossfade_process_restarts_total{role="admin"}') == 1


def test_the_local_socket_outlives_the_process_that_serves_it(crew: Crew) -> None:
    path = crew.folder / "run" / "admin.sock"
    victim, workers = crew.admin_pid, crew.workers()
    os.kill(victim, signal.SIGINT)  # so that it closes everything in good order
    wait_until(lambda: victim not in crew.children() and len(crew.children()) == 3)
    (crew.admin_pid,) = set(crew.children()) - set(workers)
    with socket.socket(socket.AF_UNIX) as client:
        client.settimeout(40.0)
        client.connect(str(path))
        assert b'"phase":"off"' in ask(client, get("/phase"))


def test_nothing_lives_on_without_the_supervisor(own_crew: Crew) -> None:
    children = own_crew.children()
    assert len(children) == 3
    os.kill(own_crew.process.pid, signal.SIGKILL)
    own_crew.process.wait()
    wait_until(lambda: not any(is_running(pid) for pid in children))


def test_sigterm_lets_everything_finish_that_can(own_crew: Crew, app: App) -> None:
    """A request under way, an upload, a download, an event stream and a WebSocket, each on a connection of its own."""
    crew = own_crew
    with ExitStack() as stack:
        held, upload, download, events, tunnel = (stack.enter_context(crew.connect()) for _ in range(5))
        begin_all(held, upload, download, events, tunnel, app)
        crew.signal(signal.SIGTERM)
        wait_until(lambda: '"draining"' in fetch(f"{crew.admin}/readyz")[1])
        wait_until(lambda: not accepts(crew))
        upload.sendall(HALF)
        app.release()
        assert read_all(upload).endswith(b"\r\n\r\n400000")
        assert read_all(held).endswith(b"\r\n\r\n/hold")
        assert read_all(download).partition(b"\r\n\r\n")[2] == HALF + HALF
        assert b"data: 1" in read_all(events)
        tunnel.close()
        assert crew.exit_code() == 0


def begin_all(
    held: socket.socket,
    upload: socket.socket,
    download: socket.socket,
    events: socket.socket,
    tunnel: socket.socket,
    app: App,
) -> None:
    held.sendall(get("/hold"))
    upload.sendall(b"POST /upload HTTP/1.1\r\nHost: localhost\r\nContent-Length: 400000\r\n\r\n" + HALF)
    download.sendall(get("/download"))
    events.sendall(get("/events"))
    tunnel.sendall(
        b"GET /ws HTTP/1.1\r\nHost: localhost\r\nConnection: upgrade\r\nUpgrade: websocket\r\n"
        b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
    )
    for _ in range(4):  # all but the upload, which the application has not read yet
        assert app.waiting.acquire(timeout=10)
    assert tunnel.recv(1000).startswith(b"HTTP/1.1 101")


def accepts(crew: Crew) -> bool:
    try:
        crew.connect().close()
    except OSError:
        return False
    return True


def test_what_does_not_finish_in_time_is_seen_as_cut_short(tmp_path: Path, app: App) -> None:
    with Crew(tmp_path, app, drain="{ delay: 0s, timeout: 500ms }") as crew:
        crew.start()
        with crew.connect() as download:
            download.sendall(get("/download"))
            assert app.waiting.acquire(timeout=10)
            crew.signal(signal.SIGTERM)
            assert len(read_all(download).partition(b"\r\n\r\n")[2]) < 2 * len(HALF)
        assert crew.exit_code() == 3


def test_a_second_signal_ends_it_at_once(tmp_path: Path, app: App) -> None:
    with Crew(tmp_path, app, drain="{ delay: 1h, timeout: 1h }") as crew:
        crew.start()
        with crew.connect() as held:
            held.sendall(get("/hold"))
            assert app.waiting.acquire(timeout=10)
            crew.signal(signal.SIGTERM)
            wait_until(lambda: fetch(f"{crew.admin}/readyz")[0] == 503)
            assert ask_new(crew).endswith(b"/x"), "it serves while load balancers notice"
            crew.signal(signal.SIGTERM)
            assert crew.exit_code() == 3
            assert read_all(held) == b""


def ask_new(crew: Crew) -> bytes:
    with crew.connect() as connection:
        return ask(connection, get("/x"))


def test_ctrl_c_waits_for_no_load_balancer(tmp_path: Path, app: App) -> None:
    with Crew(tmp_path, app, drain="{ delay: 1h, timeout: 10s }") as crew:
        crew.start()
        crew.signal(signal.SIGINT)
        assert crew.exit_code() == 0


def test_a_worker_that_is_asked_to_end_is_replaced(crew: Crew) -> None:
    """For an operator who wants one process anew: it finishes what it has, and another takes its place."""
    with crew.connect() as connection:
        assert ask(connection, get("/x")).endswith(b"/x")
        owner = crew.owner(connection)
        os.kill(owner, signal.SIGTERM)
        wait_until(lambda: owner not in crew.workers() and len(crew.workers()) == 2)
    assert ask_new(crew).endswith(b"/x")


def test_a_worker_that_keeps_dying_is_started_later_and_later_and_nobody_waits_for_it(crew: Crew) -> None:
    victim, survivor = crew.workers()
    for _ in range(3):
        os.kill(victim, signal.SIGKILL)
        wait_until(lambda victim=victim: victim not in crew.workers() and len(crew.workers()) == 2)  # type: ignore[misc]
        victim = max(crew.workers())
        began = time.monotonic()
        assert {ask_new(crew)[-2:] for _ in range(20)} == {b"/x"}
        assert time.monotonic() - began < 10.0
    assert survivor in crew.workers()
    log = crew.log.read_text()
    assert '"delay":0.5' in log
    assert all(f'"process":"{name}"' in log for name in ("supervisor", "admin", "worker 1", "worker 2"))


def test_a_configuration_that_no_worker_can_use_ends_everything(tmp_path: Path, app: App) -> None:
    crew = Crew(tmp_path, app)
    crew.text += (
        "stores: { postgres: { url: 'postgresql://x@127.0.0.1:1/x' }, secret: { env: MASTER } }\nkeys: [{ env: KEY }]\n"
    )
    crew.environ = {"MASTER": "0123456789abcdefghijklmnopqrstuvwxyzABCDEF", "KEY": "no key"}
    with crew, pytest.raises(AssertionError, match="cannot start"):
        crew.start()
    assert crew.exit_code() == 78
