"""Who is in the rollout stays in it, and nobody can tell who is."""

from hypothesis import given
from hypothesis import strategies as st

from gateway.core.rollout import EVERYBODY, Rollout

KEY = b"k" * 32
SUBJECTS = [str(number) for number in range(2000)]


@given(st.text(), st.floats(0, 100), st.floats(0, 100))
def test_a_greater_part_leaves_nobody_out(subject: str, one: float, other: float) -> None:
    smaller, greater = sorted([one, other])
    assert Rollout(greater, KEY).includes(subject) or not Rollout(smaller, KEY).includes(subject)


@given(st.text(), st.binary(max_size=64))
def test_the_ends_are_nobody_and_everybody(subject: str, key: bytes) -> None:
    assert not Rollout(0.0, key).includes(subject)
    assert Rollout(100.0, key).includes(subject)
    assert EVERYBODY.includes(subject)


def test_the_part_is_about_as_large_as_it_says() -> None:
    count = sum(Rollout(25.0, KEY).includes(subject) for subject in SUBJECTS)
    assert 400 < count < 600, "of 2000, with a standard deviation of 19"


def test_another_key_chooses_others() -> None:
    ours, theirs = Rollout(50.0, KEY), Rollout(50.0, b"x" * 32)
    assert [ours.includes(subject) for subject in SUBJECTS] != [theirs.includes(subject) for subject in SUBJECTS]
    assert "kkk" not in repr(ours)
