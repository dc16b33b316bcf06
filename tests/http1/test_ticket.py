"""A ticket is out of the target before anybody reads it."""

import pytest

from gateway.errors import BadRequest
from gateway.http1.fields import FieldTable
from gateway.http1.head import HeadReader, build_head
from gateway.http1.limits import Limits
from gateway.http1.ticket import with_ticket
from gateway.model import RequestHead

TARGETS = ["/", "/events/", "/events/?", "/a?b=c", "/a?b=c&", "/a?b=/?", "/a?crossfade_ticke=1", "/a%20b?%63=d"]


def read(target: str) -> RequestHead:
    """The head, by both ways of reading it, the first time and again."""
    table = FieldTable(())
    data = f"GET {target} HTTP/1.1\r\nHost: a\r\n\r\n".encode()
    reader = HeadReader(table, Limits())
    reader.feed(b"GET /before HTTP/1.1\r\nHost: a\r\n\r\n")
    heads = [
        reader.feed(data),
        reader.feed(data),
        build_head(b"GET", target.encode(), 1, [(b"host", b"a")], table, Limits()),
    ]
    first = heads[0]
    assert first is not None
    for head in heads:
        assert head is not None
        assert (head.target, head.ticket) == (first.target, first.ticket)
    after = reader.feed(b"GET /after HTTP/1.1\r\nHost: a\r\n\r\n")
    assert after is not None
    assert (after.target, after.ticket) == (b"/after", None)
    return first


@pytest.mark.parametrize("target", TARGETS)
def test_what_is_left_is_what_the_ticket_was_made_for(target: str) -> None:
    head = read(with_ticket(target, "AbC-_9"))
    assert (head.target, head.ticket) == (target.encode(), b"AbC-_9")


@pytest.mark.parametrize(
    "target",
    [
        "/a?x_crossfade_ticket=1",
        "/crossfade_ticket=1",
        "/a?b=crossfade_ticket=1",
        "/a&crossfade_ticket=1",
        "/a?Crossfade_ticket=1",
    ],
)
def test_what_is_none_stays_where_it_is(target: str) -> None:
    head = read(target)
    assert (head.target, head.ticket) == (target.encode(), None)


@pytest.mark.parametrize(
    "target",
    [
        "/a?crossfade_ticket=1&b=c",
        "/a?crossfade_ticket=1&crossfade_ticket=2",
        "/a?b=c&crossfade_ticket=1&crossfade_ticket=2",
        "/a?crossfade_ticket=1&b=crossfade_ticket=2",
    ],
)
def test_one_that_is_not_the_last_is_refused(target: str) -> None:
    with pytest.raises(BadRequest):
        read(target)
