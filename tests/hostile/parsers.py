"""Three strict HTTP/1.1 parsers that share no line of code with each other or with us: h11, llhttp and gunicorn's.

Each returns the requests that it finds in the bytes of one connection, or says why it finds none.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import h11
import httptools
from gunicorn.config import Config
from gunicorn.http.errors import ParseException
from gunicorn.http.parser import RequestParser


@dataclass(frozen=True, slots=True)
class Reading:
    """One request as a parser understands it. Names are in lower case, in the order of the wire."""

    method: bytes
    target: bytes
    fields: tuple[tuple[bytes, bytes], ...]
    body: bytes


class Disagreement(Exception):
    """A parser refuses the bytes, or finds an unfinished request at their end."""


def read_h11(raw: bytes) -> Sequence[Reading]:
    connection = h11.Connection(h11.SERVER)
    connection.receive_data(raw)
    found: list[Reading] = []
    request, body = None, b""
    try:
        while True:
            event = connection.next_event()
            if isinstance(event, h11.Request):
                request, body = event, b""
            elif isinstance(event, h11.Data):
                body += bytes(event.data)
            elif isinstance(event, h11.EndOfMessage):
                assert request is not None
                fields = tuple((bytes(name), bytes(value)) for name, value in request.headers)
                found.append(Reading(request.method, request.target, fields, body))
                request = None
                connection.send(h11.Response(status_code=200, headers=[("content-length", "0")]))
                connection.send(h11.EndOfMessage())
                connection.start_next_cycle()
            else:
                break
    except h11.ProtocolError as error:
        raise Disagreement(f"h11: {error}") from error
    if request is not None or connection.trailing_data[0]:
        raise Disagreement("h11: unfinished")
    return found


class _Collector:
    """The callbacks of httptools."""

    def __init__(self) -> None:
        self.found: list[Reading] = []
        self.is_idle = True

    def on_message_begin(self) -> None:
        self.is_idle = False
        self.target, self.fields, self.body = b"", list[tuple[bytes, bytes]](), b""

    def on_url(self, piece: bytes) -> None:
        self.target += piece

    def on_header(self, name: bytes, value: bytes) -> None:
        self.fields.append((name.lower(), value.strip(b" \t")))

    def on_body(self, piece: bytes) -> None:
        self.body += piece

    def on_message_complete(self) -> None:
        self.is_idle = True
        self.found.append(Reading(self.parser.get_method(), self.target, tuple(self.fields), self.body))

    def read(self, raw: bytes) -> Sequence[Reading]:
        self.parser = httptools.HttpRequestParser(self)
        self.parser.feed_data(raw)
        return self.found


def read_llhttp(raw: bytes) -> Sequence[Reading]:
    collector = _Collector()
    try:
        found = collector.read(raw)
    except httptools.HttpParserUpgrade:  # what follows is no longer HTTP
        return collector.found
    except httptools.HttpParserError as error:
        raise Disagreement(f"llhttp: {error}") from error
    if not collector.is_idle:
        raise Disagreement("llhttp: unfinished")
    return found


def _gunicorn_config() -> Config:
    config = Config()
    config.set("limit_request_line", 0)  # as long as it comes: sizes are not what is compared
    config.set("header_map", "dangerous")  # names with underscores are the application's business
    return config


def read_gunicorn(raw: bytes) -> Sequence[Reading]:
    return list(_read_gunicorn(raw)) if raw else []


def _read_gunicorn(raw: bytes) -> Iterator[Reading]:
    parser = RequestParser(_gunicorn_config(), iter([raw]), ("127.0.0.1", 1))
    try:
        for request in parser:
            fields = tuple((name.lower().encode("latin-1"), value.encode("latin-1")) for name, value in request.headers)
            yield Reading(request.method.encode(), request.uri.encode("latin-1"), fields, request.body.read())
    except (ParseException, OSError) as error:
        raise Disagreement(f"gunicorn: {error!r}") from error
    except StopIteration:
        return


PARSERS = (read_h11, read_llhttp, read_gunicorn)


def agreed(raw: bytes) -> Sequence[Reading]:
    """Return the requests in `raw` if all parsers find the same ones.

    Raises:
        Disagreement: one of them does not.
    """
    first, *others = (parser(raw) for parser in PARSERS)
    for other in others:
        if other != first:
            raise Disagreement(f"{first} is not {other}")
    return first
