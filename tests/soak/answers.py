"""A client that says of each answer when it was asked for, when it was over, and whether it came whole."""

import asyncio
import time
from collections.abc import Mapping
from dataclasses import dataclass, field

PATIENCE = 30.0
_LONGEST = 1 << 22


@dataclass(frozen=True, slots=True)
class Answer:
    """Status 0 is no answer at all. Times are those of the wall clock, in seconds, as tokens have them."""

    status: int
    fields: Mapping[str, str]
    body: bytes
    is_whole: bool
    sent_at: float
    done_at: float

    @property
    def is_ours(self) -> bool:
        """The gateway itself answered."""
        return "x-crossfade" in self.fields


@dataclass
class Line:
    """One keep-alive connection, to a port or a Unix socket; opened when it is first used, and again after its end."""

    place: int | str
    _ends: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = field(default=None, repr=False)

    async def ask(self, request: bytes) -> Answer:
        sent_at = time.time()
        status, fields, body, is_whole = 0, dict[str, str](), bytearray(), False
        try:
            async with asyncio.timeout(PATIENCE):
                reader, writer = await self._open()
                writer.write(request)
                status, fields = await _read_head(reader)
                await _read_body(reader, fields, body)
            is_whole = True
        except (OSError, EOFError, TimeoutError):
            pass
        if not is_whole or fields.get("connection", "") == "close":
            self.close()
        return Answer(status, fields, bytes(body), is_whole, sent_at, time.time())

    async def begin(self, request: bytes, *, until_answered: bool) -> None:
        """Send, perhaps wait for the first byte of an answer, and leave without a word."""
        try:
            async with asyncio.timeout(PATIENCE):
                reader, writer = await self._open()
                writer.write(request)
                await (reader.read(1) if until_answered else writer.drain())
        except (OSError, TimeoutError):
            pass
        self.close()

    def close(self) -> None:
        if self._ends is not None:
            self._ends[1].transport.abort()
        self._ends = None

    async def _open(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        if self._ends is not None and self._ends[0].at_eof():  # it lay idle for too long
            self.close()
        if self._ends is None:
            if isinstance(self.place, int):
                self._ends = await asyncio.open_connection("127.0.0.1", self.place, limit=_LONGEST)
            else:
                self._ends = await asyncio.open_unix_connection(self.place, limit=_LONGEST)
        return self._ends


async def _read_head(reader: asyncio.StreamReader) -> tuple[int, dict[str, str]]:
    while True:
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
        first, *lines = head[:-4].split("\r\n")
        status = int(first.split(" ", 2)[1])
        if status >= 200:
            return status, {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}


async def _read_body(reader: asyncio.StreamReader, fields: Mapping[str, str], body: bytearray) -> None:
    """Append what comes to `body`, so that it is there even when the end is not.

    Raises:
        EOFError: the connection ended before the answer did.
    """
    if "chunked" in fields.get("transfer-encoding", ""):
        while size := int(await reader.readuntil(b"\r\n"), 16):
            body += (await reader.readexactly(size + 2))[:-2]
        await reader.readuntil(b"\r\n")
        return
    missing = int(fields.get("content-length", "0"))
    while missing:
        piece = await reader.read(min(missing, 1 << 16))
        if not piece:
            raise EOFError
        body += piece
        missing -= len(piece)
