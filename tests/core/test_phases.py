"""Which level decides on the phase, and what the phase means."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.core.phases import (
    PARTIAL,
    Stage,
    choose_posture,
    find_next,
    find_previous,
    is_known_switch,
    is_switched_on,
    posture_of,
    read_override,
)
from gateway.model import Phase

PHASES = st.sampled_from(Phase)
STAGES = PHASES.map(Stage)


def choose(**changes: object) -> tuple[Phase, str]:
    levels: dict[str, object] = {
        "is_enabled": True, "override": None, "has_panicked": False, "stored": None, "initial": Stage(Phase.PARALLEL),
    }  # fmt: skip
    posture = choose_posture(**(levels | changes))  # type: ignore[arg-type]
    return posture.phase, posture.source


@given(st.none() | PHASES, st.booleans(), st.none() | STAGES, STAGES)
def test_the_environment_beats_everything(
    override: Phase | None, panic: bool, stored: Stage | None, initial: Stage
) -> None:
    levels = {"override": override, "has_panicked": panic, "stored": stored, "initial": initial}
    assert choose(is_enabled=False, **levels) == (Phase.OFF, "environment")


@pytest.mark.parametrize(
    ("levels", "expected"),
    [
        (
            {"override": Phase.HANDBACK, "has_panicked": True, "stored": Stage(Phase.OFF)},
            (Phase.HANDBACK, "override_file"),
        ),
        ({"has_panicked": True, "stored": Stage(Phase.PARALLEL)}, (Phase.OFF, "panic")),
        ({"stored": Stage(Phase.HANDBACK)}, (Phase.HANDBACK, "store")),
        ({}, (Phase.PARALLEL, "initial")),
    ],
)
def test_the_next_level_decides_where_the_one_above_says_nothing(
    levels: dict[str, object], expected: tuple[Phase, str]
) -> None:
    assert choose(**levels) == expected


@pytest.mark.parametrize(
    ("phase", "issues", "transparent", "enforces", "prefers"),
    [
        (Phase.OFF, False, True, False, False),
        (Phase.HANDBACK, False, False, True, False),
        (Phase.SHADOW, False, True, False, False),
        (Phase.PARALLEL, True, False, True, False),
        (Phase.PREFER_TOKENS, True, False, True, True),
        (Phase.TOKENS_ONLY, True, False, True, True),
    ],
)
def test_what_a_phase_means(phase: Phase, issues: bool, transparent: bool, enforces: bool, prefers: bool) -> None:
    posture = posture_of(phase, "store")
    meant = (posture.issues, posture.is_transparent, posture.enforces_paths, posture.prefers_tokens)
    assert meant == (issues, transparent, enforces, prefers)


def test_session_cookies_are_retired_at_the_end_alone() -> None:
    assert [phase for phase in Phase if posture_of(phase, "store").retires("ada", b"GET", 0.0)] == [Phase.TOKENS_ONLY]


def test_the_rollout_is_that_of_the_store_or_else_of_the_configuration_whatever_decides_on_the_phase() -> None:
    def rollout(**levels: object) -> float:
        known: dict[str, object] = {"has_panicked": False, "stored": None, "initial": Stage(Phase.PARALLEL, 5.0)}
        return choose_posture(is_enabled=True, **(known | levels)).rollout.percent  # type: ignore[arg-type]

    assert rollout(override=None) == 5.0
    assert rollout(override=None, stored=Stage(Phase.PARALLEL, 25.0)) == 25.0
    assert rollout(override=Phase.PARALLEL, stored=Stage(Phase.OFF, 25.0)) == 25.0
    assert rollout(override=Phase.TOKENS_ONLY, stored=Stage(Phase.PARALLEL, 25.0)) == 100.0
    assert [phase for phase in Phase if phase not in PARTIAL] == [
        phase for phase in Phase if posture_of(phase, "").prefers_tokens
    ]


@pytest.mark.parametrize("has_windows", [True, False])
def test_every_way_forward_ends_where_only_tokens_count(has_windows: bool) -> None:
    for phase in Phase:
        steps = [phase]
        while (following := find_next(steps[-1], has_windows=has_windows)) is not None:
            steps.append(following)
        assert steps[-1] is Phase.TOKENS_ONLY
        assert (Phase.BROWNOUT in steps[1:]) is (has_windows and phase not in (Phase.BROWNOUT, Phase.TOKENS_ONLY))


def test_every_way_back_ends_in_off() -> None:
    for phase in Phase:
        steps = [phase]
        while (previous := find_previous(steps[-1])) is not None:
            steps.append(previous)
        assert steps[-1] is Phase.OFF


@pytest.mark.parametrize(
    ("text", "phase"), [("off", Phase.OFF), (" Handback\n", Phase.HANDBACK), ("", None), ("\n", None)]
)
def test_the_override_file_holds_the_name_of_a_phase(text: str, phase: Phase | None) -> None:
    assert read_override(text) is phase


@pytest.mark.parametrize("text", ["of", "off parallel"])
def test_an_override_that_names_no_available_phase_is_refused_with_the_list(text: str) -> None:
    with pytest.raises(ValueError, match="off, handback, shadow, parallel, prefer_tokens"):
        read_override(text)


@pytest.mark.parametrize("value", ["false", "FALSE", " no ", "0", "off"])
def test_the_switch_is_off_for_every_common_spelling(value: str) -> None:
    assert not is_switched_on(value)


@pytest.mark.parametrize("value", [None, "true", "1", "yes", ""])
def test_the_switch_is_on_otherwise(value: str | None) -> None:
    assert is_switched_on(value)


@pytest.mark.parametrize(("value", "is_known"), [(None, True), ("FALSE", True), ("on", True), ("flase", False)])
def test_a_typing_mistake_in_the_switch_is_noticed(value: str | None, is_known: bool) -> None:
    assert is_known_switch(value) is is_known
