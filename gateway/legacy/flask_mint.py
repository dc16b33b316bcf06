"""Flask and Starlette: new sessions in signed cookies, and those of Flask-Session.

https://flask.palletsprojects.com/en/stable/api/#sessions, https://www.starlette.io/middleware/#sessionmiddleware
"""

import base64
import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime

from itsdangerous import Signer

from gateway.codec import Entry, Lookup, Query
from gateway.formats.minting import Draft, Minting, NewEntry, NewRow, Template
from gateway.formats.signed_at import SignedAt
from gateway.formats.written import packed, plain_json, token_of

_TAGS = frozenset({" di", " t", " b", " m", " u", " d"})
"""What Flask takes an object with this one member for (`flask.json.tag`): ` m` is markup that no page escapes."""


@dataclass(frozen=True, slots=True)
class FlaskCookieMint:
    """Flask's secure cookie. What needs a tag of Flask's (tuples, dates) is never in it: a template is plain JSON.

    A claim may hold an object that looks like a tag; it is written as Flask writes one, so that it stays an object.
    """

    template: Template
    secret: bytes = field(repr=False)
    cookie: bytes
    salt: bytes

    def find(self, key: str) -> Query | None:
        """See `SessionMint`."""
        return None

    def mint(self, draft: Draft) -> Minting:
        """See `SessionMint`."""
        yield from ()
        content = {name: _untagged(value) for name, value in self.template.fill(draft).items()}
        signer = SignedAt(self.secret, self.salt, at=draft.now, key_derivation="hmac")
        return ((self.cookie, signer.sign(packed(plain_json(content)))),)


def _untagged(value: object) -> object:
    if isinstance(value, (list, tuple)):
        return [_untagged(member) for member in value]
    if not isinstance(value, Mapping):
        return value
    members = {name: _untagged(member) for name, member in value.items()}
    if len(members) == 1 and _TAGS.issuperset(members):
        return {" di": {f"{name}__": member for name, member in members.items()}}
    return members


@dataclass(frozen=True, slots=True)
class StarletteCookieMint:
    """The cookie of SessionMiddleware."""

    template: Template
    secret: bytes = field(repr=False)
    cookie: bytes

    def find(self, key: str) -> Query | None:
        """See `SessionMint`."""
        return None

    def mint(self, draft: Draft) -> Minting:
        """See `SessionMint`."""
        yield from ()
        payload = base64.b64encode(plain_json(self.template.fill(draft)))
        return ((self.cookie, SignedAt(self.secret, "itsdangerous.Signer", at=draft.now).sign(payload)),)


@dataclass(frozen=True, slots=True)
class FlaskSessionMint:
    """Flask-Session: a record as `dumps` writes it, in Redis under `prefix`, or with `table` in a row.

    `secret` signs the cookie where SESSION_USE_SIGNER is on, and is empty where it is not.
    """

    template: Template
    secret: bytes = field(repr=False)
    cookie: bytes
    prefix: str
    table: str
    dumps: Callable[[dict[str, object]], bytes]

    def find(self, key: str) -> Query | None:
        """See `SessionMint`."""
        return Lookup(self.table, "session_id", self.prefix + key, ()) if self.table else Entry(self.prefix, key)

    def mint(self, draft: Draft) -> Minting:
        """See `SessionMint`."""
        key, data = token_of(draft.entropy), self.dumps(self.template.fill(draft))
        if self.table:
            ends = datetime.fromtimestamp(draft.expires_at, UTC)
            yield NewRow(self.table, "session_id", {"session_id": self.prefix + key, "data": data, "expiry": ends})
        else:
            yield NewEntry(self.prefix, key, data, draft.life)
        return ((self.cookie, self._shown(key.encode())),)

    def _shown(self, key: bytes) -> bytes:
        if not self.secret:
            return key
        return Signer(self.secret, "flask-session", key_derivation="hmac", digest_method=hashlib.sha1).sign(key)
