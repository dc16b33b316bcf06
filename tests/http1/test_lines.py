"""Remembered lines: llhttp says of lines one by one what it says of the whole head, the first time and later."""

import httptools
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.errors import BadRequest
from gateway.http1.lines import LineTable, judge_request_line, judge_response_line

SPECIAL = ("content-length", "transfer-encoding", "connection", "upgrade", "host")
NAMES = st.sampled_from([b"X-A", b"accept", b"x_y", b"Cookie", b"!#$", b"", b"X A", b"X\xe9", b" X", b"\tX", b"a" * 70])
VALUES = st.binary(max_size=12) | st.sampled_from([b"", b" ", b"a b\t", b"\x7f", b"caf\xc3\xa9", b"a\rb", b"a\nB: c"])
COLONS = st.sampled_from([b": ", b":", b":\t ", b" :", b""])


@st.composite
def header_lines(draw: st.DrawFn) -> list[bytes]:
    lines = draw(st.lists(st.tuples(NAMES, COLONS, VALUES).map(b"".join), min_size=1, max_size=4))
    return [line for line in lines if line and b"\r\n" not in line] or [b"X: 1"]  # an empty line ends a head


class Whole:
    """What llhttp reports of one message."""

    def __init__(self) -> None:
        self.fields: list[tuple[bytes, bytes]] = []

    def on_header(self, name: bytes, value: bytes) -> None:
        self.fields.append((name, value))


def read_whole(lines: list[bytes], *, is_request: bool) -> list[tuple[bytes, bytes]] | None:
    whole = Whole()
    first = b"GET / HTTP/1.1" if is_request else b"HTTP/1.1 200 OK"
    parser = httptools.HttpRequestParser(whole) if is_request else httptools.HttpResponseParser(whole)
    try:
        parser.feed_data(b"\r\n".join([first, *lines, b"", b""]))
    except httptools.HttpParserUpgrade:
        pass
    except httptools.HttpParserError:
        return None
    return whole.fields


def table(*, is_request: bool = True, limit: int = 1 << 20) -> LineTable[str]:
    judge = judge_request_line if is_request else judge_response_line
    return LineTable(judge, lambda name, _: "host" if name.lower() == b"host" else None, BadRequest, limit)


@given(header_lines(), st.booleans())
def test_lines_one_by_one_are_what_llhttp_says_of_them_together(lines: list[bytes], is_request: bool) -> None:
    """Where the whole is refused, a line is; where it is read, each line is one of its fields, in order."""
    known = table(is_request=is_request)
    expected = read_whole(lines, is_request=is_request)
    for _ in range(2):
        try:
            found = [known[line][0] for line in lines]
        except BadRequest:
            assert expected is None
        else:
            assert found == expected


def test_what_travels_on_is_written_in_one_form() -> None:
    known = table()
    assert known[b"X-A:\t 1"] == ((b"X-A", b"1"), b"X-A: 1\r\n", None)
    assert known[b"Host: a"] == ((b"Host", b"a"), b"", "host")


@pytest.mark.parametrize("line", [b"", b"X", b": 1", b"X : 1", b" X: 1", b"X: \x00", b"X: 1\nY: 2", b"X: 1\rY: 2"])
def test_what_is_malformed_is_never_remembered(line: bytes) -> None:
    known = table()
    for _ in range(2):
        with pytest.raises(BadRequest):
            known[line]
    assert len(known) == 0


def test_what_is_remembered_is_bounded_and_what_is_used_stays() -> None:
    known = table(limit=20_000)
    first = known[b"X-Used: 1"]
    for number in range(1000):
        known[b"X-Once: %d" % number]
        assert known[b"X-Used: 1"] is first
    assert len(known) < 40
    known[b"X-Long: " + b"a" * 5000]
    assert not any(line.startswith(b"X-Long") for line in known)
