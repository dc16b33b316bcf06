"""From a scope to a head: what servers say, and what they leave out."""

import pytest
from starlette.types import Scope

from gateway.asgi.scope import peer_of, read_head
from gateway.core.trust import TrustedProxies
from gateway.errors import BadRequest, MethodRefused, Refusal
from gateway.http1.fields import FieldTable
from gateway.http1.limits import Limits
from gateway.model import Peer, RequestHead
from tests.asgi.stub import scope_of

TABLE = FieldTable(("X-Auth-Subject",))


def read(scope: Scope) -> RequestHead:
    return read_head(scope, TABLE, Limits())


@pytest.mark.parametrize(
    ("raw", "query", "target"),
    [
        (b"/a%2Fb", b"", b"/a%2Fb"),
        (b"/a", b"x=%20&y", b"/a?x=%20&y"),
        (b"/", b"?", b"/??"),
    ],
)
def test_the_target_is_what_was_sent_and_not_what_was_decoded(raw: bytes, query: bytes, target: bytes) -> None:
    scope = scope_of(raw + b"?" + query) if query else scope_of(raw)
    assert read({**scope, "path": "/something/else"}).target == target


@pytest.mark.parametrize(("version", "minor"), [("1.0", 0), ("1", 0), ("1.1", 1), ("2", 1), ("3", 1)])
def test_the_version_is_that_of_the_client(version: str, minor: int) -> None:
    assert read(scope_of(http_version=version)).minor == minor


@pytest.mark.parametrize("path", [None, b"http://evil.example/", b"*", b"", b"/a b", "/a"])
def test_a_path_that_nobody_can_be_sure_of_is_refused(path: object) -> None:
    with pytest.raises(BadRequest):
        read(scope_of(raw_path=path))


@pytest.mark.parametrize("method", ["TRACE", "CONNECT", "PURGE"])
def test_methods_that_are_not_on_the_list_are_refused(method: str) -> None:
    with pytest.raises(MethodRefused):
        read(scope_of(method=method))


@pytest.mark.parametrize(
    "fields",
    [
        [(b"host", b"second")],
        [(b"authorization", b"Bearer a"), (b"authorization", b"Bearer b")],
        [(b"content-length", b"1"), (b"content-length", b"1")],
        [(b"content-length", b"1"), (b"transfer-encoding", b"chunked")],
        [(b"transfer-encoding", b"chunked"), (b"transfer-encoding", b"chunked")],
        [(b"cookie", b"a=1"), (b"cookie", b"b=2")],
        [(b"content_length", b"1")],
        [(b"x", b"a\r\nb: c")],
        [(b"x y", b"1")],
    ],
)
def test_what_the_server_let_through_is_refused_where_the_scope_still_shows_it(
    fields: list[tuple[bytes, bytes]],
) -> None:
    with pytest.raises(Refusal):
        read(scope_of(fields=fields))


def test_cookies_that_http2_has_split_are_joined() -> None:
    fields = [(b"cookie", b"a=1"), (b"x", b"y"), (b"cookie", b"b=2")]
    head = read(scope_of(fields=fields, http_version="2"))
    assert head.cookie == b"a=1; b=2"
    assert head.fields == [(b"x", b"y")]
    assert read(scope_of(fields=[(b"cookie", b"a=1")], http_version="2")).cookie == b"a=1"


@pytest.mark.parametrize(
    ("method", "fields", "chunked"),
    [
        ("POST", [], True),
        ("POST", [(b"content-length", b"3")], False),
        ("GET", [], False),
    ],
)
def test_a_body_of_http2_without_a_length_is_sent_on_in_chunks(
    method: str, fields: list[tuple[bytes, bytes]], chunked: bool
) -> None:
    assert read(scope_of(fields=fields, method=method, http_version="2")).chunked is chunked


def test_a_websocket_of_http2_has_no_handshake_fields_and_is_one_all_the_same() -> None:
    scope = scope_of(type="websocket", http_version="2", scheme="wss")
    del scope["method"]
    head = read(scope)
    assert (head.method, head.websocket, head.chunked) == (b"GET", True, False)


PROXIES = TrustedProxies(("10.0.0.0/8",))


@pytest.mark.parametrize(
    ("client", "scheme", "peer"),
    [
        (("192.0.2.7", 5000), "http", Peer("192.0.2.7", False, "http")),
        (("10.1.2.3", 5000), "https", Peer("10.1.2.3", True, "https")),
        (["10.1.2.3", "5000"], "ws", Peer("10.1.2.3", True, "http")),
        (("10.1.2.3", 5000), "wss", Peer("10.1.2.3", True, "https")),
        (None, "http", Peer("", False, "http")),
        ((None, 0), "http", Peer("", False, "http")),
    ],
)
def test_the_peer_is_who_the_server_says(client: object, scheme: str, peer: Peer) -> None:
    assert peer_of(scope_of(client=client, scheme=scheme), PROXIES) == peer
