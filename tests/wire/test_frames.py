"""Where WebSocket frames end."""

import pytest

from gateway.wire.frames import SESSION_ENDED, FrameCounter, close_frame

SHORT = b"\x81\x05hello"
EMPTY = b"\x89\x00"
MEDIUM = b"\x82\x7e\x01\x00" + b"m" * 256
LONG = b"\x82\x7f" + (70000).to_bytes(8, "big") + b"l" * 70000
MASKED = b"\x81\x85mask" + b"hello"


@pytest.mark.parametrize("step", [1, 2, 3, 7, 1000, 1 << 20])
def test_a_boundary_is_found_however_the_bytes_are_cut(step: int) -> None:
    frames = [SHORT, EMPTY, MEDIUM, LONG, MASKED, SHORT]
    stream = b"".join(frames)
    ends = {sum(map(len, frames[: number + 1])) for number in range(len(frames))} | {0}
    counter, at = FrameCounter(), 0
    while at < len(stream):
        counter.feed(stream[at : at + step])
        at = min(at + step, len(stream))
        assert counter.is_at_boundary == (at in ends), at


def test_a_close_frame_says_a_code() -> None:
    assert close_frame(SESSION_ENDED) == b"\x88\x02\x11\x31"
