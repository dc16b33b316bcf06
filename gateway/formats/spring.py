"""What Spring Session keeps in Redis: times, and Spring Security's context with who is signed in."""

from collections.abc import Mapping
from types import NoneType

from gateway.codec import MAX_SUBJECT, OPAQUE, UnreadableSession, as_seconds, find_path, load_json
from gateway.formats.java import JavaObject, load_java

_USER = "org.springframework.security.core.userdetails.User"
_MOST_AUTHORITIES = 200


def load_value(value: object) -> object:
    """Read one value of the hash, Java serialization or JSON; None where there is none.

    Raises:
        UnreadableSession: it is neither.
    """
    if value is None:
        return None
    if not isinstance(value, bytes):
        raise UnreadableSession
    return load_java(value) if value.startswith(b"\xac\xed") else load_json(value)


def end_of(times: list[object]) -> float | None:
    """Return when a session ends, from the time of the last access and its interval; None for one that never does.

    Raises:
        UnreadableSession: they are no numbers.
    """
    last, interval = (value.fields.get("value") if isinstance(value, JavaObject) else value for value in times)
    if not isinstance(last, int) or not isinstance(interval, int):
        raise UnreadableSession
    return None if interval < 0 else as_seconds(last) / 1000 + as_seconds(interval)


def describe(context: object) -> Mapping[str, object]:
    """Return `name`, `authorities` and the fields of the `principal` of who is signed in; nothing where nobody is.

    The name of a principal of the application's own class is opaque: its `getUsername` may say anything.
    """
    authentication = _member(context, "authentication")
    if authentication is None or _member(authentication, "authenticated") is False:
        return {}
    principal = _member(authentication, "principal")
    kind = principal.class_name if isinstance(principal, JavaObject) else find_path(principal, "@class")
    name = _member(principal, "username") if kind == _USER else principal
    return {
        "name": name if isinstance(name, str) else OPAQUE,
        "authorities": _authorities(_member(authentication, "authorities")),
        "principal": _scalars_of(principal) if isinstance(principal, JavaObject) else principal,
    }


def find_csrf_token(value: object) -> object:
    """Return what protects the session's forms (DefaultCsrfToken); None where it cannot be read, which says nothing."""
    try:
        return _member(load_value(value), "token")
    except UnreadableSession:
        return None


def _member(value: object, name: str) -> object:
    if isinstance(value, JavaObject):
        return value.fields.get(name)
    return find_path(value, name)


def _authorities(value: object) -> object:
    """Return the names of a collection of authorities, which may lie within another collection."""
    for _ in range(3):
        if isinstance(value, JavaObject) and not value.written:
            value = value.fields.get("c")
    items = value.written if isinstance(value, JavaObject) else value
    if isinstance(items, list) and len(items) == 2 and isinstance(items[1], list):
        items = items[1]  # JSON names the class of a collection first
    if not isinstance(items, list) or len(items) > _MOST_AUTHORITIES:
        return OPAQUE
    names = [_member(item, "role") or _member(item, "authority") for item in items]
    return [name for name in names if isinstance(name, str) and len(name) <= MAX_SUBJECT]


def _scalars_of(principal: JavaObject) -> Mapping[str, object]:
    """Return the plain fields: arrays and objects may be shared without end."""
    plain = (str, int, float, NoneType)
    return {name: value if isinstance(value, plain) else OPAQUE for name, value in principal.fields.items()}
