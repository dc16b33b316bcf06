"""What every RevocationLog must keep."""

from dataclasses import replace

from gateway.model import RevocationKind
from gateway.ports import RevocationLog
from tests.stores.samples import NOW, revocation


class RevocationLogRules:
    """Subclasses give the fixture `log`."""

    async def test_an_empty_log_is_at_zero(self, log: RevocationLog) -> None:
        assert await log.sequence() == 0
        assert await log.live(NOW) == []

    async def test_all_kinds_are_numbered_by_one_sequence(self, log: RevocationLog) -> None:
        entries = [revocation(kind, kind.value) for kind in RevocationKind]
        recorded = await log.record(entries, NOW)
        assert [entry.sequence for entry in recorded] == [1, 2, 3, 4]
        assert [replace(entry, sequence=0) for entry in recorded] == entries
        assert await log.live(NOW) == recorded
        assert await log.sequence() == 4

    async def test_recording_nothing_records_nothing(self, log: RevocationLog) -> None:
        assert await log.record([], NOW) == []
        assert await log.sequence() == 0

    async def test_what_has_expired_is_not_live(self, log: RevocationLog) -> None:
        short, long = revocation(RevocationKind.TOKEN, "a", until=NOW + 1), revocation(RevocationKind.TOKEN, "b")
        recorded = await log.record([short, long], NOW)
        assert await log.live(NOW + 1) == recorded[1:]
        assert await log.sequence() == 2

    async def test_the_log_can_be_read_on_in_pages(self, log: RevocationLog) -> None:
        recorded = await log.record([revocation(RevocationKind.TOKEN, f"t{n}") for n in range(5)], NOW)
        assert await log.live(NOW, after=0, limit=2) == recorded[:2]
        assert await log.live(NOW, after=2, limit=2) == recorded[2:4]
        assert await log.live(NOW, after=4) == recorded[4:]
        assert await log.live(NOW, after=5) == []
