"""Which key is in which state. Times are in seconds; the lead is 100, the retire delay 20."""

import math
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.core.key_changes import forget_gone, give_up, make_due, publish_listed, rotate_by_hand
from gateway.core.key_states import SETTLING, KeySchedule, KeyState, due_at, plan_ring
from gateway.errors import Conflict
from gateway.records import KeyChange, KeyRecord

NEVER = KeySchedule(None, 100.0, 20.0)
MONTHLY = KeySchedule(1000.0, 100.0, 20.0)
SPARE = KeyRecord("spare", "ES256", 0.0, 0.0, sealed=b"s")


def listed(kid: str, published_at: float, signs_from: float | None = None) -> KeyRecord:
    return KeyRecord(kid, "ES256", published_at, published_at + 100 if signs_from is None else signs_from)


def kept(kid: str, published_at: float, signs_from: float | None = None) -> KeyRecord:
    return replace(listed(kid, published_at, signs_from), sealed=b"s")


def states(records: list[KeyRecord], order: str, now: float, schedule: KeySchedule = NEVER) -> dict[str, str]:
    return {kid: str(state) for kid, state in plan_ring(records, list(order), schedule, now).states.items()}


def carried_out(records: list[KeyRecord], change: KeyChange) -> list[KeyRecord]:
    after = {record.kid: record for record in records if record.kid not in change.delete}
    return [*(after | {record.kid: record for record in change.write}).values()]


# --- listed keys ---


def test_the_first_listed_key_signs_and_the_others_verify_for_as_long_as_they_are_listed() -> None:
    records = [listed("a", 0, 0), listed("b", 0, 0)]
    assert states(records, "ab", 10**9) == {"a": "active", "b": "retiring"}
    assert plan_ring(records, ["a", "b"], NEVER, 10**9).verifying() == ("a", "b")


def test_the_very_first_keys_may_sign_at_once() -> None:
    change = publish_listed([], [listed("a", 7), listed("b", 7)], NEVER, 7.0)
    assert [(record.kid, record.published_at, record.signs_from) for record in change.write] == [
        ("a", 7.0, 7.0),
        ("b", 7.0, 7.0),
    ]


def test_k2_a_new_first_key_signs_only_after_its_publish_lead() -> None:
    """K2: whoever keeps our public keys has fetched the new one before the first token under it."""
    old = listed("o", 0, 0)
    records = carried_out([old], publish_listed([old], [listed("n", 500), old], NEVER, 500.0))
    assert states(records, "no", 599) == {"n": "next", "o": "active"}
    assert states(records, "no", 600) == {"n": "active", "o": "retiring"}
    assert plan_ring(records, ["n", "o"], NEVER, 500).changes_at == 600


def test_a_key_that_is_published_ahead_behind_the_one_that_signs_is_next() -> None:
    assert states([listed("o", 0, 0), listed("n", 500)], "on", 510) == {"o": "active", "n": "next"}


def test_a_key_without_its_lead_signs_where_no_other_can() -> None:
    assert states([listed("n", 500)], "n", 510) == {"n": "active"}


def test_nothing_changes_by_the_calendar_where_all_keys_are_listed() -> None:
    plan = plan_ring([listed("a", 0, 0)], ["a"], NEVER, 50)
    assert (plan.changes_at, due_at([listed("a", 0, 0)], ["a"], NEVER, 50)) == (math.inf, math.inf)


def test_a_listed_key_that_is_not_at_hand_and_a_stranger_s_record_do_not_count() -> None:
    assert states([listed("a", 0, 0), listed("stranger", 50, 50)], "a", 60) == {"a": "active"}


# --- kept keys ---


def test_k1_a_kept_key_goes_from_next_to_active_to_retiring_to_gone() -> None:
    """K1: published and not signing, signing, only verifying, removed."""
    records = [kept("1", 0, 0), kept("2", 900, 1000)]
    seen = [states(records, "", now)["1"] + " " + states(records, "", now)["2"] for now in (950, 1000, 1019, 1020)]
    assert seen == ["active next", "retiring active", "retiring active", "gone active"]
    assert [plan_ring(records, [], NEVER, now).changes_at for now in (950, 1000, 1020)] == [1000, 1020, math.inf]


def test_a_kept_key_takes_the_place_of_listed_ones_and_they_retire() -> None:
    records = [listed("a", 0, 0), kept("1", 900, 1000)]
    assert states(records, "a", 1010) == {"a": "retiring", "1": "active"}
    assert states(records, "a", 1020) == {"a": "gone", "1": "active"}


def test_a_newer_listed_key_takes_the_place_of_a_kept_one() -> None:
    records = [kept("1", 900, 1000), listed("a", 2000)]
    assert states(records, "a", 2050) == {"a": "next", "1": "active"}
    assert states(records, "a", 2100) == {"a": "active", "1": "retiring"}


