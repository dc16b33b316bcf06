"""Which steps are safe, and what is said of those that are not."""

from dataclasses import replace

import pytest

from gateway.core.criteria import Criteria, Evidence, find_unmet
from gateway.core.phases import Stage
from gateway.model import Phase

DAY = 86400.0
NOW = 100 * DAY
WELL = Evidence(DAY, by_token=990, by_session=10, looked_at=1000, undetermined=10)
WEEK_OLD = Stage(Phase.PARALLEL, since=NOW - 7 * DAY)


def unmet(stage: Stage = WEEK_OLD, evidence: Evidence = WELL, *, grows: bool = False) -> list[str]:
    return find_unmet(stage, evidence, Criteria(), NOW, grows=grows)


@pytest.mark.parametrize("phase", [Phase.OFF, Phase.HANDBACK, Phase.SHADOW, Phase.PARALLEL, Phase.PREFER_TOKENS])
def test_nothing_holds_back_where_all_is_well(phase: Phase) -> None:
    assert unmet(replace(WEEK_OLD, phase=phase), replace(WELL, compared=1000, disagreed=1)) == []


@pytest.mark.parametrize(
    ("stage", "evidence", "sentence"),
    [
        (replace(WEEK_OLD, since=NOW - 2.4 * DAY), WELL, "day 3 of 7: parallel has been in force for 2.4 days"),
        (replace(WEEK_OLD, since=NOW + 9), WELL, "day 1 of 7: parallel has been in force for 0.0 days"),
        (
            replace(WEEK_OLD, since=None),
            WELL,
            "nobody noted when parallel began; `crossfade phase set parallel` notes it",
        ),
        (
            replace(WEEK_OLD, rollout=2.5),
            WELL,
            "2.5% of the users take part, and all must: `crossfade phase advance --rollout …`",
        ),
        (replace(WEEK_OLD, is_paused=True), WELL, "it is paused; `crossfade phase resume` lets it go on"),
        (
            WEEK_OLD,
            replace(WELL, by_session=990),
            "50.0% of the signed-in requests came with a token, and 80% must",
        ),
        (WEEK_OLD, Evidence(1800.0), "no signed-in request was seen in the last 0.5 hours"),
        (
            WEEK_OLD,
            replace(WELL, undetermined=25),
            "2.5% of the sessions could not be read, and 1% may be so",
        ),
        (
            WEEK_OLD,
            replace(WELL, stale=1),
            "most session cookies failed every secret: has the application's secret changed?",
        ),
        (
            Stage(Phase.PREFER_TOKENS),
            replace(WELL, by_session=110),
            "10.0% of the signed-in requests came with a session cookie alone, and 1% may; "
            "crossfade_cookie_only_requests_total says which",
        ),
        (Stage(Phase.SHADOW), WELL, "nothing was compared in the last 24.0 hours"),
        (
            Stage(Phase.SHADOW),
            replace(WELL, compared=1000, disagreed=2),
            "both worlds disagree about 0.20% of 1000 requests, and 0.1% may be so",
        ),
        (Stage(Phase.PREFER_TOKENS), Evidence(1800.0), "no signed-in request was seen in the last 0.5 hours"),
    ],
)
def test_each_criterion_says_by_how_much_it_fails(stage: Stage, evidence: Evidence, sentence: str) -> None:
    assert unmet(stage, evidence) == [sentence]


def test_who_was_refused_in_a_brownout_still_depends_on_his_cookie() -> None:
    seen = replace(WELL, by_session=0, retired=30)
    assert unmet(Stage(Phase.BROWNOUT), seen) == [
        "2.9% of the signed-in requests came with a session cookie alone, and 1% may; "
        "crossfade_cookie_only_requests_total says which"
    ]


def test_a_brownout_is_left_when_it_was_one() -> None:
    stage = Stage(Phase.BROWNOUT)
    assert find_unmet(stage, WELL, Criteria(), NOW, is_rehearsed=False) == [
        "no window of the brownout has passed since it began; phase.brownout.windows says when they are"
    ]
    assert find_unmet(stage, WELL, Criteria(), NOW, is_rehearsed=True) == []


def test_all_that_fail_are_told_at_once() -> None:
    assert len(unmet(Stage(Phase.PARALLEL, 25.0, is_paused=True, since=NOW), Evidence(9.0, stale=3))) == 5


def test_a_larger_part_needs_no_week_and_no_share() -> None:
    young = Stage(Phase.PARALLEL, 25.0, since=NOW)
    assert unmet(young, Evidence(9.0), grows=True) == []
    assert len(unmet(young, replace(WELL, stale=1), grows=True)) == 1
