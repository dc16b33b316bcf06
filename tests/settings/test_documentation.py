"""`docs/configuration.md` names every key."""

import json
from pathlib import Path

import pytest

from gateway.settings.json_schema import write_schema
from gateway.settings.reading import read_text
from tests.settings.samples import faults_of

PAGE = (Path(__file__).resolve().parents[2] / "docs" / "configuration.md").read_text()
SCHEMA = json.loads(write_schema())
KEYS = sorted(
    {key for definition in (SCHEMA, *SCHEMA["definitions"].values()) for key in definition.get("properties", {})}
)


@pytest.mark.parametrize("key", KEYS)
def test_every_key_has_a_row(key: str) -> None:
    assert f"| `{key}` |" in PAGE


def test_the_example_has_no_fault() -> None:
    example = PAGE.partition("```yaml\n")[2].partition("```")[0]
    assert read_text(example, name="example", environ={}).values
    assert faults_of(example) == []
