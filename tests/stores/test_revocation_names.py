"""Names expire, never early; a million of them are small and as cheap to miss as none."""

import tracemalloc

from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.stores.revocation_names import ExpiringNames

NOW = 1_000_000_000.0
HALF_HOUR = 1800


def swept(names: ExpiringNames, now: float) -> int:
    return names.discard_expired(now, buckets=1 << 14)


Entries = st.lists(st.tuples(st.text(max_size=3), st.integers(0, 20 * HALF_HOUR)), max_size=60)


@settings(deadline=None)
@given(entries=Entries, after=st.integers(0, 22 * HALF_HOUR), is_filled=st.booleans())
def test_a_name_is_there_until_it_expires_and_gone_half_an_hour_later(
    entries: list[tuple[str, int]], after: int, is_filled: bool
) -> None:
    names = ExpiringNames(NOW)
    if is_filled:
        names.fill((name, NOW + life) for name, life in entries)
        names.finish_filling()
    else:
        for name, life in entries:
            names.add(name, NOW + life)
    lives: dict[str, int] = {}
    for name, life in entries:
        lives[name] = max(life, lives.get(name, 0))
    assert all(name in names for name in lives)
    assert "none of them" not in names
    swept(names, NOW + after)
    for name, life in lives.items():
        if life > after:
            assert name in names
        if life + HALF_HOUR < after:
            assert name not in names


def test_what_was_filled_in_can_be_added_to() -> None:
    names = ExpiringNames(NOW)
    names.fill([("a", NOW + 100), ("b", NOW + 100)])
    names.finish_filling()
    names.add("a", NOW + 9000)
    assert swept(names, NOW + 5000) == 1
    assert ("a" in names, "b" in names, len(names)) == (True, False, 1)


def test_many_names_in_few_buckets_are_kept_apart() -> None:
    names = ExpiringNames(NOW)
    for number in range(100_000):
        names.add(f"n{number}", NOW + number % 40_000)
    assert len(names) == 100_000
    assert all(f"n{number}" in names for number in range(0, 100_000, 97))
    assert not any(f"m{number}" in names for number in range(0, 100_000, 97))
    swept(names, NOW + 20_000)
    for number in range(0, 100_000, 97):
        assert f"n{number}" in names or number % 40_000 <= 20_000


def test_what_lies_before_the_first_span_or_after_the_last_is_kept_too() -> None:
    names = ExpiringNames(NOW)
    names.add("old", NOW - 10_000)
    names.add("far", NOW + 100 * 365 * 86400.0)
    assert "old" in names
    swept(names, NOW + 86400)
    assert ("old" in names, "far" in names) == (False, True)


def test_a_sweep_goes_on_where_the_last_one_ended() -> None:
    names = ExpiringNames(NOW)
    for number in range(1000):
        names.add(f"n{number}", NOW)
    steps = [names.discard_expired(NOW + 2 * HALF_HOUR, buckets=1 << 12) for _ in range(4)]
    assert sum(steps) == 1000
    assert all(0 < step < 1000 for step in steps)


def test_a_name_costs_less_than_twenty_bytes() -> None:
    count = 200_000
    names = ExpiringNames(NOW)
    entries = [(f"{number:036d}", NOW + number) for number in range(count)]
    tracemalloc.start()
    for name, expires_at in entries:
        names.add(name, expires_at)
    size, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert size / count < 20
