"""Without file descriptors left: nobody is accepted, who is connected is served, and the admin port answers."""

import resource
import select
import shutil
import socket
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.fetching import fetch
from tests.serve.crew import App, Crew, ask, get, wait_until

FILES = 400
MORE = 800
"""More clients than all processes together can hold."""


@pytest.fixture(scope="module")
def app() -> Iterator[App]:
    app = App()
    yield app
    app.close()


@pytest.fixture(params=[1, 2], ids=["one process", "two workers"])
def crew(request: pytest.FixtureRequest, tmp_path: Path, app: App) -> Iterator[Crew]:
    prlimit = shutil.which("prlimit")
    assert prlimit is not None
    with Crew(tmp_path, app, workers=request.param) as crew:
        crew.start(prlimit, f"--nofile={FILES}")
        yield crew


def test_who_is_connected_is_served_while_others_wait(crew: Crew) -> None:
    with ExitStack() as stack:
        clients = [stack.enter_context(crew.connect()) for _ in range(MORE)]
        wait_until(lambda: crew.metric("crossfade_full_processes") == crew.count)
        for client in clients:
            client.sendall(get("/y"))
        served = answered(clients)
        assert 0.2 * FILES * crew.count < len(served) < FILES * crew.count
        assert fetch(f"{crew.admin}/readyz")[0] == 200
        assert {ask(client, get("/x"))[-2:] for client in served} == {b"/x"}
        waiting = [client for client in clients if client not in served]
        for client in served:
            client.close()
        for client in waiting[:50]:
            assert client.recv(65_536).endswith(b"/y"), "it was accepted after all, and asked long ago"
    wait_until(lambda: crew.metric("crossfade_full_processes") == 0)
    with crew.connect() as client:
        assert ask(client, get("/z")).endswith(b"/z")


def answered(clients: list[socket.socket]) -> list[socket.socket]:
    """Those who have been answered, once no more are for a second. Who is not accepted hears nothing."""
    poll = select.poll()
    by_number = {client.fileno(): client for client in clients}
    for number in by_number:
        poll.register(number, select.POLLIN)
    found = []
    while ready := poll.poll(1000):
        for number, _ in ready:
            poll.unregister(number)
            assert by_number[number].recv(65_536).endswith(b"/y")
            found.append(by_number[number])
    return found


def test_a_limit_that_shrinks_under_way_is_noticed(tmp_path: Path, app: App) -> None:
    with Crew(tmp_path, app, workers=1) as crew, ExitStack() as stack:
        crew.start()
        clients = [stack.enter_context(crew.connect()) for _ in range(100)]
        assert {ask(client, get("/x"))[-2:] for client in clients} == {b"/x"}
        before = resource.prlimit(crew.process.pid, resource.RLIMIT_NOFILE)
        resource.prlimit(crew.process.pid, resource.RLIMIT_NOFILE, (250, before[1]))
        wait_until(lambda: crew.metric("crossfade_full_processes") == 1)
        assert {ask(client, get("/x"))[-2:] for client in clients} == {b"/x"}
        resource.prlimit(crew.process.pid, resource.RLIMIT_NOFILE, before)
        wait_until(lambda: crew.metric("crossfade_full_processes") == 0)
