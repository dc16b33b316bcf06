"""What either copy of the blacklist knows counts."""

from collections.abc import Sequence
from itertools import product

import pytest

from gateway.errors import RevocationUnavailable
from gateway.model import Revocation, RevocationKind, Standing, VerifiedToken
from gateway.stores.revocation_pair import PairedRevocationStore

TOKEN = VerifiedToken("ada", "f1", "t1", "web", 5, 0.0, 0.0, 60.0, {})


class Copy:
    """A copy that says what the test wants."""

    def __init__(self, standing: Standing | None) -> None:
        self.standing = standing
        self.published: list[Revocation] = []

    async def look_up(self, token: VerifiedToken) -> Standing:
        if self.standing is None:
            raise RevocationUnavailable
        return self.standing

    async def publish(self, revocations: Sequence[Revocation]) -> None:
        self.published += revocations


@pytest.mark.parametrize(("shared", "own"), list(product([False, True], repeat=2)))
async def test_a_token_is_as_bad_as_the_worse_copy_says(shared: bool, own: bool) -> None:
    pair = PairedRevocationStore(
        Copy(Standing(token_revoked=shared, family_revoked=own, subject_epoch=3 * shared, global_epoch=4 * own)),
        Copy(Standing(token_revoked=own, family_revoked=shared, subject_epoch=2 * own, global_epoch=5 * shared)),
    )
    worse = shared or own
    assert await pair.look_up(TOKEN) == Standing(
        token_revoked=worse,
        family_revoked=worse,
        subject_epoch=max(3 * shared, 2 * own),
        global_epoch=max(4 * own, 5 * shared),
    )


@pytest.mark.parametrize("copies", [(None, Standing()), (Standing(), None)])
async def test_neither_copy_may_be_unable_to_say(copies: tuple[Standing | None, Standing | None]) -> None:
    shared, own = copies
    with pytest.raises(RevocationUnavailable):
        await PairedRevocationStore(Copy(shared), Copy(own)).look_up(TOKEN)


async def test_both_copies_are_told() -> None:
    shared, own = Copy(Standing()), Copy(Standing())
    revocation = Revocation(RevocationKind.FAMILY, "f1", 99.0, "test", 1)
    await PairedRevocationStore(shared, own).publish([revocation])
    assert shared.published == own.published == [revocation]
