"""The loads of event streams and WebSockets against their own application, without a gateway between."""

import socket
import subprocess
import sys
from collections.abc import Iterator

import pytest

from bench.processes import wait_for
from bench.streams import Stream, listen
from bench.websockets import echo_all, echo_one, frame, open_one, receive


@pytest.fixture(scope="module")
def port() -> Iterator[int]:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    process = subprocess.Popen([sys.executable, "-m", "bench.live_origin", str(port)], stderr=subprocess.PIPE)
    try:
        wait_for(port, process)
        yield port
    finally:
        process.kill()
        process.communicate()


@pytest.mark.parametrize("pattern", ["spread", "together"])
def test_each_event_is_measured_once(port: int, pattern: str) -> None:
    delays = listen(port, f"/events/{pattern}/20", "any", streams=3, seconds=0.5)
    assert delays == sorted(delays)
    assert delays[0] >= 0
    assert 0 < len(delays) <= 3 * 20  # ten for each in half a second, fewer where the machine is busy


def test_an_event_that_was_cut_is_read_when_the_rest_has_come() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        stream = Stream(server.getsockname()[1], "/events/spread/1", "any")
        application, _ = server.accept()
        with application, stream.socket:
            application.sendall(b"data: 7\n\nda")
            assert stream.read() == [7]
            application.sendall(b"ta: 8\n\n")
            assert stream.read() == [8]


def test_every_websocket_echoes(port: int) -> None:
    sockets = [open_one("any", port) for _ in range(20)]
    for turn in range(2):
        assert echo_all(sockets, turn) > 0
    assert echo_one(sockets[3], 3) > 0
    for one in sockets:
        one.close()


def test_a_wrong_echo_ends_the_benchmark() -> None:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        theirs.sendall(frame(b"other"))
        with pytest.raises(SystemExit, match="instead of"):
            receive(ours, frame(b"right"))


def test_a_frame_of_a_client_is_masked() -> None:
    assert frame(b"ab") == b"\x81\x02ab"
    assert frame(b"ab", b"\x01\x02\x03\x04") == b"\x81\x82\x01\x02\x03\x04``"
