"""Users of the application behind a gateway that runs in this loop, over connections that they share."""

import asyncio
import base64
import json
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlencode

from gateway.settings.load import load_settings
from gateway.wiring.gateway import Gateway
from tests.identity.application import COOKIE, Application
from tests.keys.material import pem_of

_PATIENCE = 20.0
CONFIGURATION = """\
public_url: http://localhost:8080
upstreams: {{ app: {{ url: http://127.0.0.1:{port}, max_connections: 3 }} }}
stores: {{ embedded: {{ file: run/crossfade.db, single_instance: true }} }}
keys: [{{ env: KEY }}]
tokens: {{ algorithm: ES256, trust_store_alone: true }}
rates: {{ session: off, family: off, account: off }}
clients: [{{ id: mobile, delivery: body }}]
sessions:
  - name: main
    format: json_record
    place: {{ file: {{ directory: sessions }} }}
    cookies: [sid]
    options: {{ prefix: sess_ }}
    login_url: /switch
    logout_paths: [/logout/]
"""
EXCHANGE = {
    "grant_type": "urn:ietf:params:oauth:grant-type:token-exchange",
    "subject_token_type": "urn:crossfade:params:oauth:token-type:session-cookie",
    "client_id": "mobile",
}


class Broken(Exception):
    """The property does not hold."""


@dataclass
class Tokens:
    """What one exchange gave; it is its subject's for ever."""

    subject: str
    access: str
    refresh: str


@dataclass
class User:
    """A browser. `name` is who is signed in with its cookie; tokens from before a switch stay another's."""

    name: str
    cookie: str
    tokens: list[Tokens] = field(default_factory=list)


@dataclass
class Response:
    """What came back."""

    status: int
    set_cookie: str
    body: Mapping[str, str]


class Site:
    """A gateway in front of the application. All users share three connections to it, as behind one proxy."""

    def __init__(self, application: Application, gateway: Gateway, port: int) -> None:
        self.application = application
        self.gateway = gateway
        self.port = port
        self.users: list[User] = []
        self._free: asyncio.LifoQueue[tuple[asyncio.StreamReader, asyncio.StreamWriter] | None] = asyncio.LifoQueue()
        self._number = 0
        for _ in range(3):
            self._free.put_nowait(None)

    @classmethod
    @asynccontextmanager
    async def open(cls, folder: Path, users: int) -> AsyncIterator["Site"]:
        (folder / "sessions").mkdir()
        application = Application(folder / "sessions")
        async with AsyncExitStack() as opened:
            await application.start()
            opened.push_async_callback(application.stop)
            (folder / "gateway.yaml").write_text(CONFIGURATION.format(port=application.port))
            environ = {"KEY": pem_of("ES256").decode()}
            gateway = await Gateway.open(load_settings(folder / "gateway.yaml", environ), environ)
            opened.push_async_callback(gateway.aclose)
            wire = gateway.server()
            server = await asyncio.get_running_loop().create_server(wire, "127.0.0.1", 0)
            opened.push_async_callback(wire.close)
            opened.callback(server.close)
            await gateway.start()
            site = cls(application, gateway, server.sockets[0].getsockname()[1])
            opened.callback(site.hang_up)
            names = [f"user{number}" for number in range(users)]
            site.users = [User(name, application.log_in(name)) for name in names]
            yield site

    def hang_up(self) -> None:
        while not self._free.empty():
            connection = self._free.get_nowait()
            if connection is not None:
                connection[1].close()

    # --- requests ---

    async def send(
        self,
        target: str,
        *,
        user: str,
        cookie: str = "",
        bearer: str = "",
        form: Mapping[str, str] | None = None,
        leave_after: int = -1,
    ) -> Response | None:
        """Send a request for a user over a shared connection; with `leave_after`, hang up after so many bytes."""
        self._number += 1
        number = str(self._number)
        body = urlencode(form or {}).encode()
        lines = [
            f"{'POST' if form is not None else 'GET'} {target} HTTP/1.1",
            "Host: localhost:8080",
            f"X-Number: {number}",
            f"X-For: {user}",
            f"Content-Length: {len(body)}\r\nContent-Type: application/x-www-form-urlencoded",
            *([f"Cookie: theme=dark; {COOKIE}={cookie}"] if cookie else []),
            *([f"Authorization: Bearer {bearer}"] if bearer else []),
        ]
        if target.startswith("/.crossfade/") and cookie:
            lines += ["X-Crossfade: 1"]
        message = "\r\n".join([*lines, "", ""]).encode() + body
        async with asyncio.timeout(_PATIENCE):
            connection = await self._free.get()
            response = None
            try:
                connection = connection or await asyncio.open_connection("127.0.0.1", self.port)
                response = await _exchange(connection, message, leave_after)
            finally:
                if response is None and connection is not None:
                    connection[1].close()
                self._free.put_nowait(None if response is None else connection)
        if response is not None and response.body.get("n", number) != number:
            raise Broken(f"request {number} was answered with {response}")
        return response

    def judge(self, response: Response | None, user: str) -> Response | None:
        """Whatever an answer names or sets must be the user's."""
        if response is not None:
            owner = self.application.owners.get(response.set_cookie, user)
            named = {response.body.get("user", ""), response.body.get("subject", ""), owner, user} - {""}
            if len(named) > 1:
                raise Broken(f"{user} was answered with {response}")
        if self.application.mixed:
            raise Broken(self.application.mixed[0])
        return response

    async def ask_for_tokens(self, form: Mapping[str, str], *, user: str, cookie: str = "") -> Tokens | None:
        """Exchange or refresh; the tokens must be the user's."""
        response = await self.send("/.crossfade/token", user=user, cookie=cookie, form=form)
        if response is None or response.status != 200:
            return None
        subject = _claims_of(response.body["access_token"])["sub"]
        if subject != user:
            raise Broken(f"{user} got tokens of {subject}")
        return Tokens(user, response.body["access_token"], response.body["refresh_token"])


async def _exchange(
    connection: tuple[asyncio.StreamReader, asyncio.StreamWriter], message: bytes, leave_after: int
) -> Response | None:
    """Send and read one answer; None where the client has left, or the other side has."""
    reader, writer = connection
    writer.write(message)
    if 0 <= leave_after < 4:  # before anything has come back
        for _ in range(leave_after):
            await asyncio.sleep(0)
        return None
    try:
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
        fields = dict(line.split(": ", 1) for line in head.split("\r\n")[1:-2])
        lower = {name.lower(): value for name, value in fields.items()}
        if leave_after >= 0:
            return None
        body = await reader.readexactly(int(lower.get("content-length", 0)))
    except (asyncio.IncompleteReadError, OSError):
        return None
    cookie = lower.get("set-cookie", "").partition(";")[0].partition("=")[2]
    found = json.loads(body) if body.strip().startswith(b"{") else {}
    return Response(int(head.split(" ", 2)[1]), cookie, found if isinstance(found, dict) else {})


def _claims_of(token: str) -> Mapping[str, str]:
    payload = token.split(".")[1]
    claims: Mapping[str, str] = json.loads(base64.urlsafe_b64decode(payload + "=="))
    return claims
