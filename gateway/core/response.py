"""What changes in a response on its way to the client: cache rules, reserved names, our own cookies."""

from collections.abc import Collection
from typing import NamedTuple

from gateway.headers import Pairs

_DEPENDS = (b"authorization", b"cookie")
_SHARED = frozenset({b"public", b"s-maxage"})
_TARGETED = frozenset({b"cdn-cache-control", b"surrogate-control"})
"""What shared caches in front obey before `Cache-Control` (RFC 9213)."""


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


def may_carry_tokens(status: int, fields: Pairs) -> bool:
    """Whether the cookies of one user may go with a response: it is a page or a redirect that no cache shares."""
    if not 200 <= status < 400 or status == 304:  # RFC 9110 section 15.4.5: it brings an old page up to date
        return False
    for name, value in fields:
        lower = name.lower()
        if lower in _TARGETED or (lower == b"cache-control" and _words(value) & _SHARED):
            return False
    return True


def with_private_caching(fields: Pairs, *, is_strict: bool = False) -> Pairs:
    """Keep shared caches from storing an answer that depends on a credential (RFC 9111 section 5.2.2.7).

    The application's own `public` or `s-maxage` is its decision; `Vary` is added in any case, so that a cache that
    stores it does not hand it to the next person. `is_strict` is for a response that carries cookies of ours: these are
    not the application's to share.
    """
    cached, vary, kept = b"", b"", []
    for name, value in fields:
        lower = name.lower()
        if lower == b"cache-control":
            cached += b", " + value if cached else value
        elif lower == b"vary":
            vary += b", " + value if vary else value
        elif is_strict and lower in _TARGETED:
            continue
        else:
            kept.append((name, value))
    return [*kept, (b"cache-control", _unshared(cached) if is_strict else _private(cached)), (b"vary", _varied(vary))]


def with_vary_on_origin(fields: Pairs) -> Pairs:
    """Tell caches that the answer differs by origin."""
    return [*fields, (b"vary", b"Origin")]


def _name_of(set_cookie: bytes) -> bytes:
    """Return the name that the cookie comes back with: one without a name comes back as its value alone."""
    return set_cookie.lstrip(b" \t=").partition(b"=")[0].rstrip(b" \t")


def _private(value: bytes) -> bytes:
    if _words(value) & (_SHARED | {b"private", b"no-store"}):
        return value
    return value + b", private" if value else b"private"


def _unshared(value: bytes) -> bytes:
    kept = [word.strip() for word in value.split(b",") if not _words(word) & _SHARED]
    return _private(b", ".join(word for word in kept if word))


def _words(value: bytes) -> set[bytes]:
    return {word.strip().partition(b"=")[0].lower() for word in value.split(b",")}


def _varied(value: bytes) -> bytes:
    words = {word.strip().lower() for word in value.split(b",")}
    if b"*" in words:
        return value
    missing = [word for word in _DEPENDS if word not in words]
    return b", ".join([value, *missing] if value else missing)
