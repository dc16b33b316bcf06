"""Reads the head of a response and says where its body ends. What the application may not do is refused as a whole."""

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from gateway.errors import UpstreamMalformed
from gateway.headers import HOP_BY_HOP, Pairs, join_fields
from gateway.http1.body import BodyReader, ChunkedReader, LengthReader, UntilCloseReader
from gateway.http1.grammar import BARE_LF, LENGTH, OWS, PLAIN_OPTIONS, TEXT, join_lists, split_list
from gateway.http1.limits import Limits
from gateway.http1.lines import LineTable, judge_response_line
from gateway.http1.names import NameTable
from gateway.lately import Lately

_STATUS_LINE = re.compile(rb"HTTP/1\.([01]) ([1-5][0-9][0-9])(?: (" + TEXT + rb"))?\r\n")
_FRAMELESS = frozenset({101, 204, 205})
"""No body, and no word about one (RFC 9110 sections 8.6 and 15.3.6); 304 and HEAD tell the length that GET has."""
_LONGEST_AGAIN = 2048
"""Bytes of a head that is worth remembering: until its date changes it comes again for the same answer."""
_OVERHEAD = 2048  # what the objects of one head cost beside its bytes
_NO_LIMIT = Limits(body=1 << 62)
"""A response may be of any length; its extensions and trailers are bounded like a request's."""


@dataclass(slots=True)
class ResponseHead:
    """A response whose framing was checked. `fields` are without hop-by-hop and framing fields."""

    status: int
    reason: bytes
    minor: int
    """HTTP/1.minor."""
    fields: Pairs
    length: int | None = None
    """Content-Length in bytes; of the body that GET would have had where the request was HEAD or the status is 304."""
    chunked: bool = False
    keep_alive: bool = True
    """Whether the connection can be used again once the body has ended."""
    websocket: bool = False
    """101 with `Upgrade: websocket`: what follows is no HTTP any more."""
    lines: bytes = field(default=b"", compare=False, repr=False)
    """The same as `fields`, joined as `name: value CRLF` …"""
    private: bytes | None = field(default=None, compare=False, repr=False)
    """The same with the cache rules of an answer that depends on a credential, once somebody has worked it out."""
    whole: tuple[bytes, bytes] | None = field(default=None, compare=False, repr=False)
    """The head as it was written last in front of a whole body, and before it the lines that it was made of."""
    is_notable: bool = field(default=False, compare=False, repr=False)
    """It says something of cookies, origins or an event stream, so that it must be looked at."""


