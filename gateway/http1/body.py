"""Where a body ends. One shape for all: feed bytes, get payload, see `is_done` and `rest`.

None of them holds payload back, and none reads a byte beyond the end.
"""

import re
from collections.abc import Callable

from gateway.errors import BadRequest, BodyTooLarge, GatewayError
from gateway.http1.grammar import TEXT, TOKEN
from gateway.http1.limits import Limits
from gateway.model import RequestHead

_QUOTED = rb"\"(?:[\t \x21\x23-\x5b\x5d-\x7e\x80-\xff]|\\[\t \x21-\x7e\x80-\xff])*\""
_EXTENSION = rb";" + TOKEN + rb"(?:=(?:" + TOKEN + rb"|" + _QUOTED + rb"))?"
# A size of at most 15 digits is below 2^60. White space around extensions is only "bad white space" in
# RFC 9112 section 7.1.1, and has been read in two ways; nobody sends it.
_SIZE = re.compile(rb"([0-9A-Fa-f]{1,15})\r\n")
_SIZE_EXTENDED = re.compile(rb"([0-9A-Fa-f]{1,15})((?:" + _EXTENSION + rb")*)\r\n")
_SIZE_SO_FAR = re.compile(rb"[0-9A-Fa-f]{1,15}(?:\r|;" + TEXT + rb"\r?)?\Z")
_TRAILER = re.compile(TOKEN + rb":" + TEXT + rb"\r\n")
_TRAILER_SO_FAR = re.compile(rb"(?:\r|" + TOKEN + rb"(?::" + TEXT + rb"\r?)?)?\Z")
_LONGEST_SIZE = 16  # fifteen digits and the CR that may have come already


class LengthReader:
    """A body of a known length in bytes."""

    __slots__ = ("_left", "_malformed", "is_done", "rest")

    def __init__(self, length: int, malformed: type[GatewayError] = BadRequest) -> None:
        self._left = length
        self._malformed = malformed
        self.is_done = not length
        self.rest = b""
        """The bytes beyond the end; empty before it is reached."""

    def feed(self, data: bytes) -> bytes:
        """Take bytes and return those of them that belong to the body."""
        if len(data) < self._left:
            self._left -= len(data)
            return data
        payload, beyond = data[: self._left], data[self._left :]
        self._left = 0
        self.is_done = True
        self.rest += beyond
        return payload

    def eof(self) -> None:
        """The sender closed.

        Raises:
            GatewayError: bytes are missing; of the kind that was asked for.
        """
        if not self.is_done:
            raise self._malformed("The body is incomplete.")


class UntilCloseReader:
    """A response body that ends when the connection does (RFC 9112 section 6.3, last case)."""

    __slots__ = ("is_done", "rest")

    def __init__(self) -> None:
        self.is_done = False
        self.rest = b""
        """Always empty."""

    def feed(self, data: bytes) -> bytes:
        """Take bytes; all of them belong to the body."""
        return data

    def eof(self) -> None:
        """The sender closed: the body is complete, as far as anybody can tell."""
        self.is_done = True


