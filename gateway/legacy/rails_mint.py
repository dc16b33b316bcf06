"""Rails: new sessions in its encrypted cookie, and new rows of what `rails generate authentication` makes (Rails 8).

https://guides.rubyonrails.org/security.html#session-storage
"""

from dataclasses import dataclass, field
from datetime import UTC, datetime
from urllib.parse import quote

from gateway.codec import Lookup, Query
from gateway.formats.minting import Draft, Minting, NewRow, Template
from gateway.formats.rails import RailsKeys, encrypted, envelope, signed
from gateway.formats.written import plain_json


@dataclass(frozen=True, slots=True)
class RailsAuthenticationMint:
    """A row of `table` with the user and whatever else the template says; the cookie is its number, signed."""

    template: Template
    keys: RailsKeys = field(repr=False)
    cookie: bytes
    table: str

    def find(self, key: str) -> Query | None:
        """See `SessionMint`."""
        return Lookup(self.table, "id", key, ())

    def mint(self, draft: Draft) -> Minting:
        """See `SessionMint`."""
        now = datetime.fromtimestamp(draft.now, UTC)
        key = yield NewRow(self.table, "id", {"created_at": now, "updated_at": now, **self.template.fill(draft)})
        text = envelope(str(key).encode(), self.cookie.decode(), draft.expires_at)
        return ((self.cookie, quote(signed(text, self.keys), safe="").encode()),)


@dataclass(frozen=True, slots=True)
class RailsCookieMint:
    """The cookie store with `cookies_serializer` JSON, which reads no Marshal then: AES-256-GCM, as since Rails 5.2."""

    template: Template
    keys: RailsKeys = field(repr=False)
    cookie: bytes

    def find(self, key: str) -> Query | None:
        """See `SessionMint`."""
        return None

    def mint(self, draft: Draft) -> Minting:
        """See `SessionMint`."""
        yield from ()
        content = plain_json({"session_id": draft.entropy(16).hex(), **self.template.fill(draft)})
        text = envelope(content, self.cookie.decode(), draft.expires_at)
        return ((self.cookie, quote(encrypted(text, self.keys, draft.entropy), safe="").encode()),)
