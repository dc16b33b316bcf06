"""The schema for editors: in step with the code, draft-07, and of one mind with it about whole files."""

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from gateway.settings.json_schema import write_schema
from gateway.settings.reading import read_text
from gateway.settings.schema import Settings
from tests.settings.samples import MINIMAL, faults_of
from tests.settings.test_load import SESSIONS

ROOT = Path(__file__).resolve().parents[2]
SCHEMA: dict[str, Any] = json.loads(write_schema())

_TYPES: dict[str, type] = {"string": str, "integer": int, "boolean": bool, "object": dict, "array": list}
_SILENT = {"$schema", "title", "description", "default", "examples", "definitions"}


def accepts(schema: dict[str, Any], value: Any) -> bool:
    """As much of a validator as our own schema needs; a keyword that it does not know is an error."""
    return all(_RULES[key](rule, schema, value) for key, rule in schema.items() if key not in _SILENT)


def _has_type(rule: str, _: dict[str, Any], value: Any) -> bool:
    return isinstance(value, _TYPES[rule]) and (rule != "integer" or not isinstance(value, bool))


def _properties(rule: dict[str, Any], _: dict[str, Any], value: Any) -> bool:
    if not isinstance(value, dict):
        return True
    return all(accepts(inner, value[name]) for name, inner in rule.items() if name in value)


def _pattern_properties(rule: dict[str, Any], _: dict[str, Any], value: Any) -> bool:
    ((pattern, inner),) = rule.items()
    if not isinstance(value, dict):
        return True
    return all(re.search(pattern, name) and accepts(inner, part) for name, part in value.items())


def _others(rule: Any, schema: dict[str, Any], value: Any) -> bool:
    if not isinstance(value, dict):
        return True
    others = [part for name, part in value.items() if name not in schema.get("properties", {})]
    return not others if rule is False else all(accepts(rule, part) for part in others)


_RULES: dict[str, Callable[[Any, dict[str, Any], Any], bool]] = {
    "$ref": lambda rule, _, value: accepts(SCHEMA["definitions"][rule.removeprefix("#/definitions/")], value),
    "allOf": lambda rule, _, value: all(accepts(inner, value) for inner in rule),
    "anyOf": lambda rule, _, value: any(accepts(inner, value) for inner in rule),
    "type": _has_type,
    "const": lambda rule, _, value: bool(value == rule),
    "enum": lambda rule, _, value: value in rule,
    "pattern": lambda rule, _, value: not isinstance(value, str) or re.search(rule, value) is not None,
    "properties": _properties,
    "patternProperties": _pattern_properties,
    "additionalProperties": _others,
    "required": lambda rule, _, value: not isinstance(value, dict) or set(rule) <= set(value),
    "items": lambda rule, _, value: not isinstance(value, list) or all(accepts(rule, part) for part in value),
    "minItems": lambda rule, _, value: not isinstance(value, list) or len(value) >= rule,
    "maxItems": lambda rule, _, value: not isinstance(value, list) or len(value) <= rule,
    "minProperties": lambda rule, _, value: not isinstance(value, dict) or len(value) >= rule,
    "maxProperties": lambda rule, _, value: not isinstance(value, dict) or len(value) <= rule,
    "minLength": lambda rule, _, value: not isinstance(value, str) or len(value) >= rule,
    "maxLength": lambda rule, _, value: not isinstance(value, str) or len(value) <= rule,
    "minimum": lambda rule, _, value: not isinstance(value, int) or value >= rule,
    "maximum": lambda rule, _, value: not isinstance(value, int) or value <= rule,
}


def plain(text: str) -> Any:
    """What an editor sees: no variable is replaced."""
    return read_text(text.replace("${", "$${"), name="x", environ={}).values


def test_the_file_in_the_tree_is_in_step() -> None:
    assert (ROOT / "config" / "gateway.schema.json").read_text() == write_schema(), "run: crossfade schema -o …"


def test_it_is_draft_07_through_and_through() -> None:
    text = write_schema()
    assert SCHEMA["$schema"] == "http://json-schema.org/draft-07/schema#"
    assert not any(word in text for word in ('"$defs"', '"discriminator"', '"prefixItems"', '"x-short"', '"null"'))
    references = set(re.findall(r'"\$ref": "#/definitions/([A-Za-z]+)"', text))
    assert references == set(SCHEMA["definitions"])


def test_nothing_stands_beside_a_reference() -> None:
    def visit(schema: Any) -> None:
        if isinstance(schema, dict):
            assert "$ref" not in schema or set(schema) == {"$ref"}
            for inner in schema.values():
                visit(inner)
        elif isinstance(schema, list):
            for inner in schema:
                visit(inner)

    visit(SCHEMA)


def test_every_key_is_described() -> None:
    assert list(SCHEMA["properties"]) == list(Settings.model_fields)
    for name, definition in {**SCHEMA["definitions"], "the whole": SCHEMA}.items():
        for key, described in definition.get("properties", {}).items():
            if "$ref" not in described:
                assert described["description"], f"{name}.{key}"


def test_defaults_are_spelled_as_in_the_file() -> None:
    assert SCHEMA["properties"]["listen"]["default"] == "127.0.0.1:8080"
    assert SCHEMA["definitions"]["Tokens"]["properties"]["access"]["default"] == "1h"
    assert SCHEMA["definitions"]["Phase"]["properties"]["rollout"]["default"] == "100%"
    assert SCHEMA["definitions"]["Admin"]["properties"]["socket"]["default"] == "run/admin.sock"


GOOD = {
    "the demo": (ROOT / "gateway.yaml").read_text(),
    "the smallest one": MINIMAL,
    "sessions of all kinds": MINIMAL + SESSIONS,
    "short forms": MINIMAL + "stores: { embedded: a.db, secret: { env: A } }\nkeys: { env: K }\n",
    "long forms": MINIMAL + "stores: { embedded: { file: a.db } }\nkeys: [{ env: K }, { file: k }]\n",
    "variables": MINIMAL + "limits: { fields: '${N:-7}', body: '${B:-1GiB}' }\nwell_known: ${W:-true}\n",
}


@pytest.mark.parametrize("text", GOOD.values(), ids=GOOD)
def test_what_the_code_takes_the_schema_takes(text: str) -> None:
    assert accepts(SCHEMA, plain(text))


BAD = (
    "lisen: 127.0.0.1:1",
    "tokens: { access: 30 sec }",
    "tokens: { algorithm: HS256 }",
    "limits: { fields: many }",
    "phase: { initial: brownedout }",
    "keys: [{ env: A, file: b }]",
    "keys: [hunter2]",
    "sessions: [{ name: a, format: laravel }]",
    "sessions: [{ name: a, format: flask, place: {}, secrets: { env: A } }]",
    "routes: [{ auth: public }]",
    "stores: { redis: {} }",
)


@pytest.mark.parametrize("text", BAD)
def test_what_the_schema_refuses_the_code_refuses(text: str) -> None:
    assert not accepts(SCHEMA, plain(MINIMAL + text))
    assert faults_of(MINIMAL + text)
