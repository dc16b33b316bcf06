"""MessagePack, as Flask-Session and django-redis write it. Extension types stay what they are: opaque."""

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
        value = msgpack.unpackb(data, strict_map_key=False, unicode_errors="surrogateescape")
    except Exception as error:  # the library has no common error for what it cannot read
        raise UnreadableSession from error
    return _plain(value, 0)


def _plain(value: object, depth: int) -> object:
    if depth > _DEEPEST:
        raise UnreadableSession
    if value is None or type(value) in {bool, int, float, str}:
        return value
    if isinstance(value, list):
        return [_plain(item, depth + 1) for item in value]
    if type(value) is dict:
        return {str(name): _plain(member, depth + 1) for name, member in value.items() if type(name) in {str, int}}
    return OPAQUE
