"""What methods and fields mean for whoever passes messages on (RFC 9110)."""

from gateway.headers import Pairs

IDEMPOTENT = frozenset({b"GET", b"HEAD", b"OPTIONS", b"PUT", b"DELETE"})
"""Methods that may be sent again when nobody knows whether the first time was heard (RFC 9110 section 9.2.2)."""


def is_event_stream(fields: Pairs) -> bool:
    """Whether a response is an event stream, which has no end of its own (HTML Standard, server-sent events)."""
    return any(
        name.lower() == b"content-type" and value.lower().startswith(b"text/event-stream") for name, value in fields
    )
