"""How much of one message is read before it is refused."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Limits:
    """Bounds of one request and of its response, in bytes unless the name counts something else."""

    request_line: int = 8192
    """The request line with its CRLF; RFC 9112 section 3 asks for at least 8000."""
    head: int = 65536
    """The whole head of a request with the empty line that ends it."""
    fields: int = 100
    """Number of header fields of a request."""
    body: int = 1 << 30
    """Decoded body of a request."""
    chunk_extensions: int = 4096
    """All chunk extensions of one body together (RFC 9112 section 7.1.1)."""
    trailers: int = 8192
    """The trailer section of one body."""
    response_head: int = 65536
    """The whole head of a response."""
    response_fields: int = 200
    """Number of header fields of a response."""
    interim_responses: int = 20
    """Number of 1xx responses before the final one."""
