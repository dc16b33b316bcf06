"""What changes in a response on its way to the client: cache rules, reserved names, our own cookies."""

from collections.abc import Collection
from typing import NamedTuple

from gateway.headers import Pairs

_DEPENDS = (b"authorization", b"cookie")


class Looked(NamedTuple):
    """What the watch has found in a response: the application's fields that the client gets, and cookies of ours.

    `ours` is None where nothing follows for our cookies; else it replaces what the permit says of them.
    """

    fields: Pairs
    ours: Pairs | None = None


def without_reserved(fields: Pairs, cookie_names: Collection[bytes]) -> Pairs:
    """Remove what only we may say: `X-Crossfade`, and cookies with the names of ours."""
    return [
        (name, value)
        for name, value in fields
        if not (
            (lower := name.lower()) == b"x-crossfade" or (lower == b"set-cookie" and _name_of(value) in cookie_names)
        )
    ]


def without_mark(fields: Pairs) -> Pairs:
    """Remove `X-Crossfade` alone: where we are out of the way, a client must see that."""
    return [pair for pair in fields if pair[0].lower() != b"x-crossfade"]


def without_cookies_named(fields: Pairs, names: Collection[bytes]) -> Pairs:
    """Remove each Set-Cookie of the given names; all others stay, in order."""
    return [
        (name, value)
        for name, value in fields
        if not (name.lower() == b"set-cookie" and value.partition(b"=")[0].strip() in names)
    ]


def with_cookies_named(fields: Pairs, names: Collection[bytes]) -> Pairs:
    """Remove each Set-Cookie that has none of the given names; all other fields stay, in order."""
    return [
        (name, value)
        for name, value in fields
        if name.lower() != b"set-cookie" or value.partition(b"=")[0].strip() in names
    ]


def with_private_caching(fields: Pairs) -> Pairs:
    """Keep shared caches from storing an answer that depends on a credential (RFC 9111 section 5.2.2.7).

    The application's own `public` or `s-maxage` is its decision; `Vary` is added in any case, so that a cache that
    stores it does not hand it to the next person.
    """
    cached, vary, kept = b"", b"", []
    for name, value in fields:
        lower = name.lower()
        if lower == b"cache-control":
            cached += b", " + value if cached else value
        elif lower == b"vary":
            vary += b", " + value if vary else value
        else:
            kept.append((name, value))
    return [*kept, (b"cache-control", _private(cached)), (b"vary", _varied(vary))]


def with_vary_on_origin(fields: Pairs) -> Pairs:
    """Tell caches that the answer differs by origin."""
    return [*fields, (b"vary", b"Origin")]


def _name_of(set_cookie: bytes) -> bytes:
    """Return the name that the cookie comes back with: one without a name comes back as its value alone."""
    return set_cookie.lstrip(b" \t=").partition(b"=")[0].rstrip(b" \t")


def _private(value: bytes) -> bytes:
    words = {word.strip().partition(b"=")[0].lower() for word in value.split(b",")}
    if words & {b"public", b"s-maxage", b"private", b"no-store"}:
        return value
    return value + b", private" if value else b"private"


def _varied(value: bytes) -> bytes:
    words = {word.strip().lower() for word in value.split(b",")}
    if b"*" in words:
        return value
    missing = [word for word in _DEPENDS if word not in words]
    return b", ".join([value, *missing] if value else missing)
