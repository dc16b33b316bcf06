"""What every PhaseStore must keep."""

from gateway.model import Phase
from gateway.phase_ports import PhaseStore
from tests.stores.samples import NOW


class PhaseStoreRules:
    """Subclasses give the fixture `phases`."""

    async def test_no_phase_is_known_before_one_was_stored(self, phases: PhaseStore) -> None:
        assert await phases.read() is None
        assert await phases.history(10) == []

    async def test_the_newest_phase_holds(self, phases: PhaseStore) -> None:
        await phases.write(Phase.SHADOW, by="ada", reason="first look", now=NOW)
        await phases.write(Phase.PARALLEL, by="bob", reason="all well", now=NOW + 1)
        assert await phases.read() is Phase.PARALLEL

    async def test_the_history_names_who_and_why_and_begins_with_the_newest(self, phases: PhaseStore) -> None:
        await phases.write(Phase.SHADOW, by="ada", reason="first look", now=NOW)
        await phases.write(Phase.PARALLEL, by="bob", reason="all well", now=NOW + 1)
        parallel = {"phase": "parallel", "by": "bob", "reason": "all well", "at": NOW + 1}
        shadow = {"phase": "shadow", "by": "ada", "reason": "first look", "at": NOW}
        assert await phases.history(10) == [parallel, shadow]
        assert await phases.history(1) == [parallel]
        assert await phases.history(0) == []
