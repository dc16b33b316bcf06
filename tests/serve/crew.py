"""A gateway of several processes in front of an application that a test holds in its hand. All are real."""

import asyncio
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Self

from tests.fetching import fetch

ROOT = Path(__file__).parents[2]
PATIENCE = 40.0
HALF = b"x" * 200_000


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def wait_until(condition: Callable[[], object], patience: float = PATIENCE, *, log: Path | None = None) -> None:
    deadline = time.monotonic() + patience
    while not condition():
        assert time.monotonic() < deadline, "it did not come" if log is None else log.read_text()
        time.sleep(0.01)


class App:
    """Answers with the path. `/hold`, the second half of `/download` and the end of `/events` wait for `release`."""

    def __init__(self) -> None:
        self.waiting = threading.Semaphore(0)
        self._loop = asyncio.new_event_loop()
        self._released, self._ended = asyncio.Event(), asyncio.Event()
        self._talks: set[asyncio.Task[None]] = set()
        self._thread = threading.Thread(target=self._run)
        self._ready = threading.Event()
        self._thread.start()
        self._ready.wait(PATIENCE)

    def release(self) -> None:
        self._loop.call_soon_threadsafe(self._released.set)

    def close(self) -> None:
        self._loop.call_soon_threadsafe(self._ended.set)
        self._thread.join(PATIENCE)

    def _run(self) -> None:
        async def serve() -> None:
            async with await asyncio.start_server(self._meet, "127.0.0.1", 0) as server:
                self.port = server.sockets[0].getsockname()[1]
                self._ready.set()
                await self._ended.wait()
            for task in self._talks:
                task.cancel()
            await asyncio.gather(*self._talks, return_exceptions=True)

        with asyncio.Runner(loop_factory=lambda: self._loop) as runner:
            runner.run(serve())

    async def _meet(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._talks.add(task)
        try:
            await self._talk(reader, writer)
        finally:
            self._talks.discard(task)
            writer.transport.abort()

    async def _talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while True:
                head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").lower()
                await self._answer(head, reader, writer)
        except (asyncio.IncompleteReadError, ConnectionError):
            pass

    async def _answer(self, head: str, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        path = head.split(" ", 2)[1]
        lines = dict(line.split(": ", 1) for line in head.splitlines()[1:] if ": " in line)
        body = await reader.readexactly(int(lines.get("content-length", "0")))
        if path == "/hold":
            await self._wait()
        if path == "/download":
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % (2 * len(HALF)) + HALF)
            await self._wait()
            writer.write(HALF)
        elif path == "/events":
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\ndata: 1\n\n")
            await self._wait()
            writer.close()
        elif path == "/ws":
            writer.write(b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: upgrade\r\n\r\n")
            self.waiting.release()
            await reader.read()
        else:
            answer = b"%d" % len(body) if body else path.encode()
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(answer) + answer)

    async def _wait(self) -> None:
        self.waiting.release()
        await self._released.wait()


class Crew:
    """The gateway: a supervisor, the process of the admin port, and the workers, by their process ids."""

    def __init__(self, folder: Path, app: App, *, workers: int = 2, drain: str = "{ delay: 0s, timeout: 10s }") -> None:
        self.folder = folder
        self.config = folder / "gateway.yaml"
        self.log = folder / "gateway.log"
        self.port, self.admin_port = free_port(), free_port()
        self.base, self.admin = f"http://127.0.0.1:{self.port}", f"http://127.0.0.1:{self.admin_port}"
        self.environ = {"ENABLE_JWT_AUTH": "false"}
        self.count = workers
        self.text = f"""
listen: 127.0.0.1:{self.port}
workers: {workers}
public_url: http://localhost:{self.port}
admin: {{ listen: 127.0.0.1:{self.admin_port} }}
upstreams: {{ app: {{ url: http://127.0.0.1:{app.port} }} }}
drain: {drain}
"""

    def start(self, *command: str) -> None:
        self.config.write_text(self.text)
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                [*command, sys.executable, "-m", "gateway", "run", "--config", str(self.config)],
                cwd=ROOT,
                env=os.environ | self.environ,
                stdout=log,
                stderr=log,
            )
        wait_until(self._is_up, log=self.log)
        self.admin_pid = self.children()[0] if self.count > 1 else 0

    def _is_up(self) -> bool:
        assert self.process.poll() is None, self.log.read_text()
        try:
            return self.metric('crossfade_processes{role="worker"}') == self.count
        except OSError:
            return False

    def children(self) -> list[int]:
        """In the order of their start."""
        text = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children").read_text()
        return sorted(int(word) for word in text.split())

    def workers(self) -> list[int]:
        return [pid for pid in self.children() if pid != self.admin_pid]

    def metric(self, series: str) -> float:
        lines = fetch(f"{self.admin}/metrics")[1].splitlines()
        return sum(float(line.rpartition(" ")[2]) for line in lines if line.startswith(series))

    def connect(self) -> socket.socket:
        return socket.create_connection(("127.0.0.1", self.port), timeout=PATIENCE)

    def owner(self, connection: socket.socket) -> int:
        """The process that has the other end of a connection."""
        port = connection.getsockname()[1]
        ends = f"0100007F:{self.port:04X} 0100007F:{port:04X}"
        found: list[int] = []

        def look() -> bool:
            rows = (line.split() for line in Path("/proc/net/tcp").read_text().splitlines()[1:])
            inode = next((row[9] for row in rows if f"{row[1]} {row[2]}" == ends), "0")
            found[:] = [pid for pid in self.workers() if inode != "0" and holds(pid, f"socket:[{inode}]")]
            return bool(found)

        wait_until(look)
        return found[0]

    def signal(self, number: int) -> None:
        self.process.send_signal(number)

    def exit_code(self) -> int:
        return self.process.wait(PATIENCE)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, _kind: type[BaseException] | None, _error: BaseException | None, _traceback: TracebackType | None
    ) -> None:
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGINT)
            try:
                self.process.wait(PATIENCE)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()


def holds(pid: int, name: str) -> bool:
    try:
        return any(str(link.readlink()) == name for link in Path(f"/proc/{pid}/fd").iterdir())
    except OSError:
        return False


def is_running(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return False
    return state != "Z"


def ask(connection: socket.socket, request: bytes) -> bytes:
    """Send a request and return the first piece of what comes back; empty where the connection ended."""
    connection.sendall(request)
    return connection.recv(65_536)


def get(path: str) -> bytes:
    return f"GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode()


def read_all(connection: socket.socket) -> bytes:
    """Everything until the end; what a reset leaves."""
    received = b""
    try:
        while piece := connection.recv(65_536):
            received += piece
    except ConnectionResetError:
        pass
    return received
