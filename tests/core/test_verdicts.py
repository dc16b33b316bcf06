"""Only what a store has read ends a session."""

import pytest

from gateway.core.verdicts import is_over, is_over_for
from gateway.model import Anonymous, LegacySession, Undetermined, Verdict


@pytest.mark.parametrize("reason", ["gone", "expired", "no_user", "not_bound"])
def test_a_session_is_over_when_its_store_says_so(reason: str) -> None:
    assert is_over(Anonymous(reason))


@pytest.mark.parametrize(
    "verdict",
    [Anonymous("bad_signature"), Anonymous("absent"), Undetermined("unreachable"), LegacySession("main", "k", "ada")],
)
def test_everything_else_proves_no_end(verdict: Verdict) -> None:
    assert not is_over(verdict)


@pytest.mark.parametrize(
    ("verdict", "expected"),
    [
        (LegacySession("main", "k", "ada"), False),
        (LegacySession("main", "k", "bob"), True),
        (Anonymous("gone"), True),
        (Anonymous("bad_signature"), False),
        (Undetermined("unreachable"), False),
    ],
)
def test_a_session_of_somebody_else_is_over_for_the_user(verdict: Verdict, expected: bool) -> None:
    assert is_over_for("ada", verdict) is expected
