"""The short form of `make soak-refresh`, and the judge that must see what went wrong."""

from pathlib import Path

import pytest

from tests.soak.history import Race, Verdict, read
from tests.soak.refresh import race


@pytest.mark.timeout(180)
def test_thousands_of_racers_on_two_gateways_spend_no_token_twice_and_end_no_family(tmp_path: Path) -> None:
    """CVE-2026-1035: who checks first and writes then gives each of them a token of its own."""
    result = race(tmp_path, refreshes=3_000, families=300, grace=5, processes=1, seconds=120)
    assert result.faults == []
    assert result.total("refreshes") >= 3_000, "not in the time that there was"
    assert result.total("unanswered") == 0


A, B, C, D = (letter * 8 for letter in (b"a", b"b", b"c", b"d"))


def judged(*races: Race) -> Verdict:
    verdict = Verdict()
    for one in races:
        verdict.add(one)
    return verdict


def test_the_judge_is_content_with_one_successor_each() -> None:
    verdict = judged(Race(1, A, B, 5, 1, 0, 0), Race(1, B, C, 50, 1, 0, 0), Race(2, D, A, 2, 1, 1, 1))
    assert (verdict.races, verdict.refreshes, verdict.unanswered) == (3, 57, 1)
    assert (verdict.double_spends, verdict.refused, verdict.broken_lines) == (0, 0, 0)


@pytest.mark.parametrize(
    ("bad", "count"),
    [
        (Race(1, B, C, 5, 2, 0, 0), "double_spends"),
        (Race(1, B, B, 5, 1, 0, 0), "double_spends"),
        (Race(1, B, C, 5, 1, 1, 0), "refused"),
        (Race(1, D, C, 5, 1, 0, 0), "broken_lines"),
    ],
)
def test_the_judge_sees_what_went_wrong(bad: Race, count: str) -> None:
    assert getattr(judged(Race(1, A, B, 5, 1, 0, 0), bad), count) == 1


def test_a_history_is_read_as_it_was_written(tmp_path: Path) -> None:
    races = [Race(1, A, B, 5, 1, 0, 0), Race(70_000, B, C, 50, 2, 3, 1)]
    (tmp_path / "history").write_bytes(b"".join(one.pack() for one in races))
    assert list(read(tmp_path / "history")) == races
