"""Hostile messages by the hundred thousand: each byte at each place that two parsers might read differently.

A grid is a family of messages that differ in one place. What becomes of a message is not written here: that every
parser behind the gateway reads it as the gateway did is checked by `campaign`.
"""

import itertools
import random
from collections.abc import Iterator
from dataclasses import dataclass

BYTES = tuple(bytes([value]) for value in range(256))
SMUGGLED = b"GET /smuggled HTTP/1.1\r\nHost: a\r\n\r\n"
_HOST = b"Host: a\r\n"
_POST = b"POST /form HTTP/1.1\r\n" + _HOST
_CODED = _POST + b"Transfer-Encoding: chunked\r\n"
_CHUNKS = b"5\r\nhello\r\n0\r\n\r\n"
_LENGTH = b"Content-Length: 5\r\n"


@dataclass(frozen=True, slots=True)
class Message:
    """`raw` is what a client sends. Of a message with a hostile body the head may have left before the fault came."""

    grid: str
    raw: bytes
    has_hostile_body: bool = False


def every_message() -> Iterator[Message]:
    """Return every message of every grid, one grid after the other."""
    return itertools.chain(
        transfer_encodings(),
        content_lengths(),
        framings(),
        field_names(),
        field_values(),
        line_ends(),
        targets(),
        escapes(),
        authorities(),
        request_lines(),
        connections(),
        chunk_sizes(),
        chunk_ends(),
        trailers(),
    )


def some_messages(count: int, seed: int) -> Iterator[Message]:
    """Return a sample of the grids, the same for the same seed."""
    everything = list(every_message())
    return iter(random.Random(seed).sample(everything, min(count, len(everything))))


def spliced_messages(count: int, seed: int) -> Iterator[Message]:
    """Return messages of the grids with pieces of others spliced in, the same for the same seed."""
    draw = random.Random(seed)
    sources = [message.raw for message in every_message()]
    for _ in range(count):
        raw = bytearray(draw.choice(sources))
        for _ in range(draw.randint(1, 3)):
            at = draw.randrange(len(raw) + 1)
            donor = draw.choice(sources)
            start = draw.randrange(len(donor))
            raw[at : at + draw.choice((0, 0, 1, 4, 16))] = donor[start : start + draw.choice((1, 2, 8, 32))]
        yield Message("splice", bytes(raw), has_hostile_body=True)


# --- framing ---


def _positions(name: bytes, value: bytes) -> Iterator[bytes]:
    """Yield a field line with each byte at each place of interest: around name, colon and value, and within them."""
    half, third = len(name) // 2, len(value) // 2
    for byte in BYTES:
        yield byte + name + b": " + value
        yield name[:half] + byte + name[half:] + b": " + value
        yield name[:half] + byte + name[half + 1 :] + b": " + value
        yield name + byte + b": " + value
        yield name + b":" + byte + value
        yield name + b": " + value[:third] + byte + value[third:]
        yield name + b": " + value + byte
        yield name + b": " + value + byte + b"x"
        yield name + b": " + value + b"\r" + byte


def transfer_encodings() -> Iterator[Message]:
    """Yield spellings of `Transfer-Encoding: chunked`, alone and beside a Content-Length, before and behind it."""
    for line in _positions(b"Transfer-Encoding", b"chunked"):
        for before, behind in ((b"", b""), (_LENGTH, b""), (b"", _LENGTH)):
            raw = _POST + before + line + b"\r\n" + behind + b"\r\n" + b"0\r\n\r\n" + SMUGGLED
            yield Message("transfer-encoding", raw)


def content_lengths() -> Iterator[Message]:
    """Yield spellings of `Content-Length: 5`, alone and beside a second one."""
    for line in _positions(b"Content-Length", b"35"):
        for beside in (b"", b"Content-Length: 0\r\n", b"Content-Length: 35\r\n"):
            yield Message("content-length", _POST + line + b"\r\n" + beside + b"\r\n" + SMUGGLED)
    for first, second in itertools.product(BYTES, repeat=2):
        yield Message("content-length", _POST + b"Content-Length: " + first + second + b"\r\n\r\n" + SMUGGLED)


_CODINGS = (
    b"chunked", b"Chunked", b"CHUNKED", b"identity", b"gzip", b"gzip, chunked", b"chunked, chunked", b"chunked, identity",
    b"identity, chunked", b", chunked", b"chunked,", b"chunked;q=1", b'"chunked"', b"'chunked'", b"", b"xchunked", b"chunkedx",
    b"chun\tked", b"\tchunked", b"chunked\t", b" chunked ", b"cow", b"trailers", b"chunked\x00", b"\x0bchunked", b"chunked\xa0",
)  # fmt: skip
_LENGTHS = (
    b"0", b"5", b"00", b"05", b"+5", b"-5", b"-0", b"5,5", b"5, 5", b"5, 6", b"0x5", b"5.0", b"5e0", b"0_5", b"", b" 5", b"5 ",
    b"5\t", b"5 5", b"18446744073709551621", b"9223372036854775808", b"35", b"036", b"5\x00", b"\xd9\xa5", b"5\xa0",
)  # fmt: skip


