"""PHP's `serialize`: scalars, arrays, and objects as the members that they have.

https://www.phpinternalsbook.com/php5/classes_objects/serialization.html
"""

import re
from collections.abc import Mapping

from gateway.codec import MAX_TEXT, OPAQUE, UnreadableSession

_SCALAR = re.compile(rb"(?:([ib]):(-?[0-9]{1,20})|(d):([-+.0-9EINFA]{1,40}));")
_LENGTH = re.compile(rb":([0-9]{1,9}):")
_REFERENCE = re.compile(rb":[0-9]{1,9};")
_WHOLE = re.compile(r"(?:0|-?[1-9][0-9]{0,17})\Z")
_DEEPEST = 64


def unserialize(text: bytes) -> object:
    """Read one value and nothing behind it.

    Raises:
        UnreadableSession: it is not a whole value, too deep or too large.
    """
    value, end = read_value(text, 0)
    if end != len(text):
        raise UnreadableSession
    return value


def read_value(text: bytes, at: int, depth: int = 0) -> tuple[object, int]:
    """Read the value that begins at `at`; return it and where it ends.

    Arrays with the keys 0, 1, 2… are lists, all others have text as keys. Text that is not UTF-8 keeps its bytes as
    surrogates, so that two of them never become equal. References are opaque.

    Raises:
        UnreadableSession: there is no whole value, or it is too deep or too large.
    """
    if depth > _DEEPEST or len(text) > MAX_TEXT:
        raise UnreadableSession
    kind = text[at : at + 1]
    if kind in {b"i", b"b", b"d"}:
        return _read_scalar(text, at)
    if kind == b"N" and text[at + 1 : at + 2] == b";":
        return None, at + 2
    if kind == b"s":
        raw, end = _read_quoted(text, at + 1)
        return raw.decode("utf-8", "surrogateescape"), _past(text, end, b";")
    if kind == b"a":
        return _read_members(text, at + 1, depth)
    if kind == b"O":
        _, end = _read_quoted(text, at + 1)
        members, end = _read_members(text, end, depth)
        return (_without_scopes(members) if isinstance(members, dict) else members), end
    if kind in {b"R", b"r"} and (reference := _REFERENCE.match(text, at + 1)):
        return OPAQUE, reference.end()
    if kind == b"E":
        _, end = _read_quoted(text, at + 1)
        return OPAQUE, _past(text, end, b";")
    if kind == b"C":
        return _skip_custom(text, at)
    raise UnreadableSession


def _read_scalar(text: bytes, at: int) -> tuple[object, int]:
    match = _SCALAR.match(text, at)
    if match is None:
        raise UnreadableSession
    try:
        value: object = float(match[4]) if match[3] else int(match[2])
    except ValueError as error:
        raise UnreadableSession from error
    return (value != 0 if match[1] == b"b" else value), match.end()


def _read_length(text: bytes, at: int) -> tuple[int, int]:
    match = _LENGTH.match(text, at)
    if match is None:
        raise UnreadableSession
    return int(match[1]), match.end()


def _read_quoted(text: bytes, at: int) -> tuple[bytes, int]:
    r"""Read `:5:"bytes"`; the length counts, not the quotes."""
    length, at = _read_length(text, at)
    end = at + length + 2
    if end > len(text) or text[at] != 0x22 or text[end - 1] != 0x22:
        raise UnreadableSession
    return text[at + 1 : end - 1], end


def _read_members(text: bytes, at: int, depth: int) -> tuple[dict[str, object] | list[object], int]:
    length, at = _read_length(text, at)
    at = _past(text, at, b"{")
    keys: list[object] = []
    values: list[object] = []
    for _ in range(length):
        key, at = read_value(text, at, depth + 1)
        if not isinstance(key, (int, str)):
            raise UnreadableSession
        value, at = read_value(text, at, depth + 1)
        keys.append(key)
        values.append(value)
    at = _past(text, at, b"}")
    is_list = bool(keys) and all(key == index and isinstance(key, int) for index, key in enumerate(keys))
    return (values if is_list else dict(zip(map(str, keys), values, strict=True))), at


def _without_scopes(members: dict[str, object]) -> dict[str, object]:
    r"""Name an object's members as its class does: a protected one is stored as `\0*\0name`, private as `\0A\0name`.

    Where two classes of the object have a member of one name, nobody can say which is meant.
    """
    named: dict[str, object] = {}
    for stored, value in members.items():
        name = stored.rpartition("\0")[2]
        named[name] = OPAQUE if name in named else value
    return named


def _skip_custom(text: bytes, at: int) -> tuple[object, int]:
    _, at = _read_quoted(text, at + 1)
    length, at = _read_length(text, at)
    return OPAQUE, _past(text, _past(text, at, b"{") + length, b"}")


def _past(text: bytes, at: int, mark: bytes) -> int:
    if text[at : at + 1] != mark:
        raise UnreadableSession
    return at + 1


def serialize(value: object) -> bytes:
    """Write a value of plain types. What was read as a surrogate is the byte that it was."""
    if value is None:
        return b"N;"
    if isinstance(value, bool):
        return b"b:%d;" % value
    if isinstance(value, int):
        return b"i:%d;" % value
    if isinstance(value, float):
        return b"d:%s;" % repr(value).upper().encode()
    if isinstance(value, Mapping):
        pairs = [(_as_key(name), member) for name, member in value.items()]
    elif isinstance(value, (list, tuple)):
        pairs = list(enumerate(value))
    else:
        text = str(value).encode("utf-8", "surrogateescape")
        return b's:%d:"%s";' % (len(text), text)
    members = b"".join(serialize(name) + serialize(member) for name, member in pairs)
    return b"a:%d:{%s}" % (len(pairs), members)


def _as_key(name: object) -> object:
    """Return the key that PHP makes of a name: a number where it is written like one."""
    return int(name) if isinstance(name, str) and _WHOLE.match(name) else name
