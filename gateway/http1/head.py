"""Reads the head of a request: where it ends, its first line, its fields.

llhttp judges the header lines (`http1.lines`); everything that it is lenient about is checked here (RFC 9112).
"""

import re
from collections.abc import Iterable

from gateway.errors import BadRequest, FieldsTooLarge, MethodRefused, Refusal, TargetTooLong, VersionRefused
from gateway.http1.draft import Draft
from gateway.http1.fields import FieldTable
from gateway.http1.grammar import BARE_LF, TEXT, TOKEN
from gateway.http1.limits import Limits
from gateway.http1.ticket import PARAMETER, take_ticket
from gateway.model import RequestHead

METHODS = {name.encode(): name for name in ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")}
"""The methods that are let through, with their names as text; CONNECT and TRACE never are."""

# The path is visible ASCII without what browsers always encode. The query may hold a backslash: browsers send it raw.
_TARGET = rb"/[!$-;=@-\[\]-~]*(?:\?[!$-;=?-~]*)?|\*"
# An empty line before the request is tolerated once, for old clients that send one after a body (RFC 9112 section 2.2).
_REQUEST_LINE = re.compile(rb"(?:\r\n)?(" + TOKEN + rb") (" + _TARGET + rb") HTTP/1\.([01])\r\n")
_ANY_LINE = re.compile(rb"(?:\r\n)?(" + TOKEN + rb") [^ \r\n]+ HTTP/([0-9]\.[0-9])\r\n")
_AGAIN_LINE = re.compile(rb"(" + TOKEN + rb") (/[!$-;=@-\[\]-~]*(?:\?[!$-;=?-~]*)?) HTTP/1\.1\Z")
_LONGEST_AGAIN = 4096
"""Bytes of a head whose fields are worth remembering."""
_OVERHEAD = 1024  # what the objects of one head cost beside its bytes, most of which are those of known lines
_NAME = re.compile(TOKEN + rb"\Z")
_VALUE = re.compile(TEXT + rb"\Z")


class HeadReader:
    """Reads one request head after the other from the bytes of a connection.

    However the bytes are cut, the result is the same: whatever is refused before a head is complete is also refused
    first when it arrives in one piece.
    """

    __slots__ = ("_held", "_limits", "_table", "rest", "stripped")

    def __init__(self, table: FieldTable, limits: Limits) -> None:
        self._table = table
        self._limits = limits
        self._held = b""
        self.rest = b""
        """The bytes after the head that was returned last."""
        self.stripped = 0
        """How many identity headers were dropped from it."""

    def feed(self, data: bytes) -> RequestHead | None:
        """Take bytes and return the next head once it is complete.

        Raises:
            Refusal: the bytes are not, or cannot become, a request that is let through; the reader is of no more use.
        """
        known = len(self._held)
        if known:
            data = self._held + data
        elif (again := self._find_again(data)) is not None:
            return again
        end = data.find(b"\r\n\r\n", known - 3 if known > 3 else 0) + 4
        if end < 4:
            self._hold(data, known)
            return None
        self._held = b""
        self.rest = data[end:]
        head = data[:end]
        try:
            return self._read(head)
        except Refusal:
            self._ensure_beginning(head, 0)
            raise

    def _find_again(self, data: bytes) -> RequestHead | None:
        """Return the head whose fields came before, byte for byte. None where anything is to be read or refused."""
        limits = self._limits
        if len(data) > _LONGEST_AGAIN or len(data) > limits.head:
            return None
        line, _, fields = data.partition(b"\r\n")
        before = self._table.heads[fields]
        if before is None or len(line) > limits.request_line - 2:
            return None
        asked = self._table.first_lines[line] or self._read_line(line)
        if asked is None:
            return None
        method, target, path = asked
        self.rest = b""
        self.stripped = 0
        return _with_line(before, method, target, path)

    def _read_line(self, line: bytes) -> tuple[bytes, bytes, bytes] | None:
        """Return method, target and path of a line that needs no second look. None where there is anything to judge."""
        match = _AGAIN_LINE.match(line)
        if match is None or PARAMETER in line:
            return None
        method, target = match.groups()
        if method not in METHODS:
            return None
        asked = method, target, target.partition(b"?")[0]
        self._table.first_lines.keep(line, asked, 3 * len(line) + _OVERHEAD)
        return asked

    def _hold(self, data: bytes, known: int) -> None:
        self._ensure_beginning(data, known)
        if len(data) >= self._limits.head:
            raise FieldsTooLarge
        self._held = data

    def _ensure_beginning(self, data: bytes, known: int) -> None:
        """Refuse what no further bytes can mend, in the order of the bytes. The first `known` were seen before."""
        limit = self._limits.request_line
        start = 2 if data.startswith(b"\r\n") else 0
        line_end = data.find(b"\n", start, start + limit) + 1
        if not line_end:
            if len(data) - start >= limit:
                raise TargetTooLong
            return
        read_request_line(data[:line_end])
        if BARE_LF.search(data, max(known, line_end), self._limits.head):
            raise BadRequest("A line ends with a bare line feed.")

    def _read(self, head: bytes) -> RequestHead:
        method, target, minor, line_end = read_request_line(head)
        if line_end > self._limits.request_line:
            raise TargetTooLong
        if len(head) > self._limits.head:
            raise FieldsTooLarge
        lines = head[line_end:-4].split(b"\r\n") if line_end < len(head) - 2 else []
        if len(lines) > self._limits.fields:
            raise FieldsTooLarge
        draft = Draft(method, target, minor)
        draft.take_lines(lines, self._table.lines)
        self.stripped = draft.stripped
        found = draft.finish(self._limits)
        if PARAMETER in target:
            take_ticket(found)
        elif draft.may_come_again and len(head) <= _LONGEST_AGAIN:
            self._table.heads.keep(head[line_end:], found, len(head) + _OVERHEAD)
        return found


def read_request_line(head: bytes) -> tuple[bytes, bytes, int, int]:
    """Read the first line of a head: method, target, HTTP/1.minor, and where the line ends.

    Raises:
        BadRequest: it is malformed, or the target is in a form that only a proxy or CONNECT takes.
        MethodRefused: the method is not in `METHODS`.
        VersionRefused: it is HTTP, but neither 1.0 nor 1.1.
    """
    match = _REQUEST_LINE.match(head)
    if match is None:
        raise _line_refusal(head)
    method, target, minor = match.groups()
    if method not in METHODS:
        raise MethodRefused
    if target == b"*" and method != b"OPTIONS":
        raise BadRequest("Only OPTIONS may ask for *.")
    return method, target, int(minor), match.end()


def _with_line(before: RequestHead, method: bytes, target: bytes, path: bytes) -> RequestHead:
    """Return the head of a request that has the same fields and is of the same version."""
    head = object.__new__(RequestHead)  # half the price of `__init__` with so many arguments
    head.method, head.target, head.path, head.minor = method, target, path, before.minor
    head.fields, head.lines, head.host = before.fields, before.lines, before.host
    head.authorization, head.cookie, head.origin = before.authorization, before.cookie, before.origin
    head.length, head.chunked, head.expects_continue = before.length, before.chunked, before.expects_continue
    head.keep_alive, head.websocket, head.asks = before.keep_alive, before.websocket, before.asks
    head.transport, head.request_id, head.ticket = before.transport, before.request_id, None
    return head


def _line_refusal(head: bytes) -> Refusal:
    match = _ANY_LINE.match(head)
    if match is None:
        return BadRequest("The request line is malformed.")
    method, version = match.groups()
    if version not in (b"1.0", b"1.1"):
        return VersionRefused()
    if method not in METHODS:
        return MethodRefused()
    return BadRequest("The request target is not a path.")


def build_head(
    method: bytes,
    target: bytes,
    minor: int,
    pairs: Iterable[tuple[bytes, bytes]],
    table: FieldTable,
    limits: Limits,
) -> RequestHead:
    """Make the same head from a request that another server has read, with the same checks.

    Raises:
        Refusal: as `HeadReader.feed`, as far as that server left anything to refuse.
    """
    line = b"%b %b HTTP/1.%d\r\n" % (method, target, minor)
    if len(line) > limits.request_line:
        raise TargetTooLong
    if read_request_line(line)[3] != len(line):
        raise BadRequest("The request line is malformed.")
    draft = Draft(method, target, minor)
    size = len(line) + 2
    for name, value in pairs:
        size += len(name) + len(value) + 4
        if size > limits.head:
            raise FieldsTooLarge
        if not _NAME.match(name) or not _VALUE.match(value):
            raise BadRequest("A header field is malformed.")
        draft.take(name, value, table[name])
    found = draft.finish(limits)
    if PARAMETER in target:
        take_ticket(found)
    return found
