"""What a header field of a request means to us, by its name."""

from collections.abc import Iterable

from gateway.errors import BadRequest
from gateway.headers import HOP_BY_HOP, fold_name
from gateway.http1.draft import Draft, Treatment
from gateway.http1.lines import LineTable, judge_request_line
from gateway.http1.names import NameTable
from gateway.lately import Lately
from gateway.model import RequestHead

_TREATMENTS: dict[bytes, Treatment] = {
    b"host": Draft.take_host,
    b"authorization": Draft.take_authorization,
    b"cookie": Draft.take_cookie,
    b"origin": Draft.take_origin,
    b"x-crossfade": Draft.take_asks,
    b"content-length": Draft.take_length,
    b"transfer-encoding": Draft.take_coding,
    b"connection": Draft.take_connection,
    b"upgrade": Draft.take_upgrade,
    b"expect": Draft.take_expect,
    b"x-request-id": Draft.take_request_id,
    b"traceparent": Draft.take_trace_parent,
    b"tracestate": Draft.take_trace_state,
}

_FRAMING = frozenset({b"content_length", b"transfer_encoding"})
_FOLDED = frozenset(fold_name(name) for name in _TREATMENTS)

_TRANSPORT = frozenset(
    {
        b"forwarded",
        b"x_real_ip",
        # where an inner server says what the outer one was asked; frameworks route by them (CVE-2018-14773)
        b"x_original_url",
        b"x_rewrite_url",
        b"x_envoy_original_path",
    }
)
_DROPPED = frozenset(
    {
        # ways to be authorised as one method and served as another
        b"x_http_method_override",
        b"x_http_method",
        b"x_method_override",
        b"proxy",  # becomes HTTP_PROXY behind CGI (CVE-2016-5385)
    }
)

_COMMON = (
    b"Host User-Agent Accept Accept-Language Accept-Encoding Accept-Charset Authorization Cookie Origin Referer "
    b"Connection Upgrade Content-Type Content-Length Content-Encoding Transfer-Encoding Expect Cache-Control Pragma "
    b"If-None-Match If-Modified-Since If-Match Range DNT Upgrade-Insecure-Requests Priority X-Requested-With "
    b"X-CSRFToken X-Request-ID X-Crossfade X-Forwarded-For X-Forwarded-Proto X-Forwarded-Host X-Forwarded-Port "
    b"X-Real-IP Forwarded traceparent tracestate Sec-Fetch-Site Sec-Fetch-Mode Sec-Fetch-Dest Sec-Fetch-User "
    b"sec-ch-ua sec-ch-ua-mobile sec-ch-ua-platform Sec-WebSocket-Key Sec-WebSocket-Version Sec-WebSocket-Extensions"
).split()


class FieldTable(NameTable[Treatment]):
    """The treatments of request fields.

    Common names are there from the start, so that a client that sends a thousand names of its own makes nobody
    else slower.

    `identity` are the names of the headers that only we set: every spelling that folds the same is dropped
    (see `gateway.headers.fold_name`).
    """

    def __init__(self, identity: Iterable[str]) -> None:
        super().__init__()
        self.lines: LineTable[Treatment] = LineTable(judge_request_line, lambda name, _: self[name], _malformed)
        """The lines of heads that came before."""
        self.heads: Lately[RequestHead] = Lately(8 << 20)
        """Heads that came before, by everything behind their first line."""
        self.first_lines: Lately[tuple[bytes, bytes, bytes]] = Lately(2 << 20)
        """First lines of HTTP/1.1 that came before, without their CRLF: each with method, target and path."""
        self._identity = frozenset(fold_name(name.encode("ascii")) for name in identity)
        for name in _COMMON:
            self[name] = self.classify(name)
            self[name.lower()] = self[name]

    def classify(self, name: bytes) -> Treatment | None:
        """Find the treatment of a name: exact names first, then what other servers would read it as."""
        lower, folded = name.lower(), fold_name(name)
        if lower in _TREATMENTS:
            return _TREATMENTS[lower]
        if folded in _FRAMING:
            return Draft.refuse
        if folded in self._identity:
            return Draft.strip_identity
        if folded in _TRANSPORT or folded.startswith(b"x_forwarded"):
            return Draft.take_transport
        if lower in HOP_BY_HOP or folded in _DROPPED or folded in _FOLDED:
            return Draft.drop
        return None


def _malformed() -> BadRequest:
    return BadRequest("A header field is malformed.")
