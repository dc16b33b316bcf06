"""What becomes of a presented refresh token: one token, one successor, however many race for it (RFC 9700, 4.14.2).

Every period is half-open: what lasts until a moment is over at that moment.

1. Shown by another client, or without the key that it is bound to: nothing is said and nothing is done.
2. The family has ended, or its idle, stored or present end has come: the token is worth nothing.
3. The token was used, it is the immediate predecessor of the newest, and its *first* use is less than the grace ago:
   the same successor again. A retry does not prolong the grace.
4. Used otherwise, or not the newest: a replay; the family ends. This holds for a token past its own end too, because
   an old copy that turns up late may be the only sign of a theft.
5. The newest token, past its own end: expired.
6. The newest token, issued less than the grace ago, or in a browser less than the rest: returned as it is, with
   nothing written.
7. The newest token otherwise: rotated.
"""

from dataclasses import dataclass

from gateway.core.refresh_token import (
    ensure_well_formed,
    hash_token,
    new_refresh_token,
    seal_successor,
    unseal_successor,
)
from gateway.records import Family, RefreshOutcome, RefreshRow, RotationDecision

__all__ = ["LONGEST_GRACE", "RotationPolicy", "decide", "ensure_well_formed", "hash_token", "new_refresh_token"]

LONGEST_GRACE = 300.0
"""Seconds; after that no sealed successor is kept, so that no longer grace can be configured."""


@dataclass(frozen=True, slots=True)
class RotationPolicy:
    """The periods of a rotation, in seconds.

    Within `grace`, racers and retries get the same successor, and a new token is not rotated; 0 allows neither.
    After `idle` without a rotation a family is over. For `rest`, where it is longer, a new token is not rotated either.
    """

    grace: float = 30
    idle: float = 604800
    rest: float = 0


def decide(
    family: Family,
    row: RefreshRow,
    *,
    presented: str,
    client_id: str,
    bound_key: str = "",
    fresh: str,
    policy: RotationPolicy,
    pepper: bytes,
    now: float,
    ends_at: float | None = None,
) -> RotationDecision:
    """Decide about a token whose row was found by its hash, with its family locked.

    `bound_key` is the thumbprint of the key that the client has proved to have, empty for none. `fresh` is a new,
    well-formed token that becomes the successor if there is to be one. `pepper` is a secret kept outside of the store.
    `now` is in seconds since 1970, from the same clock that the rows were written by. `ends_at` is the present end of
    the family: it follows the session behind it, whose end may have moved either way. None stands for the end that is
    stored.

    Raises:
        StoreUnavailable: the successor of a retry within the grace cannot be read; nothing is to be written.
    """
    if client_id != family.client_id:
        return RotationDecision(RefreshOutcome.WRONG_CLIENT)
    if family.bound_key not in ("", bound_key):
        return RotationDecision(RefreshOutcome.WRONG_KEY)
    if family.ended_at is not None:
        return RotationDecision(RefreshOutcome.ENDED)
    end = family.absolute_expires_at if ends_at is None else ends_at
    if now >= min(family.idle_expires_at, family.absolute_expires_at, end):
        return RotationDecision(RefreshOutcome.EXPIRED)
    if row.used_at is not None or row.generation != family.generation:
        if not _is_in_grace(family, row, policy, now):
            return RotationDecision(RefreshOutcome.REPLAY)
        successor = unseal_successor(
            row.successor_sealed,
            presented=presented,
            family_id=family.id,
            generation=row.generation,
            pepper=pepper,
        )
        return RotationDecision(RefreshOutcome.GRACE, token=successor)
    if now >= row.expires_at:
        return RotationDecision(RefreshOutcome.EXPIRED)
    if now - row.issued_at < max(policy.grace, policy.rest):
        return RotationDecision(RefreshOutcome.TOO_YOUNG, token=presented)
    return _rotate(family, row, presented=presented, fresh=fresh, policy=policy, pepper=pepper, now=now, ends_at=end)


def _is_in_grace(family: Family, row: RefreshRow, policy: RotationPolicy, now: float) -> bool:
    return row.used_at is not None and row.generation == family.generation - 1 and now - row.used_at < policy.grace


def _rotate(
    family: Family,
    row: RefreshRow,
    *,
    presented: str,
    fresh: str,
    policy: RotationPolicy,
    pepper: bytes,
    now: float,
    ends_at: float,
) -> RotationDecision:
    end = min(now + policy.idle, ends_at)
    sealed = seal_successor(fresh, presented=presented, family_id=family.id, generation=row.generation, pepper=pepper)
    successor = RefreshRow(hash_token(fresh), family.id, family.generation + 1, issued_at=now, expires_at=end)
    return RotationDecision(
        RefreshOutcome.ROTATED,
        successor,
        sealed,
        idle_expires_at=end,
        token=fresh,
        # An access token may be out that lives until the end there was: an end that came nearer bounds what follows.
        absolute_expires_at=max(family.absolute_expires_at, ends_at),
    )
