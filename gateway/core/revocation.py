"""What the blacklist means for a token."""

from gateway.core.jose import TokenFault
from gateway.errors import InvalidToken
from gateway.model import Standing, VerifiedToken


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
