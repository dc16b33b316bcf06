"""How a legacy session is read: what a codec is, what it may ask a place for, and what all codecs share.

A codec knows one framework's *format* and nothing of where records lie; a place fetches records and knows no format.
Between them goes a `Lookup` one way and a row the other, so that a codec stays a pure function over bytes and a time.
"""

import base64
import hashlib
import json
import re
import zlib
from collections.abc import Generator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, tzinfo
from enum import Enum
from typing import Protocol

import orjson

from gateway.errors import ConfigurationError
from gateway.model import Anonymous, LegacySession, SessionCookie, Verdict

MAX_TEXT = 256 * 1024
"""Bytes of a session that are read, before and after decompression; what is larger is undetermined."""
MAX_SUBJECT = 255
"""Characters of a user id, as many as a header of ours carries."""
MAX_CLAIMS = 2 * 1024
"""Bytes of all mapped claims as JSON; they travel in each token."""
MAX_CSRF = 512
"""Characters of the secret that protects a session's forms; a longer one is none that we know of."""

REGISTERED_CLAIMS = frozenset(
    {"iss", "sub", "aud", "exp", "nbf", "iat", "jti", "client_id", "act", "may_act", "cnf", "sid", "seq", "typ"}
)
"""Claims with a meaning of their own (RFC 7519, 7800, 8693, 9068, and ours); a session never says them."""

_SURROGATE = re.compile("[\ud800-\udfff]")
_STANDARD = bytes.maketrans(b"-_", b"+/")
_INDEX = re.compile(r"[0-9]{1,6}\Z")
_MOST_DIGITS = 64
_UNFOLDED = 10
"""How many times its length compressed data may have."""
_SMALL = 64 * 1024
"""Bytes to which it may unfold in any case: a cookie of repeated words is packed more tightly."""
_LONGEST = 1e15  # seconds or milliseconds, beyond every date


class Opaque(Enum):
    """What a serialization holds and JSON has no value for, such as an object of the application's own class."""

    OPAQUE = "opaque"


OPAQUE = Opaque.OPAQUE
"""It is never a user and never a claim: who has to read it cannot say."""

Cookies = Mapping[bytes, bytes]
"""The cookies of one configured session, name to value as sent."""
Row = tuple[object, ...]
"""The columns of a `Lookup`, in its order, as the place keeps them."""
Secrets = tuple[bytes, ...]
"""The application's signing secrets, the one in use first. Whoever holds one can forge any user: never logged."""


class UnreadableSession(Exception):
    """The format is not what was configured, although nothing says that it is forged: undetermined, never anonymous."""


@dataclass(frozen=True, slots=True)
class Lookup:
    """A request for one row: `columns` of the row in `table` whose column `key` equals `value`."""

    table: str
    key: str
    value: str = field(repr=False)
    columns: tuple[str, ...]

    def say(self, *, is_found: bool) -> str:
        """Say in one sentence whether it was found."""
        return f"`{self.table}` has {'a' if is_found else 'no'} row for it, looked up by `{self.key}`."


@dataclass(frozen=True, slots=True)
class Entry:
    """A request for what is kept under one name, `prefix` and `name` together: a value of Redis, or a file.

    Its row is the content, and for a file also the time of its last change. With `fields` it is a hash of Redis, and
    its row the values of these fields. `name` is the session's, and so a secret; `prefix` is not.
    """

    prefix: str
    name: str = field(repr=False)
    fields: tuple[str, ...] = ()

    def say(self, *, is_found: bool) -> str:
        """Say in one sentence whether it was found."""
        return f"There is {'an' if is_found else 'no'} entry for it, under a name that begins with `{self.prefix}`."


Query = Lookup | Entry
"""What a place may be asked for."""
Reading = Generator[Query, Row | None, Verdict]
"""Yields what it needs, is sent the row or None where there is none, returns the verdict."""


