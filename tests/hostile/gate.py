"""The whole gateway, with two users who are signed in."""

import asyncio
import hashlib
import json
import re
import socket
from collections.abc import Iterable, Mapping
from pathlib import Path
from urllib.parse import urlencode

from itsdangerous import URLSafeTimedSerializer

from gateway.settings.load import read_settings
from gateway.web.tokens import SESSION_COOKIE_TYPE
from gateway.wiring.gateway import Gateway
from tests.hostile.application import Application, Recorder
from tests.hostile.forgeries import Forger

PATIENCE = 5.0
EXCHANGE = urlencode(
    {
        "grant_type": "urn:ietf:params:oauth:grant-type:token-exchange",
        "subject_token_type": SESSION_COOKIE_TYPE,
        "client_id": "web",
    }
).encode()
SECRET = "a secret of the application"
SETTINGS = """
public_url: https://www.example.com
listen: 127.0.0.1:0
upstreams: {{ app: {{ url: "http://127.0.0.1:{port}" }} }}
phase: {{ initial: {phase}, override_file: phase }}
sessions:
  - name: main
    format: flask
    place: {{ cookie: {{}} }}
    cookies: [sid]
    secrets: [{{ env: APP_SECRET }}]
    login_url: /login/
tokens: {{ trust_store_alone: true }}
clients:
  - {{ id: web, delivery: cookie }}
stores: {{ embedded: crossfade.db }}
routes:
  - {{ path: /public/*, auth: public }}
  - {{ path: /private/*, auth: required }}
  - {{ path: /hooks/*, auth: passthrough }}
  - {{ path: /*, auth: optional }}
"""


class Gate:
    """The gateway with its application. `words` stand for values that only exist once it runs; see `fill`."""

    def __init__(self) -> None:
        self.app = Recorder()
        self.port = 0
        self.words: dict[bytes, bytes] = {}

    async def start(self, directory: Path, phase: str) -> None:
        loop = asyncio.get_running_loop()
        self._app_server = await loop.create_server(lambda: Application(self.app), "127.0.0.1", 0)
        text = SETTINGS.format(port=self._app_server.sockets[0].getsockname()[1], phase=phase)
        environ = {"APP_SECRET": SECRET}
        settings, faults = read_settings(text, name="gateway.yaml", directory=directory, environ=environ)
        assert settings is not None, faults
        self.gateway = await Gateway.open(settings, environ)
        await self.gateway.start()
        self._server = self.gateway.server()
        await self._server.start()
        self._listener = await loop.create_server(self._server, "127.0.0.1", 0)
        self.port = self._listener.sockets[0].getsockname()[1]
        for user in (b"alice", b"mallory"):
            self.words[user] = session_of(user.decode())

    async def stop(self) -> None:
        self._listener.close()
        await self._server.close()
        await self.gateway.aclose()
        self._app_server.close()

    def fill(self, raw: bytes) -> bytes:
        """Put the real values where a row says `<alice>` (her session cookie), `<token>` and so on."""
        return re.sub(rb"<([a-z_]+)>", lambda match: self.words[match[1]], raw)

    async def talk(self, pieces: Iterable[bytes], *, ends: bool = False) -> bytes:
        """Send pieces one by one on a connection of their own, and return everything up to its end."""
        connection = socket.create_connection(("127.0.0.1", self.port))
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        reader, writer = await asyncio.open_connection(sock=connection)
        seen = b""
        try:
            async with asyncio.timeout(PATIENCE):
                for piece in pieces:
                    if writer.transport.is_closing():
                        break
                    writer.write(piece)
                    await asyncio.sleep(0)  # let the gateway have this piece before the next one
                if ends and not writer.transport.is_closing():
                    writer.write_eof()
                while data := await reader.read(65536):
                    seen += data
        except ConnectionError:
            pass
        finally:
            writer.transport.abort()
        return seen

    async def settled(self) -> None:
        """Wait until the application has seen the end of whatever was given up."""
        async with asyncio.timeout(PATIENCE):
            await self.app.settled.wait()

    async def issue_tokens(self) -> None:
        """Exchange the sessions for tokens, and make all kinds of bad ones from alice's."""
        self.words[b"token"], self.words[b"refresh"] = await self._exchange(b"<alice>")
        self.words[b"other_token"], _ = await self._exchange(b"<mallory>")
        self.words |= Forger(self.gateway.keys, self.words[b"token"]).all()

    async def _exchange(self, session: bytes) -> tuple[bytes, bytes]:
        raw = (
            b"POST /.crossfade/token HTTP/1.1\r\nHost: www.example.com\r\nOrigin: https://www.example.com\r\n"
            b"X-Crossfade: 1\r\nContent-Type: application/x-www-form-urlencoded\r\nCookie: sid=%b\r\n"
            b"Connection: close\r\nContent-Length: %d\r\n\r\n%b" % (self.fill(session), len(EXCHANGE), EXCHANGE)
        )
        status, fields, body = await self.ask(raw)
        assert status == 200, body
        refresh = fields["set-cookie"].partition("=")[2].partition(";")[0]
        return json.loads(body)["access_token"].encode(), refresh.encode()

    async def ask(self, raw: bytes) -> tuple[int, Mapping[str, str], bytes]:
        """Send one request and return status, fields and body of its answer."""
        return read_answer(await self.talk([raw]))


def session_of(user: str) -> bytes:
    """Return the session cookie as Flask and Flask-Login would sign it."""
    signer = URLSafeTimedSerializer(
        SECRET, salt="cookie-session", signer_kwargs={"key_derivation": "hmac", "digest_method": hashlib.sha1}
    )
    return signer.dumps({"_user_id": user, "_fresh": True}).encode()


def read_answer(raw: bytes) -> tuple[int, Mapping[str, str], bytes]:
    head, _, body = raw.partition(b"\r\n\r\n")
    first, *lines = head.decode("latin-1").split("\r\n")
    return (
        int(first.split(" ")[1]),
        {name.lower(): value for name, _, value in (line.partition(": ") for line in lines)},
        body,
    )
