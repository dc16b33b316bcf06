"""What every PhaseStore must keep."""

from gateway.core.phases import Stage
from gateway.model import Phase
from gateway.phase_ports import PhaseStore
from tests.stores.samples import NOW


class PhaseStoreRules:
    """Subclasses give the fixture `phases`."""

    async def test_no_phase_is_known_before_one_was_stored(self, phases: PhaseStore) -> None:
        assert await phases.read() is None
        assert await phases.history(10) == []

    async def test_the_newest_stage_holds_and_its_phase_began_with_it(self, phases: PhaseStore) -> None:
        await phases.write(Stage(Phase.SHADOW), by="ada", reason="first look", now=NOW)
        await phases.write(Stage(Phase.PARALLEL, 25.0), by="bob", reason="all well", now=NOW + 1)
        assert await phases.read() == Stage(Phase.PARALLEL, 25.0, since=NOW + 1)

    async def test_what_changes_within_a_phase_lets_it_go_on(self, phases: PhaseStore) -> None:
        for hour, stage in enumerate([Stage(Phase.PARALLEL, 25.0), Stage(Phase.PARALLEL, is_paused=True)]):
            await phases.write(stage, by="ada", reason="", now=NOW + hour)
        assert await phases.read() == Stage(Phase.PARALLEL, is_paused=True, since=NOW)
        for hour, phase in enumerate([Phase.OFF, Phase.PARALLEL]):
            await phases.write(Stage(phase), by="ada", reason="", now=NOW + 2 + hour)
        assert await phases.read() == Stage(Phase.PARALLEL, since=NOW + 3)

    async def test_the_history_names_who_and_why_and_begins_with_the_newest(self, phases: PhaseStore) -> None:
        await phases.write(Stage(Phase.SHADOW), by="ada", reason="first look", now=NOW)
        await phases.write(Stage(Phase.PARALLEL, 2.5, is_paused=True), by="bob", reason="all well", now=NOW + 1)
        parallel = {
            "phase": "parallel", "rollout": 2.5, "is_paused": True, "by": "bob", "reason": "all well", "at": NOW + 1,
        }  # fmt: skip
        shadow = {
            "phase": "shadow", "rollout": 100.0, "is_paused": False, "by": "ada", "reason": "first look", "at": NOW,
        }  # fmt: skip
        assert await phases.history(10) == [parallel, shadow]
        assert await phases.history(1) == [parallel]
        assert await phases.history(0) == []