def framings() -> Iterator[Message]:
    """Yield each coding with each length, in both orders, of two versions, with and without a name that folds to one."""
    for coding, length in itertools.product(_CODINGS, _LENGTHS):
        coded, counted = b"Transfer-Encoding: " + coding + b"\r\n", b"Content-Length: " + length + b"\r\n"
        for version, lines in itertools.product(
            (b"1.1", b"1.0"),
            (coded + counted, counted + coded, coded, counted, coded.replace(b"-", b"_") + counted, coded + coded, counted + counted),
        ):  # fmt: skip
            for body in (b"0\r\n\r\n" + SMUGGLED, _CHUNKS + SMUGGLED):
                raw = b"POST /form HTTP/" + version + b"\r\n" + _HOST + lines + b"\r\n" + body
                yield Message("framing", raw)


# --- fields ---

_NAMES = (b"X-Auth-Subject", b"Authorization", b"Cookie", b"Connection", b"X-Forwarded-For", b"X")


def field_names() -> Iterator[Message]:
    """Yield each byte in front of, within, instead of a byte of, and behind a name."""
    for name, byte in itertools.product(_NAMES, BYTES):
        half = len(name) // 2
        for spelt in (
            byte + name,
            name + byte,
            name[:half] + byte + name[half:],
            name[:half] + byte + name[half + 1 :],
            byte,
        ):
            yield Message("field-name", b"GET /name HTTP/1.1\r\n" + _HOST + spelt + b": value\r\n\r\n")


def field_values() -> Iterator[Message]:
    """Yield each byte, and each pair with a line end, within a value; fields that we read, and one that we do not."""
    for name, byte in itertools.product((*_NAMES, b"Host", b"Expect", b"Upgrade", b"Origin", b"TE"), BYTES):
        for value in (
            byte,
            b"a" + byte,
            byte + b"a",
            b"a" + byte + b"a",
            b"a\r" + byte,
            b"a\n" + byte,
            b"a" + byte + b"\n",
            b"a\r\n" + byte,
        ):
            line = name + b": " + value + b"\r\n"
            host = b"" if name == b"Host" else _HOST
            yield Message("field-value", b"GET /value HTTP/1.1\r\n" + host + line + b"\r\n")


_ENDS = (
    b"\r\n",
    b"\n",
    b"\r",
    b"\n\r",
    b"\r\r\n",
    b"\r\n\r",
    b"\x00\r\n",
    b"\x0b\r\n",
    b"\x0c\r\n",
    b"\x85",
    b" \r\n",
    b"\t\r\n",
    b"\r\n ",
    b"\r\n\t",
)


def line_ends() -> Iterator[Message]:
    """Yield every combination of ways to end the request line, a field, the last field and the head."""
    for first, second, third, last in itertools.product(_ENDS, repeat=4):
        yield Message("line-end", b"GET /end HTTP/1.1" + first + b"Host: a" + second + b"X: y" + third + last)


# --- targets ---


def targets() -> Iterator[Message]:
    """Yield each byte at each place of a path, a query and a path with parameters, and each pair around a dot segment."""
    for byte in BYTES:
        for target in (
            b"/a" + byte + b"b", byte + b"/a", b"/" + byte, b"/a/" + byte + b"./b", b"/a/." + byte + b"/b", b"/a/.." + byte + b"/b",
            b"/a?b" + byte, b"/a" + byte + b"/../b", b"/a" + byte + byte + b"b", byte,
        ):  # fmt: skip
            yield Message("target", b"GET " + target + b" HTTP/1.1\r\n" + _HOST + b"\r\n")
    for first, second in itertools.product(BYTES, repeat=2):
        yield Message("target", b"GET /p" + first + second + b"q HTTP/1.1\r\n" + _HOST + b"\r\n")


def escapes() -> Iterator[Message]:
    """Yield each escape in both letter cases, once and doubly encoded, alone and within a path that a rule guards."""
    for value in range(256):
        for escape in (b"%%%02x" % value, b"%%%02X" % value, b"%%25%02x" % value, b"%%%%%02x" % value):
            for target in (
                b"/a" + escape + b"b",
                b"/public/" + escape,
                b"/public" + escape + b"../private/x",
                b"/?q=" + escape,
                escape,
            ):
                yield Message("escape", b"GET " + target + b" HTTP/1.1\r\n" + _HOST + b"\r\n")


def authorities() -> Iterator[Message]:
    """Yield each byte within Host, and absolute forms whose authority differs from it."""
    for byte in BYTES:
        for host in (b"a" + byte, byte + b"a", b"a" + byte + b"b", b"a:8" + byte, b"[::1" + byte, b"a, b" + byte):
            yield Message("authority", b"GET / HTTP/1.1\r\nHost: " + host + b"\r\n\r\n")
            yield Message("authority", b"GET http://" + host + b"/ HTTP/1.1\r\nHost: a\r\n\r\n")
            yield Message("authority", b"GET / HTTP/1.1\r\nHost: a\r\nHost: " + host + b"\r\n\r\n")


