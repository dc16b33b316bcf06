"""What methods and fields mean for whoever passes messages on (RFC 9110)."""

IDEMPOTENT = frozenset({b"GET", b"HEAD", b"OPTIONS", b"PUT", b"DELETE"})
"""Methods that may be sent again when nobody knows whether the first time was heard (RFC 9110 section 9.2.2)."""
_WHOLE_CONNECTION = frozenset({b"ntlm", b"nego"})


def signs_connection_in(authorization: bytes) -> bool:
    """Whether an `Authorization` counts for its whole connection: NTLM and Negotiate (RFC 4559 section 6)."""
    return authorization[:4].lower() in _WHOLE_CONNECTION
