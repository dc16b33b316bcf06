"""Header lines that came before: most lines of a head are, byte for byte, lines of an earlier one.

llhttp judges every line that is not remembered, alone in a message of its own. What several lines mean together is not
its business but that of `http1.draft` and `http1.response`, so that a line means the same wherever it stands.
"""

from collections.abc import Callable
from typing import Generic, TypeVar

import httptools

from gateway.errors import GatewayError

T = TypeVar("T")

_LONGEST = 4096
"""Bytes of a line that is worth remembering: longer ones are cookies and come once."""
_OVERHEAD = 512
"""Bytes that a remembered line costs beside twice its own."""

Line = tuple[tuple[bytes, bytes], bytes, T | None]
"""Name and value as sent; the same as `name: value CRLF`, where it travels on unchanged; otherwise what it means."""


class LineTable(dict[bytes, Line[T]], Generic[T]):
    """From a line without its CRLF to what it says: `table[line]`.

    Bounded in bytes, in two generations: what was not used for one whole generation is forgotten at once.
    Nothing depends on what is remembered, a line means the same each time it is judged.
    """

    def __init__(
        self,
        judge: Callable[[bytes], tuple[bytes, bytes] | None],
        meaning: Callable[[bytes, bytes], T | None],
        malformed: Callable[[], GatewayError],
        limit: int = 8 << 20,
    ) -> None:
        """`limit` is in bytes, for both generations together."""
        super().__init__()
        self._judge = judge
        self._meaning = meaning
        self._malformed = malformed
        self._half = limit // 2
        self._old: dict[bytes, Line[T]] = {}
        self._weight = 0

    def __missing__(self, line: bytes) -> Line[T]:
        found = self._old.pop(line, None)
        if found is None:
            pair = self._judge(line)
            if pair is None:
                raise self._malformed()
            meaning = self._meaning(*pair)
            found = pair, b"%b: %b\r\n" % pair if meaning is None else b"", meaning
        if len(line) <= _LONGEST:
            self._keep(line, found)
        return found

    def _keep(self, line: bytes, found: Line[T]) -> None:
        self._weight += 2 * len(line) + _OVERHEAD
        if self._weight > self._half:
            self._old = dict(self)
            self.clear()
            self._weight = 0
        self[line] = found


class _Fields:
    """Takes the fields of one message from llhttp."""

    __slots__ = ("pairs",)

    def __init__(self) -> None:
        self.pairs: list[tuple[bytes, bytes]] = []

    def on_header(self, name: bytes, value: bytes) -> None:
        """Take one field; named as llhttp calls it."""
        self.pairs.append((name, value))


def judge_request_line(line: bytes) -> tuple[bytes, bytes] | None:
    """Return the one field that a line of a request is, or None where it is malformed."""
    fields = _Fields()
    return _judged(httptools.HttpRequestParser(fields), fields, b"GET / HTTP/1.1\r\n%b\r\n\r\n" % line)


def judge_response_line(line: bytes) -> tuple[bytes, bytes] | None:
    """Return the one field that a line of a response is, or None where it is malformed."""
    fields = _Fields()
    return _judged(httptools.HttpResponseParser(fields), fields, b"HTTP/1.1 200 OK\r\n%b\r\n\r\n" % line)


def _judged(
    parser: "httptools.HttpRequestParser | httptools.HttpResponseParser", fields: _Fields, message: bytes
) -> tuple[bytes, bytes] | None:
    try:
        parser.feed_data(message)
    except httptools.HttpParserUpgrade:
        pass  # whether there is an upgrade is decided by whoever knows the other lines
    except httptools.HttpParserError:
        # The framing fields are read by ourselves, with words of their own for what is wrong with them.
        if [name.lower() for name, _ in fields.pairs] != [b"transfer-encoding"]:
            return None
    return fields.pairs[0] if len(fields.pairs) == 1 else None