class SessionCodec(Protocol):
    """The format of one framework's sessions."""

    @property
    def description(self) -> str:
        """How this codec finds a user, as one sentence without secrets."""
        ...

    def locate(self, cookies: Cookies) -> str:
        """Name what would have to be fetched: equal names mean equal verdicts. Empty when nothing is fetched."""
        ...

    def read(self, cookies: Cookies, now: float) -> Reading:
        """Say whose session the cookies are. `now` is in seconds since 1970.

        Raises:
            UnreadableSession: while it runs, when a value is not of the configured format.
        """
        ...


@dataclass(frozen=True, slots=True)
class UserMapping:
    """Where in a session the user stands, and which claims it lends to tokens.

    `site` is the name of the entry in `sessions`. `user` and the values of `claims` are dotted paths (`profile.roles`,
    `items.0`) into the session; the keys of `claims` are claim names. `csrf` is the path to what protects its forms.

    Raises:
        ConfigurationError: a claim is registered, so that a session may not say it.
    """

    site: str
    user: str
    claims: Mapping[str, str] = field(default_factory=dict)
    csrf: str = ""

    def __post_init__(self) -> None:
        registered = sorted(REGISTERED_CLAIMS.intersection(self.claims))
        if registered:
            raise ConfigurationError(f"sessions.{self.site}: the claim `{registered[0]}` cannot be mapped.")

    def read(
        self, session: object, key: str, *, expires_at: float | None = None, signed_at: float | None = None
    ) -> LegacySession | Anonymous:
        """Make the verdict of a decoded session.

        Raises:
            UnreadableSession: it is not an object, the user is neither text nor a number, or something is too large.
        """
        if not isinstance(session, Mapping):
            raise UnreadableSession
        subject = as_subject(find_path(session, self.user))
        if not subject:
            return Anonymous("no_user")
        claims = self.find_claims(session)
        csrf = find_path(session, self.csrf) if self.csrf else ""
        csrf = csrf if isinstance(csrf, str) and len(csrf) <= MAX_CSRF else ""
        return LegacySession(self.site, key, subject, claims, expires_at, signed_at=signed_at, csrf=csrf)

    def find_claims(self, document: object) -> Mapping[str, object]:
        """Return the mapped claims that a document has.

        Raises:
            UnreadableSession: together they are larger than `MAX_CLAIMS`, or a token could not carry them.
        """
        found = {name: find_path(document, path) for name, path in self.claims.items()}
        claims = {name: value for name, value in found.items() if value is not None}
        try:
            size = len(orjson.dumps(claims))
        except (
            orjson.JSONEncodeError
        ) as error:  # opaque, too deep, or a number or text outside of what JSON can tell everybody
            raise UnreadableSession from error
        if size > MAX_CLAIMS:
            raise UnreadableSession
        return claims


def as_subject(value: object) -> str:
    """Return a user id as text; empty for None, for false and for empty text.

    Raises:
        UnreadableSession: it is something else, longer than `MAX_SUBJECT`, or not Unicode.
    """
    if value is None or value is False:
        return ""
    if isinstance(value, int) and not isinstance(value, bool) and abs(value) < 10**_MOST_DIGITS:
        return str(value)
    text = value
    if not isinstance(text, str) or len(text) > MAX_SUBJECT or _SURROGATE.search(text):
        raise UnreadableSession
    return text


def find_path(document: object, path: str) -> object | None:
    """Follow a dotted path through objects and arrays; None where it leads nowhere.

    A name may hold dots itself (`warden.user.user.key`): where there is no member of the first step's name, the step
    takes in the next one. What is opaque stays so, wherever in it the path leads.
    """
    steps = path.split(".")
    at = 0
    while at < len(steps):
        if document is OPAQUE:
            return document
        if isinstance(document, Mapping):
            names = (".".join(steps[at:end]) for end in range(at + 1, len(steps) + 1))
            name = next((name for name in names if name in document), None)
            if name is None:
                return None
            document, at = document[name], at + name.count(".") + 1
        elif isinstance(document, list) and _INDEX.match(steps[at]) and int(steps[at]) < len(document):
            document, at = document[int(steps[at])], at + 1
        else:
            return None
    return document


