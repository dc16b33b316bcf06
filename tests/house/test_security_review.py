"""docs/security-review.md names a test for every rule and every advisory, and each of these tests exists."""

import ast
import re
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
REVIEW = (ROOT / "docs" / "security-review.md").read_text()
NAMED = sorted(set(re.findall(r"`(tests/[\w/]+\.py)::(\w+)`", REVIEW)))
ROWS = [line.strip("| ").split(" | ") for line in REVIEW.splitlines() if line.startswith("|")]
RANGES = ((1, 14), (20, 29), (30, 36), (40, 53), (60, 66), (70, 74))
RULES = [f"N{number}" for first, last in RANGES for number in range(first, last + 1)] + [f"K{n}" for n in range(1, 9)]


@cache
def functions_of(path: str) -> dict[str, str]:
    """The test functions of a file with their docstrings."""
    tree = ast.parse((ROOT / path).read_text())
    kinds = (ast.FunctionDef, ast.AsyncFunctionDef)
    return {node.name: ast.get_docstring(node) or "" for node in ast.walk(tree) if isinstance(node, kinds)}


@pytest.mark.parametrize(("path", "name"), NAMED, ids=[name for _, name in NAMED])
def test_a_test_that_is_named_exists(path: str, name: str) -> None:
    assert name in functions_of(path)


def test_every_rule_has_one_row_with_a_test_or_a_reason() -> None:
    rows = [row for row in ROWS if re.fullmatch(r"[NK]\d+", row[0])]
    assert sorted(row[0] for row in rows) == sorted(RULES)
    assert [row[0] for row in rows if "tests/" not in row[2] and "Does not apply" not in row[2]] == []


APPLIES, _, DOES_NOT_APPLY = REVIEW.partition("### What does not apply\n")
ADVISORY = re.compile(
    r"(?m)^\| ((?:CVE|GHSA|keycloak|pomerium|mod_auth_mellon|python-jose)[-#][\w-]+) \| .* \| (.*) \|$"
)


def test_an_advisory_stands_in_the_docstring_of_its_test() -> None:
    rows = ADVISORY.findall(APPLIES)
    assert len(rows) > 90
    for advisory, proof in rows:
        ((path, name),) = re.findall(r"`(tests/[\w/]+\.py)::(\w+)`", proof)
        assert advisory in functions_of(path)[name], f"{advisory} is not in the docstring of {name}"


def test_an_advisory_that_does_not_apply_has_its_reason_and_each_stands_once() -> None:
    others = ADVISORY.findall(DOES_NOT_APPLY)
    assert [advisory for advisory, reason in others if len(reason) < 40] == []
    names = [advisory for advisory, _ in ADVISORY.findall(REVIEW)]
    assert sorted(names) == sorted(set(names))


def test_tests_of_the_browser_client_that_are_named_exist() -> None:
    named = re.findall(r"`(frontend/tests/[\w./-]+\.ts)` \(\"([^\"]+)\"\)", REVIEW)
    assert named
    for path, title in named:
        assert title in (ROOT / path).read_text()
