"""What can be said about the gateway's own work: one fact per request, and events in a closed list."""

from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple

from gateway.model import Credential


class Event(StrEnum):
    """What is counted besides requests; closed, because it becomes a metric label."""

    TOKEN_VERIFIED = "token_verified"  # noqa: S105 - a label
    TOKEN_REFUSED = "token_refused"  # noqa: S105 - a label
    REMOTE_TOKEN_VERIFIED = "remote_token_verified"  # noqa: S105 - a label
    REMOTE_TOKEN_REFUSED = "remote_token_refused"  # noqa: S105 - a label
    ISSUER_KEYS_FAILED = "issuer_keys_failed"
    SESSION_USER = "session_user"
    SESSION_ANONYMOUS = "session_anonymous"
    SESSION_UNDETERMINED = "session_undetermined"
    EXCHANGED = "exchanged"
    EXCHANGE_REFUSED = "exchange_refused"
    REFRESH_ROTATED = "refresh_rotated"
    REFRESH_TOO_YOUNG = "refresh_too_young"
    REFRESH_GRACE = "refresh_grace"
    REFRESH_REPLAY = "refresh_replay"
    REFRESH_EXPIRED = "refresh_expired"
    REFRESH_ENDED = "refresh_ended"
    REFRESH_UNKNOWN = "refresh_unknown"
    REFRESH_WRONG_CLIENT = "refresh_wrong_client"
    REFRESH_WRONG_KEY = "refresh_wrong_key"
    DPOP_REFUSED = "dpop_refused"
    LOGIN_SEEN = "login_seen"
    LOGIN_REPLAYED = "login_replayed"
    LOGIN_REFUSED = "login_refused"
    LOGIN_FAILED = "login_failed"
    LOGOUT_HERE = "logout_here"
    LOGOUT_SEEN = "logout_seen"
    ROTATION_SEEN = "rotation_seen"
    VAULT_CONFLICT = "vault_conflict"
    SESSION_MINTED = "session_minted"
    MINT_REFUSED = "mint_refused"
    MINT_FAILED = "mint_failed"
    FOREIGN_AUTHORIZATION = "foreign_authorization"
    DUPLICATE_COOKIE = "duplicate_cookie"
    SUBJECT_CONFLICT = "subject_conflict"
    PATH_WOULD_REFUSE = "path_would_refuse"
    IDENTITY_HEADER_STRIPPED = "identity_header_stripped"
    UNTRUSTED_FORWARDED = "untrusted_forwarded"
    HANDED_BACK = "handed_back"
    DELIVERED = "delivered"
    DELIVERY_FAILED = "delivery_failed"
    DELIVERY_TOO_LARGE = "delivery_too_large"
    COOKIE_RENEWED = "cookie_renewed"
    CODEC_STALE = "codec_stale"
    BROWNOUT_ABORTED = "brownout_aborted"
    INFERENCE_STOPPED = "inference_stopped"
    RATE_LIMITED = "rate_limited"


class Dependant(StrEnum):
    """What sort of request still depends on a session cookie; closed, because it becomes a metric label."""

    NAVIGATION = "navigation"
    """A page, or a frame of one: no script can add a token to it."""
    SCRIPT = "script"
    """`fetch` or `XMLHttpRequest` in a page."""
    SUBRESOURCE = "subresource"
    """An image, a style sheet, a script, a download of a page."""
    STREAM = "stream"
    """A WebSocket or an event stream."""
    PROGRAM = "program"
    """No browser, or one that does not say."""


class Comparison(StrEnum):
    """How a comparison of both worlds went; closed, because it becomes a metric label."""

    AGREED = "agreed"
    TURNED_AWAY = "turned_away"
    """We read a user, and the application answered as to nobody."""
    OTHER_USER = "other_user"
    """Both know somebody, and not the same."""
    USER_MISSED = "user_missed"
    """We read nobody, and the application knows a user."""
    UNDETERMINED = "undetermined"
    """Nobody could read the session."""
    NO_TOKEN = "no_token"  # noqa: S105 - a label
    """No token could be made for the session, or it was not good."""
    SKIPPED = "skipped"
    """Too much at once; nothing was compared."""


class RequestFact(NamedTuple):
    """What happened to one request, written once when it is over. Durations in seconds.

    A tuple, because one is made for every request; what counts it tells its kinds by the first five.
    """

    route: str
    method: str
    status: int
    credential: Credential
    code: str
    """The error code of ours, or empty when the application answered."""
    duration: float
    upstream_duration: float


Fact = tuple[str, str, int, Credential, str, float, float]
"""The same without the names, which cost as much as counting it."""


@dataclass(frozen=True, slots=True)
class Nothing:
    """Facts that nobody reads."""

    def request(self, fact: Fact) -> None:
        """Ignore it."""

    def count(self, event: Event) -> None:
        """Ignore it."""

    def compare(self, route: str, outcome: Comparison) -> None:
        """Ignore it."""

    def depend(self, route: str, kind: Dependant, agent: bytes | None) -> None:
        """Ignore it."""