class ResponseReader:
    """Reads the heads of one upstream connection's responses. Interim responses are consumed and counted."""

    __slots__ = ("_asks_websocket", "_held", "_interim", "_limits", "_method", "_table", "rest")

    def __init__(self, limits: Limits, table: "ResponseTable | None" = None) -> None:
        """`table` is shared by all readers of a worker; without it the reader has one of its own."""
        self._limits = limits
        self._table = ResponseTable() if table is None else table
        self._held = b""
        self._interim = 0
        self._method = b"GET"
        self._asks_websocket = False
        self.rest = b""
        """The bytes after the head that was returned last."""

    def start(self, method: bytes, *, websocket: bool = False) -> None:
        """Begin a new request. `websocket` says that it asked for the upgrade; otherwise a 101 is malformed."""
        self._held = self.rest = b""
        self._interim = 0
        self._method = method
        self._asks_websocket = websocket

    def feed(self, data: bytes) -> ResponseHead | None:
        """Take bytes and return the head of the final response, or of a 101 that was asked for.

        Raises:
            UpstreamMalformed: it is not a response that can be passed on (RFC 9112 sections 4 and 6).
        """
        while True:
            known = len(self._held)
            if known:
                data = self._held + data
            head, end, rest = data.partition(b"\r\n\r\n")
            if not end:
                self._hold(data, known)
                return None
            self._held = b""
            response = self._read(head)
            if response.status >= 200 or response.status == 101:
                self.rest = rest
                return response
            self._interim += 1
            if self._interim > self._limits.interim_responses:
                raise UpstreamMalformed("There are too many interim responses.")
            data = rest

    def _hold(self, data: bytes, known: int) -> None:
        if len(data) >= self._limits.response_head:
            raise UpstreamMalformed("The head is too long.")
        if BARE_LF.search(data, known) or (b"\n" in data and not _STATUS_LINE.match(data)):
            raise UpstreamMalformed("The status line or a line end is malformed.")
        self._held = data

    def _read(self, head: bytes) -> ResponseHead:
        """Read a head, or find the same bytes read before; HEAD alone gives them another meaning."""
        heads, is_common = self._table.heads, self._method != b"HEAD"
        response = heads[head] if is_common else None
        if response is None:
            response = self._read_anew(head + b"\r\n\r\n")
            if is_common and response.status >= 200 and not response.is_notable and len(head) <= _LONGEST_AGAIN:
                heads.keep(head, response, len(head) + _OVERHEAD)
        return response

    def _read_anew(self, head: bytes) -> ResponseHead:
        match = _STATUS_LINE.match(head)
        if match is None:
            raise UpstreamMalformed("The status line is malformed.")
        if len(head) > self._limits.response_head:
            raise UpstreamMalformed("The head is too long.")
        line_end = match.end()
        lines = head[line_end:-4].split(b"\r\n") if line_end < len(head) - 2 else []
        if len(lines) > self._limits.response_fields:
            raise UpstreamMalformed("There are too many header fields.")
        draft = _ResponseDraft(ResponseHead(int(match[2]), match[3] or b"", int(match[1]), []))
        draft.take_lines(lines, self._table.lines)
        response = draft.finish()
        if response.status == 101 and not (self._asks_websocket and response.websocket):
            raise UpstreamMalformed("The connection was switched to another protocol without being asked.")
        _settle_framing(response, self._method)
        return response


class _ResponseDraft:
    """Takes the fields of one response in order."""

    __slots__ = ("_lines", "connection", "head", "upgrade")

    def __init__(self, head: ResponseHead) -> None:
        self._lines: list[bytes] = []
        self.head = head
        self.connection = b""
        self.upgrade = b""

    def take_lines(self, lines: Iterable[bytes], table: "LineTable[_Treatment]") -> None:
        """Take the lines of a head, without their CRLF.

        Raises:
            UpstreamMalformed: a line is malformed, or its treatment refuses it.
        """
        fields, texts = self.head.fields, self._lines
        for line in lines:
            pair, text, treatment = table[line]
            if treatment is None:
                fields.append(pair)
                texts.append(text)
            else:
                treatment(self, *pair)

    def note(self, name: bytes, value: bytes) -> None:
        """Let it travel on, for somebody to look at."""
        self.head.fields.append((name, value))
        self._lines.append(b"%b: %b\r\n" % (name, value))
        self.head.is_notable = True

    def drop(self, _name: bytes, _value: bytes) -> None:
        """End a hop-by-hop field here."""

    def take_length(self, _name: bytes, value: bytes) -> None:
        """Content-Length: at most one, decimal."""
        value = value.strip(OWS)
        if self.head.length is not None or LENGTH.match(value) is None:
            raise UpstreamMalformed("Content-Length is malformed or occurs twice.")
        self.head.length = int(value)

    def take_coding(self, _name: bytes, value: bytes) -> None:
        """Transfer-Encoding: `chunked`, once and alone; we ask for no other in `TE`."""
        if self.head.chunked or value.strip(OWS).lower() != b"chunked":
            raise UpstreamMalformed("Transfer-Encoding must be chunked, once.")
        self.head.chunked = True

    def take_connection(self, _name: bytes, value: bytes) -> None:
        """Connection: a list, possibly over several lines."""
        self.connection = join_lists(self.connection, value)

    def take_upgrade(self, _name: bytes, value: bytes) -> None:
        """Upgrade: a list, possibly over several lines."""
        self.upgrade = join_lists(self.upgrade, value)

    def finish(self) -> ResponseHead:
        """Make the checks that need the whole head, and return it."""
        head = self.head
        head.lines = b"".join(self._lines)
        if head.chunked and (head.length is not None or not head.minor):
            raise UpstreamMalformed("Transfer-Encoding is not accepted with Content-Length or HTTP/1.0.")
        if not head.minor or self.connection.lower() not in (b"", b"keep-alive"):
            options = split_list(self.connection)
            head.keep_alive = b"close" not in options and (head.minor == 1 or b"keep-alive" in options)
            if named := options - PLAIN_OPTIONS:
                head.fields = [pair for pair in head.fields if pair[0].lower() not in named]
                head.lines = join_fields(head.fields)
            head.websocket = b"upgrade" in options and self.upgrade.strip(OWS).lower() == b"websocket"
        return head


