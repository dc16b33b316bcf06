"""Each input that fuzzing began with or found is replayed by every test run; Hypothesis adds some of its own."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.fuzz import corpus
from tests.fuzz.targets import TARGETS


@pytest.mark.parametrize("target", TARGETS)
def test_the_corpus_of_a_target(target: str) -> None:
    inputs = corpus.load(target)
    assert inputs
    for data in inputs:
        TARGETS[target](data)


@pytest.mark.parametrize("target", TARGETS)
def test_other_bytes(target: str) -> None:
    @given(st.binary(max_size=300))
    def holds(data: bytes) -> None:
        TARGETS[target](data)

    holds()
