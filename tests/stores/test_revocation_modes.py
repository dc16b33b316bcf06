"""Whom to ask: Redis first in `strict`, the mirror while Redis is away, the mirror alone in `mirror`."""

from collections.abc import Callable, Sequence
from itertools import product

import pytest

from gateway.errors import RevocationUnavailable
from gateway.model import CLEAR, Revocation, RevocationKind, Standing, VerifiedToken
from gateway.stores.revocation_modes import MirroredRevocationStore, StrictRevocationStore

TOKEN = VerifiedToken("ada", "f1", "t1", "web", 5, 0.0, 0.0, 60.0, {})
REVOKED = Standing(token_revoked=True)


class Copy:
    """A copy that says what the test wants; one that is stale still recalls."""

    def __init__(self, standing: Standing, *, is_good: bool = True) -> None:
        self.standing = standing
        self.is_good = is_good
        self.published: list[Revocation] = []

    def glance(self, token: VerifiedToken) -> Standing | None:
        return self.standing if self.is_good else None

    def inquire(self, token: VerifiedToken, settle: Callable[[Standing | None], None]) -> bool:
        settle(self.standing if self.is_good else None)
        return True

    async def look_up(self, token: VerifiedToken) -> Standing:
        if not self.is_good:
            raise RevocationUnavailable
        return self.standing

    def recall(self, token: VerifiedToken) -> Standing:
        return self.standing

    async def publish(self, revocations: Sequence[Revocation]) -> None:
        self.published += revocations


def strict(shared: Copy, mirror: Copy, *, needs_shared: bool = False) -> StrictRevocationStore:
    return StrictRevocationStore(shared, mirror, needs_shared=needs_shared)


@pytest.mark.parametrize(("shared", "own"), list(product([False, True], repeat=2)))
async def test_a_token_is_as_bad_as_the_worse_copy_says(shared: bool, own: bool) -> None:
    store = strict(
        Copy(Standing(token_revoked=shared, family_revoked=own, subject_epoch=3 * shared, global_epoch=4 * own)),
        Copy(Standing(token_revoked=own, family_revoked=shared, subject_epoch=2 * own, global_epoch=5 * shared)),
    )
    worse = shared or own
    assert await store.look_up(TOKEN) == Standing(
        token_revoked=worse,
        family_revoked=worse,
        subject_epoch=max(3 * shared, 2 * own),
        global_epoch=max(4 * own, 5 * shared),
    )


async def test_while_redis_is_away_the_mirror_answers() -> None:
    assert await strict(Copy(Standing(), is_good=False), Copy(REVOKED)).look_up(TOKEN) == REVOKED
    assert await strict(Copy(REVOKED, is_good=False), Copy(Standing())).look_up(TOKEN) == Standing()


async def test_while_the_database_is_away_redis_answers_and_what_the_mirror_recalls_still_counts() -> None:
    assert await strict(Copy(Standing()), Copy(Standing(), is_good=False)).look_up(TOKEN) == Standing()
    assert await strict(Copy(Standing()), Copy(REVOKED, is_good=False)).look_up(TOKEN) == REVOKED


async def test_with_both_away_nobody_can_say() -> None:
    with pytest.raises(RevocationUnavailable):
        await strict(Copy(Standing(), is_good=False), Copy(Standing(), is_good=False)).look_up(TOKEN)


async def test_blacklists_of_others_are_in_redis_alone() -> None:
    with pytest.raises(RevocationUnavailable):
        await strict(Copy(Standing(), is_good=False), Copy(Standing()), needs_shared=True).look_up(TOKEN)


async def test_in_mirror_mode_redis_is_not_asked() -> None:
    assert await MirroredRevocationStore(Copy(REVOKED), Copy(Standing())).look_up(TOKEN) == Standing()
    with pytest.raises(RevocationUnavailable):
        await MirroredRevocationStore(Copy(Standing()), Copy(Standing(), is_good=False)).look_up(TOKEN)


@pytest.mark.parametrize("mode", [strict, MirroredRevocationStore])
async def test_both_copies_are_told(mode: type[MirroredRevocationStore]) -> None:
    shared, own = Copy(Standing()), Copy(Standing())
    revocation = Revocation(RevocationKind.FAMILY, "f1", 99.0, "test", 1)
    await mode(shared, own).publish([revocation])
    assert shared.published == own.published == [revocation]


def test_only_the_mirror_can_tell_at_once() -> None:
    assert MirroredRevocationStore(Copy(REVOKED), Copy(CLEAR)).glance(TOKEN) is CLEAR
    assert MirroredRevocationStore(Copy(CLEAR), Copy(CLEAR, is_good=False)).glance(TOKEN) is None
    assert strict(Copy(CLEAR), Copy(CLEAR)).glance(TOKEN) is None


@pytest.mark.parametrize(("shared", "own"), list(product([CLEAR, REVOKED], repeat=2)))
@pytest.mark.parametrize("is_fresh", [True, False])
def test_an_inquiry_tells_the_worse_of_redis_and_what_the_mirror_recalls(
    shared: Standing, own: Standing, is_fresh: bool
) -> None:
    told: list[Standing | None] = []
    assert strict(Copy(shared), Copy(own, is_good=is_fresh)).inquire(TOKEN, told.append)
    assert told == [own if shared is CLEAR else shared]


@pytest.mark.parametrize("needs_shared", [True, False])
def test_an_inquiry_leaves_it_to_the_story_what_counts_while_redis_is_away(needs_shared: bool) -> None:
    told: list[Standing | None] = []
    strict(Copy(CLEAR, is_good=False), Copy(CLEAR), needs_shared=needs_shared).inquire(TOKEN, told.append)
    assert told == [None]