def request_lines() -> Iterator[Message]:
    """Yield each byte within the method, the version and between the parts."""
    for byte in BYTES:
        for line in (
            b"G" + byte + b"ET / HTTP/1.1", byte + b"GET / HTTP/1.1", b"GET" + byte + b"/ HTTP/1.1", b"GET /" + byte + b"HTTP/1.1",
            b"GET / HTTP/1." + byte, b"GET / HTTP/" + byte + b".1", b"GET / HTT" + byte + b"/1.1", b"GET / HTTP/1.1" + byte,
            b"GET  " + byte + b"/ HTTP/1.1", byte + b"\r\nGET / HTTP/1.1", b"\r\n" + byte + b"GET / HTTP/1.1",
        ):  # fmt: skip
            yield Message("request-line", line + b"\r\n" + _HOST + b"\r\n")


_HANDSHAKE = b"Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"


def connections() -> Iterator[Message]:
    """Yield lists of connection options around the names that we rely on, and half-made upgrades in front of a request."""
    options = (
        b"close",
        b"keep-alive",
        b"upgrade",
        b"Content-Length",
        b"Transfer-Encoding",
        b"Host",
        b"Cookie",
        b"x-auth-subject",
        b"",
        b"te",
    )
    upgrades = (
        b"",
        b"Upgrade: h2c\r\n",
        b"Upgrade: websocket\r\n",
        _HANDSHAKE,
        b"Upgrade: foo, websocket\r\n",
        b"HTTP2-Settings: AAMA\r\n",
    )
    bodies = (
        (b"GET", b""),
        (b"POST", _LENGTH),
        (b"POST", b"Transfer-Encoding: chunked\r\n"),
        (b"CONNECT", b""),
        (b"OPTIONS", b""),
    )
    for first, second, upgrade, (method, framing), comma in itertools.product(
        options, options, upgrades, bodies, (b", ", b",,", b" ")
    ):
        head = (
            method
            + b" /up HTTP/1.1\r\n"
            + _HOST
            + b"Connection: "
            + first
            + comma
            + second
            + b"\r\n"
            + upgrade
            + framing
        )
        yield Message("connection", head + b"\r\n" + (_CHUNKS if framing else b"") + SMUGGLED)


# --- chunks ---


def chunk_sizes() -> Iterator[Message]:
    """Yield each byte around a chunk size, within an extension, and all pairs of bytes as a size."""
    for byte in BYTES:
        for size in (
            byte + b"5", b"5" + byte, b"5;" + byte, b"5;a" + byte, b"5;a=" + byte, b'5;a="' + byte + b'"', b"5" + byte + b";a", b"0" + byte,
            b"5\r" + byte, b"5;a\r" + byte, b"0" + byte * 20 + b"5",
        ):  # fmt: skip
            yield Message(
                "chunk-size", _CODED + b"\r\n" + size + b"\r\nhello\r\n0\r\n\r\n" + SMUGGLED, has_hostile_body=True
            )
    for first, second in itertools.product(BYTES, repeat=2):
        raw = _CODED + b"\r\n" + first + second + b"\r\nhello\r\n0\r\n\r\n" + SMUGGLED
        yield Message("chunk-size", raw, has_hostile_body=True)


def chunk_ends() -> Iterator[Message]:
    """Yield all pairs of bytes behind the data of a chunk, and each byte in the last chunk and behind it."""
    for first, second in itertools.product(BYTES, repeat=2):
        if first in b"\r\n" or second in b"\r\n" or (first[0] ^ second[0]) % 16 == 0:
            raw = _CODED + b"\r\n5\r\nhello" + first + second + b"0\r\n\r\n" + SMUGGLED
            yield Message("chunk-end", raw, has_hostile_body=True)
    for byte in BYTES:
        for end in (
            b"0\r\n" + byte + b"\r\n",
            b"0\r" + byte,
            b"0" + byte + b"\n\r\n",
            byte + b"0\r\n\r\n",
            b"0\r\n\r" + byte,
        ):
            raw = _CODED + b"\r\n5\r\nhello\r\n" + end + SMUGGLED
            yield Message("chunk-end", raw, has_hostile_body=True)


def trailers() -> Iterator[Message]:
    """Yield each byte in and around a trailer field, of names that must never count as fields of the head."""
    for name, byte in itertools.product((b"Content-Length", b"X-Auth-Subject", b"Authorization", b"X"), BYTES):
        for line in (
            byte + name + b": 5",
            name + byte + b": 5",
            name + b":" + byte + b"5",
            name + b": 5" + byte,
            name + b": 5\r" + byte,
        ):
            raw = _CODED + b"\r\n5\r\nhello\r\n0\r\n" + line + b"\r\n\r\n" + SMUGGLED
            yield Message("trailer", raw, has_hostile_body=True)
