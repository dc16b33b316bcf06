"""Starlette and FastAPI: SessionMiddleware signs the session into a cookie, as base64 of JSON.

https://www.starlette.io/middleware/#sessionmiddleware
"""

import hashlib
from dataclasses import dataclass, field

from itsdangerous import BadSignature, TimestampSigner

from gateway.codec import (
    Cookies,
    Reading,
    Secrets,
    UnreadableSession,
    UserMapping,
    decode_base64,
    dump_json,
    fingerprint,
    load_json,
    unquote_cookie,
)
from gateway.model import Anonymous

_SKEW = 60.0  # seconds that the application's clock may be ahead of ours
_DELETED = b"null"  # what Starlette sets when a session becomes empty


@dataclass(frozen=True, slots=True)
class StarletteCookie:
    """The cookie of SessionMiddleware, good for `max_age` seconds after signing.

    Starlette itself has one secret; with several of them the application has been given another one.
    `is_sliding` where each response signs the session anew (older versions of Starlette), so that the time of signing
    does not tell one session from another.
    """

    mapping: UserMapping
    secrets: Secrets = field(repr=False)
    cookie: bytes = b"session"
    max_age: float = 1209600
    is_sliding: bool = True

    @property
    def description(self) -> str:
        """How a user is found, as one sentence."""
        return f"Starlette keeps the session in the signed cookie `{self.cookie.decode()}` itself."

    def locate(self, cookies: Cookies) -> str:
        """Return nothing: the cookie says it all."""
        return ""

    def read(self, cookies: Cookies, now: float) -> Reading:
        """Read the cookie."""
        yield from ()
        text = unquote_cookie(cookies.get(self.cookie, b""))
        if text in {b"", _DELETED}:
            return Anonymous("absent")
        signer = TimestampSigner(list(self.secrets), digest_method=hashlib.sha1)
        try:
            payload, signed = signer.unsign(text, return_timestamp=True)
        except BadSignature:
            return Anonymous("bad_signature")
        except (ValueError, OverflowError, OSError) as error:  # signed at a time that no calendar has
            raise UnreadableSession from error
        signed_at = signed.timestamp()
        if not -_SKEW <= now - signed_at <= self.max_age:
            return Anonymous("expired")
        session = load_json(decode_base64(payload))
        content = dump_json(session)
        key = fingerprint(content) if self.is_sliding else fingerprint(content, b"%d" % signed_at)
        return self.mapping.read(session, key, expires_at=signed_at + self.max_age, signed_at=signed_at)
