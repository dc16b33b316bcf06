"""From what the schema refuses to findings in plain words. Nothing here ever holds a value of the file."""

import re
from collections.abc import Iterator, Mapping, Sequence
from difflib import get_close_matches
from typing import Any, Literal, get_args, get_origin

from pydantic import BaseModel, ValidationError

from gateway.settings.faults import Finding, Place
from gateway.settings.schema.root import Settings
from gateway.settings.schema.section import Section, say_planned
from gateway.settings.schema.sessions import FORMATS
from gateway.settings.secrets import Secret

_QUOTED = re.compile(r"'([^']*)'")

_SENTENCES: Mapping[str, str] = {
    "missing": "is required",
    "string_type": "expected text (in quotes, if it looks like a number)",
    "string_too_short": "expected text that is not empty",
    "string_too_long": "expected at most {max_length} characters",
    "bool_type": "expected true or false",
    "int_type": "expected a whole number",
    "greater_than_equal": "expected {ge} or more",
    "less_than_equal": "expected {le} or less",
    "tuple_type": "expected a list",
    "dict_type": "expected a mapping",
    "model_type": "expected a mapping",
    "model_attributes_type": "expected a mapping",
    "too_short": "expected at least {min_length} entry",
    "too_long": "expected at most {max_length} entries",
    "union_tag_not_found": "is required",
}
_YAML_1_1 = {"yes": "true", "on": "true", "no": "false", "off": "false"}
_WITHOUT_VALUE = frozenset({"missing", "planned", "too_short", "too_long", "union_tag_not_found", "string_too_short"})


def explain(error: ValidationError) -> list[Finding]:
    """Turn what the schema says of a document into findings, one for each fault."""
    findings = [_explain(fault) for fault in error.errors(include_url=False)]
    crowded = {finding.place[:depth] for finding in findings for depth in range(len(finding.place))}
    empty = _SENTENCES["too_short"].format(min_length=1)  # a list is also too short when its only entry is refused
    return [finding for finding in findings if finding.message != empty or finding.place not in crowded]


def _explain(fault: Mapping[str, Any]) -> Finding:
    kind, context, place = fault["type"], fault.get("ctx", {}), _place(fault["loc"])
    if kind == "extra_forbidden":
        return _unknown_key(place)
    if kind in {"expected", "planned"}:
        below = (context["at"],) if context.get("at") else ()
        is_key = fault["loc"][-1:] == ("[key]",)
        shows = context.get("shows", False) and not is_key
        return Finding((*place, *below), context["sentence"], context.get("hint", ""), shows=shows, at_key=is_key)
    if kind in {"literal_error", "enum", "union_tag_invalid"}:
        return _wrong_word(place, fault["input"], context)
    if kind == "union_tag_not_found":
        place = (*place, "format")
    message = _SENTENCES.get(kind, "is not valid").format_map(context)
    hint = _YAML_1_1.get(str(fault["input"]).lower(), "") if kind == "bool_type" else ""
    return Finding(place, message, hint, shows=kind not in _WITHOUT_VALUE)


def _place(steps: Sequence[str | int]) -> Place:
    """Leave out the steps that are the schema's own: the word that chose among the session formats, marks of keys."""
    own = 2 if len(steps) > 2 and steps[0] == "sessions" and steps[2] in FORMATS else None
    return tuple(step for index, step in enumerate(steps) if index != own and step != "[key]")


def _wrong_word(place: Place, value: object, context: Mapping[str, Any]) -> Finding:
    words = _QUOTED.findall(context.get("expected") or context["expected_tags"])
    if "expected_tags" in context:
        place = (*place, "format")
        value = value.get("format") if isinstance(value, Mapping) else ""
    return Finding(place, f"expected one of {', '.join(filter(None, words))}", closest(value, words), shows=True)


def _unknown_key(place: Place) -> Finding:
    models = _models_at(place[:-1])
    key = str(place[-1])
    for model in models:
        if issubclass(model, Section) and key in model.planned:
            return Finding(place, say_planned(key, model.kinds), at_key=True)
    known = list(dict.fromkeys(name for model in models for name in model.model_fields))
    if set(known) <= {"env", "file", "url"}:  # somebody may have written a secret here
        return Finding(place[:-1], f"expected no other key than {' or '.join(known)}")
    hint = closest(place[-1], known)
    likely = f"did you mean {hint}?" if hint else f"known here: {', '.join(known)}"
    return Finding(place, f"unknown key ({likely})", at_key=True)


def closest(word: object, words: Sequence[str]) -> str:
    """Return the one of `words` that was probably meant, or an empty text."""
    found = get_close_matches(word.lower(), words, n=1) if isinstance(word, str) and len(word) <= 100 else []
    return found[0] if found else ""


def _models_at(place: Place) -> list[type[BaseModel]]:
    """Return the sections of the schema that can stand at a place: several where a format chooses among them."""
    kinds: list[Any] = [Settings]
    for step in place:
        kinds = [inner for kind in kinds for inner in _step_into(kind, step)]
    return [kind for kind in kinds if isinstance(kind, type) and issubclass(kind, BaseModel)]


def _step_into(kind: Any, step: str | int) -> Iterator[Any]:
    if isinstance(kind, type) and issubclass(kind, BaseModel):
        if step in kind.model_fields:
            yield from _models_in(kind.model_fields[str(step)].annotation)
        return
    arguments = get_args(kind)
    if get_origin(kind) in {tuple, dict} and arguments:
        yield from _models_in(arguments[0] if get_origin(kind) is tuple else arguments[-1])


def _models_in(annotation: Any) -> Iterator[Any]:
    """Unfold annotations and unions; lists and mappings stay as they are, since a step leads into them."""
    if annotation is Secret or get_origin(annotation) in {tuple, dict} or isinstance(annotation, type):
        yield annotation
    elif get_origin(annotation) is not Literal:
        for argument in get_args(annotation):
            if isinstance(argument, type) or get_origin(argument) is not None:
                yield from _models_in(argument)
