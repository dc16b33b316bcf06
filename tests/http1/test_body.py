"""Where a body ends, what is in it, and what is refused on the way."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.errors import BadRequest, BodyTooLarge, GatewayError, UpstreamMalformed
from gateway.http1.body import BodyReader, ChunkedReader, LengthReader, UntilCloseReader, request_body_reader
from gateway.http1.limits import Limits
from gateway.model import RequestHead
from tests.http1.feeding import Cut, both_cuts, bytewise, pieces

SMALL = Limits(body=20, chunk_extensions=10, trailers=10)


def read(reader: BodyReader, parts: object) -> tuple[bytes, bool, bytes]:
    payload = b"".join([reader.feed(part) for part in parts])  # type: ignore[attr-defined]
    return payload, reader.is_done, reader.rest


CHUNKED: dict[str, tuple[bytes, tuple[bytes, bool, bytes]]] = {
    "nothing": (b"0\r\n\r\n", (b"", True, b"")),
    "two chunks": (b"5\r\nhello\r\n1\r\n!\r\n0\r\n\r\n", (b"hello!", True, b"")),
    "next request behind": (b"5\r\nhello\r\n0\r\n\r\nGET /", (b"hello", True, b"GET /")),
    "line ends as payload": (b"4\r\n\r\n\r\n\r\n0\r\n\r\n", (b"\r\n\r\n", True, b"")),
    "hexadecimal": (b"0000A\r\n0123456789\r\na\r\n0123456789\r\n00\r\n\r\n", (b"0123456789" * 2, True, b"")),
    "extensions": (b"1;a;b=c\r\nx\r\n0;d\r\n\r\n", (b"x", True, b"")),
    "quoted extension": (b'1;d="\\""\r\nx\r\n0\r\n\r\n', (b"x", True, b"")),
    "extensions of the limit": (b"1;aaaaaaaaa\r\nx\r\n0\r\n\r\n", (b"x", True, b"")),
    "trailers of the limit": (b"0\r\nX: 45678\r\n\r\n", (b"", True, b"")),
    "trailers are dropped": (b"1\r\nx\r\n0\r\nHost: \r\n\r\nrest", (b"x", True, b"rest")),
    "trailer that looks like a request": (b"0\r\nX:G /\r\n\r\n", (b"", True, b"")),
    "no last chunk": (b"5\r\nhello\r\n", (b"hello", False, b"")),
    "half a chunk": (b"5\r\nhel", (b"hel", False, b"")),
    "half a last chunk": (b"5\r\nhello\r\n0\r\n\r", (b"hello", False, b"")),
}


@both_cuts
@pytest.mark.parametrize(("raw", "expected"), CHUNKED.values(), ids=CHUNKED)
def test_chunks_are_decoded(raw: bytes, expected: tuple[bytes, bool, bytes], cut: Cut) -> None:
    assert read(ChunkedReader(SMALL), cut(raw)) == expected


def relay(limits: Limits, malformed: type[GatewayError] = BadRequest) -> ChunkedReader:
    reader = ChunkedReader(limits, malformed)
    reader.keeps_framing = True
    return reader


RELAYED: dict[str, tuple[bytes, tuple[bytes, bool, bytes]]] = {
    "as it came": (b"5\r\nhello\r\n1\r\n!\r\n0\r\n\r\n", (b"5\r\nhello\r\n1\r\n!\r\n0\r\n\r\n", True, b"")),
    "not what is behind": (b"1\r\nx\r\n0\r\n\r\nGET /", (b"1\r\nx\r\n0\r\n\r\n", True, b"GET /")),
    "without zeros in front": (b"0000A\r\n0123456789\r\n00\r\n\r\n", (b"a\r\n0123456789\r\n0\r\n\r\n", True, b"")),
    "either case": (b"A\r\n0123456789\r\na\r\n", (b"A\r\n0123456789\r\na\r\n", False, b"")),
    "without extensions": (b"1;a;b=c\r\nx\r\n0;d\r\n\r\n", (b"1\r\nx\r\n0\r\n\r\n", True, b"")),
    "without trailers": (b"1\r\nx\r\n0\r\nHost: \r\n\r\nrest", (b"1\r\nx\r\n0\r\n\r\n", True, b"rest")),
    "half a chunk": (b"5\r\nhel", (b"5\r\nhel", False, b"")),
    "not half a size": (b"5\r\nhello\r\n1", (b"5\r\nhello\r\n", False, b"")),
    "not half an end": (b"5\r\nhello\r", (b"5\r\nhello", False, b"")),
    "not half of the trailers": (b"0\r\nX: ", (b"0\r\n", False, b"")),
}


@both_cuts
@pytest.mark.parametrize(("raw", "expected"), RELAYED.values(), ids=RELAYED)
def test_who_passes_chunks_on_gets_them_as_they_came(raw: bytes, expected: tuple[bytes, bool, bytes], cut: Cut) -> None:
    assert read(relay(SMALL), cut(raw)) == expected


def test_chunks_that_are_passed_on_are_not_copied() -> None:
    reader, first, second = relay(Limits()), b"8\r\nhell", b"o, w\r\n5\r\norld!\r\n"
    assert reader.feed(first) is first
    assert reader.feed(second) is second


MALFORMED: dict[str, bytes] = {
    **{
        f"size {size!r}": size + b"\r\nhello\r\n0\r\n\r\n"
        for size in (b"0x5", b"+5", b"-5", b"0_5", b" 5", b"5zz", b"", b"5 ")
    },
    "size of 16 digits": b"1000000000000005\r\n",
    "size of 2^64+5": b"10000000000000005\r\n",
    "a hundred zeros": b"0" * 100 + b"5\r\nhello\r\n",
    "size ended by line feed": b"5\nhello\r\n0\r\n\r\n",
    "size ended by carriage return": b"5\rhello\r\n0\r\n\r\n",
    "size ended by carriage return and something": b"5\rXhello\r\n0\r\n\r\n",
    "data ended by line feed": b"5\r\nhello\n0\r\n\r\n",
    "data ended by carriage return": b"5\r\nhello\r0\r\n\r\n",
    "data ended by letters": b"5\r\nhelloXX0\r\n\r\n",
    "data ended by nothing": b"5\r\nhello0\r\n\r\n",
    "data longer than its size": b"5\r\nhello!\r\n0\r\n\r\n",
    "extension ended by line feed": b"5;a\nhello\r\n0\r\n\r\n",
    "extension with carriage return": b"5;a\r\rXhello\r\n0\r\n\r\n",
    "extension with NUL": b"5;a=\0\r\nhello\r\n0\r\n\r\n",
    "extension without a name": b"5;\r\nhello\r\n0\r\n\r\n",
    "extension without a value": b"5;a=\r\nhello\r\n0\r\n\r\n",
    "extension with an open quote": b'5;a="b\r\nhello\r\n0\r\n\r\n',
    "extension after a space": b"5 ;a\r\nhello\r\n0\r\n\r\n",
    "long extension": b"5;" + b"a" * 10 + b"\r\nhello\r\n0\r\n\r\n",
    "long extension without an end": b"5;" + b"a" * 40,
    "many extensions": b"1;abcd\r\nx\r\n" * 3 + b"0\r\n\r\n",
    "trailer ended by line feed": b"0\r\nX: y\n\r\n",
    "trailers ended by line feed": b"0\r\n\n",
    "trailer without a colon": b"0\r\nX\r\n\r\n",
    "trailer without a name": b"0\r\n: y\r\n\r\n",
    "folded trailer": b"0\r\nX: y\r\n z\r\n\r\n",
    "trailer with NUL": b"0\r\nX: \0\r\n\r\n",
    "trailer with a space before the colon": b"0\r\nX : y\r\n\r\n",
    "long trailer": b"0\r\nX: 456789\r\n\r\n",
    "long trailer without an end": b"0\r\nX: " + b"a" * 20,
    "many trailers": b"0\r\n" + b"X: y\r\n" * 2 + b"\r\n",
    "letters after the last chunk": b"0\r\nXX",
}


@both_cuts
@pytest.mark.parametrize("error", [BadRequest, UpstreamMalformed])
@pytest.mark.parametrize("raw", [*MALFORMED.values()], ids=[*MALFORMED])
def test_malformed_chunks_are_refused(raw: bytes, error: type[GatewayError], cut: Cut) -> None:
    """Each row is refused with the error of its side."""
    with pytest.raises(GatewayError) as caught:
        read(ChunkedReader(SMALL, error), cut(raw + b"\r\n"))
    with pytest.raises(error):
        read(relay(SMALL, error), cut(raw + b"\r\n"))
    assert caught.type is error


HOPELESS = [
    b"g",
    b"5x",
    b"5\rx",
    b"5\n",
    b"5; ;\n",
    b"5;a\r\r",
    b"5;\0",
    b"5\r\nhelloX",
    b"5\r\nhello\rX",
    b"0\r\n\rX",
    b"0\r\nX ",
    b"0\r\nX:\0",
    b"0\r\nX: y\n",
    b"0" * 16,
    b"5;" + b"a" * 25,
    b"0\r\nX: 456789012",
]


@pytest.mark.parametrize("raw", HOPELESS)
def test_what_no_more_bytes_can_mend_is_refused_at_once(raw: bytes) -> None:
    """The last byte of each row is the one that makes it hopeless."""
    reader = ChunkedReader(SMALL)
    read(reader, bytewise(raw[:-1]))
    with pytest.raises(BadRequest):
        reader.feed(raw[-1:])


@both_cuts
def test_a_chunked_body_above_the_limit_is_refused_when_it_is_announced(cut: Cut) -> None:
    reader = ChunkedReader(SMALL)
    assert read(reader, cut(b"14\r\n" + b"a" * 20 + b"\r\n"))[0] == b"a" * 20
    with pytest.raises(BodyTooLarge):
        read(reader, cut(b"1\r\n"))


@given(
    chunks=st.lists(st.binary(min_size=1, max_size=40), max_size=6),
    extension=st.sampled_from([b"", b";a", b';a="b c"']),
    trailers=st.sampled_from([b"", b"X: y\r\n", b"Host: evil\r\nContent-Length: 3\r\n"]),
    rest=st.binary(max_size=20),
    cuts=st.lists(st.integers(0, 500), max_size=12),
)
@settings(max_examples=300, deadline=None)
def test_a_cut_changes_nothing(
    chunks: list[bytes], extension: bytes, trailers: bytes, rest: bytes, cuts: list[int]
) -> None:
    coded = b"".join(b"%x%b\r\n%b\r\n" % (len(chunk), extension, chunk) for chunk in chunks)
    raw = coded + b"0\r\n" + trailers + b"\r\n" + rest
    assert read(ChunkedReader(Limits()), pieces(raw, cuts)) == (b"".join(chunks), True, rest)
    plain = b"".join(b"%x\r\n%b\r\n" % (len(chunk), chunk) for chunk in chunks) + b"0\r\n\r\n"
    assert read(relay(Limits()), pieces(raw, cuts)) == (plain, True, rest)


@given(
    raw=st.lists(st.sampled_from([*b'0123a;="\\ :Xy\r\n\0', *b"\r\n"]), max_size=40).map(bytes),
    cuts=st.lists(st.integers(0, 50), max_size=12),
)
@settings(max_examples=600, deadline=None)
def test_a_cut_changes_no_refusal(raw: bytes, cuts: list[int]) -> None:
    def outcome(cuts: list[int]) -> object:
        try:
            return read(ChunkedReader(SMALL), pieces(raw, cuts))
        except GatewayError as error:
            return type(error)

    assert outcome(cuts) == outcome([])


@both_cuts
@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        (b"", (b"", False, b"")),
        (b"hel", (b"hel", False, b"")),
        (b"hello", (b"hello", True, b"")),
        (b"hello\r\nGET /", (b"hello", True, b"\r\nGET /")),
    ],
)
def test_a_length_is_counted(raw: bytes, expected: tuple[bytes, bool, bytes], cut: Cut) -> None:
    assert read(LengthReader(5), cut(raw)) == expected


def test_until_close_takes_everything() -> None:
    reader = UntilCloseReader()
    assert read(reader, [b"a", b"b"]) == (b"ab", False, b"")
    reader.eof()
    assert reader.is_done


@pytest.mark.parametrize("error", [BadRequest, UpstreamMalformed])
def test_an_end_before_the_end_is_an_error(error: type[GatewayError]) -> None:
    """A truncated body is never taken for a whole one."""
    for reader, part in ((LengthReader(5, error), b"hell"), (ChunkedReader(Limits(), error), b"5\r\nhello\r\n0\r\n")):
        reader.feed(part)
        with pytest.raises(error):
            reader.eof()


def test_an_end_after_the_end_is_none() -> None:
    for reader, part in ((LengthReader(1), b"a"), (ChunkedReader(Limits()), b"0\r\n\r\n")):
        reader.feed(part)
        reader.eof()


@pytest.mark.parametrize(
    ("length", "chunked", "kind"),
    [(None, False, type(None)), (0, False, type(None)), (5, False, LengthReader), (None, True, ChunkedReader)],
)
def test_a_request_has_the_body_that_its_head_says(length: int | None, chunked: bool, kind: type) -> None:
    head = RequestHead(b"POST", b"/", 1, [], b"a", length=length, chunked=chunked)
    assert type(request_body_reader(head, Limits())) is kind
