"""MessagePack, as Flask-Session and django-redis write it. Extension types stay what they are: opaque."""

from collections.abc import Iterable, Mapping

import msgpack

from gateway.codec import MAX_TEXT, OPAQUE, UnreadableSession

_DEEPEST = 64


def load_msgpack(data: bytes) -> object:
    """Read one value.

    Raises:
        UnreadableSession: it is not a whole value, too deep or too large.
    """
    if len(data) > MAX_TEXT:
        raise UnreadableSession
    try:
        value = msgpack.unpackb(
            data,
            strict_map_key=False,
            unicode_errors="surrogateescape",
            object_pairs_hook=_members,
        )
    except Exception as error:  # the library has no common error for what it cannot read
        raise UnreadableSession from error
    return _plain(value, 0)


def _members(pairs: Iterable[tuple[object, object]]) -> dict[str, object]:
    """Name members by text alone: whoever chooses numbers as keys can choose such that a dictionary takes for one."""
    return {str(name): member for name, member in pairs if type(name) in {str, int}}


def _plain(value: object, depth: int) -> object:
    if depth > _DEEPEST:
        raise UnreadableSession
    if value is None or type(value) in {bool, int, float, str}:
        return value
    if isinstance(value, list):
        return [_plain(item, depth + 1) for item in value]
    if type(value) is dict:
        return {name: _plain(member, depth + 1) for name, member in value.items()}
    return OPAQUE


def dump_msgpack(content: Mapping[str, object]) -> bytes:
    """Write one value, of plain types alone."""
    return bytes(msgpack.packb(content))
