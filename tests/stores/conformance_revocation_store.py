"""What every RevocationStore must say."""

import pytest

from gateway.core.revocation import ensure_not_revoked
from gateway.errors import InvalidToken
from gateway.model import Revocation, RevocationKind, Standing, VerifiedToken
from gateway.ports import RevocationLog, RevocationStore
from tests.stores.samples import TOKEN, revocation, token

FAR = 4_000_000_000.0
"""These stores know the time themselves; what is not about expiry expires in a far future."""


async def is_refused(store: RevocationStore, shown: VerifiedToken) -> bool:
    try:
        ensure_not_revoked(shown, await store.look_up(shown))
    except InvalidToken:
        return True
    return False


async def revoke(log: RevocationLog, store: RevocationStore, *revocations: Revocation) -> None:
    await store.publish(await log.record(revocations, 0.0))


class RevocationStoreRules:
    """Subclasses give the fixtures `log` and `store`, which is started and up."""

    async def test_a_token_that_nobody_revoked_stands_clear(self, store: RevocationStore) -> None:
        assert await store.look_up(TOKEN) == Standing()

    @pytest.mark.parametrize(
        "entry",
        [
            revocation(RevocationKind.TOKEN, "t1", until=FAR),
            revocation(RevocationKind.FAMILY, "f1", until=FAR),
            revocation(RevocationKind.SUBJECT, "ada", until=FAR),
            revocation(RevocationKind.EVERYTHING, until=FAR),
        ],
        ids=lambda entry: entry.kind.name,
    )
    async def test_a_token_is_refused_by_each_kind_of_revocation(
        self, log: RevocationLog, store: RevocationStore, entry: Revocation
    ) -> None:
        assert not await is_refused(store, TOKEN)
        await revoke(log, store, entry)
        assert await is_refused(store, TOKEN)

    @pytest.mark.parametrize(
        "entry",
        [
            revocation(RevocationKind.TOKEN, "f1", until=FAR),
            revocation(RevocationKind.FAMILY, "t1", until=FAR),
            revocation(RevocationKind.SUBJECT, "t1", until=FAR),
            revocation(RevocationKind.SUBJECT, "bob", until=FAR),
        ],
        ids=lambda entry: f"{entry.kind.name} {entry.name}",
    )
    async def test_names_of_another_kind_or_another_user_do_not_matter(
        self, log: RevocationLog, store: RevocationStore, entry: Revocation
    ) -> None:
        await revoke(log, store, entry)
        assert await store.look_up(TOKEN) == Standing()

    async def test_an_epoch_spares_tokens_that_were_issued_after_it(
        self, log: RevocationLog, store: RevocationStore
    ) -> None:
        await revoke(log, store, revocation(RevocationKind.SUBJECT, "ada", until=FAR))
        now = await log.sequence()
        assert not await is_refused(store, token(sequence=now))
        assert await is_refused(store, token(sequence=now - 1))
        await revoke(log, store, revocation(RevocationKind.EVERYTHING, until=FAR))
        assert await is_refused(store, token(sequence=now))

    async def test_the_higher_epoch_holds_in_whatever_order_they_arrive(
        self, log: RevocationLog, store: RevocationStore
    ) -> None:
        entry = revocation(RevocationKind.SUBJECT, "ada", until=FAR)
        first, second = await log.record([entry, entry], 0.0)
        await store.publish([second])
        await store.publish([first])
        assert (await store.look_up(TOKEN)).subject_epoch == 2

    async def test_publishing_again_changes_nothing(self, log: RevocationLog, store: RevocationStore) -> None:
        recorded = await log.record([revocation(RevocationKind.FAMILY, "f1", until=FAR)], 0.0)
        await store.publish(recorded)
        before = await store.look_up(TOKEN)
        await store.publish(recorded)
        assert await store.look_up(TOKEN) == before
        await store.publish([])
        assert await store.look_up(TOKEN) == before
