"""Our own cookies at the client: HttpOnly, Secure, with a prefix that says who could have set them (RFC 6265bis).

`__Host-` proves that only this very host set a cookie. Where the tokens are to be shown to sub-domains too, a cookie
needs a Domain, and the prefix can be no more than `__Secure-`.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from gateway.headers import Pairs, SetCookie, write_set_cookie

_ACCESS, _REFRESH = b"crossfade_access", b"crossfade_refresh"
_HOST, _SECURE = b"__Host-", b"__Secure-"
_SAME_SITE = {b"lax": b"Lax", b"strict": b"Strict", b"none": b"None"}

NAMES = frozenset(prefix + name for prefix in (_HOST, _SECURE) for name in (_ACCESS, _REFRESH))
"""Every name that a cookie of ours can have, whichever is configured now: none of them ever reaches the application."""

_TWICE = 2

MOST_OF_ONE = 4096
"""Bytes of one cookie, with its name and attributes, that every browser keeps (RFC 6265 section 6.1)."""

MOST_OF_ALL = 8000
"""Bytes of the Cookie field that nginx, Apache and most others in front of us still take as one line of a request."""


@dataclass(slots=True)
class OwnCookies:
    """The names and attributes of our cookies. `same_site` is that of the legacy session cookie.

    `domain` is empty where only this host is shown them. Where `follows`, `same_site` is what the application says of
    its own cookie, as soon as it does; nothing else ever changes. `domains` are all that browsers let this host set
    cookies for: `domain` was perhaps another one of them before, and what was set for that is shown too.
    """

    access: bytes = _HOST + _ACCESS
    refresh: bytes = _HOST + _REFRESH
    same_site: bytes = b"Lax"
    domain: bytes = b""
    follows: bool = False
    domains: tuple[bytes, ...] = ()

    def follow(self, session_cookies: Iterable[SetCookie]) -> None:
        """Take over `SameSite` from the session cookie that the application sets; without one, browsers mean Lax."""
        for cookie in session_cookies:
            if self.follows and not cookie.is_deletion:
                self.same_site = _SAME_SITE.get(cookie.same_site.lower(), b"Lax")

    def keeping(self, refresh_token: str, seconds: int) -> Pairs:
        """Return the `Set-Cookie` that gives a client its refresh token, for as long as the token lives."""
        return [self._set(self.refresh, refresh_token.encode("ascii"), seconds)]

    def giving(self, access_token: str, refresh_token: str, seconds: int) -> Pairs:
        """Return the `Set-Cookie` fields that give a client both tokens, for as long as the refresh token lives.

        The cookie outlives the access token in it, so that a browser shows that there is something to renew.
        """
        return [self._set(self.access, access_token.encode("ascii"), seconds), *self.keeping(refresh_token, seconds)]

    def deleting(self, others: Iterable[bytes] = ()) -> Pairs:
        """Return the `Set-Cookie` fields that delete both of ours, and `others`, which are of this host alone."""
        theirs = [(b"set-cookie", write_set_cookie(name, b"", max_age=0, same_site=self.same_site)) for name in others]
        return [self._set(self.access, b"", 0), self._set(self.refresh, b"", 0), *theirs]

    def deleting_access(self) -> Pairs:
        """Return the `Set-Cookie` that deletes the access token."""
        return [self._set(self.access, b"", 0)]

    def deleting_doubled(self, cookie: bytes | None) -> Pairs:
        """Return the `Set-Cookie` fields that delete every one of ours, where a browser shows two of one name.

        Otherwise it would show both until they expire, and be refused each time.
        """
        names = (self.access, self.refresh)
        if not self.domains or cookie is None or all(cookie.count(name) < _TWICE for name in names):
            return []
        return [self._set(name, b"", 0, domain) for name in names for domain in (b"", *self.domains)]

    def are_shown(self, cookie: bytes | None) -> bool:
        """Whether a Cookie field seems to hold one of ours."""
        return cookie is not None and (self.access in cookie or self.refresh in cookie)

    def is_too_large(self, given: Pairs, cookie: bytes | None) -> bool:
        """Whether a browser would drop what it is given, or servers in front what it sends back with its `cookie`."""
        sizes = [len(value) for _, value in given]
        return max(sizes, default=0) > MOST_OF_ONE or sum(sizes) + len(cookie or b"") > MOST_OF_ALL

    def _set(self, name: bytes, value: bytes, max_age: int, domain: bytes | None = None) -> tuple[bytes, bytes]:
        below = self.domain if domain is None else domain
        return b"set-cookie", write_set_cookie(name, value, max_age=max_age, same_site=self.same_site, domain=below)


def own_cookies(*, same_site: str, domain: str, host: str = "") -> OwnCookies:
    """Return our cookies with the strongest prefix that the domain allows. `same_site` is a word, or `auto`.

    `host` is that of the public URL.
    """
    value, follows = _SAME_SITE.get(same_site.encode(), b"Lax"), same_site == "auto"
    if not domain:
        return OwnCookies(same_site=value, follows=follows)
    labels = host.encode("ascii").split(b".")
    domains = tuple(b".".join(labels[at:]) for at in range(len(labels) - 1))
    return OwnCookies(_SECURE + _ACCESS, _SECURE + _REFRESH, value, domain.encode("ascii"), follows, domains)
