"""Flask: the session is a signed cookie; Flask-Login may remember a user in a second one.

The signed payload is JSON in which one-key objects with a leading space stand for types that JSON does not have
(`flask.json.tag`). https://flask.palletsprojects.com/en/stable/api/#sessions
"""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import NamedTuple
from uuid import UUID

from itsdangerous import BadSignature, TimestampSigner

from gateway.codec import (
    Cookies,
    Reading,
    Secrets,
    UnreadableSession,
    UserMapping,
    dump_json,
    fingerprint,
    load_json,
    unpack,
    unquote_cookie,
)
from gateway.formats.flask_login import has_left, read_remembered
from gateway.model import Anonymous, LegacySession

_SKEW = 60.0  # seconds that the application's clock may be ahead of ours; Flask itself refuses any cookie of the future
_VOLATILE = frozenset({"_flashes", "_fresh", "_permanent", "_remember", "_remember_seconds"})
"""What changes while a session stays the same one."""


class _Opened(NamedTuple):
    session: Mapping[str, object]
    signed_at: float


@dataclass(frozen=True, slots=True)
class FlaskCookie:
    """Flask's secure cookie, good for `max_age` seconds after signing (PERMANENT_SESSION_LIFETIME).

    `secrets` are SECRET_KEY and then SECRET_KEY_FALLBACKS. `remember` is Flask-Login's cookie, empty where it is not
    used: with it alone a request is a signed-in user's. Flask-Login's `_id`, a hash of address and browser, is left to
    the application, which sees both.
    """

    mapping: UserMapping
    secrets: Secrets = field(repr=False)
    cookie: bytes = b"session"
    remember: bytes = b"remember_token"
    max_age: float = 31 * 86400
    salt: bytes = b"cookie-session"

    @property
    def description(self) -> str:
        """How a user is found, as one sentence."""
        remember = f", or Flask-Login's `{self.remember.decode()}`" if self.remember else ""
        return f"Flask keeps the session in the signed cookie `{self.cookie.decode()}` itself{remember}."

    def locate(self, cookies: Cookies) -> str:
        """Return nothing: the cookies say it all."""
        return ""

    def read(self, cookies: Cookies, now: float) -> Reading:
        """Read the session cookie, then the remember cookie as Flask-Login does."""
        yield from ()
        opened = self._open(unquote_cookie(cookies.get(self.cookie, b"")), now)
        verdict = opened if isinstance(opened, Anonymous) else self._user_of(opened)
        token = unquote_cookie(cookies.get(self.remember, b"")) if self.remember else b""
        is_out = isinstance(opened, _Opened) and has_left(opened.session)
        if isinstance(verdict, LegacySession) or not token or is_out:
            return verdict
        remembered = read_remembered(token, self.secrets, self.mapping.site)
        return verdict if isinstance(remembered, Anonymous) and verdict.reason != "absent" else remembered

    def _open(self, text: bytes, now: float) -> _Opened | Anonymous:
        if not text:
            return Anonymous("absent")
        signer = TimestampSigner(list(self.secrets), self.salt, key_derivation="hmac", digest_method=hashlib.sha1)
        try:
            payload, signed = signer.unsign(text, return_timestamp=True)
        except BadSignature:
            return Anonymous("bad_signature")
        except (ValueError, OverflowError, OSError) as error:  # signed at a time that no calendar has
            raise UnreadableSession from error
        signed_at = signed.timestamp()
        if not -_SKEW <= now - signed_at <= self.max_age:
            return Anonymous("expired")
        return _Opened(_load(payload), signed_at)

    def _user_of(self, opened: _Opened) -> LegacySession | Anonymous:
        expires_at = opened.signed_at + self.max_age
        return self.mapping.read(opened.session, _identity(opened), expires_at=expires_at, signed_at=opened.signed_at)


def _identity(opened: _Opened) -> str:
    """Tell one session from another: by its content and the time of signing.

    A permanent session is signed anew with each response, so there the time says nothing.
    """
    lasting = dump_json({name: value for name, value in opened.session.items() if name not in _VOLATILE})
    if opened.session.get("_permanent"):
        return fingerprint(lasting)
    return fingerprint(lasting, b"%d" % opened.signed_at)


def _load(payload: bytes) -> Mapping[str, object]:
    session = load_json(unpack(payload))
    if not isinstance(session, dict):
        raise UnreadableSession
    try:
        return {name: _untag(value) for name, value in session.items()}
    except RecursionError as error:
        raise UnreadableSession from error


def _untag(value: object) -> object:
    """Undo Flask's tags as far as JSON goes: what no JSON value stands for stays as it was written."""
    if isinstance(value, list):
        return [_untag(item) for item in value]
    if not isinstance(value, dict):
        return value
    members = {name: _untag(member) for name, member in value.items()}
    if len(members) != 1:
        return members
    ((tag, content),) = members.items()
    if tag == " u" and isinstance(content, str):
        return _dashed(content)
    if tag == " di" and isinstance(content, dict):
        return {name.removesuffix("__"): member for name, member in content.items()}
    return content if tag in {" t", " b", " m", " d"} else members


def _dashed(hexadecimal: str) -> str:
    try:
        return str(UUID(hexadecimal))
    except ValueError:
        return hexadecimal
