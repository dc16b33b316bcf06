"""WebSocket frames, as far as a tunnel must know them: where one ends, so that a close frame can follow."""

SESSION_ENDED = 4401
"""Close code of our own (RFC 6455 section 7.4.2): 401, as far as a WebSocket can say it."""
GOING_AWAY = 1001
SERVICE_RESTART = 1012


class FrameCounter:
    """Follows the frames of one direction without looking into them (RFC 6455 section 5.2)."""

    __slots__ = ("_header", "_left")

    def __init__(self) -> None:
        self._header = b""
        self._left = 0

    @property
    def is_at_boundary(self) -> bool:
        """Whether the last byte was the last one of a frame."""
        return not self._left and not self._header

    def feed(self, data: bytes) -> None:
        """Follow the next bytes."""
        data = self._header + data
        self._header = b""
        at, end = self._left, len(data)
        while at < end:
            size = _frame_size(data, at)
            if size is None:
                self._header = data[at:]
                at = end
            else:
                at += size
        self._left = at - end


def _frame_size(data: bytes, at: int) -> int | None:
    """Return the size of the frame that begins at `at`, header included; None while its length is not known."""
    if len(data) - at < 2:
        return None
    second = data[at + 1]
    length, mask = second & 0x7F, 4 if second & 0x80 else 0
    extension = {126: 2, 127: 8}.get(length, 0)
    if len(data) - at < 2 + extension:
        return None
    if extension:
        length = int.from_bytes(data[at + 2 : at + 2 + extension], "big")
    return 2 + extension + mask + length


def close_frame(code: int) -> bytes:
    """Return a close frame of a server, without a reason (RFC 6455 section 5.5.1)."""
    return b"\x88\x02" + code.to_bytes(2, "big")