def test_the_next_key_is_published_one_lead_before_its_month_begins() -> None:
    first = kept("1", 0, 0)
    assert due_at([first], [], MONTHLY, 0) == 900
    assert make_due([first], [], SPARE, MONTHLY, 899) == KeyChange()
    [made] = make_due([first], [], SPARE, MONTHLY, 900).write
    assert (made.kid, made.published_at, made.signs_from) == ("spare", 900, 1000)


def test_a_gateway_that_was_off_for_long_still_publishes_before_it_signs() -> None:
    [made] = make_due([kept("1", 0, 0)], [], SPARE, MONTHLY, 5000).write
    assert (made.published_at, made.signs_from) == (5000, 5100)


def test_the_first_key_of_all_signs_at_once() -> None:
    [made] = make_due([], [], SPARE, MONTHLY, 7).write
    assert made.signs_from == 7


def test_the_key_set_changes_when_the_next_key_is_due() -> None:
    assert plan_ring([kept("1", 0, 0)], [], MONTHLY, 5).changes_at == 900


def test_of_two_gateways_that_find_a_key_due_the_second_makes_none() -> None:
    records = carried_out([kept("1", 0, 0)], make_due([kept("1", 0, 0)], [], SPARE, MONTHLY, 900))
    assert make_due(records, [], replace(SPARE, kid="other"), MONTHLY, 900) == KeyChange()


def test_keys_that_are_gone_are_deleted_and_no_others() -> None:
    records = [kept("1", 0, 0), kept("2", 900, 1000), listed("a", 0, 0)]
    day = 86400  # for a gateway whose clock is wrong
    assert forget_gone(records, ["a"], NEVER, day + 1019).delete == ()
    assert forget_gone(records, ["a"], NEVER, day + 1020).delete == ("1",)


# --- orders ---


def test_a_rotation_by_hand_publishes_a_next_key() -> None:
    first = kept("1", 0, 0)
    change = rotate_by_hand([first], [], SPARE, NEVER, 500, is_emergency=False, by="ada", reason="why not")
    assert (change.what, change.by, change.reason) == ("key_rotated", "ada", "spare: why not")
    records = carried_out([first], change)
    assert states(records, "", 599) == {"1": "active", "spare": "next"}
    assert states(records, "", 600) == {"1": "retiring", "spare": "active"}


def test_a_second_rotation_says_that_a_key_waits() -> None:
    with pytest.raises(Conflict, match="The next key n is published already"):
        rotate_by_hand(
            [kept("1", 0, 0), kept("n", 400, 500)], [], SPARE, NEVER, 450, is_emergency=False, by="", reason=""
        )


def test_in_an_emergency_the_waiting_key_signs_as_soon_as_every_replica_has_it() -> None:
    records = [kept("1", 0, 0), kept("n", 400, 500)]
    [made] = rotate_by_hand(records, [], SPARE, NEVER, 450, is_emergency=True, by="", reason="").write
    assert (made.kid, made.signs_from) == ("n", 450)
    [made] = rotate_by_hand(records[:1], [], SPARE, NEVER, 450, is_emergency=True, by="", reason="").write
    assert (made.kid, made.published_at, made.signs_from) == ("spare", 450, 450 + SETTLING)


@pytest.mark.parametrize("records", [[kept("x", 0, 0)], [listed("x", 0, 0)]])
def test_a_compromised_key_verifies_nothing_and_another_signs_at_once(records: list[KeyRecord]) -> None:
    order = "" if records[0].is_kept else "x"
    change = give_up(records, order, "x", SPARE, NEVER, 500, by="ada", reason="stolen")
    after = carried_out(records, change)
    assert states(after, order, 500) == {"x": "compromised", "spare": "active"}
    assert plan_ring(after, order, NEVER, 500).verifying() == ("spare",)
    assert next(record.sealed for record in after if record.kid == "x") in (b"", None)  # destroyed


def test_a_key_that_waits_takes_over_from_a_compromised_one_before_a_new_one_is_made() -> None:
    records = [kept("1", 0, 0), kept("n", 400, 500)]
    after = carried_out(records, give_up(records, [], "1", SPARE, NEVER, 450, by="", reason=""))
    assert states(after, "", 450) == {"1": "compromised", "n": "active"}


def test_a_listed_key_that_signed_before_takes_over_from_a_compromised_one() -> None:
    records = [listed("a", 0, 0), listed("b", 0, 0)]
    after = carried_out(records, give_up(records, ["a", "b"], "a", SPARE, NEVER, 450, by="", reason=""))
    assert states(after, "ab", 450) == {"a": "compromised", "b": "active"}


def test_a_key_that_only_verified_is_given_up_without_a_new_one() -> None:
    records = [kept("1", 0, 0), kept("2", 400, 500)]
    change = give_up(records, [], "1", SPARE, NEVER, 510, by="", reason="")
    assert [record.kid for record in change.write] == ["1"]


