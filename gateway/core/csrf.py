"""What an application's form protection compares: a secret of the session, and a token made from it.

All of them ask whether who sends a request could read a page of the site. Here it is asked of somebody who holds a
validated Bearer, which no other site can attach.
"""

import base64
import hashlib
import re
from collections.abc import Callable
from dataclasses import dataclass

Entropy = Callable[[int], bytes]
"""Returns so many random bytes."""
Form = Callable[[bytes, float, Entropy], bytes]
"""Makes the token of a secret, at a time in seconds since 1970."""

SECRET = re.compile(rb"[\x21-\x7e]{1,512}\Z")
"""What a secret is made of that a header can carry."""
COOKIE_SECRET = re.compile(rb"[A-Za-z0-9_\-]{16,128}\Z")
"""What a secret is made of that a cookie can carry without quotes."""
DJANGO_SECRET = re.compile(rb"[A-Za-z0-9]{32}(?:[A-Za-z0-9]{32})?\Z")
"""Django takes the bare secret of 32 characters and its masked form of 64 (`django/middleware/csrf.py`)."""


@dataclass(frozen=True, slots=True)
class CsrfCheck:
    """What is compared: the header field `header` with the session's secret, or with the cookie `cookie`.

    `form` makes the token for the header from the secret. Where `cookie` is not empty and nobody has such a cookie, any
    secret will do that `accepts` matches: the two are compared with each other and with nothing else.
    """

    header: bytes
    form: Form
    cookie: bytes = b""
    accepts: re.Pattern[bytes] = COOKIE_SECRET


def plain(secret: bytes, _now: float, _entropy: Entropy) -> bytes:
    """Return the secret itself: Django, Laravel, Rails, csrf-sync."""
    return secret


def csurf(secret: bytes, _now: float, entropy: Entropy) -> bytes:
    """Return a salted hash of the secret: Express with csurf (https://github.com/pillarjs/csrf)."""
    salt = entropy(8).hex().encode()  # the first `-` ends it
    digest = hashlib.sha1(salt + b"-" + secret, usedforsecurity=False).digest()
    return salt + b"-" + base64.urlsafe_b64encode(digest).rstrip(b"=")


def masked(secret: bytes, _now: float, entropy: Entropy) -> bytes:
    """Return a random pad and the secret under it: Spring Security 6, against compression oracles (BREACH)."""
    pad = entropy(len(secret))
    return base64.urlsafe_b64encode(pad + bytes(one ^ other for one, other in zip(pad, secret, strict=True)))
