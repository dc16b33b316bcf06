"""The clients that may ask for tokens, and how one proves to be itself (RFC 6749 section 2.3)."""

import base64
import binascii
import hashlib
import hmac
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Literal
from urllib.parse import unquote_to_bytes

from gateway.errors import ClientNotAllowed, InvalidClient, InvalidRequest


class GrantType(StrEnum):
    """What a token request can be based on."""

    TOKEN_EXCHANGE = "urn:ietf:params:oauth:grant-type:token-exchange"  # noqa: S105 - RFC 8693 section 2.1
    REFRESH_TOKEN = "refresh_token"  # noqa: S105 - RFC 6749 section 6
    PASSWORD = "password"  # noqa: S105 - RFC 6749 section 4.3


USUAL_GRANTS = frozenset({GrantType.TOKEN_EXCHANGE, GrantType.REFRESH_TOKEN})
"""What a client may do that lists nothing; passwords are asked for by name."""


@dataclass(frozen=True, slots=True)
class Client:
    """One entry of `clients`.

    `delivery` says how it gets its refresh tokens: in an HttpOnly cookie, or in the body. `audiences` are the
    resource servers that it speaks for: it may introspect tokens meant for one of them; empty means ours.
    `secret_hash` is the SHA-256 of its secret in hexadecimal; empty for a public client. Only a generated secret of
    128 bits or more may be kept like this, a password may not.
    """

    id: str
    delivery: Literal["cookie", "body"]
    grants: frozenset[str] = USUAL_GRANTS
    audiences: tuple[str, ...] = ()
    secret_hash: str = field(default="", repr=False)
    gets_access_cookie: bool = False
    """Its access tokens go into a cookie too, so that requests which can carry no header show one."""
    is_bound: bool = False
    """It gets tokens with a DPoP proof only (RFC 9449 section 5.2, `dpop_bound_access_tokens`)."""

    @property
    def is_public(self) -> bool:
        """Whether it cannot keep a secret, so that its refresh tokens are bound to its key where it has one."""
        return not self.secret_hash

    def ensure_may(self, grant: GrantType) -> None:
        """Check that the client may use a grant.

        Raises:
            ClientNotAllowed: it is not among its grants.
        """
        if grant not in self.grants:
            raise ClientNotAllowed


def authenticate(clients: Mapping[str, Client], authorization: bytes | None, client_id: str) -> Client:
    """Return the client that a request comes from.

    A confidential client proves itself with HTTP Basic; a public one only names itself in `client_id`.

    Raises:
        InvalidClient: unknown, a wrong secret, or a confidential client without one.
        InvalidRequest: an `Authorization` that is not Basic, or one that names another client than `client_id`.
    """
    if authorization is None:
        client = clients.get(client_id)
        if client is None or client.secret_hash:
            raise InvalidClient
        return client
    name, secret = _read_basic(authorization)
    if client_id and client_id != name:
        raise InvalidRequest("The request names two clients.")
    client = clients.get(name)
    expected = client.secret_hash if client is not None else ""
    shown = hashlib.sha256(secret).hexdigest()
    # Compared in any case, so that the time does not tell which clients exist.
    if not hmac.compare_digest(shown, expected.lower() or "0" * 64) or client is None:
        raise InvalidClient
    return client


def _read_basic(authorization: bytes) -> tuple[str, bytes]:
    """Read the name and the secret, both form-encoded first (RFC 6749 section 2.3.1)."""
    scheme, _, content = authorization.partition(b" ")
    if scheme.lower() != b"basic":
        raise InvalidRequest("A client authenticates with HTTP Basic.")
    try:
        name, colon, secret = base64.b64decode(content.strip(b" "), validate=True).partition(b":")
        decoded = _form_decoded(name).decode()
    except (binascii.Error, ValueError) as error:
        raise InvalidClient from error
    if not colon:
        raise InvalidClient
    return decoded, _form_decoded(secret)


def _form_decoded(value: bytes) -> bytes:
    return unquote_to_bytes(value.replace(b"+", b" "))
