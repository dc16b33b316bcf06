"""The schema of the configuration for editors: JSON Schema draft-07, the newest that yaml-language-server reads."""

import json
from collections.abc import Iterator, Mapping
from typing import Any

from pydantic import BaseModel

from gateway.settings.docstrings import attribute_docstrings
from gateway.settings.schema.root import Settings
from gateway.settings.schema.sessions import Place
from gateway.settings.secrets import Secret

_REFERENCE = {"type": "string", "pattern": r"\$\{[A-Za-z_][A-Za-z0-9_]*(:[-?][^}]*)?\}"}
"""A value that stands for a variable is text, whatever is expected there."""
_OWN = frozenset({"description", "default", "title", "discriminator", "x-short"})


def write_schema() -> str:
    """Return the schema as JSON text, the same text for the same version."""
    schema = Settings.model_json_schema()
    definitions = schema.pop("$defs")
    models = {model.__name__: model for model in _subclasses(BaseModel)}
    for name, definition in definitions.items():
        _describe(definition, models[name], definitions)
    _describe(schema, Settings, definitions)
    document = {
        "$schema": "http://json-schema.org/draft-07/schema#",
        **_translate(schema),
        "title": "Crossfade",
        "definitions": {
            **{name: _translate(definition) for name, definition in definitions.items()},
            "reference": _REFERENCE,
        },
    }
    return json.dumps(document, indent=2, ensure_ascii=False) + "\n"


def _subclasses(model: type[BaseModel]) -> Iterator[type[BaseModel]]:
    for subclass in model.__subclasses__():
        yield subclass
        yield from _subclasses(subclass)


def _describe(definition: dict[str, Any], model: type[BaseModel], definitions: Mapping[str, Any]) -> None:
    """Write what is said of each key, defaults as the file spells them, and that some sections have exactly one key."""
    defaults = model.model_construct().model_dump(mode="json", exclude_none=True, warnings=False)
    docstrings = attribute_docstrings(model)
    for name, described in definition["properties"].items():
        section = definitions.get(described.get("$ref", "").rpartition("/")[2], {})
        if name in docstrings and docstrings[name] != section.get("description"):  # once is enough
            described["description"] = docstrings[name]
        if described.pop("default", None) is not None:
            described["default"] = defaults[name]
    if model is Secret or model.__name__ == "Redis" or issubclass(model, Place):
        definition |= {"minProperties": 1, "maxProperties": 1}


def _translate(schema: Mapping[str, Any]) -> dict[str, Any]:
    """Translate one schema from what pydantic writes to draft-07; `${NAME}` is accepted for numbers and words too."""
    described = {key: schema[key] for key in ("description", "default") if key in schema}
    if "description" in described:
        described["description"] = " ".join(described["description"].split())
    rest = {key: value for key, value in schema.items() if key not in _OWN}
    short = schema.get("x-short")
    if short is not None:
        return {**described, "anyOf": [_translate(rest), _translate(rest[short] if isinstance(short, str) else short)]}
    if "$ref" in rest:  # beside it, draft-07 ignores everything else
        reference = {"$ref": rest["$ref"].replace("#/$defs/", "#/definitions/")}
        return {**described, "allOf": [reference]} if described else reference
    alternatives = [one for one in rest.get("anyOf") or rest.get("oneOf") or () if one.get("type") != "null"]
    if len(alternatives) == 1:
        return _translate({**alternatives[0], **described})
    if alternatives:
        return {**described, "anyOf": [_translate(one) for one in alternatives]}
    inner = {key: _inside(key, value) for key, value in rest.items()}
    if _takes_any_text(inner):
        return {**described, **inner}
    return {**described, "anyOf": [inner, {"$ref": "#/definitions/reference"}]}


def _takes_any_text(schema: Mapping[str, Any]) -> bool:
    """Whether a reference fits already, or never: in free text, and where a mapping, a list or a constant stands."""
    if schema.get("type") in {"object", "array"} or "const" in schema:
        return True
    return schema.get("type") == "string" and not schema.keys() & {"enum", "pattern"}


def _inside(key: str, value: Any) -> Any:
    if key in {"properties", "patternProperties"}:
        return {name: _translate(inner) for name, inner in value.items()}
    if key in {"items", "additionalProperties"} and isinstance(value, Mapping):
        return _translate(value)
    return value
