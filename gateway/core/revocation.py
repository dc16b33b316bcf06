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
    epoch = max(standing.subject_epoch, standing.global_epoch)
    if standing.token_revoked or standing.family_revoked or token.sequence < epoch:
        raise InvalidToken(TokenFault.REVOKED)


def as_looked_up(token: RemoteToken) -> VerifiedToken:
    """Return what the blacklist is asked about a token of another issuer.

    It has no family: the name in its place belongs to nobody, because a family id holds no `|`. It has no number
    either, so that 0 stands for it: every epoch of its subject or of everything refuses it for as long as the epoch is
    on the list, whenever the token was issued. That errs on the side of refusing.
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
