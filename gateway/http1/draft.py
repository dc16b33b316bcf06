"""A request head while its fields arrive: the checks that need one field, and at the end those that need all."""

import re
from collections.abc import Callable, Iterable, Mapping
from functools import lru_cache

from gateway.errors import (
    BadRequest,
    BodyTooLarge,
    ExpectationFailed,
    FieldsTooLarge,
    NotImplementedCoding,
)
from gateway.headers import join_fields
from gateway.http1.grammar import LENGTH, OWS, PLAIN_OPTIONS, TOKEN, join_lists, split_list
from gateway.http1.handshake import ensure_handshake
from gateway.http1.limits import Limits
from gateway.http1.lines import Line
from gateway.model import RequestHead

_HOST = re.compile(rb"(?:[A-Za-z0-9._\-]{1,255}|\[[0-9A-Fa-f:.]{2,45}\])(?::([0-9]{1,5}))?\Z")
_CODINGS = re.compile(TOKEN + rb"(?:[ \t]*,[ \t]*" + TOKEN + rb")*\Z")
_REQUEST_ID = re.compile(rb"[A-Za-z0-9._~+/=:@\-]{1,128}\Z")
_TRACE_PARENT = re.compile(rb"(?!ff)[0-9a-f]{2}-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}\Z")
_TRACE_STATE = re.compile(rb"[a-z0-9][a-z0-9_\-*/@]{0,255}=[\x20-\x7e]{1,512}\Z")

_RELIED_ON = (b"sec-", b"accept", b"content-", b"dpop", b"idempotency-key")
"""How the names begin that decisions are made from; `Connection` cannot take such a field away."""

_COOKIE_PARTS = 1000
"""Semicolons and commas in a Cookie field: each costs a parser time, and browsers keep some 180 cookies for a site."""

Treatment = Callable[["Draft", bytes, bytes], None]
"""What is done with a field other than keeping it: called with the draft, the name and the value."""


