"""The tokens that are issued and the clients that get them."""

from typing import Annotated, Literal

from pydantic import Field

from gateway.settings.schema.section import Section
from gateway.settings.values import Count, Digest, Duration, DurationOrZero, Flag, Name, Text

Algorithm = Literal["RS256", "PS256", "ES256", "EdDSA"]
Grant = Literal["token_exchange", "refresh_token", "password"]
_GRANTS: tuple[Grant, ...] = ("token_exchange", "refresh_token")


class Tokens(Section):
    """Access and refresh tokens."""

    issuer: Text | None = None
    """The claim `iss`; without it, the public URL."""
    audience: Text = "app"
    """The claim `aud` of tokens that the gateway accepts."""
    algorithm: Algorithm = "RS256"
    """How new tokens are signed. It is never taken from a token."""
    access: Duration = 3600.0
    """How long an access token lives."""
    refresh: Duration = 7 * 86400.0
    """How long a user can go on refreshing before a new exchange."""
    idle: Duration | None = None
    """How long a refresh token may lie unused; without it, as long as `refresh`."""
    leeway: DurationOrZero = 30.0
    """How far clocks may differ."""
    grace: DurationOrZero = 30.0
    """How long a spent refresh token still yields its one successor, for retries and parallel tabs. A new one is not
    rotated for as long, and for half of `access` where it lies in a browser's cookie, since each page that is loaded
    asks for an access token; with 0, each use rotates."""
    families: Count = 20
    """How many sets of tokens one session may have at a time."""
    trust_store_alone: Flag = False
    """Exchanges sessions whose binding (password hash, whoami) cannot be checked: a session that the application would
    refuse after a change of password then still yields tokens."""


class Dpop(Section):
    """Tokens that are bound to a key of the client, so that a stolen one is of no use (RFC 9449)."""

    enabled: Flag = False
    """Accepts proofs: whoever asks for tokens with one gets tokens that count only with another proof of its key."""
    max_age: Duration = 60.0
    """How old a proof may be; each counts once within that time."""
    nonce: Flag = False
    """Asks for a nonce of ours in each proof, against proofs made in advance; a new one is given every five minutes."""


class Client(Section):
    """Somebody who gets tokens."""

    id: Name
    """The claim `client_id`."""
    delivery: Literal["cookie", "body"] = "cookie"
    """Where the refresh token goes: into an HttpOnly cookie, or into the answer's body (never for a browser)."""
    grants: Annotated[tuple[Grant, ...], Field(max_length=3)] = _GRANTS
    """What the client may ask for; none for a resource server that only introspects. `password` needs a session with a
    `login`."""
    audiences: tuple[Text, ...] = ()
    """The resource servers that it speaks for: it may introspect tokens meant for one of them."""
    dpop: Literal["optional", "required"] = "optional"
    """Whether it may ask for tokens without a proof of possession, where `dpop` is enabled."""
    secret_hash: Digest | None = None
    """SHA-256 of the client's generated secret, in hexadecimal, for a client that can keep one."""
