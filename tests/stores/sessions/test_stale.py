"""When most cookies suddenly fail every secret, the secret is in question and not the users."""

import pytest

from gateway.model import Anonymous, LegacySession, SessionCookie, Undetermined, Verdict
from gateway.stores.sessions_stale import StaleCodecGuard

BAD = Anonymous("bad_signature")
USER = LegacySession("main", "key", "ada")
STALE = Undetermined("stale_codec")


class Traffic:
    """Shows the guard cookies, each a different one unless said otherwise."""

    def __init__(self, guard: StaleCodecGuard) -> None:
        self.guard = guard
        self.count = 0

    def show(self, verdict: Verdict, times: int = 1, *, now: float = 0.0, same: bool = False) -> Verdict:
        result: Verdict = verdict
        for _ in range(times):
            self.count += not same
            shown = SessionCookie("main", ((b"sessionid", b"%d" % self.count),))
            result = self.guard.judge(verdict, shown, now)
        return result


@pytest.fixture
def traffic() -> Traffic:
    return Traffic(StaleCodecGuard(minimum=20, window=60))


def test_twenty_bad_cookies_and_no_good_one_are_a_changed_secret(traffic: Traffic) -> None:
    assert traffic.show(BAD, 19) == BAD
    assert traffic.show(BAD) == STALE
    assert traffic.guard.is_stale


def test_somebody_is_told_once_each_time() -> None:
    alerts: list[str] = []
    traffic = Traffic(StaleCodecGuard(alert=lambda: alerts.append("stale")))
    traffic.show(BAD, 50)
    assert alerts == ["stale"]
    traffic.show(USER)
    traffic.show(BAD, 50)
    assert alerts == ["stale", "stale"]


def test_a_good_one_ends_it(traffic: Traffic) -> None:
    traffic.show(BAD, 30)
    assert traffic.show(USER) == USER
    assert not traffic.guard.is_stale
    assert traffic.show(BAD) == BAD


@pytest.mark.parametrize("reason", ["expired", "no_user", "not_bound"])
def test_whatever_carries_a_good_signature_is_a_good_one(traffic: Traffic, reason: str) -> None:
    traffic.show(BAD, 30)
    assert traffic.show(Anonymous(reason)) == Anonymous(reason)
    assert not traffic.guard.is_stale


@pytest.mark.parametrize(
    "verdict", [Anonymous("absent"), Anonymous("gone"), Undetermined("unreachable"), Undetermined("unreadable")]
)
def test_what_says_nothing_of_a_signature_changes_nothing(traffic: Traffic, verdict: Verdict) -> None:
    assert traffic.show(verdict, 100) == verdict
    traffic.show(BAD, 20)
    assert traffic.show(verdict) == verdict
    assert traffic.guard.is_stale


def test_few_bad_ones_among_good_ones_are_just_bad(traffic: Traffic) -> None:
    traffic.show(USER, 100)
    assert traffic.show(BAD, 99) == BAD


def test_one_client_that_repeats_a_bad_cookie_is_one(traffic: Traffic) -> None:
    traffic.count = 1
    assert traffic.show(BAD, 1000, same=True) == BAD


def test_bad_ones_that_come_slowly_are_just_bad(traffic: Traffic) -> None:
    for minute in range(10):
        assert traffic.show(BAD, 19, now=minute * 60.0) == BAD


def test_a_site_that_usually_sees_bad_ones_needs_a_greater_jump(traffic: Traffic) -> None:
    """Usually 60 % are good: 35 % are no jump, 29 % are one."""
    traffic.show(USER, 60)
    traffic.show(BAD, 40)
    traffic.show(USER, 35, now=61)
    assert traffic.show(BAD, 65, now=61) == BAD
    assert traffic.show(BAD, 20, now=61) == STALE


def test_what_is_usual_is_not_learned_while_stale(traffic: Traffic) -> None:
    traffic.show(BAD, 100)
    traffic.show(BAD, 100, now=61)
    traffic.show(USER, now=122)
    assert traffic.show(BAD, 20, now=122) == STALE


def test_it_stays_stale_from_one_minute_to_the_next(traffic: Traffic) -> None:
    traffic.show(BAD, 20)
    assert traffic.show(BAD, now=3600.0) == STALE


def test_a_clock_that_goes_back_begins_a_new_minute(traffic: Traffic) -> None:
    traffic.show(BAD, 19, now=1000.0)
    assert traffic.show(BAD, now=900.0) == BAD


def test_what_it_remembers_is_bounded() -> None:
    traffic = Traffic(StaleCodecGuard(minimum=10**9))
    traffic.show(BAD, 10_000)
    traffic.show(USER, 10_000)
    assert len(traffic.guard._bad) + len(traffic.guard._good) <= 2 * 4096
