"""What a form protection asks of a client that has no form: a pair of our own, for a validated Bearer only.

A Bearer is never attached by a browser on its own, so a request that it authenticates cannot be forged across sites.
A request that a cookie authenticates is left alone: its own token must pass the application's own check.
"""

import re
from collections.abc import Callable

from gateway.core.credentials import Site
from gateway.core.translate import NO_SUPPLEMENT, Supplement
from gateway.headers import Pairs, join_fields
from gateway.model import RequestHead, VaultedSession

COOKIE = b"csrftoken"
HEADER = b"X-CSRFToken"

# What the browser says about where a request comes from; it would contradict what we say (Fetch Metadata).
_PROVENANCE = frozenset(
    {
        b"origin",
        b"referer",
        b"sec-fetch-dest",
        b"sec-fetch-mode",
        b"sec-fetch-site",
        b"sec-fetch-storage-access",
        b"sec-fetch-user",
    }
)
_WITHOUT = _PROVENANCE | {HEADER.lower()}

# Django accepts the bare secret of 32 characters and its masked form of 64 (`django/middleware/csrf.py`).
_DJANGO_TOKEN = re.compile(rb"[A-Za-z0-9]{32}(?:[A-Za-z0-9]{32})?\Z")


class CsrfPairs:
    """Makes CSRF pairs. `public_origin` is the origin of the public URL; `entropy(n)` returns n random bytes."""

    def __init__(self, *, public_origin: str, entropy: Callable[[int], bytes]) -> None:
        self._origin = public_origin.encode("ascii")
        self._entropy = entropy

    def supplement(self, site: Site, vaulted: VaultedSession, head: RequestHead) -> Supplement:
        """Return what makes the application accept an unsafe request of a validated Bearer.

        The caller has made sure that the Bearer, and nothing else, authenticated `head`.
        """
        if site.csrf != "django":
            return NO_SUPPLEMENT
        cookies, add = self.pair(vaulted.cookies)
        return Supplement(cookies, tuple(add), join_fields(add), _WITHOUT)

    def pair(self, cookies: tuple[tuple[bytes, bytes], ...]) -> tuple[tuple[tuple[bytes, bytes], ...], Pairs]:
        """Return the cookies to send besides `cookies`, and the header fields that match.

        Django compares cookie and header with each other and with nothing else: the secret is not bound to the
        session, so any pair will do. One that travels with the session is used as it is.
        """
        token = dict(cookies).get(COOKIE, b"")
        extra: tuple[tuple[bytes, bytes], ...] = ()
        if _DJANGO_TOKEN.match(token) is None:
            token = self._entropy(16).hex().encode()
            extra = ((COOKIE, token),)
        # Over https Django wants an Origin of its own host, and older versions a Referer.
        return extra, [(HEADER, token), *self.provenance()]

    def provenance(self) -> Pairs:
        """Return the header fields of a request that comes from the site itself."""
        return [(b"Origin", self._origin), (b"Referer", self._origin + b"/")]
