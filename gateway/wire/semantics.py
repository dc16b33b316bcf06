"""What methods and fields mean for whoever passes messages on (RFC 9110)."""

IDEMPOTENT = frozenset({b"GET", b"HEAD", b"OPTIONS", b"PUT", b"DELETE"})
"""Methods that may be sent again when nobody knows whether the first time was heard (RFC 9110 section 9.2.2)."""
