"""Flask-Login's remember cookie, `user id|HMAC-SHA512`: with it alone a request is a signed-in user's.

https://flask-login.readthedocs.io/en/latest/#remember-me
"""

import hmac
from collections.abc import Mapping

from gateway.codec import Secrets, as_subject, fingerprint
from gateway.model import Anonymous, LegacySession


def read_remembered(token: bytes, secrets: Secrets, site: str) -> LegacySession | Anonymous:
    """Say whose remember cookie it is. Flask-Login takes the secret as Latin-1, and knows no fallbacks.

    Raises:
        UnreadableSession: the user id cannot be one of ours.
    """
    subject, _, signature = token.rpartition(b"|")
    mac = hmac.digest(_latin_1(secrets[0]), subject, "sha512").hex().encode()
    if not hmac.compare_digest(mac, signature):
        return Anonymous("bad_signature")
    user = as_subject(subject.decode("utf-8", "replace"))
    return LegacySession(site, fingerprint(b"remember", token), user) if user else Anonymous("no_user")


def has_left(session: Mapping[str, object]) -> bool:
    """Whether Flask-Login has noted in the session that the remember cookie does not count any more."""
    return session.get("_remember") == "clear"


def _latin_1(secret: bytes) -> bytes:
    try:
        return secret.decode().encode("latin-1")
    except UnicodeError:
        return secret
