"""Express: new sessions of express-session and of cookie-session.

https://github.com/expressjs/session, https://github.com/expressjs/cookie-session
"""

import base64
import hmac
from dataclasses import dataclass, field
from datetime import UTC, datetime, tzinfo
from urllib.parse import quote

from gateway.codec import Entry, Lookup, Query
from gateway.formats.minting import Draft, Minting, NewEntry, NewRow, Template
from gateway.formats.written import key_of, plain_json


@dataclass(frozen=True, slots=True)
class ExpressRecordMint:
    """express-session: JSON that connect-redis keeps under `prefix`, or with `table` connect-pg-simple in a row.

    `zone` is that of the application's connections, in which connect-pg-simple writes dates.
    """

    template: Template
    secret: bytes = field(repr=False)
    cookie: bytes
    prefix: str
    table: str
    zone: tzinfo = UTC

    def find(self, key: str) -> Query | None:
        """See `SessionMint`."""
        return Lookup(self.table, "sid", key, ()) if self.table else Entry(self.prefix, key)

    def mint(self, draft: Draft) -> Minting:
        """See `SessionMint`. A record without `cookie` would make express-session fail with a 500."""
        key = key_of(draft.entropy, mixed=True)
        ends = datetime.fromtimestamp(draft.expires_at, UTC)
        cookie = {
            "originalMaxAge": draft.life * 1000,
            "expires": ends.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
            "httpOnly": True,
            "path": "/",
        }
        record = {"cookie": cookie, **self.template.fill(draft)}
        if self.table:
            columns = {"sid": key, "sess": record, "expire": ends.astimezone(self.zone)}
            yield NewRow(self.table, "sid", columns)
        else:
            yield NewEntry(self.prefix, key, plain_json(record), draft.life)
        mac = base64.b64encode(hmac.digest(self.secret, key.encode(), "sha256")).rstrip(b"=").decode()
        return ((self.cookie, quote(f"s:{key}.{mac}", safe="").encode()),)


@dataclass(frozen=True, slots=True)
class ExpressCookieMint:
    """cookie-session: base64 of JSON, and a cookie beside it with the signature."""

    template: Template
    secret: bytes = field(repr=False)
    cookie: bytes

    def find(self, key: str) -> Query | None:
        """See `SessionMint`."""
        return None

    def mint(self, draft: Draft) -> Minting:
        """See `SessionMint`."""
        yield from ()
        value = base64.b64encode(plain_json(self.template.fill(draft)))
        mac = hmac.digest(self.secret, self.cookie + b"=" + value, "sha1")
        signature = base64.urlsafe_b64encode(mac).rstrip(b"=")
        return ((self.cookie, value), (self.cookie + b".sig", signature))
