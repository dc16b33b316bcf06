"""Body bytes in the framing of the message that carries them (RFC 9112 section 6)."""

CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"
LAST_CHUNK = b"0\r\n\r\n"


def chunk(data: bytes, *, is_last: bool) -> bytes:
    """Frame a piece in the chunked coding (RFC 9112 section 7.1), with the last chunk behind it where it ends there.

    An empty piece makes no chunk, because an empty chunk is the end of the body.
    """
    if not data:
        return LAST_CHUNK if is_last else b""
    if is_last:
        return b"%x\r\n%b\r\n0\r\n\r\n" % (len(data), data)
    return b"%x\r\n%b\r\n" % (len(data), data)
