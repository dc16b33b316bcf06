"""The words of the house: what one stage hands to the next.

A request becomes a `RequestHead`; a credential is shown (`BearerToken`, `TokenCookie`, `SessionCookie`,
`ForeignAuthorization`); proof of it is a `VerifiedToken` or a `LegacySession`; who that is, is an `Identity`; and only
a `Permit` lets a request through to the application.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from gateway.headers import Pairs
from gateway.remote_token import RemoteToken


class Phase(StrEnum):
    """Where the migration stands; the order of the members is the order of the journey."""

    OFF = "off"
    HANDBACK = "handback"
    SHADOW = "shadow"
    PARALLEL = "parallel"
    PREFER_TOKENS = "prefer_tokens"
    BROWNOUT = "brownout"
    TOKENS_ONLY = "tokens_only"


class Credential(StrEnum):
    """What carried a request: the value of `X-Auth-Credential` and of the metric label."""

    NONE = "none"
    BEARER = "bearer"
    TOKEN_COOKIE = "token_cookie"  # noqa: S105 - a label, not a secret
    SESSION = "session"
    FOREIGN = "foreign"


@dataclass(slots=True)
class RequestHead:
    """A request whose framing was checked, its header fields sorted in one pass.

    `fields` holds what may travel on, in order and as sent: without hop-by-hop fields (RFC 9110 section 7.6.1),
    without identity headers, and without those that have an attribute here or stand in `transport`.
    Not frozen, because one is made for every request; nobody changes it after `http1.head` has built it.
    """

    method: bytes
    target: bytes
    """Origin-form, byte for byte as sent but for a ticket: `/path?query`; or `*` for OPTIONS."""
    minor: int
    """HTTP/1.minor."""
    fields: Pairs
    host: bytes
    authorization: bytes | None = None
    cookie: bytes | None = None
    length: int | None = None
    """Content-Length in bytes; None without one."""
    chunked: bool = False
    keep_alive: bool = True
    websocket: bool = False
    """A valid WebSocket handshake (RFC 6455 section 4.2.1); any other upgrade was stripped."""
    expects_continue: bool = False
    origin: bytes | None = None
    asks: bytes | None = None
    """The value of `X-Crossfade`: set by clients that mean us and not the application."""
    transport: Pairs = field(default_factory=list)
    """`X-Forwarded-*`, `Forwarded` and `X-Real-IP` as the peer sent them."""
    request_id: bytes | None = None
    """`X-Request-ID` as the peer sent it, when well-formed."""
    ticket: bytes | None = field(default=None, repr=False)
    """A ticket that stood in the target, and does not any more; not yet looked at."""
    lines: bytes | None = field(default=None, compare=False, repr=False)
    """The same as `fields`, joined as `name: value CRLF` …, where whoever read them has joined them already."""

    path: bytes = field(init=False, compare=False, repr=False)  # the target without its query, raw

    def __post_init__(self) -> None:
        self.path = self.target.partition(b"?")[0]

    def find(self, name: bytes) -> bytes | None:
        """Return the first value in `fields` of the field `name` (lower case), or None."""
        for key, value in self.fields:
            if key.lower() == name:
                return value
        return None

    @property
    def has_body(self) -> bool:
        """Whether body bytes follow the head."""
        return self.chunked or bool(self.length)


@dataclass(frozen=True, slots=True)
class Peer:
    """Who is at the other end of the connection, fixed for its whole life.

    `address` is the peer's own; `trusted` says that it stands in `trusted_proxies`, so that its transport headers
    count; `scheme` is http or https as the peer connected.
    """

    address: str
    trusted: bool = False
    scheme: str = "http"


# --- credentials as they are shown ---


@dataclass(frozen=True, slots=True)
class BearerToken:
    """`Authorization: Bearer`, or `DPoP`, with a token that claims our issuer. It decides alone."""

    text: bytes


@dataclass(frozen=True, slots=True)
class RemoteBearer:
    """`Authorization: Bearer` that claims an issuer besides us whom we trust too. It decides alone."""

    text: bytes
    issuer: str


@dataclass(frozen=True, slots=True)
class TokenCookie:
    """Our access-token cookie, with the session cookies that travel beside it (name, value as sent)."""

    text: bytes
    beside: "SessionCookie | None" = None


@dataclass(frozen=True, slots=True)
class SessionCookie:
    """The cookies of one configured session, picked as the framework itself would pick among duplicates.

    `site` is the name of the entry in `sessions`. `cookies` maps name to value, as sent.
    """

    site: str
    cookies: tuple[tuple[bytes, bytes], ...]
    duplicated: bool = False


@dataclass(frozen=True, slots=True)
class ForeignAuthorization:
    """An `Authorization` that is not ours: another scheme, opaque, or of another issuer."""

    value: bytes
    beside: SessionCookie | None = None


# --- what was proved ---


@dataclass(frozen=True, slots=True)
class VerifiedToken:
    """An access token of ours whose signature and claims were checked (RFC 9068). Times in seconds since 1970."""

    subject: str
    session_id: str
    """The claim `sid`: the id of the token family."""
    token_id: str
    """The claim `jti`."""
    client_id: str
    sequence: int
    """The claim `seq`: refused when smaller than an epoch of its subject or of everything."""
    issued_at: float
    not_before: float
    expires_at: float
    claims: Mapping[str, object]
    bound_key: str = ""
    """The thumbprint of the key that must be proved with each use (RFC 9449 section 6.1); empty where none must."""
    names: tuple[str, str] = field(init=False, repr=False, compare=False)
    """What revokes it alone, and its family: kind and name in one string, which is made and hashed once."""

    def __post_init__(self) -> None:
        names = RevocationKind.TOKEN + self.token_id, RevocationKind.FAMILY + self.session_id
        object.__setattr__(self, "names", names)


@dataclass(frozen=True, slots=True)
class LegacySession:
    """A legacy session that resolved to a user.

    `key` is the decoded, stable identity of the session (a session id, or a fingerprint where the cookie is the
    session); it is a secret and never logged. `expires_at` is None where the end is not known. `is_bound` says that
    a binding check was made (password hash, whoami), so that the application would accept it too. `signed_at` is set
    where the cookie is the session: a logout seen later than this is a logout of it, an earlier one is of a login
    before. `bound_to` is what ties it to the user's password, `csrf` the secret of its forms; empty where nothing is.
    """

    site: str
    key: str
    subject: str
    claims: Mapping[str, object] = field(default_factory=dict)
    expires_at: float | None = None
    is_bound: bool = False
    signed_at: float | None = None
    bound_to: str = field(default="", repr=False, compare=False)
    csrf: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True)
class Anonymous:
    """No user: the cookie is absent, expired, signed by nobody we know, or its session holds no user."""

    reason: str
    """One of: absent, expired, bad_signature, no_user, gone, not_bound."""
    is_hearsay: bool = False
    """The application said so when it was asked; nothing that we read does. It may say so to everybody for a while."""


@dataclass(frozen=True, slots=True)
class Undetermined:
    """Nobody can say: unreadable or unreachable. Never treated as anonymous."""

    reason: str
    """One of: unreadable, unreachable, timeout, stale_codec, suspended."""


Verdict = LegacySession | Anonymous | Undetermined


@dataclass(frozen=True, slots=True)
class Identity:
    """Who a request is made for, as the application is told."""

    subject: str
    credential: Credential
    session_id: str = ""
    scope: str = ""
    roles: tuple[str, ...] = ()
    claims: Mapping[str, object] = field(default_factory=dict)


class RevocationKind(StrEnum):
    """What a revocation names."""

    TOKEN = "jti"  # noqa: S105 - a key prefix, not a secret
    FAMILY = "sid"
    SUBJECT = "sub"
    EVERYTHING = "all"


@dataclass(slots=True)
class Revocation:
    """One entry of the blacklist. `name` is the jti, sid or subject (empty for everything).

    `expires_at` is when no token that it could concern is alive any more, in seconds since 1970.
    `sequence` is its number in the one sequence of revocations: the epoch that it sets.
    Not frozen, because a million may be made at a start; nobody changes it after the log has read it.
    """

    kind: RevocationKind
    name: str
    expires_at: float
    reason: str
    sequence: int = 0


@dataclass(frozen=True, slots=True)
class Standing:
    """What the blacklist says of one token: named directly, by family, and the two epochs."""

    token_revoked: bool = False
    family_revoked: bool = False
    subject_epoch: int = 0
    global_epoch: int = 0


CLEAR = Standing()
"""Nothing is known of the token: one object for that, so that the rule is told at a glance."""


@dataclass(slots=True)
class Permit:
    """The only thing the upstream accepts: what was decided, and what to strip and to add.

    Built by `core.translate` alone, at the last line of `flow.request`. Not frozen, which would make it four times as
    dear; nobody changes it.
    """

    upstream: str
    route: str
    """The template of the rule that matched, for metrics."""
    credential: Credential = Credential.NONE
    identity: Identity | None = None
    add: tuple[tuple[bytes, bytes], ...] = ()
    """Header fields set towards the application after everything else was stripped."""
    lines: bytes = b""
    """The same as `add`, joined as `name: value CRLF` …; the wire writes these, the ASGI shell uses `add`."""
    cookie: bytes | None = None
    """The Cookie header to send; None sends none."""
    authorization: bytes | None = None
    """The Authorization header to send; None sends none."""
    without: frozenset[bytes] = frozenset()
    """Names (lower case) of client fields that do not travel on with this request."""
    answer: tuple[tuple[bytes, bytes], ...] = ()
    """Header fields added to the response: cookies of ours set or deleted, CORS."""
    is_private: bool = False
    """The response depends on a credential: shared caches must not keep it."""
    is_transparent: bool = False
    """Tokens are off: nothing is said about the response either."""
    is_stranger: bool = False
    """The application is known to see no user's session: none was sent, or what was sent was read to hold no user."""
    token: VerifiedToken | None = None
    remote: RemoteToken | None = None
    session: LegacySession | None = None
    shown: SessionCookie | None = None
    """The session cookies that the client itself showed, whether or not they resolved."""
    vaulted: "VaultedSession | None" = None
    """The vaulted session whose cookies were attached."""


@dataclass(frozen=True, slots=True)
class Visit:
    """A request for one of our own addresses on the data port; the shells hand it to our own endpoints."""

    endpoint: str


@dataclass(frozen=True, slots=True)
class VaultedSession:
    """The user's own cookies as the vault keeps them for a family; each write compares the `version`, and raises it."""

    session_id: str
    subject: str
    site: str
    cookies: tuple[tuple[bytes, bytes], ...]
    session_key: str
    version: int = 0
    expires_at: float | None = None
    bound_to: str = field(default="", repr=False)
    """What tied it to the user's password when it was captured."""
    as_shown: SessionCookie = field(init=False, repr=False, compare=False)  # as if the client had shown them

    def __post_init__(self) -> None:
        object.__setattr__(self, "as_shown", SessionCookie(self.site, self.cookies))


@dataclass(frozen=True, slots=True)
class Answer:
    """A complete response of our own: an error, a redirect, a preflight."""

    status: int
    fields: tuple[tuple[bytes, bytes], ...]
    body: bytes = b""
