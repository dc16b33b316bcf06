"""Everything that Crossfade can refuse or fail with, as one tree.

::

    GatewayError
    ├── Refusal                      the client's bytes are not acceptable; the connection closes
    │   ├── BadRequest               400 bad_request
    │   ├── AmbiguousPath            400 ambiguous_path
    │   ├── MethodRefused            405 method_refused
    │   ├── RequestTimeout           408 request_timeout
    │   ├── BodyTooLarge             413 body_too_large
    │   ├── TargetTooLong            414 target_too_long
    │   ├── ExpectationFailed        417 expectation_failed
    │   ├── UpgradeRefused           426 upgrade_refused
    │   ├── FieldsTooLarge           431 fields_too_large
    │   ├── NotImplementedCoding     501 not_implemented
    │   ├── VersionRefused           505 version_refused
    │   └── WebSocketUnsupported     501 websocket_unsupported
    ├── Unauthenticated              401 and a challenge (RFC 6750)
    │   ├── LoginRequired            401 login_required
    │   ├── InvalidToken             401 invalid_token
    │   │   └── PossessionUnproved   401 invalid_token, with the scheme DPoP (RFC 9449)
    │   ├── InvalidDpopProof         401 invalid_dpop_proof
    │   │   └── UseDpopNonce         401 use_dpop_nonce
    │   ├── SessionEnded             401 session_ended
    │   ├── SessionRetired           401 session_retired
    │   └── InvalidClient            401 invalid_client
    ├── Forbidden                    403
    │   ├── OriginRefused            403 origin_refused
    │   ├── ClientNotAllowed         403 client_not_allowed
    │   └── IdentityNotCarried       403 identity_not_carried
    ├── GrantError                   400, the words of RFC 6749 section 5.2
    │   ├── InvalidRequest           400 invalid_request
    │   ├── InvalidGrant             400 invalid_grant
    │   ├── InvalidTarget            400 invalid_target
    │   ├── ProofRefused             400 invalid_dpop_proof
    │   │   └── NonceDemanded        400 use_dpop_nonce
    │   ├── UnsupportedGrantType     400 unsupported_grant_type
    │   └── UnsupportedTokenType     400 unsupported_token_type
    ├── NotFound                     404 not_found
    ├── WrongMethod                  405 wrong_method
    ├── Conflict                     409
    │   ├── PhaseOff                 409 phase_off
    │   ├── IssuingSuspended         409 issuing_suspended
    │   ├── SessionUnverifiable      409 session_unverifiable
    │   └── LoginIncomplete          409 login_incomplete
    ├── TooMany                      429
    │   └── TooManyFamilies          429 too_many_families
    ├── Unavailable                  503 and Retry-After: our own infrastructure, never the client's fault
    │   ├── RevocationUnavailable    503 revocation_unavailable
    │   ├── StoreUnavailable         503 store_unavailable
    │   ├── IssuerUnavailable        503 issuer_unavailable
    │   ├── VaultUnavailable         503 vault_unavailable
    │   ├── SessionUndetermined      503 session_undetermined
    │   ├── LoginUnavailable         503 login_unavailable
    │   └── Overloaded               503 overloaded
    ├── UpstreamError                the application's side
    │   ├── UpstreamUnreachable      502 upstream_unreachable
    │   ├── UpstreamMalformed        502 upstream_malformed
    │   ├── UpstreamTimeout          504 upstream_timeout
    │   └── LoginChanged             502 login_changed
    ├── InternalError                500 internal_error: a bug of ours, nothing said but the request id
    └── StartError                   never an HTTP answer; ends a command with its exit code
        ├── ConfigurationError       exit 78
        └── DependencyError          exit 69

`code` is stable and public, `title` is its sentence. `detail` says more where a constant sentence of ours can;
it never holds bytes of a client, a token, a cookie or a secret.
"""

from gateway.errors.access import (
    ClientNotAllowed,
    Conflict,
    Forbidden,
    GrantError,
    IdentityNotCarried,
    InvalidClient,
    InvalidDpopProof,
    InvalidGrant,
    InvalidRequest,
    InvalidTarget,
    InvalidToken,
    IssuingSuspended,
    LoginIncomplete,
    LoginRequired,
    NonceDemanded,
    NotFound,
    OriginRefused,
    PhaseOff,
    PossessionUnproved,
    ProofRefused,
    SessionEnded,
    SessionRetired,
    SessionUnverifiable,
    TooMany,
    TooManyFamilies,
    Unauthenticated,
    UnsupportedGrantType,
    UnsupportedTokenType,
    UseDpopNonce,
    WrongMethod,
)
from gateway.errors.base import (
    ConfigurationError,
    DependencyError,
    GatewayError,
    InternalError,
    Source,
    StartError,
)
from gateway.errors.infrastructure import (
    IssuerUnavailable,
    LoginChanged,
    LoginUnavailable,
    Overloaded,
    RevocationUnavailable,
    SessionUndetermined,
    StoreUnavailable,
    Unavailable,
    UpstreamError,
    UpstreamMalformed,
    UpstreamTimeout,
    UpstreamUnreachable,
    VaultUnavailable,
)
from gateway.errors.refusals import (
    AmbiguousPath,
    BadRequest,
    BodyTooLarge,
    ExpectationFailed,
    FieldsTooLarge,
    MethodRefused,
    NotImplementedCoding,
    Refusal,
    RequestTimeout,
    TargetTooLong,
    UpgradeRefused,
    VersionRefused,
    WebSocketUnsupported,
)

__all__ = [
    "AmbiguousPath",
    "BadRequest",
    "BodyTooLarge",
    "ClientNotAllowed",
    "ConfigurationError",
    "Conflict",
    "DependencyError",
    "ExpectationFailed",
    "FieldsTooLarge",
    "Forbidden",
    "GatewayError",
    "GrantError",
    "IdentityNotCarried",
    "InternalError",
    "InvalidClient",
    "InvalidDpopProof",
    "InvalidGrant",
    "InvalidRequest",
    "InvalidTarget",
    "InvalidToken",
    "IssuerUnavailable",
    "IssuingSuspended",
    "LoginChanged",
    "LoginIncomplete",
    "LoginRequired",
    "LoginUnavailable",
    "MethodRefused",
    "NonceDemanded",
    "NotFound",
    "NotImplementedCoding",
    "OriginRefused",
    "Overloaded",
    "PhaseOff",
    "PossessionUnproved",
    "ProofRefused",
    "Refusal",
    "RequestTimeout",
    "RevocationUnavailable",
    "SessionEnded",
    "SessionRetired",
    "SessionUndetermined",
    "SessionUnverifiable",
    "Source",
    "StartError",
    "StoreUnavailable",
    "TargetTooLong",
    "TooMany",
    "TooManyFamilies",
    "Unauthenticated",
    "Unavailable",
    "UnsupportedGrantType",
    "UnsupportedTokenType",
    "UpgradeRefused",
    "UpstreamError",
    "UpstreamMalformed",
    "UpstreamTimeout",
    "UpstreamUnreachable",
    "UseDpopNonce",
    "VaultUnavailable",
    "VersionRefused",
    "WebSocketUnsupported",
    "WrongMethod",
]
