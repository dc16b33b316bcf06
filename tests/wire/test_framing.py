"""Chunks."""

import pytest

from gateway.wire.framing import chunk


@pytest.mark.parametrize(
    ("data", "is_last", "framed"),
    [
        (b"hello", False, b"5\r\nhello\r\n"),
        (b"x" * 26, True, b"1a\r\n" + b"x" * 26 + b"\r\n0\r\n\r\n"),
        (b"", True, b"0\r\n\r\n"),
        (b"", False, b""),
    ],
)
def test_an_empty_piece_never_ends_a_body_by_mistake(data: bytes, is_last: bool, framed: bytes) -> None:
    assert chunk(data, is_last=is_last) == framed
