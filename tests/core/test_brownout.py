"""When a session cookie is refused on purpose, and when that does harm."""

import pytest

from gateway.core.brownout import Brownout, Window, is_harmful
from gateway.core.phases import posture_of
from gateway.core.rollout import EVERYBODY, Rollout
from gateway.model import Phase

BROWNOUT = Brownout((Window(100.0, 200.0, EVERYBODY), Window(300.0, 400.0, Rollout(0.0))))


@pytest.mark.parametrize(
    ("method", "now", "is_refused"),
    [
        (b"GET", 99.9, False),
        (b"GET", 100.0, True),
        (b"HEAD", 199.9, True),
        (b"GET", 200.0, False),
        (b"POST", 150.0, False),
        (b"OPTIONS", 150.0, False),
        (b"GET", 350.0, False),
    ],
)
def test_only_what_changes_nothing_is_refused_and_only_in_a_window(method: bytes, now: float, is_refused: bool) -> None:
    assert BROWNOUT.refuses("ada", method, now) is is_refused
    assert posture_of(Phase.BROWNOUT, "store", brownout=BROWNOUT).retires("ada", method, now) is is_refused
    assert not posture_of(Phase.PREFER_TOKENS, "store", brownout=BROWNOUT).retires("ada", method, now)


@pytest.mark.parametrize(
    ("since", "now", "has_passed"),
    [(None, 500.0, False), (50.0, 150.0, False), (50.0, 200.0, True), (401.0, 500.0, False)],
)
def test_a_window_has_passed_when_it_ended_in_this_phase(since: float | None, now: float, has_passed: bool) -> None:
    assert BROWNOUT.has_passed(since, now) is has_passed


@pytest.mark.parametrize(
    ("refused", "admitted", "is_harm"), [(49, 0, False), (50, 0, True), (5, 95, False), (6, 94, True), (0, 1000, False)]
)
def test_harm_is_a_share_of_enough_requests(refused: int, admitted: int, is_harm: bool) -> None:
    assert is_harmful(refused, admitted, 5.0) is is_harm
