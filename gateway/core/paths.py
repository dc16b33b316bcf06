"""The ways in which servers read a path, and the paths that two servers would read differently.

`readings` is for matching rules: whatever a server behind us makes of a path, the rule for it is found.
`ambiguities` is for refusing: what is authorised must be what is forwarded, and be read the same by whoever reads it.
"""

import re
import unicodedata
from collections.abc import Iterator
from enum import StrEnum
from urllib.parse import unquote_to_bytes


class Ambiguity(StrEnum):
    """Why two parsers could read a path differently; the closed set of words."""

    CONTROL = "control"
    """NUL, CR, LF or another control character, raw or encoded."""
    BAD_PERCENT = "bad_percent"
    """A percent sign without two hexadecimal digits."""
    OVERLONG = "overlong"
    """UTF-8 that spells a character in more bytes than it needs (RFC 3629 section 3)."""
    BACKSLASH = "backslash"
    """A backslash, raw or encoded: a separator to some servers."""
    DOT_SEGMENT = "dot_segment"
    """`.` or `..` as a segment, raw or encoded, with or without parameters (RFC 3986 section 5.2.4)."""
    ENCODED_SLASH = "encoded_slash"
    DOUBLE_SLASH = "double_slash"
    SEMICOLON = "semicolon"
    """Path parameters, raw or encoded: some servers cut them off."""
    ENCODED_PERCENT = "encoded_percent"
    """An escape that appears only after decoding: some servers decode twice."""
    ENCODED_DELIMITER = "encoded_delimiter"
    """`%3f` or `%23`: a query or fragment to servers that decode first."""


RELAXABLE = frozenset(
    {
        Ambiguity.ENCODED_SLASH,
        Ambiguity.DOUBLE_SLASH,
        Ambiguity.SEMICOLON,
        Ambiguity.ENCODED_PERCENT,
        Ambiguity.ENCODED_DELIMITER,
    }
)
"""What a rule may allow, because some applications need it; the rest has no honest use."""

_SIMPLE = re.compile(rb"(?:/[a-z0-9_~-][a-z0-9._~-]*)+|/")
# One reading only: lower case, no escape, no empty segment, none that begins with a dot, no slash at the end.
_ESCAPE = re.compile(rb"%[0-9a-fA-F]{2}")
_CONTROL = re.compile(rb"[\x00-\x1f\x7f]")
_OVERLONG = re.compile(rb"[\xc0\xc1][\x80-\xbf]|\xe0[\x80-\x9f][\x80-\xbf]|\xf0[\x80-\x8f][\x80-\xbf]{2}")
_PARAMETERS = re.compile(rb";[^/\\]*")


def is_simple(path: bytes) -> bool:
    """Whether every server reads the path in the same way, so that nothing more needs to be looked at."""
    return _SIMPLE.fullmatch(path) is not None


def readings(path: bytes) -> list[bytes]:
    """Return the path as sent, first, and then everything that a server is known to make of it.

    Servers decode, or decode twice; turn backslashes, merge slashes and resolve dot segments; cut parameters off before
    they do so. Letter case and slashes at the end are `fold`'s business.
    """
    levels = dict.fromkeys((path, once := _decode(path), _decode(once)))
    resolved = dict.fromkeys(_resolve(level) for level in levels)
    cut = dict.fromkeys(_resolve(_cut_parameters(level)) for level in levels)
    return list(levels | resolved | cut)


def fold(path: bytes) -> bytes:
    """Return the path without regard to letter case, compatibility forms of letters and slashes at the end."""
    if not path.isascii():
        text = unicodedata.normalize("NFKC", path.decode("utf-8", "surrogateescape"))
        path = text.casefold().encode("utf-8", "surrogateescape")
    return path.lower().rstrip(b"/") or b"/"


def ambiguities(path: bytes) -> Iterator[Ambiguity]:
    """Yield each reason why two parsers could read the path differently, the worst first."""
    decoded = _decode(path)
    twice = _decode(decoded)  # shows what one decoding shows, and more
    if _CONTROL.search(twice):
        yield Ambiguity.CONTROL
    if b"%" in _ESCAPE.sub(b"", path):
        yield Ambiguity.BAD_PERCENT
    if _OVERLONG.search(twice):
        yield Ambiguity.OVERLONG
    if b"\\" in twice:
        yield Ambiguity.BACKSLASH
    if _has_dot_segment(twice):
        yield Ambiguity.DOT_SEGMENT
    if decoded.count(b"/") > path.count(b"/"):
        yield Ambiguity.ENCODED_SLASH
    if b"//" in decoded:
        yield Ambiguity.DOUBLE_SLASH
    if b";" in decoded:
        yield Ambiguity.SEMICOLON
    if _ESCAPE.search(decoded):
        yield Ambiguity.ENCODED_PERCENT
    if b"?" in decoded or b"#" in decoded:
        yield Ambiguity.ENCODED_DELIMITER


def _decode(path: bytes) -> bytes:
    return unquote_to_bytes(path) if b"%" in path else path


def _cut_parameters(path: bytes) -> bytes:
    return _PARAMETERS.sub(b"", path)


def _resolve(path: bytes) -> bytes:
    segments = path.replace(b"\\", b"/").split(b"/")
    resolved: list[bytes] = []
    for segment in segments:
        if segment == b"..":
            del resolved[-1:]
        elif segment not in (b".", b""):
            resolved.append(segment)
    if segments[-1] in (b"", b".", b".."):
        resolved.append(b"")  # what ended in a directory still does
    return b"/" + b"/".join(resolved)


def _has_dot_segment(path: bytes) -> bool:
    segments = _cut_parameters(path).replace(b"\\", b"/").split(b"/")
    return b"." in segments or b".." in segments
