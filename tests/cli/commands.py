"""How a test runs a command, in this process or in one of its own, and what it may talk to."""

import os
import socketserver
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

from click.testing import CliRunner

from gateway.cli import main

ROOT = Path(__file__).resolve().parents[2]

MINIMAL = """\
public_url: https://www.example.com
upstreams: { app: { url: http://127.0.0.1:8000 } }
"""


@dataclass(frozen=True, slots=True)
class Ended:
    """How a command ended and what it printed."""

    code: int
    out: str
    err: str


def crossfade(*words: object, env: Mapping[str, str | None] | None = None, stdin: str | bytes = "") -> Ended:
    """Run a command in this process. `env` is laid over the environment; None removes a variable."""
    result = CliRunner().invoke(main, [str(word) for word in words], env=dict(env or {}), input=stdin)
    return Ended(result.exit_code, result.stdout, result.stderr)


def start(*words: object, env: Mapping[str, str] | None = None, **options: Any) -> subprocess.Popen[str]:
    """Start a command in a process of its own."""
    environ = {**os.environ, "PYTHONPATH": str(ROOT), **(env or {})}
    command = [sys.executable, "-m", "gateway", *map(str, words)]
    return subprocess.Popen(command, env=environ, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, **options)


@dataclass(frozen=True, slots=True)
class Asked:
    """One request that a server got."""

    method: str
    path: str
    headers: Mapping[str, str]
    body: bytes


@dataclass(frozen=True, slots=True)
class Said:
    """One answer that it gives."""

    status: int = 200
    body: bytes = b""
    headers: tuple[tuple[str, str], ...] = ()
    has_date: bool = True


Talk = Callable[[Asked], Said]


class _UnixServer(socketserver.ThreadingMixIn, socketserver.UnixStreamServer):
    daemon_threads = True


class _TcpServer(socketserver.ThreadingMixIn, HTTPServer):
    daemon_threads = True


def _handler(talk: Talk) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def _answer(self) -> None:
            body = self.rfile.read(int(self.headers.get("content-length", 0)))
            headers = {name.lower(): value for name, value in self.headers.items()}
            said = talk(Asked(self.command, self.path, headers, body))
            if said.has_date:
                self.send_response(said.status)
            else:
                self.send_response_only(said.status)
            for name, value in said.headers:
                self.send_header(name, value)
            self.send_header("content-length", str(len(said.body)))
            self.end_headers()
            self.wfile.write(said.body)

        do_GET = do_POST = _answer

        def log_message(self, *_: Any) -> None:
            pass

        def address_string(self) -> str:
            return "somebody"

    return Handler


@contextmanager
def _running(server: socketserver.BaseServer) -> Iterator[None]:
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@contextmanager
def http_server(talk: Talk) -> Iterator[str]:
    """A server on loopback; yields `127.0.0.1:port`."""
    server = _TcpServer(("127.0.0.1", 0), _handler(talk))
    with _running(server):
        yield f"127.0.0.1:{server.server_port}"


@contextmanager
def local_server(path: Path, talk: Talk) -> Iterator[None]:
    """A server on a Unix socket."""
    with _running(_UnixServer(str(path), _handler(talk))):
        yield
