"""Who is asking, for what, and why not."""

from typing import ClassVar

from gateway.errors.base import GatewayError, Source


class Unauthenticated(GatewayError):
    """A credential is needed, or the one shown is not good."""

    status = 401
    code = "login_required"
    source = Source.CLIENT
    title = "Sign in to see this."
    challenge: ClassVar[str] = ""
    """The `error` of the Bearer challenge (RFC 6750 section 3.1); empty where no credential was shown."""
    scheme: ClassVar[str] = "Bearer"
    """How the token would have to be shown."""


class LoginRequired(Unauthenticated):
    """The route needs a credential and none that we know was shown."""


class InvalidToken(Unauthenticated):
    """Malformed, forged, expired or revoked; all look the same to the client (RFC 6750 section 3.1).

    `reason` is a closed word for metrics and logs, never shown.
    """

    code = "invalid_token"
    challenge = "invalid_token"
    title = "The access token is not valid."

    def __init__(self, reason: str) -> None:
        super().__init__()
        self.reason = reason


class PossessionUnproved(InvalidToken):
    """The token is bound to a key and shown as if it was not, or the other way round (RFC 9449 section 7.2)."""

    scheme = "DPoP"

    def __init__(self) -> None:
        super().__init__("possession")


class InvalidDpopProof(Unauthenticated):
    """The proof of possession beside a token is missing, repeated, or proves nothing (RFC 9449 section 7.1)."""

    code = "invalid_dpop_proof"
    challenge = "invalid_dpop_proof"
    title = "The DPoP proof is not valid."
    scheme = "DPoP"


class UseDpopNonce(InvalidDpopProof):
    """The proof is good but for the nonce of ours that it must hold (RFC 9449 section 9); `nonce` is the one to use."""

    code = "use_dpop_nonce"
    challenge = "use_dpop_nonce"
    title = "The DPoP proof needs a nonce of this server."

    def __init__(self, nonce: str) -> None:
        super().__init__()
        self.nonce = nonce


class SessionEnded(Unauthenticated):
    """The token is good, but the session that it stands for has ended."""

    code = "session_ended"
    challenge = "invalid_token"
    title = "The session has ended."


class SessionRetired(Unauthenticated):
    """A session cookie of a user, in a phase in which only tokens count; the session itself lives and can be exchanged.

    No word of error in the challenge: a cookie is no credential of the scheme Bearer (RFC 6750 section 3.1).
    """

    code = "session_retired"
    title = "The session cookie alone does not count any more. Sign in again, or get a token for it."


class InvalidClient(Unauthenticated):
    """The client did not authenticate (RFC 6749 section 5.2)."""

    code = "invalid_client"
    title = "The client is not known."


class Forbidden(GatewayError):
    """Known, and not allowed."""

    status = 403
    code = "forbidden"
    source = Source.CLIENT
    title = "This is not allowed."


class OriginRefused(Forbidden):
    """A request that acts on cookies came from another origin or without `X-Crossfade: 1`."""

    code = "origin_refused"
    title = "The request must come from the site itself."


class ClientNotAllowed(Forbidden):
    """The client exists, but may not use this grant or delivery."""

    code = "client_not_allowed"
    title = "The client may not do this."


class IdentityNotCarried(Forbidden):
    """Who is asking is known, but no header can say it to the application unchanged."""

    code = "identity_not_carried"
    title = "Your account cannot be passed on to the application."


class GrantError(GatewayError):
    """A token request that cannot be granted (RFC 6749 section 5.2)."""

    status = 400
    code = "invalid_request"
    source = Source.CLIENT
    title = "The token request is not valid."


class InvalidRequest(GrantError):
    """A parameter is missing, repeated or malformed."""


class InvalidGrant(GrantError):
    """The refresh token is unknown, spent, expired or ended; or a name or a password is wrong.

    `reason` is a closed word for metrics and the audit trail, never shown.
    """

    code = "invalid_grant"
    title = "The grant is not valid."

    def __init__(self, reason: str) -> None:
        super().__init__()
        self.reason = reason


class ProofRefused(GrantError):
    """The DPoP proof of a token request is missing or proves nothing (RFC 9449 section 5)."""

    code = "invalid_dpop_proof"
    title = "The DPoP proof is not valid."


class NonceDemanded(ProofRefused):
    """The proof of a token request needs a nonce of ours (RFC 9449 section 8); `nonce` is the one to use."""

    code = "use_dpop_nonce"
    title = "The DPoP proof needs a nonce of this server."

    def __init__(self, nonce: str) -> None:
        super().__init__()
        self.nonce = nonce


class InvalidTarget(GrantError):
    """An audience or a resource that tokens are not given out for (RFC 8693 section 2.2.2)."""

    code = "invalid_target"
    title = "Tokens are not given out for this audience."


class UnsupportedGrantType(GrantError):
    """A `grant_type` that is not offered."""

    code = "unsupported_grant_type"
    title = "The grant type is not supported."


class UnsupportedTokenType(GrantError):
    """A token of another issuer is shown where only its issuer can do anything about it (RFC 7009 section 2.2.1)."""

    code = "unsupported_token_type"
    title = "This token is revoked where it was issued."


class NotFound(GatewayError):
    """An address of ours that does not exist."""

    status = 404
    code = "not_found"
    source = Source.CLIENT
    title = "There is nothing here."


class WrongMethod(GatewayError):
    """An address of ours that does not have this method. `allow` lists those that it has (RFC 9110 section 15.5.6)."""

    status = 405
    code = "wrong_method"
    source = Source.CLIENT
    title = "The address does not have this method."

    def __init__(self, allow: str) -> None:
        super().__init__()
        self.allow = allow


class Conflict(GatewayError):
    """The request is fine, the state of things is not."""

    status = 409
    code = "conflict"
    source = Source.CLIENT
    title = "That cannot be done now."


class PhaseOff(Conflict):
    """Tokens are switched off: use the session cookie. `phase` is the one in force, for who is told so."""

    code = "phase_off"
    title = "Tokens are switched off. Use the session cookie."

    def __init__(self, detail: str = "", *, phase: str = "off") -> None:
        super().__init__(detail)
        self.phase = phase


class IssuingSuspended(Conflict):
    """Existing tokens may work, new ones are not given out in the phase in force, whose name is `phase`."""

    code = "issuing_suspended"
    title = "No new tokens are given out. Use the session cookie."

    def __init__(self, phase: str) -> None:
        super().__init__()
        self.phase = phase


class SessionUnverifiable(Conflict):
    """There is a session cookie, but it does not resolve to a user."""

    code = "session_unverifiable"
    title = "The session cookie does not belong to a signed-in user."


class LoginIncomplete(Conflict):
    """The application took the password and asks for more, a second factor say: only its own pages can go on."""

    code = "login_incomplete"
    title = "The application asks for more than a password. Log in there."


class TooMany(GatewayError):
    """Too much of something."""

    status = 429
    code = "too_many_requests"
    source = Source.CLIENT
    title = "Too many requests."


class TooManyFamilies(TooMany):
    """The session has as many token families as it may have; none of the older ones is ended for a new one."""

    code = "too_many_families"
    title = "This session has too many sets of tokens."
