"""Real servers as the application behind the gateway: what they count in the bytes that the gateway forwards.

Each origin answers every request with whatever status; only the number of answers matters.
"""

import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import httptools

from tests.servers import free_port

_PATIENCE = 10.0  # seconds to start, to answer and to end
_NODE = """
const server = require('http').createServer((request, response) => request.resume().on('end', () => response.end('ok')))
server.listen(+process.argv[1], '127.0.0.1')
"""
_WSGI = """
def app(environ, start):
    environ["wsgi.input"].read()
    start("200 OK", [("Content-Length", "2")])
    return [b"ok"]
"""
_ASGI = """
async def app(scope, receive, send):
    assert scope["type"] == "http"
    while (await receive()).get("more_body"):
        pass
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"2")]})
    await send({"type": "http.response.body", "body": b"ok"})
"""
_NGINX = """
daemon off; worker_processes 1; pid {directory}/pid; error_log /dev/null crit;
events {{ worker_connections 256; }}
http {{
  access_log off; keepalive_requests 1000000; large_client_header_buffers 4 64k;
  client_body_temp_path {directory}/body; proxy_temp_path {directory}/proxy; fastcgi_temp_path {directory}/fastcgi;
  uwsgi_temp_path {directory}/uwsgi; scgi_temp_path {directory}/scgi;
  server {{ listen 127.0.0.1:{port}; location / {{ return 200 ok; }} }}
}}
"""
_HAPROXY = """
global
  log stderr local0 emerg
defaults
  mode http
  timeout client 10s
  timeout server 10s
  timeout connect 10s
frontend f
  bind 127.0.0.1:{port}
  http-request wait-for-body time 1s if METH_POST
  http-request return status 200 content-type text/plain string ok
"""
_APACHE = """
ServerName localhost
PidFile {directory}/pid
ErrorLog /dev/null
LogLevel emerg
Listen 127.0.0.1:{port}
LoadModule mpm_event_module /usr/lib/apache2/modules/mod_mpm_event.so
LoadModule authz_core_module /usr/lib/apache2/modules/mod_authz_core.so
KeepAlive On
MaxKeepAliveRequests 0
DocumentRoot {directory}
Mutex file:{directory} default
"""


@dataclass(frozen=True, slots=True)
class Counted:
    """How many final answers a server gave on a connection, and why it gave no more of them.

    `refused` says that the last one is an error (a server may be stricter than we are), `closed` that it announced its
    end (a server may close after any answer).
    """

    answers: int
    refused: bool
    closed: bool


class _Answers:
    """The callbacks of httptools for the answers on one connection."""

    def __init__(self) -> None:
        self.answers = 0
        self.status = 0
        self.goes_on = True
        self.is_open = False
        self.parser = httptools.HttpResponseParser(self)

    def on_headers_complete(self) -> None:
        self.status = self.parser.get_status_code()
        self.goes_on = self.parser.should_keep_alive()
        self.is_open = True

    def on_message_complete(self) -> None:
        self.is_open = False
        self.answers += self.status >= 200

    def end(self) -> None:
        """The connection is over, and with it an answer that lasts until then (RFC 9112 section 6.3)."""
        if self.is_open:
            self.on_message_complete()


@dataclass(frozen=True, slots=True)
class Origin:
    """A server that runs."""

    name: str
    port: int
    patience: float = _PATIENCE
    """Seconds of silence after which it is taken to wait for more than the last request."""

    def count(self, requests: Sequence[bytes]) -> Counted:
        """Send requests, each when the one before it is answered, and count the answers. The last one asks to close."""
        seen = _Answers()
        with socket.create_connection(("127.0.0.1", self.port), timeout=self.patience) as connection:
            try:
                for position, request in enumerate(requests, 1):
                    connection.sendall(request)
                    while seen.answers < position and (data := connection.recv(65536)):
                        seen.parser.feed_data(data)
                while data := connection.recv(65536):
                    seen.parser.feed_data(data)
            except (ConnectionError, TimeoutError, httptools.HttpParserError):
                pass  # what was answered before counts
        seen.end()
        return Counted(seen.answers, seen.status >= 400, not seen.goes_on)


def _nginx(directory: Path, port: int) -> list[str]:
    return _with_file(directory, _NGINX, port, [shutil.which("nginx") or "", "-p", str(directory), "-c"])


def _haproxy(directory: Path, port: int) -> list[str]:
    return _with_file(directory, _HAPROXY, port, [shutil.which("haproxy") or "", "-db", "-f"])


def _apache(directory: Path, port: int) -> list[str]:
    return _with_file(directory, _APACHE, port, [shutil.which("apache2") or "", "-X", "-f"])


def _with_file(directory: Path, text: str, port: int, command: list[str]) -> list[str]:
    file = directory / "server.conf"
    file.write_text(text.format(directory=directory, port=port))
    return [*command, str(file)]


def _python(module: str, source: str, *words: str) -> Callable[[Path, int], list[str]]:
    def command(directory: Path, port: int) -> list[str]:
        (directory / "origin.py").write_text(source)
        return [sys.executable, "-m", module, *(word.format(port=port) for word in words), "origin:app"]

    return command


def _node(_directory: Path, port: int) -> list[str]:
    return [shutil.which("node") or "", "-e", _NODE, str(port)]


def _php(directory: Path, port: int) -> list[str]:
    (directory / "index.php").write_text("ok")
    return [shutil.which("php") or "", "-S", f"127.0.0.1:{port}", "-t", str(directory), str(directory / "index.php")]


ORIGINS: dict[str, Callable[[Path, int], list[str]]] = {
    "nginx": _nginx,
    "apache": _apache,
    "haproxy": _haproxy,
    "node": _node,
    "php": _php,
    "gunicorn": _python("gunicorn", _WSGI, "--bind", "127.0.0.1:{port}", "--threads", "4", "--keep-alive", "10"),
    "uvicorn": _python("uvicorn", _ASGI, "--port", "{port}", "--http", "h11", "--log-level", "critical"),
    "waitress": _python("waitress", _WSGI, "--listen", "127.0.0.1:{port}"),
}


@contextmanager
def running_origins(directory: Path) -> Iterator[list[Origin]]:
    """Start every server that this machine has, and end them with the block."""
    with ExitStack() as stack:
        found = []
        for name, command_of in ORIGINS.items():
            place = directory / name
            place.mkdir()
            port = free_port()
            command = command_of(place, port)
            if command[0]:
                stack.enter_context(_running(command, place, port))
                found.append(Origin(name, port))
        yield found


@contextmanager
def _running(command: list[str], directory: Path, port: int) -> Iterator[None]:
    with (directory / "log").open("wb") as log:
        process = subprocess.Popen(command, cwd=directory, stdout=log, stderr=subprocess.STDOUT)
    try:
        _wait_for(process, port, directory / "log")
        yield
    finally:
        process.terminate()
        try:
            process.wait(_PATIENCE)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _wait_for(process: "subprocess.Popen[bytes]", port: int, log: Path) -> None:
    deadline = time.monotonic() + _PATIENCE
    while time.monotonic() < deadline and process.poll() is None:
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.05)
    raise RuntimeError(f"{process.args!r} does not serve: {log.read_text(errors='replace')[-1000:]}")
