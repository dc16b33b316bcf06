"""A user's tokens in plain words."""

from dataclasses import replace

import pytest

from gateway.core.history import tell
from gateway.records import AuditEntry, Family

HOUR, DAY = 3600.0, 86400.0
NOW = 1_800_000_000.0
ADA = Family("f1", "ada", "web", "main", b"", {}, 3, NOW, NOW + DAY, NOW + 7 * DAY)


@pytest.mark.parametrize(
    ("family", "later", "state"),
    [
        (ADA, HOUR, "It is live, and ends at 2027-01-16 08:00:00 UTC unless its token is renewed; "
                    "at 2027-01-22 08:00:00 UTC in any case."),
        (replace(ADA, idle_expires_at=NOW + 7 * DAY), HOUR, "It is live, and ends at 2027-01-22 08:00:00 UTC."),
        (ADA, 2 * DAY, "It expired at 2027-01-16 08:00:00 UTC, because nobody renewed its token."),
        (ADA, 8 * DAY, "It expired at 2027-01-22 08:00:00 UTC, with the time that it had from the beginning."),
        (replace(ADA, ended_at=NOW + 60, ended_reason="session_ended"), HOUR,
         "It ended at 2027-01-15 08:01:00 UTC: the session behind it was over."),
        (replace(ADA, ended_at=NOW + 60, ended_reason="password_change"), HOUR,
         "It ended at 2027-01-15 08:01:00 UTC: password change."),
        (replace(ADA, ended_at=1e300), HOUR, f"It ended at {1e300:.0f}: nobody said why."),
    ],
)  # fmt: skip
def test_a_family_has_one_state(family: Family, later: float, state: str) -> None:
    title, said = tell([family], [], NOW + later)
    assert title == "Family f1 of user `ada`, client `web`, session `main`"
    assert said == f"  {state}"


@pytest.mark.parametrize("what", ["phase_changed", "key_published", "key_rotated", "key_compromised"])
def test_what_an_operator_of_that_name_did_is_nothing_of_the_users(what: str) -> None:
    assert tell([], [AuditEntry(NOW, "ada", what, reason="stolen")], NOW) == tell([], [], NOW)


def test_entries_stand_below_their_family_in_the_order_of_time() -> None:
    other = replace(ADA, id="f2", created_at=NOW - HOUR, bound_key="k" * 43)
    entries = [
        AuditEntry(NOW + 60, "ada", "family_ended", "f1", "replay"),
        AuditEntry(NOW, "ada", "family_opened", "f1", "web"),
        AuditEntry(NOW + 5, "", "revoked", "f1", "revoked"),
        AuditEntry(NOW + 70, "ada", "subject_ended", "", "logout"),
        AuditEntry(NOW - HOUR, "ada", "token_rotated", "f2"),
        AuditEntry(NOW - DAY, "ada", "something_new", "f0", "of a later version"),
    ]
    lines = tell([ADA, other], entries, NOW)
    assert [line for line in lines if not line.startswith("  It is")] == [
        "Family f2 of user `ada`, client `web`, session `main`",
        "  Its refresh tokens are bound to a key of the client (DPoP).",
        "  2027-01-15 07:00:00 UTC  the refresh token was renewed",
        "Family f1 of user `ada`, client `web`, session `main`",
        "  2027-01-15 08:00:00 UTC  tokens were given out for a session (client `web`)",
        "  2027-01-15 08:00:05 UTC  an access token was revoked: its client revoked it",
        "  2027-01-15 08:01:00 UTC  the tokens ended: a refresh token was shown again after its grace: it was stolen,"
        " or a client kept an old copy",
        "Of no family that is still known:",
        "  2027-01-14 08:00:00 UTC  something new: of a later version [f0]",
        "  2027-01-15 08:01:10 UTC  everything of this user ended: the user logged out",
    ]


def test_where_nothing_is_known_that_is_said() -> None:
    assert tell([], [], NOW) == [
        "Nothing is known. Families are deleted when they are over, their trail some time later."
    ]
