"""Only what a store has read ends a session."""

import pytest

from gateway.core.verdicts import is_over
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
