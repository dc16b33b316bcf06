"""Django: new sessions as its backends write them. https://docs.djangoproject.com/en/5.2/topics/http/sessions/ ."""

import pickle
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, tzinfo

from gateway.codec import Entry, Lookup, Query, Secrets
from gateway.formats.django import SALT, Binding, password_hash, signed
from gateway.formats.minting import Draft, Minting, MintRefused, NewEntry, NewRow, Template
from gateway.formats.written import key_of, plain_json

COOKIE_SALT = b"django.contrib.sessions.backends.signed_cookies"
"""The name of the session store class of the backend `signed_cookies`."""


@dataclass(frozen=True, slots=True)
class DjangoContent:
    """What is in a session of Django.

    The user's row says what his password is. A session only follows another one that was tied to that same password:
    whoever changed it meant to end the sessions from before.
    """

    template: Template
    secrets: Secrets = field(repr=False)
    binding: Binding

    def fill(self, draft: Draft) -> dict[str, object]:
        """Return the content of a new session.

        Raises:
            MintRefused: the user may not sign in, or his password is not the one of the session before.
        """
        password = draft.row.get(self.binding.password)
        row = tuple(draft.row.get(name) for name in (self.binding.password, self.binding.active) if name)
        hashed = password_hash(password, self.secrets[0]) if isinstance(password, str) else ""
        if not self.binding.holds(row, hashed if draft.bound_to is None else draft.bound_to, self.secrets):
            raise MintRefused("the user may not sign in, or has another password by now")
        return self.template.fill(draft, password_hash=hashed)


@dataclass(frozen=True, slots=True)
class DjangoRowMint:
    """The backend `db`, and `cached_db`, which finds what is not in its cache there."""

    content: DjangoContent
    cookie: bytes
    table: str
    salt: bytes = SALT
    zone: tzinfo = UTC

    def find(self, key: str) -> Query | None:
        """See `SessionMint`."""
        return Lookup(self.table, "session_key", key, ())

    def mint(self, draft: Draft) -> Minting:
        """See `SessionMint`."""
        key = key_of(draft.entropy)
        data = signed(plain_json(self.content.fill(draft)), draft.now, self.content.secrets[0], self.salt)
        ends = datetime.fromtimestamp(draft.expires_at, self.zone)
        yield NewRow(
            self.table, "session_key", {"session_key": key, "session_data": data.decode(), "expire_date": ends}
        )
        return ((self.cookie, key.encode()),)


@dataclass(frozen=True, slots=True)
class DjangoEntryMint:
    """The backend `cache` on Redis: the session itself, as `dumps` writes it. Django pickles, django-redis need not."""

    content: DjangoContent
    cookie: bytes
    prefix: str
    dumps: Callable[[dict[str, object]], bytes] = pickle.dumps

    def find(self, key: str) -> Query | None:
        """See `SessionMint`."""
        return Entry(self.prefix, key)

    def mint(self, draft: Draft) -> Minting:
        """See `SessionMint`."""
        key = key_of(draft.entropy)
        yield NewEntry(self.prefix, key, self.dumps(self.content.fill(draft)), draft.life)
        return ((self.cookie, key.encode()),)


@dataclass(frozen=True, slots=True)
class DjangoCookieMint:
    """The backend `signed_cookies`: the cookie is the session."""

    content: DjangoContent
    cookie: bytes
    salt: bytes = COOKIE_SALT

    def find(self, key: str) -> Query | None:
        """See `SessionMint`."""
        return None

    def mint(self, draft: Draft) -> Minting:
        """See `SessionMint`."""
        yield from ()
        text = signed(plain_json(self.content.fill(draft)), draft.now, self.content.secrets[0], self.salt)
        return ((self.cookie, text),)
