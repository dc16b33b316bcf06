"""Laravel: new sessions of its drivers `database` and `redis`. https://laravel.com/docs/12.x/session ."""

import base64
import hmac
from dataclasses import dataclass, field
from urllib.parse import quote

from gateway.codec import Entry, Lookup, Query
from gateway.formats.laravel import encrypted
from gateway.formats.minting import Draft, Minting, NewEntry, NewRow, Template
from gateway.formats.php import serialize
from gateway.formats.written import key_of

_ID = 40  # letters and digits of a session id


@dataclass(frozen=True, slots=True)
class LaravelMint:
    """A row of `table`, or without it an entry under `prefix`, which is serialized twice. `key` is APP_KEY decoded.

    The cookie is encrypted in CBC with a MAC, which is Laravel's default and what its Encrypter expects then. A row
    says when it was touched and not when it ends: the application's own lifetime counts there.
    """

    template: Template
    key: bytes = field(repr=False)
    cookie: bytes
    table: str
    prefix: str

    def find(self, key: str) -> Query | None:
        """See `SessionMint`."""
        return Lookup(self.table, "id", key, ()) if self.table else Entry(self.prefix, key)

    def mint(self, draft: Draft) -> Minting:
        """See `SessionMint`."""
        name = key_of(draft.entropy, _ID, mixed=True)
        content = serialize(self.template.fill(draft))
        if self.table:
            payload = base64.b64encode(content).decode()
            columns = {"id": name, "user_id": draft.subject, "payload": payload, "last_activity": int(draft.now)}
            yield NewRow(self.table, "id", columns)
        else:
            yield NewEntry(self.prefix, name, serialize(content.decode("utf-8", "surrogateescape")), draft.life)
        mark = hmac.digest(self.key, self.cookie + b"v2", "sha1").hex()
        text = encrypted(f"{mark}|{name}".encode(), self.key, draft.entropy)
        return ((self.cookie, quote(text, safe="").encode()),)
