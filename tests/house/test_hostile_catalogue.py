"""Every row of the catalogue of hostile messages is carried by a test.

A row is carried by the name of a case (`tests/hostile/catalogue.py`, `tests/hostile/answers.py`) or by the docstring of
a test that begins with it: `H7: …`, or `H13, H16: …`.
"""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.hostile.answers import ROWS
from tests.hostile.catalogue import CATALOGUE

TESTS = Path(__file__).parents[1]
GROUPS = {
    "A": ("framing", 36),
    "B": ("chunks", 13),
    "C": ("field syntax", 10),
    "D": ("Host and target", 12),
    "E": ("methods, upgrades, expectations, hop-by-hop", 16),
    "F": ("identity", 12),
    "G": ("paths", 11),
    "H": ("time, the life of connections, answers", 17),
}
WITHOUT_A_TEST = {
    "G11": "no rule rewrites a path or strips a prefix, so that there is nothing that would have to be checked again",
}
_ROW = r"[A-H]\d{1,2}"
_NAMED = re.compile(rf"({_ROW})(?:-({_ROW}))? ")
_TOLD = re.compile(rf"((?:{_ROW}(?:, )?)+):")


def rows() -> list[str]:
    return [f"{group}{number}" for group, (_, most) in GROUPS.items() for number in range(1, most + 1)]


def named() -> Iterator[str]:
    """The rows in the names of cases; `A26-A31` is all of them."""
    for name in [case.name for case in CATALOGUE] + [*ROWS]:
        found = _NAMED.match(name)
        assert found is not None, name
        first, last = found[1], found[2] or found[1]
        yield from (f"{first[0]}{number}" for number in range(int(first[1:]), int(last[1:]) + 1))


def told() -> Iterator[str]:
    """The rows that docstrings of tests begin with."""
    kinds = (ast.FunctionDef, ast.AsyncFunctionDef)
    for path in TESTS.rglob("test_*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            found = _TOLD.match(ast.get_docstring(node) or "") if isinstance(node, kinds) else None
            if found is not None:
                yield from found[1].split(", ")


CARRIED = {*named(), *told()}


@pytest.mark.parametrize("row", rows())
def test_a_row_of_the_catalogue_is_carried_by_a_test(row: str) -> None:
    assert (row in CARRIED) is (row not in WITHOUT_A_TEST)


def test_no_test_speaks_of_a_row_that_does_not_exist() -> None:
    assert set(rows()) >= CARRIED
