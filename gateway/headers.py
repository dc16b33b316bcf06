"""Header fields as raw, ordered byte pairs; cookies; the one encoder of header values. No policy lives here."""

import re
from collections.abc import Iterable
from typing import NamedTuple

from gateway.errors import BadRequest

Pairs = list[tuple[bytes, bytes]]
"""Header fields in order, names and values as sent."""

HOP_BY_HOP = frozenset(
    {
        b"connection",
        b"keep-alive",
        b"proxy-authenticate",
        b"proxy-authorization",
        b"proxy-connection",  # never standard, sent by old clients, harmful when forwarded
        b"te",
        b"trailer",
        b"transfer-encoding",
        b"upgrade",
        b"http2-settings",  # only has a meaning beside Upgrade: h2c (RFC 9113 section 3.1)
    }
)
"""Fields that end at this hop (RFC 9110 section 7.6.1)."""

_FOLD = bytes(
    byte + 32 if 65 <= byte <= 90 else byte if 48 <= byte <= 57 or 97 <= byte <= 122 else 95 for byte in range(256)
)
_VALUE = re.compile(rb"[\x20-\x7e]{0,255}\Z")
_COOKIE_NAME = re.compile(rb"[!#$%&'*+\-.^_`|~0-9A-Za-z]+\Z")


def fold_name(name: bytes) -> bytes:
    """Fold a field name as CGI, WSGI and PHP do: lower case, every other character `_`.

    `X-Auth-Subject`, `x_auth_subject` and `x.auth.subject` become the same name, because behind such a server they are.
    """
    return name.translate(_FOLD)


def encode_value(text: str) -> bytes:
    """Encode a claim as a header value: printable ASCII, at most 255 bytes, no leading or trailing space.

    Raises:
        BadRequest: the value cannot be carried by a header unchanged.
    """
    try:
        value = text.encode("ascii")
    except UnicodeEncodeError:
        value = b"\n"
    if _VALUE.match(value) is None or value != value.strip():
        raise BadRequest("A claim cannot be carried in a header.")
    return value


def encode_list(members: Iterable[str]) -> bytes:
    """Encode claims as one comma-separated value. No member may hold a comma or a space.

    Raises:
        BadRequest: a member holds a separator, is empty, or cannot be carried by a header.
    """
    members = list(members)
    if any(not member or "," in member or " " in member for member in members):
        raise BadRequest("A member of a list cannot be carried in a header.")
    return encode_value(",".join(members))


def join_fields(pairs: Iterable[tuple[bytes, bytes]]) -> bytes:
    """Join header fields to lines, each ended by CRLF."""
    return b"".join([b"%b: %b\r\n" % pair for pair in pairs])


def split_cookies(value: bytes) -> Pairs:
    """Split a Cookie header into its pairs, in order, as browsers write them (RFC 6265 section 4.2.1).

    A part without `=` has an empty name, as browsers mean it. Values keep their quotes.
    """
    pairs: Pairs = []
    for part in value.split(b";"):
        part = part.strip(b" \t")
        if not part:
            continue
        name, equals, content = part.partition(b"=")
        pairs.append((name.strip(b" \t"), content.strip(b" \t")) if equals else (b"", part))
    return pairs


def join_cookies(pairs: Iterable[tuple[bytes, bytes]]) -> bytes:
    """Write pairs as a Cookie header; the reverse of `split_cookies`."""
    return b"; ".join(name + b"=" + value if name else value for name, value in pairs)


class SetCookie(NamedTuple):
    """One `Set-Cookie` of a response.

    `is_deletion` covers a Max-Age of zero or less and a date of the past, whatever the value is then.
    """

    name: bytes
    value: bytes
    is_deletion: bool
    same_site: bytes = b""
    """`SameSite` as written, empty without one."""


def read_set_cookie(raw: bytes, now: float) -> SetCookie:
    """Read name, value and whether it deletes (RFC 6265 section 5.2). `now` is seconds since 1970."""
    first, *attributes = raw.split(b";")
    name, equals, value = first.partition(b"=")
    if not equals:
        name, value = b"", first
    deletion = False
    has_max_age = False
    same_site = b""
    for attribute in attributes:
        key, _, content = attribute.strip(b" \t").partition(b"=")
        key, content = key.strip().lower(), content.strip()
        if key == b"max-age":  # Max-Age wins over Expires (RFC 6265 section 5.3)
            has_max_age = True
            deletion = content.startswith(b"-") or content.strip(b"0") == b""
        elif key == b"expires" and not has_max_age:
            deletion = _is_past(content, now)
        elif key == b"samesite":
            same_site = content
    return SetCookie(name.strip(b" \t"), value.strip(b" \t"), deletion, same_site)


def _is_past(date: bytes, now: float) -> bool:
    from email.utils import parsedate_to_datetime

    try:
        return parsedate_to_datetime(date.decode("latin-1").replace("-", " ")).timestamp() <= now
    except (ValueError, TypeError, OverflowError):
        return False


def write_set_cookie(
    name: bytes,
    value: bytes,
    *,
    max_age: int | None = None,
    path: bytes = b"/",
    same_site: bytes = b"Lax",
    domain: bytes = b"",
) -> bytes:
    """Write a `Set-Cookie` of ours: always `Secure` and `HttpOnly`. `max_age` is in seconds; 0 deletes it.

    With a `domain` its sub-domains are shown it too.

    Raises:
        ValueError: the name is not a token or the value has bytes that a cookie cannot carry.
    """
    if _COOKIE_NAME.match(name) is None or re.search(rb'[\x00-\x20",;\\\x7f-\xff]', value):
        raise ValueError("a cookie name or value cannot be written")
    age = b"" if max_age is None else b"; Max-Age=%d" % max_age
    below = b"; Domain=%b" % domain if domain else b""
    return b"%b=%b; Path=%b%b%b; Secure; HttpOnly; SameSite=%b" % (name, value, path, below, age, same_site)