def read_date(date: object, zone: tzinfo = UTC) -> float:
    """Read a date as databases return it, or as ISO 8601, in seconds since 1970. `zone` is for those without one.

    Raises:
        UnreadableSession: it is not a date.
    """
    try:
        moment = datetime.fromisoformat(date) if isinstance(date, str) else date
        if isinstance(moment, datetime):
            return (moment if moment.tzinfo else moment.replace(tzinfo=zone)).timestamp()
    except (ValueError, OverflowError) as error:
        raise UnreadableSession from error
    raise UnreadableSession


def as_seconds(value: object) -> float:
    """Return a number from a session as one that times can be counted with.

    Raises:
        UnreadableSession: it is no number, or so large that no calendar has a time for it.
    """
    if not isinstance(value, (int, float)) or not abs(value) < _LONGEST:  # what is not a number is not less either
        raise UnreadableSession
    return float(value)


def load_json(text: bytes | str) -> object:
    """Parse JSON of a bounded size.

    Raises:
        UnreadableSession: it is too large, too deep, or not JSON.
    """
    if len(text) > MAX_TEXT:
        raise UnreadableSession
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as error:
        raise UnreadableSession from error


def dump_json(value: object) -> bytes:
    """Write what `load_json` returned, the same bytes for the same value.

    Raises:
        UnreadableSession: it is too deep.
    """
    try:
        return json.dumps(value, sort_keys=True, separators=(",", ":")).encode()
    except RecursionError as error:
        raise UnreadableSession from error


def decode_base64(text: bytes) -> bytes:
    """Decode base64 of either alphabet, padded or not.

    Raises:
        UnreadableSession: it is something else.
    """
    try:
        return base64.b64decode(
            text.rstrip(b"=").translate(_STANDARD) + b"=" * (-len(text.rstrip(b"=")) % 4), validate=True
        )
    except ValueError as error:
        raise UnreadableSession from error


def unpack(payload: bytes) -> bytes:
    """Undo the packing of Django's and Flask's signed payloads: base64url, of zlib data after a leading dot.

    Raises:
        UnreadableSession: it is not packed like that, or too large.
    """
    compressed = payload.startswith(b".")
    try:
        data = base64.urlsafe_b64decode(payload[compressed:] + b"==")
    except ValueError as error:
        raise UnreadableSession from error
    return inflate(data) if compressed else data


def inflate(data: bytes) -> bytes:
    """Decompress zlib data. Only ever called on what carries a good signature, or lies in the application's own cache.

    It may unfold to ten times its length and no more, if that is more than `_SMALL`; and never to more than `MAX_TEXT`.

    Raises:
        UnreadableSession: it is larger, incomplete, or not zlib.
    """
    stream = zlib.decompressobj()
    try:
        text = stream.decompress(data, min(MAX_TEXT, max(_SMALL, _UNFOLDED * len(data))))
    except zlib.error as error:
        raise UnreadableSession from error
    if not stream.eof:
        raise UnreadableSession
    return text


def unquote_cookie(value: bytes) -> bytes:
    r"""Undo the quotes and `\ooo` escapes that Python frameworks write around values with special characters."""
    if len(value) < 2 or value[:1] != b'"' or value[-1:] != b'"':
        return value
    return re.sub(rb"\\([0-3][0-7]{2}|.)", _unescape, value[1:-1], flags=re.DOTALL)


def _unescape(match: re.Match[bytes]) -> bytes:
    escaped = match[1]
    return bytes([int(escaped, 8)]) if len(escaped) == 3 else escaped


def fingerprint(*parts: bytes) -> str:
    """Return SHA-256 (hex) over the parts, unambiguous about where one ends: the identity of what has no id."""
    digest = hashlib.sha256()
    for part in parts:
        digest.update(len(part).to_bytes(8, "big") + part)
    return digest.hexdigest()


def fingerprint_of(shown: SessionCookie) -> str:
    """Return the fingerprint of all cookies of a session, whatever their order."""
    return fingerprint(*(part for pair in sorted(shown.cookies) for part in pair))
