"""The phase in force follows five levels, and the way back needs no store."""

import asyncio

import pytest
from structlog.testing import capture_logs

from gateway.core.brownout import NO_BROWNOUT, Brownout, Window
from gateway.core.phases import Posture, Stage
from gateway.core.rollout import Rollout
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
        self.is_away = self.hangs = False
        read = self.store.read

        async def maybe() -> Stage | None:
            if self.is_away:
                raise StoreUnavailable
            return await read()

        self.store.read = maybe  # type: ignore[method-assign]
        write = self.store.write

        async def maybe_write(stage: Stage, *, by: str, reason: str, now: float) -> None:
            if self.is_away:
                raise StoreUnavailable
            if self.hangs:
                await asyncio.Event().wait()
            await write(stage, by=by, reason=reason, now=now)

        self.store.write = maybe_write  # type: ignore[method-assign]
        self.control = PostureControl(
            store=self.store,
            initial=Stage(Phase.PARALLEL, 25.0),
            find_override=lambda: self.override,
            has_panicked=lambda: self.marks[-1] if self.marks else has_panicked,
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
    assert (await levels.control.panic(by="ops", reason="fire", now=1.0)).phase is Phase.OFF
    assert levels.marks == [True]
    await levels.control.look(2.0)
    assert (before, levels.control.is_known) == (False, True)
    assert levels.applied[-1] == (Phase.OFF, "panic")


async def test_a_panic_is_in_the_history_with_who_and_why() -> None:
    levels = Levels()
    await levels.control.look(0.0)
    await levels.control.panic(by="ops", reason="fire", now=1.0)
    (change,) = await levels.store.history(10)
    assert (change["phase"], change["by"], change["reason"], change["at"]) == ("off", "ops", "fire", 1.0)
    await levels.control.look(2.0)
    assert levels.applied[-1] == (Phase.OFF, "panic")


async def test_a_panic_does_not_wait_for_a_store_that_hangs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gateway.flow.posture._RECORDING", 0.01)
    levels = Levels()
    await levels.control.look(0.0)
    levels.hangs = True
    with capture_logs() as lines:
        await levels.control.panic(by="ops", reason="fire", now=1.0)
    assert levels.applied[-1] == (Phase.OFF, "panic")
    assert lines[-1]["event"] == "the panic is in force but not stored"


async def test_every_change_is_logged_once_with_who_and_why() -> None:
    levels = Levels()
    with capture_logs() as lines:
        await levels.control.look(0.0)
        await levels.control.choose(Phase.HANDBACK, by="ops", reason="slowly", now=1.0)
        await levels.control.look(2.0)
        await levels.control.panic(by="night", reason="fire", now=3.0)
        await levels.control.look(4.0)
    assert [(line["phase"], line["source"], line["by"], line["reason"]) for line in lines] == [
        (Phase.PARALLEL, "initial", "", ""),
        (Phase.HANDBACK, "store", "ops", "slowly"),
        (Phase.OFF, "panic", "night", "fire"),
    ]


async def test_each_new_fault_of_the_override_file_is_logged_once() -> None:
    levels = Levels()
    await levels.control.look(0.0)
    with capture_logs() as lines:
        for text in ("of", "of", None, "of"):
            levels.override = text
            await levels.control.look(1.0)
    assert [line["event"] for line in lines] == ["the override file is not followed"] * 2


async def test_a_store_that_went_away_is_told_apart_from_a_phase_that_is_not_known() -> None:
    levels = Levels()
    await levels.control.look(0.0)
    states = [(levels.control.is_known, levels.control.is_store_up)]
    for is_away in (True, False):
        levels.is_away = is_away
        await levels.control.look(1.0)
        states.append((levels.control.is_known, levels.control.is_store_up))
    assert states == [(True, True), (True, False), (True, True)]


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


async def test_the_rollout_is_kept_from_phase_to_phase_until_somebody_changes_it() -> None:
    levels = Levels()
    await levels.control.look(0.0)
    shares = [levels.control.posture.rollout.percent]
    for rollout in (None, 50.0, None):
        await levels.control.choose(Phase.PARALLEL, by="ops", reason="", now=1.0, rollout=rollout)
        shares.append(levels.control.posture.rollout.percent)
    assert shares == [25.0, 25.0, 50.0, 50.0]
    described = await levels.control.describe()
    assert (described["rollout"], described["since"], described["is_paused"]) == (50.0, 1.0, False)


async def test_a_pause_does_not_undo_what_another_gateway_has_stored_a_moment_ago() -> None:
    levels = Levels()
    await levels.control.choose(Phase.BROWNOUT, by="ops", reason="", now=1.0, rollout=100)
    await levels.store.write(Stage(Phase.OFF), by="night", reason="fire", now=2.0)
    await levels.control.pause(is_paused=True, by="brownout guard", reason="", now=2.1)
    stored = await levels.store.read()
    assert stored is not None
    assert stored.phase is Phase.OFF
    assert levels.applied[-1] == (Phase.OFF, "store")


async def test_a_pause_changes_nothing_else_and_ends_with_the_next_choice() -> None:
    levels = Levels()
    await levels.control.look(0.0)
    for is_paused in (True, False, True):
        await levels.control.pause(is_paused=is_paused, by="ops", reason="", now=1.0)
        assert levels.control.stage == Stage(Phase.PARALLEL, 25.0, is_paused, since=1.0)
    await levels.control.choose(Phase.HANDBACK, by="ops", reason="", now=2.0)
    assert not levels.control.stage.is_paused
    await levels.control.panic(by="ops", reason="fire", now=3.0)
    with pytest.raises(Conflict):
        await levels.control.pause(is_paused=True, by="ops", reason="", now=4.0)
    assert levels.control.posture.phase is Phase.OFF


async def test_nobody_is_left_out_where_cookies_are_taken_away() -> None:
    levels = Levels()
    await levels.control.look(0.0)
    with pytest.raises(Conflict, match="everybody takes part, and the rollout is 25%"):
        await levels.control.choose(Phase.PREFER_TOKENS, by="ops", reason="", now=1.0)
    await levels.control.choose(Phase.PREFER_TOKENS, by="ops", reason="", now=1.0, rollout=100.0)
    assert levels.control.posture.rollout.percent == 100.0


async def test_a_pause_closes_the_windows_of_a_brownout() -> None:
    levels = Levels()
    levels.control.brownout = brownout = Brownout((Window(0.0, 9.0, Rollout()),))
    await levels.control.look(0.0)
    await levels.control.choose(Phase.BROWNOUT, by="ops", reason="", now=1.0, rollout=100.0)
    assert levels.control.posture.brownout is brownout
    await levels.control.pause(is_paused=True, by="ops", reason="", now=2.0)
    assert levels.control.posture.brownout is NO_BROWNOUT
    await levels.control.pause(is_paused=False, by="ops", reason="", now=3.0)
    assert levels.control.posture.retires("ada", b"GET", 4.0)
