"""What a verdict about a legacy session allows to conclude."""

from gateway.model import Anonymous, LegacySession, Verdict

_OVER = frozenset({"gone", "expired", "no_user", "not_bound"})

_NOBODY = frozenset({"gone", "no_user", "not_bound", "absent"})


def is_over(verdict: Verdict) -> bool:
    """Whether a store has read that the session is over.

    A signature that fails speaks of keys, a cookie that is absent of us, and an undetermined one of nothing: none of
    them may end anybody's tokens.
    """
    return isinstance(verdict, Anonymous) and verdict.reason in _OVER


def has_ended_by_age(verdict: Verdict, now: float) -> bool:
    """Whether the time of a session is over, as its store has read it. One that is gone may have been logged out."""
    if isinstance(verdict, LegacySession):
        return verdict.expires_at is not None and verdict.expires_at <= now
    return isinstance(verdict, Anonymous) and verdict.reason == "expired"


def is_nobody(verdict: Verdict) -> bool:
    """Whether the application, too, sees no user: what it may read differently, such as a signature, does not count."""
    return isinstance(verdict, Anonymous) and verdict.reason in _NOBODY


def is_over_for(subject: str, verdict: Verdict) -> bool:
    """Whether a session has stopped standing for a user: it is over, or it has become somebody else's."""
    return is_over(verdict) or (isinstance(verdict, LegacySession) and verdict.subject != subject)
