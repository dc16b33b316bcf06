"""The phase in force follows five levels, and the way back needs no store."""

import pytest

from gateway.core.phases import Posture
from gateway.errors import Conflict, StoreUnavailable
from gateway.flow.posture import PostureControl
from gateway.model import Phase
from gateway.stores.phase_memory import MemoryPhaseStore


class Levels:
    """Everything that a test can turn."""

    def __init__(self, *, has_panicked: bool = False) -> None:
        self.store = MemoryPhaseStore()
        self.override: str | None = None
        self.marks: list[bool] = []
        self.applied: list[tuple[Phase, str]] = []
        self.is_away = False
        read = self.store.read

        async def maybe() -> Phase | None:
            if self.is_away:
                raise StoreUnavailable
            return await read()

        self.store.read = maybe  # type: ignore[method-assign]
        self.control = PostureControl(
            store=self.store,
            initial=Phase.PARALLEL,
            find_override=lambda: self.override,
            has_panicked=has_panicked,
            keep_panic=self.marks.append,
            apply=self.apply,
        )

    def apply(self, posture: Posture, now: float) -> None:
        self.applied.append((posture.phase, posture.source))


async def test_the_first_look_applies_what_the_configuration_says() -> None:
    levels = Levels()
    await levels.control.look(0.0)
    await levels.control.look(1.0)
    assert levels.applied == [(Phase.PARALLEL, "initial")]


async def test_a_chosen_phase_is_stored_and_ends_a_panic() -> None:
    levels = Levels(has_panicked=True)
    await levels.control.look(0.0)
    await levels.control.choose(Phase.HANDBACK, by="ops", reason="test", now=1.0)
    assert levels.applied == [(Phase.OFF, "panic"), (Phase.HANDBACK, "store")]
    assert levels.marks == [False]
    described = await levels.control.describe()
    assert (described["phase"], described["decided_by"]) == (Phase.HANDBACK, "store")


async def test_panic_works_without_the_store_and_is_remembered() -> None:
    levels = Levels()
    levels.is_away = True
    await levels.control.look(0.0)
    before = levels.control.is_known
    assert levels.control.panic(1.0).phase is Phase.OFF
    assert levels.marks == [True]
    await levels.control.look(2.0)
    assert (before, levels.control.is_known) == (False, True)
    assert levels.applied[-1] == (Phase.OFF, "panic")


async def test_the_override_file_wins_and_a_typing_mistake_in_it_changes_nothing() -> None:
    levels = Levels()
    levels.override = "off\n"
    await levels.control.look(0.0)
    levels.override = "of"
    await levels.control.look(1.0)
    assert levels.applied == [(Phase.OFF, "override_file")]
    assert "handback" in levels.control.override_fault
    with pytest.raises(Conflict):
        await levels.control.choose(Phase.PARALLEL, by="ops", reason="", now=2.0)
    levels.override = None
    await levels.control.look(3.0)
    assert levels.applied[-1] == (Phase.PARALLEL, "initial")
    assert levels.control.override_fault == ""


async def test_what_the_store_said_last_holds_while_it_is_away() -> None:
    levels = Levels()
    await levels.control.look(0.0)
    await levels.control.choose(Phase.HANDBACK, by="ops", reason="", now=1.0)
    levels.is_away = True
    await levels.control.look(2.0)
    assert levels.control.posture.phase is Phase.HANDBACK
    assert levels.control.is_known


async def test_the_way_back_is_one_step_at_a_time() -> None:
    levels = Levels()
    await levels.control.look(0.0)
    assert levels.control.find_previous() is Phase.HANDBACK
    await levels.control.choose(Phase.HANDBACK, by="ops", reason="", now=1.0)
    assert levels.control.find_previous() is Phase.OFF
    await levels.control.choose(Phase.OFF, by="ops", reason="", now=2.0)
    assert levels.control.find_previous() is None


async def test_a_phase_that_is_not_available_is_not_stored() -> None:
    levels = Levels()
    await levels.control.look(0.0)
    with pytest.raises(Conflict):
        await levels.control.choose(Phase.TOKENS_ONLY, by="ops", reason="", now=1.0)
    assert await levels.store.history(10) == []
