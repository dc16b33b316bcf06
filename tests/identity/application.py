"""An application that says in each answer for whom it was, and notes whoever it was asked for in another's name.

Session ids are never used twice, so an id belongs to one user for ever: what was live when, is not needed to judge.
"""

import asyncio
import contextlib
import json
import secrets
from collections.abc import Mapping
from pathlib import Path

COOKIE = "sid"
PADDING = 40_000
"""Bytes of a long answer, more than one read."""

Fields = Mapping[str, str]


class Application:
    """Sessions are files of JSON in a folder, which the gateway reads, too."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.owners: dict[str, str] = {}
        """Whose each session id is, or was."""
        self.mixed: list[str] = []
        """What must never happen: requests that carried more than one user's things."""
        self.served = 0
        self.port = 0
        self._server: asyncio.Server | None = None
        self._conversations: set[asyncio.Task[None]] = set()

    # --- sessions ---

    def log_in(self, user: str) -> str:
        """Open a session; returns its id."""
        session_id = f"{user}-{secrets.token_hex(12)}"
        self.owners[session_id] = user
        path = self.folder / f"sess_{session_id}"
        path.with_suffix(".new").write_text(json.dumps({"user_id": user}))
        path.with_suffix(".new").replace(path)
        return session_id

    def log_out(self, session_id: str) -> None:
        (self.folder / f"sess_{session_id}").unlink(missing_ok=True)

    def is_live(self, session_id: str) -> bool:
        return (self.folder / f"sess_{session_id}").exists()

    # --- HTTP ---

    async def start(self) -> None:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self.port = self._server.sockets[0].getsockname()[1]

    async def stop(self) -> None:
        assert self._server is not None
        self._server.close()
        for conversation in self._conversations:
            conversation.cancel()
        await asyncio.gather(*self._conversations, return_exceptions=True)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._conversations.add(task)
        with contextlib.suppress(OSError, EOFError), contextlib.closing(writer):
            while True:
                head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
                first, *lines = head.split("\r\n")[:-2]
                fields = {name.lower(): value for name, value in (line.split(": ", 1) for line in lines)}
                await reader.readexactly(int(fields.get("content-length", 0)))
                await self._answer(writer, first.split()[1], fields)
        self._conversations.discard(task)

    async def _answer(self, writer: asyncio.StreamWriter, target: str, fields: Fields) -> None:
        path, _, query = target.partition("?")
        session_id = dict(pair.split("=", 1) for pair in fields.get("cookie", "=").split("; ")).get(COOKIE, "")
        self._note(session_id, fields)
        user = self.owners.get(session_id, "") if self.is_live(session_id) else ""
        words = query.split("&")
        await asyncio.sleep(float(words[0] or 0) / 2000)  # whoever comes meanwhile overtakes
        set_cookie = self._act(path, session_id, words[-1]) if user and self.is_live(session_id) else ""
        await asyncio.sleep(float(words[0] or 0) / 2000)  # and finds the old record gone, before anybody was told
        body = json.dumps({"n": fields["x-number"], "user": user, "subject": fields.get("x-auth-subject", "")}).encode()
        body += b" " * (PADDING if path == "/long" else 0)
        writer.write(f"HTTP/1.1 200 OK\r\nContent-Length: {len(body)}\r\n{set_cookie}\r\n".encode() + body[:50])
        await writer.drain()
        await asyncio.sleep(0)
        writer.write(body[50:])
        await writer.drain()

    def _note(self, session_id: str, fields: Fields) -> None:
        """Compare the owner of the cookie, the subject that the gateway names, and whom the client sent it for."""
        self.served += 1
        named = {self.owners.get(session_id, ""), fields.get("x-auth-subject", ""), fields["x-for"]} - {""}
        if len(named) > 1:
            self.mixed.append(f"{sorted(named)} in {sorted(fields.items())}")

    def _act(self, path: str, session_id: str, word: str) -> str:
        """Do what a path is for; returns the line of Set-Cookie."""
        if path == "/rotate":
            fresh = self.log_in(self.owners[session_id])
        elif path == "/switch":
            fresh = self.log_in(word)
        elif path == "/logout/":
            self.log_out(session_id)
            return f"Set-Cookie: {COOKIE}=; Max-Age=0; Path=/\r\n"
        else:
            return ""
        self.log_out(session_id)
        return f"Set-Cookie: {COOKIE}={fresh}; Path=/; HttpOnly\r\n"
