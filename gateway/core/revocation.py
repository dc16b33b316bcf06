"""What the blacklist means for a token."""

from gateway.core.jose import TokenFault
from gateway.errors import InvalidToken
from gateway.model import Standing, VerifiedToken
from gateway.remote_token import RemoteToken


def ensure_not_revoked(token: VerifiedToken, standing: Standing) -> None:
    """Refuse a token that is named, whose family is named, or that is older than an epoch.

    The epoch in force is the larger of the subject's and everybody's. An epoch is the number of the revocation that
    set it; a token issued after that revocation carries at least this number.

    Raises:
        InvalidToken: it was revoked.
    """
    sequence = token.sequence
    is_before = sequence < standing.subject_epoch or sequence < standing.global_epoch
    if standing.token_revoked or standing.family_revoked or is_before:
        raise InvalidToken(TokenFault.REVOKED)


def as_looked_up(token: RemoteToken) -> VerifiedToken:
    """Return what the blacklist is asked about a token of another issuer.

    It has no family: the name in its place belongs to nobody, because a family id holds no `|`.
    """
    nobody = f"{token.alias}|"
    return VerifiedToken(
        subject=token.subject,
        session_id=nobody,
        token_id=token.token_id or nobody,
        client_id=token.client_id,
        sequence=0,
        issued_at=token.issued_at,
        not_before=token.not_before,
        expires_at=token.expires_at,
        claims={},
    )


def ensure_remote_not_revoked(
    token: RemoteToken, standing: Standing, *, subject_since: float, global_since: float, leeway: float
) -> None:
    """Refuse a token of another issuer that is named, or that may be older than an epoch of its subject or of all.

    It has no number that an epoch could be compared with, so that the time decides: `subject_since` and `global_since`
    (seconds since 1970) are when the epochs in force were seen first, which is never before they were set. Whoever
    signs in again at the issuer gets a newer token. `leeway` (seconds) is how far the clocks may differ.

    Raises:
        InvalidToken: it was revoked.
    """
    is_old = (standing.subject_epoch and token.issued_at < subject_since + leeway) or (
        standing.global_epoch and token.issued_at < global_since + leeway
    )
    if standing.token_revoked or is_old:
        raise InvalidToken(TokenFault.REVOKED)
