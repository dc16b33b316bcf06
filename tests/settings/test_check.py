"""What sections must not say together: each row is a text and what is told about it."""

import pytest

from tests.settings.samples import MINIMAL, Row, faults_of, golden_rows

ROWS = golden_rows("checks.txt")


@pytest.mark.parametrize("row", ROWS, ids=[row.name for row in ROWS])
def test_sections_fit_together(row: Row) -> None:
    assert faults_of(row.text) == row.lines


def test_a_section_with_a_fault_of_its_own_is_not_checked_against_others() -> None:
    text = MINIMAL + "listen: 0.0.0.0:80\nstores: { embedded: { single_instance: yes please } }\n"
    assert faults_of(text) == [
        'gateway.yaml:4:40: error: stores.embedded.single_instance: expected true or false, got "yes please"'
    ]


def test_required_sections_that_are_broken_do_not_stop_the_checks_of_the_others() -> None:
    assert faults_of("public_url: 7\ntokens: { leeway: 6m }\n") == [
        "gateway.yaml:1:1: error: upstreams: is required",
        "gateway.yaml:1:13: error: public_url: expected an address like https://www.example.com, got 7",
        'gateway.yaml:2:19: error: tokens.leeway: must not be longer than 5m; set the clocks instead, got "6m"',
    ]
