"""What depends on others: our stores and the application. Never a 401, and nothing is cleared for it."""

from gateway.errors.base import GatewayError, Source


class Unavailable(GatewayError):
    """Something that we depend on cannot answer. Nothing is cleared, nobody is logged out."""

    status = 503
    code = "unavailable"
    source = Source.STORE
    title = "The service is not available for a moment."

    def __init__(self, detail: str = "", *, retry_after: int = 1) -> None:
        super().__init__(detail, retry_after=retry_after)


class RevocationUnavailable(Unavailable):
    """Nobody can say whether the token was revoked."""

    code = "revocation_unavailable"


class StoreUnavailable(Unavailable):
    """The store of families, phase or sessions cannot be reached."""

    code = "store_unavailable"


class IssuerUnavailable(Unavailable):
    """The keys of another issuer could not be fetched, or are older than they may be."""

    code = "issuer_unavailable"


class VaultUnavailable(Unavailable):
    """The vaulted session of a token cannot be read."""

    code = "vault_unavailable"


class SessionUndetermined(Unavailable):
    """Nobody can say whose session the cookie is, and the phase does not allow to pass it on."""

    code = "session_undetermined"


class LoginUnavailable(Unavailable):
    """The application's login is away, or fails."""

    code = "login_unavailable"
    source = Source.UPSTREAM


class Overloaded(Unavailable):
    """A limit of the gateway is reached."""

    code = "overloaded"
    source = Source.GATEWAY


class UpstreamError(GatewayError):
    """The application did not answer properly."""

    status = 502
    code = "upstream_error"
    source = Source.UPSTREAM
    title = "The application did not answer."


class UpstreamUnreachable(UpstreamError):
    """No connection, or it was closed before an answer began."""

    code = "upstream_unreachable"


class UpstreamMalformed(UpstreamError):
    """The answer is not valid HTTP; nothing of it is passed on."""

    code = "upstream_malformed"
    title = "The application's answer is not valid HTTP."


class UpstreamTimeout(UpstreamError):
    """The application took too long."""

    status = 504
    code = "upstream_timeout"
    title = "The application took too long to answer."


class LoginChanged(UpstreamError):
    """The application's login is not what the configuration says. An operator has to look, no user."""

    code = "login_changed"
    title = "The application's login is not what the gateway expects."
