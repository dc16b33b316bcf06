"""What a form protection asks of a client that has no form: a pair of our own, for a validated Bearer only.

A Bearer is never attached by a browser on its own, so a request that it authenticates cannot be forged across sites.
A request that a cookie authenticates is left alone: its own token must pass the application's own check.
"""

from collections.abc import Mapping

from gateway.core.csrf import SECRET, CsrfCheck, Entropy
from gateway.core.translate import NO_SUPPLEMENT, Supplement
from gateway.headers import Pairs, join_fields

Cookies = tuple[tuple[bytes, bytes], ...]

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


class CsrfPairs:
    """Makes CSRF pairs. `checks` are what applications compare, by the names of their sites.

    `public_origin` is the origin of the public URL.
    """

    def __init__(self, *, public_origin: str, entropy: Entropy, checks: Mapping[str, CsrfCheck]) -> None:
        self._origin = public_origin.encode("ascii")
        self._entropy = entropy
        self._checks = checks

    def find_check(self, site: str) -> CsrfCheck | None:
        """Return what the application of a site compares, where that is known."""
        return self._checks.get(site)

    def supplement(self, check: CsrfCheck, cookies: Cookies, secret: str, now: float) -> Supplement:
        """Return what makes the application accept an unsafe request of a validated Bearer.

        `cookies` are those that are sent for the user, `secret` is the one in the session, empty where it has none. The
        caller has made sure that the Bearer, and nothing else, authenticated the request.
        """
        extra, pair = self.pair(check, cookies, secret, now)
        if not pair:
            return NO_SUPPLEMENT
        add = (*pair, *self.provenance())
        return Supplement(extra, add, join_fields(add), _PROVENANCE | {check.header.lower()})

    def pair(self, check: CsrfCheck, cookies: Cookies, secret: str, now: float) -> tuple[Cookies, Pairs]:
        """Return the cookies to send besides `cookies`, and the header field that matches; nothing where none can."""
        token = secret.encode("utf-8", "replace")
        extra: Cookies = ()
        if check.cookie:
            shown = dict(cookies).get(check.cookie, b"")
            if check.accepts.match(shown) is not None:
                token = shown  # one that travels with the session is used as it is
            else:
                token = token if check.accepts.match(token) is not None else self._entropy(16).hex().encode()
                extra = ((check.cookie, token),)
        if SECRET.match(token) is None:
            return (), []
        return extra, [(check.header, check.form(token, now, self._entropy))]

    def provenance(self) -> Pairs:
        """Return the header fields of a request that comes from the site itself.

        Over https Django and Flask-WTF want an Origin or a Referer of their own host; Rails 8.2 and Laravel 13 look at
        what Fetch Metadata says.
        """
        return [(b"Origin", self._origin), (b"Referer", self._origin + b"/"), (b"Sec-Fetch-Site", b"same-origin")]
