"""What happened to the tokens of a user, in plain words: from families and the audit trail, which hold no token."""

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime

from gateway.records import AuditEntry, Family

_REASONS = {
    "logout": "the user logged out",
    "legacy_logout": "the user logged out in the application",
    "replay": "a refresh token was shown again after its grace: it was stolen, or a client kept an old copy",
    "revoked": "its client revoked it",
    "session_ended": "the session behind it was over",
    "session_barred": "the session was logged out while the tokens were given out",
    "other_user": "the session behind it became another user's",
}
_EVENTS = {
    "family_opened": "tokens were given out for a session",
    "token_rotated": "the refresh token was renewed",
    "family_moved": "the session got a new id, and the tokens followed",
    "family_ended": "the tokens ended",
    "subject_ended": "everything of this user ended",
    "revoked": "an access token was revoked",
}
_OF_OPERATORS = frozenset({"phase_changed", "key_published", "key_rotated", "key_compromised"})
"""What an operator did, whose name may be that of a user too."""


def tell(families: Sequence[Family], entries: Sequence[AuditEntry], now: float) -> Sequence[str]:
    """Return lines: each family with its state and its entries, the oldest first, then what concerns none of these.

    `now` is in seconds since 1970.
    """
    known = {family.id for family in families}
    entries = [entry for entry in entries if entry.what not in _OF_OPERATORS]
    lines: list[str] = []
    for family in sorted(families, key=lambda family: family.created_at):
        lines += _tell_family(family, now)
        lines += _tell_entries(entry for entry in entries if entry.family_id == family.id)
    others = [entry for entry in entries if entry.family_id not in known]
    if others:
        lines += ["Of no family that is still known:", *_tell_entries(iter(others), names_family=True)]
    return lines or ["Nothing is known. Families are deleted when they are over, their trail some time later."]


def _tell_family(family: Family, now: float) -> Iterator[str]:
    yield f"Family {family.id} of user `{family.subject}`, client `{family.client_id}`, session `{family.site}`"
    yield f"  {_state(family, now)}"
    if family.bound_key:
        yield "  Its refresh tokens are bound to a key of the client (DPoP)."


def _state(family: Family, now: float) -> str:
    if family.ended_at is not None:
        return f"It ended at {_when(family.ended_at)}: {_reason(family.ended_reason)}."
    if now >= family.absolute_expires_at:
        return f"It expired at {_when(family.absolute_expires_at)}, with the time that it had from the beginning."
    if now >= family.idle_expires_at:
        return f"It expired at {_when(family.idle_expires_at)}, because nobody renewed its token."
    if family.idle_expires_at >= family.absolute_expires_at:
        return f"It is live, and ends at {_when(family.absolute_expires_at)}."
    return (
        f"It is live, and ends at {_when(family.idle_expires_at)} unless its token is renewed; "
        f"at {_when(family.absolute_expires_at)} in any case."
    )


def _tell_entries(entries: Iterator[AuditEntry], *, names_family: bool = False) -> Iterator[str]:
    for entry in sorted(entries, key=lambda entry: entry.at):
        what = _EVENTS.get(entry.what, entry.what.replace("_", " "))
        because = f" (client `{entry.reason}`)" if entry.what == "family_opened" else _because(entry.reason)
        family = f" [{entry.family_id}]" if names_family and entry.family_id else ""
        yield f"  {_when(entry.at)}  {what}{because}{family}"


def _because(reason: str) -> str:
    return f": {_reason(reason)}" if reason else ""


def _reason(reason: str) -> str:
    return _REASONS.get(reason, reason.replace("_", " ") or "nobody said why")


def _when(at: float) -> str:
    """Write a time; one that no calendar has is written as the number that it is."""
    try:
        return datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
    except (OverflowError, ValueError, OSError):
        return f"{at:.0f}"
