"""Which credential a request shows, and which cookies belong to it. Nothing is proved here.

A Bearer of our issuer decides alone; then our token cookie; then the session cookie of the application. An
`Authorization` that is not ours is the application's business.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from gateway.core.cookies import find_cookie, read_cookies, without_cookies
from gateway.core.dpop import has_dpop_scheme
from gateway.core.refresh_token import PREFIX
from gateway.core.verify import find_issuer
from gateway.errors import BadRequest, PossessionUnproved
from gateway.headers import Pairs
from gateway.model import (
    BearerToken,
    ForeignAuthorization,
    RemoteBearer,
    RequestHead,
    SessionCookie,
    TokenCookie,
)

__all__ = [
    "Ours",
    "Shown",
    "Site",
    "find_cookie",
    "find_credential",
    "find_sessions",
    "has_token_of_ours",
    "without_cookies",
]

Shown = BearerToken | RemoteBearer | TokenCookie | SessionCookie | ForeignAuthorization | None

_ONE_TOKEN = re.compile(rb"(?:bearer|dpop) +([^\s,]+)", re.IGNORECASE)
_SOME_BEARER = re.compile(rb"bearer[\s,]+[^\s,]", re.IGNORECASE)
_BETWEEN_WORDS = re.compile(rb"""[\s,;:="'<>]+""")
_MOST_WORDS = 16
_REFRESH = PREFIX.encode()


@dataclass(frozen=True, slots=True)
class Ours:
    """What belongs to us: the issuer of our tokens and the names of our cookies; and whom we trust besides."""

    issuer: str
    access_cookie: bytes
    refresh_cookie: bytes
    remote: frozenset[str] = frozenset()
    """The other issuers whose tokens are believed."""


@dataclass(frozen=True, slots=True)
class Site:
    """One entry of `sessions`: the cookies of a legacy session and how it is treated.

    The first of `cookies` is the session cookie; the others travel with it (remember-me, sticky balancers). `pick` is
    which of several cookies of one name the framework takes.
    """

    name: str
    upstream: str
    cookies: tuple[bytes, ...]
    pick: Literal["first", "last"] = "last"
    login_url: str = ""
    logout_paths: tuple[str, ...] = ()
    on_undetermined: Literal["forward", "refuse"] = "forward"
    bridge: Literal["vault", "headers", "mint"] = "vault"


def find_credential(head: RequestHead, ours: Ours, sites: Sequence[Site]) -> Shown:
    """Return what the request shows, or None. `sites` are the sessions of the upstream that the request goes to.

    Raises:
        BadRequest: more than one credential in `Authorization`, a token of ours in a place where it does not belong,
            or a cookie that parsers could read differently.
        PossessionUnproved: a token of another issuer with the scheme DPoP; we believe none that is bound to a key.
        FieldsTooLarge: there are more cookies than any browser sends.
    """
    if head.authorization is not None:
        token = _ONE_TOKEN.fullmatch(head.authorization)  # the scheme in any case, RFC 9110 section 11.1
        if token is not None and _is_ours(token[1], ours.issuer):
            return BearerToken(token[1])
        issuer = find_issuer(token[1]) if token is not None and ours.remote else None
        if token is not None and issuer in ours.remote:
            if has_dpop_scheme(head.authorization):
                raise PossessionUnproved  # a Bearer must not pass for one that was proved (RFC 9449 section 7.1)
            return RemoteBearer(token[1], str(issuer))
        _ensure_foreign(head.authorization, ours.issuer, is_one_token=token is not None)
        return ForeignAuthorization(head.authorization, find_sessions(head.cookie, sites))
    beside = find_sessions(head.cookie, sites)
    cookie = find_cookie(head.cookie, ours.access_cookie)
    return beside if cookie is None else TokenCookie(cookie, beside)


def find_sessions(cookie: bytes | None, sites: Sequence[Site]) -> SessionCookie | None:
    """Return the cookies of the first site that is shown its session cookie, else of the first that is shown any.

    Cookies stand in the order of the site's configuration, each as the framework would pick it.

    Raises:
        BadRequest: parsers could differ about one of these cookies.
        FieldsTooLarge: there are more than any browser sends.
    """
    if cookie is None or not sites:
        return None
    found = read_cookies(cookie, {name for site in sites for name in site.cookies})
    if not found:
        return None
    names = {name for name, _ in found}
    chosen = next((site for site in sites if site.cookies[0] in names), None)
    return _pick(chosen or next(site for site in sites if not names.isdisjoint(site.cookies)), found)


def has_token_of_ours(authorization: bytes, issuer: str) -> bool:
    """Whether an `Authorization` holds a token of ours, an access or a refresh token, whatever stands around it.

    Only its first words are looked at: an honest client sends three, and who hides a token hides it from himself.
    """
    return any(_is_ours(word, issuer) for word in _BETWEEN_WORDS.split(authorization, _MOST_WORDS)[:_MOST_WORDS])


def _pick(site: Site, found: Pairs) -> SessionCookie:
    mine = [pair for pair in found if pair[0] in site.cookies]
    picked = dict(mine if site.pick == "last" else reversed(mine))
    cookies = tuple((name, picked[name]) for name in site.cookies if name in picked)
    return SessionCookie(site.name, cookies, duplicated=len(mine) > len(cookies))


def _is_ours(word: bytes, issuer: str) -> bool:
    # A refresh token shown as a Bearer is of no use, but it is ours and must never reach the application.
    return word.startswith(_REFRESH) or find_issuer(word) == issuer


def _ensure_foreign(authorization: bytes, issuer: str, *, is_one_token: bool) -> None:
    if not is_one_token and _SOME_BEARER.match(authorization) is not None:
        raise BadRequest("The Authorization header does not hold exactly one credential.")
    if has_token_of_ours(authorization, issuer):
        raise BadRequest("A token of this gateway is sent with the scheme Bearer.")
