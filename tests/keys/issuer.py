"""Another issuer: a raw server on loopback that answers for its keys as a test wants, well or badly."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import jwt
import orjson

from gateway.keys.public import as_jwk
from tests.keys.material import private_key


def key_set(**kinds: str) -> bytes:
    """The set of keys by kid, each a kind of `material`."""
    keys = [as_jwk(kid, kind.split()[0], private_key(kind).public_key()) for kid, kind in kinds.items()]
    return orjson.dumps({"keys": keys})


def response(body: bytes, *, status: str = "200 OK", fields: str = "") -> bytes:
    return f"HTTP/1.1 {status}\r\nContent-Length: {len(body)}\r\n{fields}\r\n".encode() + body


@dataclass
class Issuer:
    """`says` is its answer; `trickle` goes on without an end, and one that `is_silent` keeps a connection open."""

    says: bytes = b""
    trickle: bytes = b""
    is_silent: bool = False
    asked: int = 0
    sent: int = 0
    port: int = 0
    _open: set["asyncio.Task[None] | None"] = field(default_factory=set)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/keys"

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._open.add(asyncio.current_task())
        try:
            await reader.readuntil(b"\r\n\r\n")
            self.asked += 1
            if self.is_silent:
                await asyncio.Event().wait()
            writer.write(self.says)
            await writer.drain()
            while self.trickle:
                writer.write(self.trickle)
                await writer.drain()
                self.sent += len(self.trickle)
        except (OSError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()

    def leave(self) -> None:
        for task in self._open:
            if task is not None:
                task.cancel()


@asynccontextmanager
async def serving(issuer: Issuer) -> AsyncIterator[Issuer]:
    server = await asyncio.start_server(issuer.serve, "127.0.0.1", issuer.port)
    issuer.port = server.sockets[0].getsockname()[1]
    try:
        yield issuer
    finally:
        server.close()
        issuer.leave()
        await asyncio.sleep(0)


def token_of(kind: str, kid: str, claims: dict[str, Any]) -> str:
    return jwt.encode(
        claims,
        private_key(kind),
        algorithm=kind.split(maxsplit=1)[0],
        headers={"kid": kid, "typ": "at+jwt"},
    )
