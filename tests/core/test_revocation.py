"""A token is refused when it, its family, its subject's epoch or everybody's epoch says so."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.core.revocation import ensure_not_revoked
from gateway.errors import InvalidToken
from gateway.model import Standing, VerifiedToken


def token(sequence: int) -> VerifiedToken:
    return VerifiedToken("ann", "family", "token", "web", sequence, 0, 0, 1, {})


def is_revoked(sequence: int, standing: Standing) -> bool:
    try:
        ensure_not_revoked(token(sequence), standing)
    except InvalidToken:
        return True
    return False


def test_the_reason_says_so() -> None:
    with pytest.raises(InvalidToken) as caught:
        ensure_not_revoked(token(0), Standing(token_revoked=True))
    assert caught.value.reason == "revoked"


@pytest.mark.parametrize(
    ("sequence", "standing", "revoked"),
    [
        (0, Standing(), False),
        (0, Standing(token_revoked=True), True),
        (0, Standing(family_revoked=True), True),
        (5, Standing(subject_epoch=5), False),
        (5, Standing(subject_epoch=6), True),
        (5, Standing(global_epoch=5), False),
        (5, Standing(global_epoch=6), True),
        (5, Standing(subject_epoch=6, global_epoch=5), True),
        (5, Standing(subject_epoch=5, global_epoch=6), True),
    ],
)
def test_what_the_blacklist_means(sequence: int, standing: Standing, revoked: bool) -> None:
    assert is_revoked(sequence, standing) is revoked


@given(st.integers(0, 9), st.integers(0, 9), st.integers(0, 9), st.booleans(), st.booleans())
def test_n49_an_epoch_never_lifts_another(sequence: int, subject: int, world: int, named: bool, family: bool) -> None:
    """Two Keycloak CVEs of 2026 came from one not-before hiding another: the larger one holds, whatever its scope."""
    standing = Standing(named, family, subject, world)
    assert is_revoked(sequence, standing) == (named or family or sequence < subject or sequence < world)
