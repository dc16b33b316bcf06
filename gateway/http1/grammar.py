"""The grammar that requests and responses share (RFC 9110 section 5, RFC 9112 section 6)."""

import re

OWS = b" \t"
"""Optional white space around a value (RFC 9110 section 5.6.3); llhttp leaves it at the end."""

TOKEN = rb"[!#$%&'*+\-.^_`|~0-9A-Za-z]+"
"""A field name, method or coding (RFC 9110 section 5.6.2)."""

TEXT = rb"[\t \x21-\x7e\x80-\xff]*"
"""What a field value may hold (RFC 9110 section 5.5)."""

LENGTH = re.compile(rb"(?:0|[1-9][0-9]{0,17})\Z")
"""A Content-Length that no parser reads differently: no sign, no leading zero, below 2^63."""

BARE_LF = re.compile(rb"\n(?<!\r\n)")
"""A line feed that ends no line. RFC 9112 section 2.2 would let us accept it; attackers hide fields behind it.

The line feed stands first in the pattern, so that `re` searches for it as fast as `bytes.find` does."""

PLAIN_OPTIONS = frozenset({b"", b"close", b"keep-alive", b"upgrade", b"te", b"http2-settings"})
"""Connection options that name no field we would keep."""


def split_list(value: bytes) -> set[bytes]:
    """Return the members of a comma-separated list, in lower case (RFC 9110 section 5.6.1)."""
    return {member.strip(OWS) for member in value.lower().split(b",")}


def join_lists(first: bytes, second: bytes) -> bytes:
    """Return one list from two lines of the same field; `first` may be empty (RFC 9110 section 5.3)."""
    return first + b"," + second if first else second
