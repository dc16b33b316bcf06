"""What is fuzzed, one function each: it takes bytes and fails by any exception but the one that is documented.

Invariant of all: whatever a stranger or a broken application sends, it is understood in one way or refused by name.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress

import h11

from gateway.codec import UnreadableSession, decode_base64, load_json, unpack
from gateway.core.cookies import find_cookie, read_cookies, without_cookies
from gateway.core.forwarded import read_forwarding
from gateway.core.paths import ambiguities, is_simple, readings
from gateway.core.refresh_token import ensure_well_formed
from gateway.core.verify import Trust, find_issuer, verify
from gateway.errors import BadRequest, GatewayError, InvalidToken, Refusal, UpstreamMalformed
from gateway.formats.java import load_java
from gateway.formats.packed import load_msgpack
from gateway.formats.php import read_value, unserialize
from gateway.formats.pickled import load_pickle
from gateway.formats.ruby import load_marshal
from gateway.headers import read_set_cookie
from gateway.http1.body import ChunkedReader
from gateway.http1.fields import FieldTable
from gateway.http1.head import HeadReader
from gateway.http1.limits import Limits
from gateway.http1.response import ResponseReader, response_body_reader
from gateway.model import RequestHead
from tests.fuzz.codecs import CODEC_TARGETS

Target = Callable[[bytes], None]

_IDENTITY = ("X-Auth-Subject", "X-Auth-Credential", "X-Auth-Session", "X-Auth-Scope", "X-Auth-Roles")
_LIMITS = Limits(request_line=1024, head=4096, body=65536, chunk_extensions=256, trailers=512, response_head=4096)
_NOW = 1_767_225_600.0  # 2026-01-01
_OURS = (b"sessionid", b"__Host-cf-access")


def _cuts(data: bytes) -> Iterator[Sequence[bytes]]:
    """Yield the bytes whole, in halves and byte by byte: how they are cut must not matter."""
    yield [data]
    yield [data[: len(data) // 2], data[len(data) // 2 :]]
    yield [data[at : at + 1] for at in range(len(data))]


# --- the wire ---


def request_head(data: bytes) -> None:
    """A head is refused, or h11 reads the same method, target and number of bytes; however it was cut."""
    outcomes = []
    for pieces in _cuts(data):
        reader = HeadReader(FieldTable(_IDENTITY), _LIMITS)
        head: RequestHead | None = None
        held = b""
        try:
            for piece in pieces:
                if head is None:
                    head = reader.feed(piece)
                else:
                    held += piece
        except Refusal as refusal:
            outcomes.append(type(refusal).__name__)
            continue
        outcomes.append("" if head is None else f"{head.method!r} {head.target!r} {len(reader.rest + held)}")
    assert len(set(outcomes)) == 1, outcomes
    if outcomes[0].startswith("b'"):
        _ensure_h11_agrees(data, outcomes[0])


def _ensure_h11_agrees(data: bytes, ours: str) -> None:
    data = data.removeprefix(b"\r\n")  # RFC 9112 section 2.2 lets us skip one empty line; h11 does not
    end = data.find(b"\r\n\r\n") + 4
    connection = h11.Connection(h11.SERVER)
    connection.receive_data(data[:end])
    request = connection.next_event()
    assert isinstance(request, h11.Request), request
    assert f"{request.method!r} {request.target!r} {len(data) - end}" == ours


def chunked_body(data: bytes) -> None:
    """A chunked body is refused, or has the same payload and the same end however it was cut.

    The same payload is in what is passed on of it.
    """
    outcomes = []
    for pieces in _cuts(data):
        reader = ChunkedReader(_LIMITS)
        payload = b""
        try:
            for piece in pieces:
                payload += reader.feed(piece)
        except GatewayError as refusal:
            outcomes.append((type(refusal).__name__, b"", b""))
            continue
        assert len(payload) <= len(data)
        outcomes.append((str(reader.is_done), payload, reader.rest))
        relay = ChunkedReader(_LIMITS)
        relay.keeps_framing = True
        passed_on = b"".join([relay.feed(piece) for piece in pieces])
        again = ChunkedReader(_LIMITS)
        assert again.feed(passed_on) == payload
        assert (again.is_done, again.rest, relay.is_done, relay.rest) == (
            reader.is_done,
            b"",
            reader.is_done,
            reader.rest,
        )
    assert len(set(outcomes)) == 1, outcomes


def response(data: bytes) -> None:
    """A response is malformed, or its head and body end at the same byte however it was cut."""
    outcomes = []
    for pieces in _cuts(data):
        reader = ResponseReader(_LIMITS)
        reader.start(b"GET")
        seen: object = None
        try:
            rest = b"".join(_after_head(reader, iter(pieces)))
            seen = rest
        except UpstreamMalformed:
            seen = "malformed"
        outcomes.append(seen)
    assert len(set(map(str, outcomes))) == 1, outcomes


def _after_head(reader: ResponseReader, pieces: Iterator[bytes]) -> Iterator[bytes]:
    for piece in pieces:
        head = reader.feed(piece)
        if head is not None:
            body = response_body_reader(head, b"GET")
            rest = reader.rest + b"".join(pieces)
            yield body.feed(rest) if body is not None else rest
            return


# --- what a request says ---


def cookies(data: bytes) -> None:
    """Cookies are read in one way or refused; what was taken out is gone for the same reader."""
    with suppress(BadRequest):
        read_cookies(data, _OURS)
        find_cookie(data, _OURS[1])
        left = without_cookies(data, _OURS)
        assert not read_cookies(left, _OURS)


def access_token(data: bytes) -> None:
    """Nothing that was not signed by us is believed."""
    find_issuer(data)
    with suppress(InvalidToken):
        verify(data, Trust("https://www.example.com", "app", 30, {}), _NOW)
        raise AssertionError("believed without a key")


def refresh_token(data: bytes) -> None:
    """A refresh token is well-formed or refused."""
    with suppress(GatewayError):
        ensure_well_formed(data.decode("utf-8", "surrogateescape"))


def path(data: bytes) -> None:
    """A path that needs no second look is ambiguous to nobody, and is among its own readings."""
    found = list(ambiguities(data))
    assert not (is_simple(data) and found)
    assert data in readings(data)


def transport_fields(data: bytes) -> None:
    """Whatever a proxy in front says about the way so far, there is an answer."""
    head = HeadReader(FieldTable(_IDENTITY), Limits())
    lines = b"".join(
        name + b": " + line.translate(None, b"\r\n\0") + b"\r\n"
        for name, line in zip((b"X-Forwarded-For", b"Forwarded", b"X-Forwarded-Host"), data.split(b"\n"), strict=False)
    )
    with suppress(Refusal):
        found = head.feed(b"GET / HTTP/1.1\r\nHost: a\r\n" + lines + b"\r\n")
        assert found is not None
        with suppress(GatewayError):
            read_forwarding(found)


def set_cookie(data: bytes) -> None:
    """Any Set-Cookie of an application has a name, a value and a meaning."""
    read_set_cookie(data, _NOW)


# --- what sessions are written in ---


def _reader(load: Callable[[bytes], object]) -> Target:
    """Make a target of something that reads a foreign format: it reads, or says that it cannot, within bounds."""

    def target(data: bytes) -> None:
        with suppress(UnreadableSession):
            load(data)

    target.__doc__ = load.__doc__
    return target


TARGETS: dict[str, Target] = {
    "request_head": request_head,
    "chunked_body": chunked_body,
    "response": response,
    "cookies": cookies,
    "access_token": access_token,
    "refresh_token": refresh_token,
    "path": path,
    "transport_fields": transport_fields,
    "set_cookie": set_cookie,
    "pickle": _reader(load_pickle),
    "msgpack": _reader(load_msgpack),
    "php": _reader(unserialize),
    "php_value": _reader(lambda data: read_value(data, 0)),
    "ruby": _reader(load_marshal),
    "java": _reader(load_java),
    "json": _reader(load_json),
    "base64": _reader(decode_base64),
    "zlib": _reader(unpack),
    **CODEC_TARGETS,
}