def _settle_framing(head: ResponseHead, method: bytes) -> None:
    """Take away the framing of a body that cannot be, and the connection's further use where one may still come."""
    head.websocket = head.websocket and head.status == 101
    if head.status in _FRAMELESS:
        if head.length or head.chunked or (head.status == 205 and head.length is None):
            head.keep_alive = False
        head.length = 0 if head.status == 205 else None
        head.chunked = False
    elif head.status == 304:
        # A length is that of the other answer; chunks are sent by who is about to send a body all the same.
        head.keep_alive = head.keep_alive and not head.chunked
        head.chunked = False
    elif head.length is None and not head.chunked and method != b"HEAD":
        head.keep_alive = False  # the body ends with the connection


_Treatment = Callable[[_ResponseDraft, bytes, bytes], None]

_TREATMENTS: dict[bytes, _Treatment] = {
    **dict.fromkeys(HOP_BY_HOP, _ResponseDraft.drop),
    b"content-length": _ResponseDraft.take_length,
    b"transfer-encoding": _ResponseDraft.take_coding,
    b"connection": _ResponseDraft.take_connection,
    b"upgrade": _ResponseDraft.take_upgrade,
    b"set-cookie": _ResponseDraft.note,
    b"x-crossfade": _ResponseDraft.note,
}


class ResponseTable(NameTable[_Treatment]):
    """The treatments of response fields, and the lines of heads that came before."""

    def __init__(self) -> None:
        super().__init__()
        self.lines: LineTable[_Treatment] = LineTable(judge_response_line, self._meaning, _malformed)
        self.heads: Lately[ResponseHead] = Lately(4 << 20)
        """Heads that came before; one that says something to somebody is not among them. Nobody changes one."""

    def classify(self, name: bytes) -> _Treatment | None:
        """Find the treatment of a name."""
        lower = name.lower()
        return _ResponseDraft.note if lower.startswith(b"access-control-") else _TREATMENTS.get(lower)

    def _meaning(self, name: bytes, value: bytes) -> _Treatment | None:
        if is_event_stream([(name, value)]):
            return _ResponseDraft.note
        return self[name]


def is_event_stream(fields: Pairs) -> bool:
    """Whether a response is an event stream, which has no end of its own (HTML Standard, server-sent events)."""
    return any(
        name.lower() == b"content-type" and value.lower().startswith(b"text/event-stream") for name, value in fields
    )


def _malformed() -> UpstreamMalformed:
    return UpstreamMalformed("A header field is malformed.")


def response_body_reader(response: ResponseHead, method: bytes) -> BodyReader | None:
    """Return the reader of a response's body, or None where none can follow (RFC 9112 section 6.3).

    Its errors are UpstreamMalformed.
    """
    if method == b"HEAD" or response.status == 304 or response.status in _FRAMELESS:
        return None
    if response.chunked:
        return ChunkedReader(_NO_LIMIT, UpstreamMalformed)
    if response.length is None:
        return UntilCloseReader()
    return LengthReader(response.length, UpstreamMalformed) if response.length else None
