"""Other issuers whose access tokens are believed."""

from typing import Annotated, Literal

from pydantic import Field

from gateway.settings.addresses import Url
from gateway.settings.schema.section import Section
from gateway.settings.schema.tokens import Algorithm
from gateway.settings.values import Duration, File, Flag, Name, Text


class Issuer(Section):
    """Somebody else whose access tokens are believed, each under its own keys alone."""

    alias: Name
    """What stands before all its subjects: `alias|sub`. No user of yours may have a name that begins so."""
    issuer: Text
    """The claim `iss` of its tokens, letter by letter."""
    jwks_url: Url
    """Where its public keys are (RFC 7517)."""
    ca: File | None = None
    """Certificates to believe there instead of those of the system."""
    audience: Text
    """The claim `aud` of tokens that are meant for this site."""
    algorithms: Annotated[tuple[Algorithm, ...], Field(min_length=1, max_length=4)] = ("RS256",)
    """How it signs; it is never taken from a token."""
    token_type: Literal["at+jwt", "jwt"] = "at+jwt"  # noqa: S105 - a media type
    """`at+jwt`: only tokens that are marked as access tokens (RFC 9068). `jwt`: also those that are not, which lets its
    ID tokens in where they have the same audience."""
    roles_claim: Text | None = None
    """The claim whose list of strings becomes the roles header; without it, its users have no roles here."""
    forward_token: Flag = False
    """Lets the token itself travel on to the application."""
    keep_keys: Duration = 86400.0
    """How long the last good keys count while it cannot be reached; then its tokens are 503."""