def test_a_retired_key_does_not_come_back_when_its_successor_is_compromised() -> None:
    records = [kept("1", 0, 0), kept("2", 400, 500)]
    after = carried_out(records, give_up(records, [], "2", SPARE, NEVER, 600, by="", reason=""))
    assert states(after, "", 600) == {"1": "gone", "2": "compromised", "spare": "active"}


def test_a_compromised_file_does_not_end_the_older_file_that_takes_over() -> None:
    records = [listed("n", 400, 500), listed("o", 0, 0)]
    after = carried_out(records, give_up(records, ["n", "o"], "n", SPARE, NEVER, 600, by="", reason=""))
    assert states(after, "o", 10**9)["o"] == "active"  # the bad file was taken out of the list since


def test_a_next_key_that_is_compromised_before_it_signed_ends_nothing() -> None:
    records = [kept("1", 0, 0), kept("n", 400, 500)]
    after = carried_out(records, give_up(records, [], "n", SPARE, NEVER, 450, by="", reason=""))
    assert states(after, "", 10**6) == {"1": "active", "n": "compromised"}


def test_giving_up_twice_changes_nothing_and_a_stranger_is_told_from_a_key() -> None:
    records = [replace(kept("1", 0, 0), compromised_at=5.0)]
    assert give_up(records, [], "1", SPARE, NEVER, 6, by="", reason="") == KeyChange()
    with pytest.raises(Conflict, match="no such key"):
        give_up(records, [], "other", SPARE, NEVER, 6, by="", reason="")


# --- for any keys ---

ORDER = [KeyState.NEXT, KeyState.ACTIVE, KeyState.RETIRING, KeyState.GONE]
times = st.integers(0, 1000).map(float)
moments = st.integers(500, 1500).map(float)
"""When one looks: later than any order to give up a key, since an order holds from the moment it was given."""


@st.composite
def rings(draw: st.DrawFn) -> tuple[list[KeyRecord], list[str]]:
    records = []
    for kid in "abcdef"[: draw(st.integers(1, 6))]:
        published = draw(times)
        # A kept key may have been hurried; a listed one waits for the lead, unless it was among the very first.
        lead = draw(st.sampled_from([0.0, 10.0, 100.0])) if kid >= "d" else 100.0 if published else 0.0
        compromised = draw(st.none() | st.integers(0, 500).map(float))
        sealed = None if kid < "d" else b"" if compromised is not None else b"s"
        records.append(KeyRecord(kid, "ES256", published, published + lead, compromised, sealed))
    order = draw(st.permutations([record.kid for record in records if record.sealed is None]))
    return records, list(order)


@given(rings(), moments)
def test_exactly_one_sound_key_signs_and_none_that_is_compromised_verifies(
    ring: tuple[list[KeyRecord], list[str]], now: float
) -> None:
    records, order = ring
    plan = plan_ring(records, order, NEVER, now)
    active = [kid for kid, state in plan.states.items() if state is KeyState.ACTIVE]
    assert active == ([plan.active] if plan.active else [])
    assert set(plan.verifying()).isdisjoint(record.kid for record in records if record.is_compromised)
    assert plan.verifying()[:1] == tuple(active)
    if any(not record.is_compromised and record.sealed is None for record in records):
        never_replaced = not any(record.is_kept for record in records)
        assert plan.active or not never_replaced


@given(rings(), moments)
def test_no_key_signs_before_its_time_while_one_whose_time_has_come_could(
    ring: tuple[list[KeyRecord], list[str]], now: float
) -> None:
    records, order = ring
    plan = plan_ring(records, order, NEVER, now)
    signer = next((record for record in records if record.kid == plan.active), None)
    if signer is not None and signer.signs_from > now:
        verifying = [record for record in records if record.kid in plan.verifying()]
        assert not any(record.signs_from <= now for record in verifying)


@given(rings(), moments, moments)
def test_a_state_never_goes_back_by_itself(ring: tuple[list[KeyRecord], list[str]], one: float, two: float) -> None:
    records, order = ring
    before = plan_ring(records, order, NEVER, min(one, two)).states
    after = plan_ring(records, order, NEVER, max(one, two)).states
    for kid, state in before.items():
        if state is not KeyState.COMPROMISED:
            assert ORDER.index(after[kid]) >= ORDER.index(state), kid


@given(rings(), moments)
def test_nothing_changes_before_the_change_that_was_announced(
    ring: tuple[list[KeyRecord], list[str]], now: float
) -> None:
    records, order = ring
    plan = plan_ring(records, order, NEVER, now)
    if plan.changes_at > now + 0.5:
        just_before = min(plan.changes_at, 2000.0) - 0.25
        assert plan_ring(records, order, NEVER, just_before).states == plan.states
