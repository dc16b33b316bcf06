"""`python -m bench.websockets`: thousands of WebSockets open at once, each of which echoes.

The gateway has one core, this program and the application (`bench.live_origin`) the other. Each WebSocket is a socket of the client
and one to the application, so the gateway holds two for each. Memory is its resident memory before and after, for each pair. All
echo at once, several times, each a text of its own; then, with all of them open, one after the other is asked alone.
"""

import argparse
import os
import platform
import random
import select
import socket
import statistics
import tempfile
import time
from pathlib import Path

from bench.contenders import LOAD_CORE
from bench.live_gateway import GATEWAY_PORT, gateway_and_origin
from bench.percentiles import percentile
from bench.processes import resident_mebibytes

PATIENCE = 30.0


def open_one(token: str, port: int = GATEWAY_PORT) -> socket.socket:
    """Shake hands.

    Raises:
        SystemExit: the answer is not 101.
    """
    connection = socket.create_connection(("127.0.0.1", port), timeout=PATIENCE)
    connection.sendall(
        b"GET /ws HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
        b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nAuthorization: Bearer %b\r\n\r\n" % token.encode()
    )
    answer = b""
    while b"\r\n\r\n" not in answer:
        data = connection.recv(4096)
        if not data:
            break
        answer += data
    if not answer.startswith(b"HTTP/1.1 101 "):
        raise SystemExit(f"no WebSocket: {answer[:200]!r}")
    return connection


def frame(text: bytes, mask: bytes = b"") -> bytes:
    """Return a text frame of at most 125 bytes, masked where there is a mask (RFC 6455 section 5.2)."""
    if not mask:
        return bytes((0x81, len(text))) + text
    return bytes((0x81, 0x80 | len(text))) + mask + bytes(byte ^ mask[at % 4] for at, byte in enumerate(text))


def echo_all(sockets: list[socket.socket], turn: int) -> float:
    """Let each send a text of its own and wait for all of them; returns the seconds it took.

    Raises:
        SystemExit: one got something else, or nothing.
    """
    began = time.perf_counter()
    poll = select.epoll()
    missing = {}
    for number, one in enumerate(sockets):
        text = b"%d of turn %d" % (number, turn)
        missing[one.fileno()] = (one, frame(text))
        poll.register(one.fileno(), select.EPOLLIN)
        one.sendall(frame(text, random.randbytes(4)))
    while missing:
        ready = poll.poll(PATIENCE)
        if not ready:
            raise SystemExit(f"{len(missing)} WebSockets do not echo")
        for file, _ in ready:
            one, expected = missing.pop(file)
            receive(one, expected)
            poll.unregister(file)
    poll.close()
    return time.perf_counter() - began


def echo_one(one: socket.socket, number: int) -> float:
    text = b"alone %d" % number
    began = time.perf_counter()
    one.sendall(frame(text, random.randbytes(4)))
    receive(one, frame(text))
    return time.perf_counter() - began


def receive(one: socket.socket, expected: bytes) -> None:
    answer = b""
    while len(answer) < len(expected):
        data = one.recv(4096)
        if not data:
            break
        answer += data
    if answer != expected:
        raise SystemExit(f"{answer!r} instead of {expected!r}")


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.websockets", description=__doc__)
    parser.add_argument("--sockets", type=int, default=5000)
    parser.add_argument("--turns", type=int, default=5, help="how often all of them echo")
    parser.add_argument("--alone", type=int, default=5000, help="how many are asked alone")
    options = parser.parse_args()
    os.sched_setaffinity(0, {int(LOAD_CORE)})
    with tempfile.TemporaryDirectory() as name, gateway_and_origin(Path(name)) as (pid, token):
        with open_one(token) as first:
            few = sorted(echo_one(first, number) for number in range(options.alone))
        before = resident_mebibytes(pid)
        began = time.perf_counter()
        sockets = [open_one(token) for _ in range(options.sockets)]
        opening = time.perf_counter() - began
        echo_all(sockets, 0)
        each = (resident_mebibytes(pid) - before) * 1024 / options.sockets
        times = [echo_all(sockets, turn) for turn in range(1, options.turns + 1)]
        many = sorted(echo_one(random.choice(sockets), number) for number in range(options.alone))
        for one in sockets:
            one.close()
    echoes = options.sockets * (options.turns + 1) + options.alone
    print(
        f"{platform.machine()}, {platform.python_implementation()} {platform.python_version()}, load {os.getloadavg()[0]:.1f}\n"
        f"{options.sockets:,} WebSockets opened in {opening:.1f} s, {each:.1f} KiB of the gateway's memory for each pair\n"
        f"{echoes:,} echoes, all of them right; all sockets at once took {statistics.median(times):.2f} s (median of {len(times)})\n"
        f"one alone: p50 {percentile(few, 0.5) * 1e6:.0f} µs and p99 {percentile(few, 0.99) * 1e6:.0f} µs without the others, "
        f"{percentile(many, 0.5) * 1e6:.0f} µs and {percentile(many, 0.99) * 1e6:.0f} µs with them"
    )


if __name__ == "__main__":
    main()
