"""What the benchmark of a second worker says of its rounds."""

from bench.scaling import Round, report, report_held


def one(*, cpu: float = 30.0, share: float = 1.0, rate: float = 1000.0, used: float = 0.3) -> Round:
    return Round(cpu, share, 0, rate, used)


def test_what_two_processors_would_give_follows_from_the_work_and_how_it_is_spread() -> None:
    text = report([[one(cpu=27), one(cpu=30, share=0.6)]] * 3)
    assert "one / two = 0.90, round by round" in text
    assert "two free cores would give 1.80 × of one, 1.50 × until the busier one is full" in text


def test_the_rate_is_compared_round_by_round() -> None:
    rounds = [[one(rate=1000), one(rate=1900, used=0.6)], [one(rate=2000), one(rate=4200, used=0.6)]]
    text = report_held(rounds, 0.3)
    assert "held to 30% of a processor: one 1,500 req/s, two 3,050 req/s: 2.00 ×" in text
    assert "says little" not in text


def test_workers_that_did_not_get_their_share_prove_nothing() -> None:
    assert "says little" in report_held([[one(), one(used=0.5)]], 0.3)
    assert "says little" in report_held([[one(used=0.2), one(used=0.6)]], 0.3)


def test_without_control_groups_there_is_no_rate() -> None:
    assert "not measured" in report_held(None, 0.3)
