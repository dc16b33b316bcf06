"""However bytes are cut, the result is the same; and whatever bytes come, they are refused or read, never more."""

import re

import h11
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from gateway.errors import Refusal
from gateway.http1.limits import Limits
from gateway.model import RequestHead
from tests.http1.feeding import pieces, read_head, whole
from tests.http1.test_head import ACCEPTED
from tests.http1.test_head_refused import AT_ONCE, REFUSED

SMALL = Limits(request_line=60, head=200, fields=6, body=99)

PARTS = st.sampled_from(
    [
        *(b"GET / HTTP/1.1\r\n", b"POST /a?b HTTP/1.1\r\n", b"GET / HTTP/1.0\r\n", b"OPTIONS * HTTP/1.1\r\n"),
        *(b"Host: a\r\n", b"Content-Length: 5\r\n", b"Transfer-Encoding: chunked\r\n", b"Connection: close, x\r\n"),
        *(b"Upgrade: websocket\r\n", b"Connection: upgrade\r\n", b"X: y\r\n", b"Cookie: a=1\r\n", b"Expect: x\r\n"),
        *(b"\r\n", b"\r", b"\n", b"\0", b" ", b"\t", b":", b"a", b"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", b"\xff", b"GET "),
        *(b"X_Auth_Subject: 1\r\n", b"Transfer_Encoding: chunked\r\n", b" folded\r\n", b"HTTP/2.0\r\n", b"TRACE "),
    ]
)
NOISE = st.lists(PARTS, max_size=16).map(b"".join) | st.binary(max_size=300)
GOOD_AND_BAD = st.sampled_from(
    [raw for raw, _ in ACCEPTED.values()] + [raw for raw, _ in REFUSED.values()] + [raw for raw, _ in AT_ONCE.values()]
)


def outcome(raw: bytes, cuts: list[int] | None, limits: Limits) -> tuple[RequestHead | None, bytes] | type[Refusal]:
    try:
        return read_head(whole(raw) if cuts is None else pieces(raw, cuts), limits)
    except Refusal as refusal:
        return type(refusal)


@given(
    raw=GOOD_AND_BAD | NOISE, cuts=st.lists(st.integers(0, 500), max_size=12), limits=st.sampled_from([SMALL, Limits()])
)
@example(raw=b"\r\n\r\nGET / HTTP/1.1\r\n\r\n", cuts=[1, 2, 3], limits=SMALL)
@example(raw=b"GET / HTTP/1.1\r\nHost: a\r\n\r\n", cuts=[24, 25, 26, 27], limits=SMALL)
@settings(max_examples=600, deadline=None)
def test_a_cut_changes_nothing(raw: bytes, cuts: list[int], limits: Limits) -> None:
    assert outcome(raw, cuts, limits) == outcome(raw, None, limits)


def h11_targets(raw: bytes) -> list[bytes]:
    """The targets of the requests that an independent reader sees in complete bytes without bodies."""
    connection = h11.Connection(h11.SERVER, max_incomplete_event_size=1 << 20)
    connection.receive_data(raw)
    event = connection.next_event()
    return [event.target] if isinstance(event, h11.Request) else []


@given(raw=NOISE)
@settings(max_examples=600, deadline=None)
def test_what_is_read_is_clean_and_others_read_it_alike(raw: bytes) -> None:
    """No line break, NUL or framing word is left in what travels on, and h11 sees the same target."""
    try:
        head, _ = read_head(whole(raw))
    except Refusal:
        return
    if head is None:
        return
    values = [head.method, head.target, head.host, *(part for pair in head.fields + head.transport for part in pair)]
    assert not re.search(rb"[\r\n\0]", b"".join(values))
    assert not {name.lower() for name, _ in head.fields} & {
        b"content-length",
        b"transfer-encoding",
        b"host",
        b"upgrade",
    }
    if head.host:
        assert h11_targets(raw.removeprefix(b"\r\n")) == [head.target]


@pytest.mark.parametrize("name", REFUSED)
def test_every_cut_in_two_gives_the_same_refusal(name: str) -> None:
    raw, error = REFUSED[name]
    assert {outcome(raw, [at], Limits()) for at in range(len(raw))} == {error}
