"""Reading a Cookie header as the framework behind us will read it, or refusing it where readers would differ.

Browsers write `name=value; name=value` (RFC 6265 section 4.2.1). Around that, parsers disagree: some read quoted
strings across semicolons, some split at commas, some find a name after a leading `=` or in a part without one, PHP
turns dots into underscores, old PHP and Rack undo percent-encoding in names. A part that only some of them would read
as a cookie that matters to us is neither believed nor, where that cookie is to be removed, passed on.
"""

import re
from collections.abc import Collection, Iterator
from urllib.parse import unquote_to_bytes

from gateway.errors import BadRequest, FieldsTooLarge
from gateway.headers import Pairs

MAX_PAIRS = 1000
"""Cookies in one header; browsers keep some 180 for a site."""

_LONGEST_ENCODED = 512
_OCTETS = rb"[!#-+\--:<-\[\]-~]*(?:,[!#-+\--:<>-\[\]-~]*)*"
_VALUE = re.compile(rb'%b|"%b"' % (_OCTETS, _OCTETS))
# The cookie-octets of RFC 6265, optionally in quotes. The comma is not one of them, but PHP writes it into session ids;
# a `=` after it would be a cookie to parsers that split at commas.
_PLAIN = rb"""[!#$&'*+\-^_`|~0-9A-Za-z]+=[^",;]*"""
_PLAIN_PART = re.compile(_PLAIN)
_PLAIN_HEADER = re.compile(rb"(?:%b(?:; *|\Z))*" % _PLAIN)
# No sloppy reader finds a second name where a name has no dot, bracket or percent and a value no quote and no comma.
_CLOSED_QUOTES = re.compile(rb'"(?:[^"\\]|\\.)*"')
_NOT_IN_NAMES = bytes(byte for byte in range(256) if not (chr(byte).isascii() and chr(byte).isalnum())).translate(
    None, b"!#$%&'*+-.^_`|~[]"
)
_AS_PHP_READS_NAMES = bytes.maketrans(b". ", b"__")


def read_cookies(cookie: bytes | None, names: Collection[bytes]) -> Pairs:
    """Return all pairs with these names, in order, values as sent.

    Raises:
        BadRequest: parsers could differ about one of these cookies.
        FieldsTooLarge: there are more pairs than any browser sends.
    """
    if cookie is None:
        return []
    if cookie.count(b";") >= MAX_PAIRS:
        raise FieldsTooLarge("There are too many cookies.")
    if _PLAIN_HEADER.fullmatch(cookie) is None:
        _ensure_unambiguous(cookie, names)
    found = _strict_pairs(cookie, names)
    for _, value in found:
        if _VALUE.fullmatch(value) is None:
            raise _ambiguous()
    return found


def find_cookie(cookie: bytes | None, name: bytes) -> bytes | None:
    """Return the value of one of our own cookies, as sent, or None. Only the exact name counts.

    Raises:
        BadRequest: it occurs twice. A browser keeps one `__Host-` cookie of a name, so one of the two is not ours.
    """
    if cookie is None or name not in cookie:
        return None
    found = _strict_pairs(cookie, (name,))
    if len(found) > 1:
        raise BadRequest("A cookie occurs twice.")
    return found[0][1] if found else None


def without_cookies(cookie: bytes | None, names: Collection[bytes]) -> bytes | None:
    """Remove these cookies, and each part that some parser would take for one of them. None when nothing is left.

    What stays, stays byte for byte and in order.
    """
    if cookie is None or (not any(name in cookie for name in names) and _PLAIN_HEADER.fullmatch(cookie) is not None):
        return cookie
    parts = cookie.split(b";")
    kept = [part for part in parts if not (_is_named(part, names) or _hides_any(part, names))]
    if len(kept) == len(parts):
        return cookie
    return b";".join(kept).strip(b" \t") if any(part.strip(b" \t") for part in kept) else None


def _strict_pairs(cookie: bytes, names: Collection[bytes]) -> Pairs:
    found = []
    for part in cookie.split(b";"):
        name, equals, value = part.lstrip(b" ").partition(b"=")
        if equals and name in names:
            found.append((name, value))
    return found


def _is_named(part: bytes, names: Collection[bytes]) -> bool:
    name, equals, _ = part.lstrip(b" ").partition(b"=")
    return name in names and bool(equals)


def _ensure_unambiguous(cookie: bytes, names: Collection[bytes]) -> None:
    end = 0
    has_opened = False
    for part in cookie.split(b";"):
        end += len(part) + 1
        if _is_named(part, names):
            continue
        if _hides_any(part, names):
            raise _ambiguous()
        if not has_opened and _opens_quotes(part):
            has_opened = True  # behind a later one there is only less
            if _loses_any(cookie[end:], names):
                raise _ambiguous()


def _hides_any(part: bytes, names: Collection[bytes]) -> bool:
    """Whether some parser is known to see one of these names in a part that does not plainly say so."""
    if _PLAIN_PART.fullmatch(part.lstrip(b" ")) is not None:
        return False
    return any(reading in names for reading in _sloppy_names(part))


def _sloppy_names(part: bytes) -> Iterator[bytes]:
    for position, piece in enumerate(part.split(b",")):
        if position and b"=" not in piece:
            continue  # the rest of a value that has commas in it
        name = piece.lstrip(_NOT_IN_NAMES).partition(b"=")[0].rstrip(_NOT_IN_NAMES)
        yield name
        if len(name) > _LONGEST_ENCODED:
            continue  # than the name of any cookie of ours, were each of its characters encoded
        name = unquote_to_bytes(name).strip(_NOT_IN_NAMES)
        yield name
        yield name.partition(b"[")[0].translate(_AS_PHP_READS_NAMES)


def _opens_quotes(part: bytes) -> bool:
    value = part.partition(b"=")[2].strip(b" \t")
    return value.startswith(b'"') and _CLOSED_QUOTES.fullmatch(value) is None


def _loses_any(rest: bytes, names: Collection[bytes]) -> bool:
    """Whether a parser that reads quoted strings across semicolons could lose one of these cookies in one."""
    return b'"' in rest and bool(_strict_pairs(rest, names))


def _ambiguous() -> BadRequest:
    return BadRequest("A cookie can be read in more than one way.")
