"""The application of `make soak`: honest, unless the address asks for a fault.

`python -m tests.soak.application PORT WITNESS`. An honest answer says which request it is for (`id`, the
last part of the path), whose session came with it (`user`), and the checksum of the body. Whatever is sent beside the
one honest answer is EVIL, and nobody may ever get it. A request that should never have been forwarded has `/refused/`
in its path and is written to WITNESS.
"""

import asyncio
import base64
import re
import sys
import zlib
from collections.abc import Awaitable, Callable
from contextlib import suppress
from pathlib import Path

import orjson
import uvloop

OK = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
EVIL = OK + b'Content-Length: 24\r\n\r\n{"id":"evil","user":"x"}'
BIG = 1 << 20
"""Bytes of what is slow to read."""
FORGOTTEN = 60.0
"""Seconds after which the application itself gives up what hangs."""
MALFORMED = {
    "length-and-chunked": OK + b"Content-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\nevil",
    "two-lengths": OK + b"Content-Length: 4\r\nContent-Length: 5\r\n\r\nevil",
    "old-chunked": b"HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nevil\r\n0\r\n\r\n",
    "folded": OK + b"X: a\r\n b\r\nContent-Length: 0\r\n\r\n",
    "bare-line-feed": OK + b"X: a\nSet-Cookie: session=evil\r\nContent-Length: 0\r\n\r\n",
    "nul": OK + b"X: \0\r\nContent-Length: 0\r\n\r\n",
    "status-99": b"HTTP/1.1 99 No\r\nContent-Length: 0\r\n\r\n",
    "no-http": b"SSH-2.0-OpenSSH_9.2\r\n\r\n",
    "tunnel": b"HTTP/1.1 101 X\r\nUpgrade: websocket\r\nConnection: upgrade\r\n\r\n",
    "bomb": OK + b"X: " + b"a" * (1 << 20) + b"\r\n\r\n",
    "fields": OK + b"X: a\r\n" * 10_000 + b"\r\n",
    "flood": b"HTTP/1.1 103 Hints\r\n\r\n" * 1000 + OK + b"Content-Length: 4\r\n\r\nevil",
}
"""Answers that are none. They come on connections that stay open, to be poisoned if they could be."""

_COOKIE = re.compile(rb"(?im)^cookie:.*?\bsession=([^.;\r]+)")
_LENGTH = re.compile(rb"(?im)^content-length: *(\d+)")
_witness = Path()

Fault = Callable[[asyncio.StreamWriter, bytes], Awaitable[None]]


async def _reset(writer: asyncio.StreamWriter, _whole: bytes) -> None:
    writer.transport.abort()


async def _hang(_writer: asyncio.StreamWriter, _whole: bytes) -> None:
    await asyncio.sleep(FORGOTTEN)


async def _short(writer: asyncio.StreamWriter, whole: bytes) -> None:
    writer.write(whole[:-10])
    writer.close()


async def _short_chunks(writer: asyncio.StreamWriter, _whole: bytes) -> None:
    writer.write(OK + b"Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n")
    writer.close()


async def _stall(writer: asyncio.StreamWriter, whole: bytes) -> None:
    writer.write(whole[:-10])
    await asyncio.sleep(FORGOTTEN)


async def _excess(writer: asyncio.StreamWriter, whole: bytes) -> None:
    writer.write(whole + b"more")


async def _twice(writer: asyncio.StreamWriter, whole: bytes) -> None:
    writer.write(whole + EVIL)


async def _slow(writer: asyncio.StreamWriter, whole: bytes) -> None:
    for at in range(0, len(whole), 50):
        writer.write(whole[at : at + 50])
        await asyncio.sleep(0.01)


async def _big(writer: asyncio.StreamWriter, _whole: bytes) -> None:
    writer.write(OK + b"Content-Length: %d\r\n\r\n" % BIG)
    for _ in range(16):
        writer.write(bytes(BIG // 16))
        await writer.drain()


async def _error(writer: asyncio.StreamWriter, whole: bytes) -> None:
    writer.write(whole.replace(b"200 OK", b"500 Oh", 1))


def _malformed(answer: bytes) -> Fault:
    async def fault(writer: asyncio.StreamWriter, _whole: bytes) -> None:
        writer.write(answer)

    return fault


FAULTS: dict[str, Fault] = {
    "reset": _reset,
    "hang": _hang,
    "short": _short,
    "short-chunks": _short_chunks,
    "stall": _stall,
    "excess": _excess,
    "twice": _twice,
    "slow": _slow,
    "big": _big,
    "error": _error,
    **{name: _malformed(answer) for name, answer in MALFORMED.items()},
}


def user_of(head: bytes) -> str:
    """Whose session came with a request; it is believed as it stands, since only the gateway can send one here."""
    found = _COOKIE.search(head)
    if found is None:
        return ""
    content = found[1] + b"=" * (-len(found[1]) % 4)
    return str(orjson.loads(base64.urlsafe_b64decode(content))["_user_id"])


def _bear_witness(head: bytes) -> None:
    with _witness.open("ab") as file:
        file.write(head)


async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with suppress(OSError, EOFError):
        while not writer.transport.is_closing():
            head = await reader.readuntil(b"\r\n\r\n")
            path = head.split(b" ", 2)[1].decode()
            if "/refused/" in path:
                _bear_witness(head)
            _, kind, *_, name = path.split("/")
            if kind == "early":  # the answer comes while the body does
                writer.write(_whole(head, name, b"").replace(b"200 OK", b"413 No", 1))
                break
            length = _LENGTH.search(head)
            body = await reader.readexactly(int(length[1])) if length else b""
            whole = _whole(head, name, body)
            if kind in FAULTS:
                await FAULTS[kind](writer, whole)
            else:
                writer.write(whole)
    writer.close()


def _whole(head: bytes, name: str, body: bytes) -> bytes:
    content = orjson.dumps({"id": name, "user": user_of(head), "sum": zlib.crc32(body)})
    return OK + b"Content-Length: %d\r\n\r\n%b" % (len(content), content)


async def main(port: int) -> None:
    async with await asyncio.start_server(serve, "127.0.0.1", port, backlog=512) as server:
        await server.serve_forever()


if __name__ == "__main__":
    _witness = Path(sys.argv[2])
    uvloop.run(main(int(sys.argv[1])))