class ChunkedReader:
    """The chunked transfer coding (RFC 9112 section 7.1), read strictly.

    Extensions are checked and dropped; trailers are checked and dropped, so that none is ever taken for a header.
    """

    __slots__ = (
        "_corrections",
        "_extensions",
        "_held",
        "_left",
        "_limits",
        "_malformed",
        "_size",
        "_step",
        "_trailers",
        "is_done",
        "keeps_framing",
        "rest",
    )

    def __init__(self, limits: Limits, malformed: type[GatewayError] = BadRequest) -> None:
        self._limits = limits
        self._malformed = malformed
        self._step: _Step = ChunkedReader._read_size
        self._held = b""
        self._left = 0
        self._size = 0
        self._extensions = 0
        self._trailers = 0
        self._corrections: list[tuple[int, int, bytes]] = []
        """What of the bytes at hand is not passed on as it came: from, to, and what stands there instead."""
        self.keeps_framing = False
        """`feed` returns the payload in chunks, as it came, for somebody who passes it on: nothing is copied for that.

        To be set before the first `feed`. What is dropped is not in there either, nor are leading zeros of a size.
        """
        self.is_done = False
        self.rest = b""
        """The bytes beyond the end; empty before it is reached."""

    def feed(self, data: bytes) -> bytes:
        """Take bytes and return the payload in them, in chunks with `keeps_framing`.

        Raises:
            BodyTooLarge: the payload exceeds `limits.body`; as soon as a chunk announces it.
            GatewayError: the coding is malformed, or its extensions or trailers exceed their limits; of the kind
                that was asked for.
        """
        if self.is_done:
            self.rest += data
            return b""
        if self._held:
            data = self._held + data
            self._held = b""
        spans: list[tuple[int, int]] = []
        read = self._read(data, spans)
        if self.keeps_framing:
            return self._correct(data, read)
        if len(spans) == 1:
            start, end = spans[0]
            return data[start:end]
        view = memoryview(data)
        return b"".join([view[start:end] for start, end in spans])

    def _read(self, data: bytes, spans: "_Spans") -> int:
        """Note where in the bytes the payload is; returns how many were read. An element that was cut is kept."""
        at = 0
        while (following := self._step(self, data, at, spans)) >= 0:
            at = following
        if self.is_done:
            return len(data) - len(self.rest)
        self._held = data[at:]
        return at

    def _correct(self, data: bytes, end: int) -> bytes:
        """Return the bytes up to `end`, the same object where all of them are passed on as they came."""
        if not self._corrections:
            return data[:end]
        pieces, at = [], 0
        for start, behind, instead in self._corrections:
            pieces += [data[at:start], instead]
            at = behind
        self._corrections.clear()
        return b"".join((*pieces, data[at:end]))

    def eof(self) -> None:
        """The sender closed.

        Raises:
            GatewayError: the last chunk or the end of the trailers is missing; of the kind that was asked for.
        """
        if not self.is_done:
            raise self._malformed("The body is incomplete.")

    # Each step reads one element at `at` and returns where the next one begins, or -1 when it needs more bytes.

    def _read_size(self, data: bytes, at: int, _spans: "_Spans") -> int:
        match = _SIZE.match(data, at) or _SIZE_EXTENDED.match(data, at)
        if match is None:
            self._ensure_size_so_far(data, at)
            return -1
        self._left = int(match[1], 16)
        self._extensions += match.end() - match.end(1) - 2
        if self._extensions > self._limits.chunk_extensions:
            raise self._malformed("The chunk extensions are too long.")
        self._size += self._left
        if self._size > self._limits.body:
            raise BodyTooLarge
        if self.keeps_framing:
            canonical = b"%x\r\n" % self._left
            if match.end() - at != len(canonical):
                self._corrections.append((at, match.end(), canonical))
        self._step = ChunkedReader._read_data if self._left else ChunkedReader._read_trailer
        return match.end()

    def _ensure_size_so_far(self, data: bytes, at: int) -> None:
        if at < len(data) and not _SIZE_SO_FAR.match(data, at):
            raise self._malformed("A chunk size is malformed.")
        if self._extensions + len(data) - at - _LONGEST_SIZE > self._limits.chunk_extensions:
            raise self._malformed("The chunk extensions are too long.")

    def _read_data(self, data: bytes, at: int, spans: "_Spans") -> int:
        if at == len(data):
            return -1
        end = min(at + self._left, len(data))
        spans.append((at, end))
        self._left -= end - at
        if not self._left:
            self._step = ChunkedReader._read_data_end
        return end

    def _read_data_end(self, data: bytes, at: int, _spans: "_Spans") -> int:
        end = data[at : at + 2]
        if end == b"\r\n":
            self._step = ChunkedReader._read_size
            return at + 2
        if not b"\r\n".startswith(end):
            raise self._malformed("A chunk is longer than its size.")
        return -1

    def _read_trailer(self, data: bytes, at: int, _spans: "_Spans") -> int:
        if data.startswith(b"\r\n", at):
            self.is_done = True
            self.rest = data[at + 2 :]
            return -1
        match = _TRAILER.match(data, at)
        if match is None:
            self._ensure_trailer_so_far(data, at)
            return -1
        self._trailers += match.end() - at
        if self._trailers > self._limits.trailers:
            raise self._malformed("The trailers are too long.")
        if self.keeps_framing:
            self._corrections.append((at, match.end(), b""))
        return match.end()

    def _ensure_trailer_so_far(self, data: bytes, at: int) -> None:
        if not _TRAILER_SO_FAR.match(data, at):
            raise self._malformed("A trailer field is malformed.")
        if self._trailers + len(data) - at - 1 > self._limits.trailers:  # one may be the CR that ends the section
            raise self._malformed("The trailers are too long.")


_Spans = list[tuple[int, int]]
_Step = Callable[[ChunkedReader, bytes, int, _Spans], int]

BodyReader = LengthReader | ChunkedReader | UntilCloseReader


def request_body_reader(head: RequestHead, limits: Limits) -> BodyReader | None:
    """Return the reader of a request's body, or None where none follows (RFC 9112 section 6.3)."""
    if head.chunked:
        return ChunkedReader(limits)
    return LengthReader(head.length) if head.length else None