class Draft:
    """Takes the fields of one request in order, from its lines or from `http1.head.build_head`.

    Each `take_` method is the treatment of one field name and raises the Refusal that its RFC asks for.
    """

    __slots__ = ("_is_traced", "_lines", "_others", "connection", "has_host", "head", "stripped", "upgrade")

    def __init__(self, method: bytes, target: bytes, minor: int) -> None:
        self._lines: list[bytes] = []
        self._others = 0
        self.head = RequestHead(method, target, minor, [], b"")
        self._is_traced = False
        self.has_host = False
        self.connection = b""
        self.upgrade = b""
        self.stripped = 0

    def take_lines(self, lines: Iterable[bytes], table: Mapping[bytes, Line[Treatment]]) -> None:
        """Take the lines of a head, without their CRLF.

        Raises:
            Refusal: a line is malformed, or its treatment refuses it.
        """
        fields, texts = self.head.fields, self._lines
        for line in lines:
            pair, text, treatment = table[line]
            if treatment is None:
                fields.append(pair)
                texts.append(text)
            else:
                self._others += 1
                treatment(self, *pair)

    def take(self, name: bytes, value: bytes, treatment: Treatment | None) -> None:
        """Take one field that is known to be well-formed."""
        if treatment is None:
            self.keep(name, value)
        else:
            self._others += 1
            treatment(self, name, value)

    # --- one field ---

    def keep(self, name: bytes, value: bytes) -> None:
        """Let it travel on as sent."""
        self.head.fields.append((name, value))
        self._lines.append(b"%b: %b\r\n" % (name, value))

    def drop(self, _name: bytes, _value: bytes) -> None:
        """End it here: hop-by-hop, or a way to say one thing to us and another to the application."""

    def strip_identity(self, _name: bytes, _value: bytes) -> None:
        """Drop an identity header, which only we may set, and count it."""
        self.stripped += 1

    def refuse(self, _name: bytes, _value: bytes) -> None:
        """Refuse a name that CGI, WSGI and PHP read as a framing field."""
        raise BadRequest("A field name imitates a framing field.")

    def take_host(self, _name: bytes, value: bytes) -> None:
        """Host: exactly one, a name or address with an optional port (RFC 9112 section 3.2)."""
        value = value.strip(OWS)
        if self.has_host or not is_host(value):
            raise BadRequest("Exactly one valid Host field is needed.")
        self.has_host = True
        self.head.host = value

    def take_authorization(self, _name: bytes, value: bytes) -> None:
        """Authorization: at most one, ASCII."""
        if self.head.authorization is not None or not value.isascii():
            raise BadRequest("At most one Authorization field is accepted, in ASCII.")
        self.head.authorization = value.strip(OWS)

    def take_cookie(self, _name: bytes, value: bytes) -> None:
        """Cookie: at most one (RFC 6265 section 5.4), of a bounded number of parts.

        Bytes beyond ASCII are common in cookies of others, and only matter where a cookie is one that we read.
        """
        if self.head.cookie is not None:
            raise BadRequest("At most one Cookie field is accepted.")
        if value.count(b";") + value.count(b",") >= _COOKIE_PARTS:
            raise FieldsTooLarge("There are too many cookies.")
        self.head.cookie = value.strip(OWS)

    def take_origin(self, _name: bytes, value: bytes) -> None:
        """Origin: at most one."""
        if self.head.origin is not None:
            raise BadRequest("At most one Origin field is accepted.")
        self.head.origin = value.strip(OWS)

    def take_asks(self, _name: bytes, value: bytes) -> None:
        """X-Crossfade: the client means us."""
        self.head.asks = value.strip(OWS)

    def take_length(self, _name: bytes, value: bytes) -> None:
        """Content-Length: at most one, decimal (RFC 9110 section 8.6)."""
        value = value.strip(OWS)
        if self.head.length is not None or LENGTH.match(value) is None:
            raise BadRequest("At most one valid Content-Length is accepted.")
        self.head.length = int(value)

    def take_coding(self, _name: bytes, value: bytes) -> None:
        """Transfer-Encoding: `chunked`, once and alone (RFC 9112 section 6.1)."""
        value = value.strip(OWS).lower()
        if self.head.chunked:
            raise BadRequest("Transfer-Encoding occurs twice.")
        if value != b"chunked":
            raise _coding_refusal(value)
        self.head.chunked = True

    def take_connection(self, _name: bytes, value: bytes) -> None:
        """Connection: a list, possibly over several lines (RFC 9110 section 7.6.1)."""
        self.connection = join_lists(self.connection, value)

    def take_upgrade(self, _name: bytes, value: bytes) -> None:
        """Upgrade: a list, possibly over several lines (RFC 9110 section 7.8)."""
        self.upgrade = join_lists(self.upgrade, value)

    def take_expect(self, _name: bytes, value: bytes) -> None:
        """Expect: only 100-continue is defined (RFC 9110 section 10.1.1)."""
        if value.strip(OWS).lower() != b"100-continue":
            raise ExpectationFailed
        self.head.expects_continue = True

    def take_transport(self, name: bytes, value: bytes) -> None:
        """Keep what the peer says about the way so far apart; only a trusted one is believed."""
        self.head.transport.append((name, value.strip(OWS)))

    def take_request_id(self, _name: bytes, value: bytes) -> None:
        """X-Request-ID: the first, when it is harmless in a log."""
        self._is_traced = True
        value = value.strip(OWS)
        if self.head.request_id is None and _REQUEST_ID.match(value):
            self.head.request_id = value

    def take_trace_parent(self, name: bytes, value: bytes) -> None:
        """`traceparent` as W3C Trace Context section 3.2 writes it; anything else is dropped."""
        self._is_traced = True
        if _TRACE_PARENT.match(value.strip(OWS)):
            self.keep(name, value)

    def take_trace_state(self, name: bytes, value: bytes) -> None:
        """`tracestate` (W3C Trace Context section 3.3); what does not look like it is dropped."""
        if _TRACE_STATE.match(value.strip(OWS)):
            self.keep(name, value)

    # --- all fields ---

    @property
    def may_come_again(self) -> bool:
        """Whether another request may have the same fields, and then means the same by them.

        Not one with a body or an upgrade, whose fields mean something together with its method, nor one that a proxy
        has numbered or traced, whose fields come once.
        """
        head = self.head
        is_plain = head.length is None and not (head.chunked or head.expects_continue or self.upgrade)
        return is_plain and bool(head.minor) and not (self.stripped or head.transport or self._is_traced)

    def finish(self, limits: Limits) -> RequestHead:
        """Make the checks that need the whole head, and return it.

        Raises:
            BadRequest: Host is missing, the framing contradicts itself, or a WebSocket handshake is not one.
            BodyTooLarge: the announced length is above the limit.
            FieldsTooLarge: there are too many fields.
            UpgradeRefused: a WebSocket handshake of another version.
        """
        head = self.head
        if len(head.fields) + self._others > limits.fields:
            raise FieldsTooLarge
        if not self.has_host and head.minor:
            raise BadRequest("Exactly one valid Host field is needed.")
        if head.chunked and (head.length is not None or not head.minor):
            raise BadRequest("Transfer-Encoding is not accepted with Content-Length or HTTP/1.0.")
        if head.length is not None and head.length > limits.body:
            raise BodyTooLarge
        if not head.minor:  # HTTP/1.0 knows no 100-continue, and closes unless asked otherwise
            head.keep_alive = head.expects_continue = False
        head.lines = b"".join(self._lines)
        if self.connection and not (head.minor and self.connection.lower() == b"keep-alive"):
            self._apply_connection(head)
        return head

    def _apply_connection(self, head: RequestHead) -> None:
        options = split_list(self.connection)
        head.keep_alive = b"close" not in options and (head.minor == 1 or b"keep-alive" in options)
        named = {option for option in options - PLAIN_OPTIONS if not option.startswith(_RELIED_ON)}
        if named:
            head.fields = [field for field in head.fields if field[0].lower() not in named]
            head.lines = join_fields(head.fields)
        # HTTP/1.0 knows no Upgrade, and without `Connection: upgrade` it was meant for somebody before us
        if b"upgrade" in options and self.upgrade.strip(OWS).lower() == b"websocket":
            ensure_handshake(head)
            head.websocket = True


@lru_cache(maxsize=1024)
def is_host(value: bytes) -> bool:
    """Say whether a Host value is a name or an address with an optional port below 65536 (RFC 3986 section 3.2.2)."""
    match = _HOST.match(value)
    return match is not None and int(match[1] or 0) < 65536


def _coding_refusal(value: bytes) -> BadRequest | NotImplementedCoding:
    """Tell codings that we do not decode from what is not framing at all (RFC 9112 sections 6.1 and 6.3)."""
    *others, last = [coding.strip(OWS) for coding in value.split(b",")]
    if _CODINGS.match(value) and last == b"chunked" and b"chunked" not in others:
        return NotImplementedCoding()
    return BadRequest("Transfer-Encoding must be chunked.")
