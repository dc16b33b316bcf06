"""The three shells with the same gateway in them, as real servers, and a client for all of them."""

import contextlib
import http.client
import itertools
import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Protocol
from urllib.parse import urlencode

import uvicorn

from gateway.serve.embed import create_app
from gateway.settings.load import load_settings
from gateway.wiring.gateway import Gateway
from tests.asgi.application import PATIENCE, Application, Loop
from tests.hostile.gate import SECRET, session_of

ROOT = Path(__file__).parents[2]
ORIGIN = "https://www.example.com"
PAGE = {"Origin": ORIGIN, "X-Crossfade": "1"}
SETTINGS = """
public_url: https://www.example.com
listen: 127.0.0.1:0
upstreams:
  app: {{ url: "http://127.0.0.1:{port}", connect_timeout: 1s }}
  gone: {{ url: "http://127.0.0.1:1" }}
phase: {{ initial: parallel, override_file: phase }}
sessions:
  - name: main
    upstream: app
    format: flask
    place: {{ cookie: {{}} }}
    cookies: [sid]
    secrets: [{{ env: APP_SECRET }}]
    login_url: /login/
tokens: {{ trust_store_alone: true }}
clients:
  - {{ id: web, delivery: cookie }}
limits: {{ body: 2000000 }}
stores: {{ embedded: crossfade.db }}
routes:
  - {{ path: /private/*, auth: required }}
  - {{ path: /gone, auth: public, upstream: gone }}
  - {{ path: /*, auth: optional }}
"""
ENVIRON = {"APP_SECRET": SECRET}


class Running(Protocol):
    """A server with the gateway in it."""

    port: int

    def close(self) -> None: ...


class WireShell:
    """The gateway's own server."""

    def __init__(self, config: Path) -> None:
        self._loop = Loop()
        self.port = self._loop.run(self._start(config))

    async def _start(self, config: Path) -> int:
        self._gateway = await Gateway.open(load_settings(config, ENVIRON), ENVIRON)
        await self._gateway.start()
        self._server = self._gateway.server()
        await self._server.start()
        self._listener = await self._loop.loop.create_server(self._server, "127.0.0.1", 0)
        return int(self._listener.sockets[0].getsockname()[1])

    def close(self) -> None:
        self._loop.run(self._stop())
        self._loop.close()

    async def _stop(self) -> None:
        self._listener.close()
        await self._server.close()
        await self._gateway.aclose()


class UvicornShell:
    """The reverse proxy on uvicorn, in a thread."""

    def __init__(self, config: Path) -> None:
        self._loop = Loop()
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.port = int(self._socket.getsockname()[1])
        app = create_app(config, environ=ENVIRON)
        # Whose transport fields count is for `trusted_proxies` to say, and not for the server.
        options = uvicorn.Config(app, log_level="critical", lifespan="on", ws="websockets-sansio", proxy_headers=False)
        self._server = uvicorn.Server(options)
        self._serving = self._loop.begin(self._server.serve(sockets=[self._socket]))
        wait_for(self.port)

    def close(self) -> None:
        self._server.should_exit = True
        self._serving.result(PATIENCE)
        self._loop.close()
        self._socket.close()


class GranianShell:
    """The reverse proxy on granian, in a process of its own."""

    def __init__(self, config: Path) -> None:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = int(probe.getsockname()[1])
        command = [sys.executable, "-m", "granian", "--interface", "asgi", "--host", "127.0.0.1"]
        command += ["--port", str(self.port), "--log-level", "critical", "tests.asgi.granian_app:app"]
        environ = os.environ | ENVIRON | {"CROSSFADE_CONFIG": str(config)}
        with (config.parent / "granian.log").open("wb") as log:
            self._process = subprocess.Popen(command, cwd=ROOT, env=environ, stderr=log)
        try:
            wait_for(self.port)
        except OSError:
            self.close()
            raise AssertionError((config.parent / "granian.log").read_text()) from None

    def close(self) -> None:
        self._process.terminate()
        self._process.wait(PATIENCE)


SHELLS: dict[str, Callable[[Path], Running]] = {"wire": WireShell, "uvicorn": UvicornShell, "granian": GranianShell}


def wait_for(port: int) -> None:
    """Wait until a server accepts."""
    deadline = time.monotonic() + 3 * PATIENCE  # a process that starts beside many others takes its time
    while True:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=PATIENCE).close()
        except ConnectionRefusedError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.02)
        else:
            return


class Answer:
    """A response that was read to its end."""

    def __init__(self, response: http.client.HTTPResponse) -> None:
        self.status = response.status
        self.fields = [(name.lower(), value) for name, value in response.getheaders()]
        self.body = response.read()

    def values(self, name: str) -> list[str]:
        return [value for key, value in self.fields if key == name]

    @property
    def code(self) -> str:
        """The stable code of a problem of ours."""
        return str(json.loads(self.body)["code"])


class Door:
    """The way in to one shell."""

    def __init__(self, kind: str, folder: Path, app: Application) -> None:
        self.kind = kind
        self.app = app
        config = folder / "gateway.yaml"
        config.write_text(SETTINGS.format(port=app.port))
        self.shell: Running = SHELLS[kind](config)
        self.alice, self.mallory = (session_of(user).decode() for user in ("alice", "mallory"))
        self._guests = itertools.count(1)

    @contextlib.contextmanager
    def connect(self) -> Iterator[socket.socket]:
        with socket.create_connection(("127.0.0.1", self.shell.port), timeout=PATIENCE) as connection:
            yield connection

    def talk(self, raw: bytes, method: str = "GET") -> Answer:
        """Send bytes and read one response."""
        with self.connect() as connection:
            connection.sendall(raw)
            with contextlib.closing(http.client.HTTPResponse(connection, method=method)) as response:
                response.begin()
                return Answer(response)

    def ask(self, target: str = "/", fields: Mapping[str, str] | None = None, *, method: str = "GET") -> Answer:
        """Send a request without a body."""
        return self.talk(request(target, fields or {}, method=method), method)

    def post(self, target: str, body: bytes, fields: Mapping[str, str] | None = None) -> Answer:
        """Send a request with a body of a known length."""
        framed = {**(fields or {}), "Content-Length": str(len(body))}
        return self.talk(request(target, framed, method="POST") + body, "POST")

    def guest(self) -> str:
        """Return the session of a user whom no other test knows."""
        return session_of(f"guest-{next(self._guests)}").decode()

    def exchange(self, session: str, fields: Mapping[str, str] = PAGE) -> Answer:
        """Ask for a session to be exchanged for tokens."""
        form = {
            "grant_type": "urn:ietf:params:oauth:grant-type:token-exchange",
            "subject_token_type": "urn:crossfade:params:oauth:token-type:session-cookie",
            "client_id": "web",
        }
        fields = {**fields, "Cookie": f"sid={session}", "Content-Type": "application/x-www-form-urlencoded"}
        return self.post("/.crossfade/token", urlencode(form).encode(), fields)

    def token(self, session: str) -> str:
        """Return an access token for a session."""
        answer = self.exchange(session)
        assert answer.status == 200, answer.body
        return str(json.loads(answer.body)["access_token"])

    def close(self) -> None:
        self.shell.close()


def request(target: str, fields: Mapping[str, str], *, method: str = "GET") -> bytes:
    lines = [f"{method} {target} HTTP/1.1", "Host: www.example.com"]
    lines += [f"{name}: {value}" for name, value in fields.items()]
    return ("\r\n".join(lines) + "\r\n\r\n").encode()
