"""The short way of a response to its client says what the long one says, or nothing."""

from dataclasses import replace
from itertools import product

from hypothesis import given
from hypothesis import strategies as st

from gateway.headers import join_fields
from gateway.http1.limits import Limits
from gateway.http1.response import ResponseHead, ResponseReader
from gateway.model import Credential, LegacySession, Permit, RequestHead, SessionCookie
from tests.flow.door import ACCESS, Door, request
from tests.flow.tokens.world import SITE, World

FIELDS = [
    b"X-A: 1",
    b"Vary: Accept",
    b"vary: cookie",
    b"Vary: *",
    b"Cache-Control: public",
    b"Cache-Control: max-age=1",
]
FIELDS += [b"Set-Cookie: sessionid=x", b"Set-Cookie: a=1", b"Set-Cookie: " + ACCESS + b"=x", b"X-Crossfade: 1"]
FIELDS += [b"Access-Control-Allow-Origin: *", b"Content-Type: text/event-stream", b"Content-Type: text/html"]
SESSION = LegacySession("main", "x", "ada")
PERMITS = [
    Permit("app", "/*"),
    Permit("app", "/*", is_private=True),
    Permit("app", "/*", is_transparent=True),
    Permit("app", "/*", is_stranger=True),
    Permit("app", "/*", is_private=True, answer=((b"set-cookie", b"b=1"),)),
    Permit(
        "app", "/*", credential=Credential.SESSION, is_private=True, session=SESSION, shown=SessionCookie("main", ())
    ),
]
HEADS = [
    request(path, method=method, origin=origin)
    for path in ("/page", "/logout/", "/login/", "/logout/?a=1")
    for method in ("GET", "POST")
    for origin in (None, b"https://other.example", b"https://stranger.example")
]
DOOR = Door(World(), site=replace(SITE, login_url="/login/"), origins=frozenset({b"https://other.example"}))


@given(st.lists(st.sampled_from(FIELDS), max_size=4))
def test_both_ways_say_the_same(lines: list[bytes]) -> None:
    reader = ResponseReader(Limits())
    response = reader.feed(b"\r\n".join([b"HTTP/1.1 200 OK", *lines, b"Content-Length: 0", b"", b""]))
    assert response is not None
    for permit, head in product(PERMITS, HEADS):
        ensure_same(permit, head, response)


def ensure_same(permit: Permit, head: RequestHead, response: ResponseHead) -> None:
    found = DOOR.watch.find_lines(permit, head, response)
    if found is not None:
        assert not DOOR.watch.needs_look(permit, head, response.status, response.fields)
        assert found == join_fields(DOOR.watch.edit(permit, head, response.status, response.fields))


def test_most_responses_go_the_short_way() -> None:
    reader = ResponseReader(Limits())
    response = reader.feed(b"HTTP/1.1 200 OK\r\nVary: Cookie\r\nContent-Length: 0\r\n\r\n")
    assert response is not None
    found = DOOR.watch.find_lines(PERMITS[1], HEADS[0], response)
    assert found == b"cache-control: private\r\nvary: Cookie, authorization\r\n"
