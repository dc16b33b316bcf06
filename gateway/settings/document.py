"""A configuration text as nodes that know their place: YAML 1.2, core schema, without anchors, aliases and tags.

Built from parser events instead of constructed objects: no recursion, nothing shared, a bound on depth and number,
duplicate keys seen where they stand, and no word of a library's own message, which may quote a value, in ours.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError
from ruamel.yaml.events import (
    AliasEvent,
    DocumentStartEvent,
    Event,
    MappingEndEvent,
    MappingStartEvent,
    NodeEvent,
    ScalarEvent,
    SequenceEndEvent,
    SequenceStartEvent,
)

from gateway.settings.faults import Finding, Mark, Place

_DEEPEST = 24
_MOST = 20_000

_CONSTANTS: Mapping[str, object] = {
    **dict.fromkeys(("", "~", "null", "Null", "NULL")),
    **dict.fromkeys(("true", "True", "TRUE"), True),
    **dict.fromkeys(("false", "False", "FALSE"), False),
}
_INTEGER = re.compile(r"[-+]?[0-9]{1,18}\Z")
_OTHER_BASE = re.compile(r"0(?:o[0-7]{1,18}|x[0-9a-fA-F]{1,15})\Z")
_FLOAT = re.compile(r"[-+]?(?:\.[0-9]{1,30}|[0-9]{1,30}(?:\.[0-9]{0,30})?)(?:[eE][-+]?[0-9]{1,4})?\Z")

_SENTENCES = (
    ("found character '\\t'", "a tab cannot indent; use spaces"),
    ("found character", "this character cannot begin a value; put the value in quotes"),
    (
        "mapping values are not allowed",
        "a second `: ` on one line, or wrong indentation; quote a value that holds `: `",
    ),
    ("expected ',' or", "a comma or a closing bracket is missing"),
    ("found unexpected end", "a quote is not closed"),
    ("expected <block end>", "the indentation does not match the lines above"),
    ("could not find expected ':'", "a `:` is missing after a key"),
    ("expected the node content", "a value or a closing bracket is missing"),
    ("found incompatible YAML", "only YAML 1.2 is read"),
)
_BEGAN_EARLIER = ("found unexpected end", "could not find expected ':'")
"""Problems that are noticed only far behind the place that is meant."""


@dataclass(slots=True)
class Node:
    """A value of the document. A scalar holds its text as written, `is_plain` when it stands without quotes."""

    mark: Mark
    value: "dict[str, Node] | list[Node] | str"
    is_plain: bool = False
    keys: dict[str, Mark] = field(default_factory=dict)


class Syntax(Exception):
    """The text is not acceptable YAML."""

    def __init__(self, mark: Mark, message: str) -> None:
        super().__init__(message)
        self.finding = Finding((), message, mark=mark)


def read_scalar(text: str) -> object:
    """Say what an unquoted scalar means (YAML 1.2 section 10.3.2): nothing, a truth value, a number or text."""
    if text in _CONSTANTS:
        return _CONSTANTS[text]
    if _INTEGER.match(text):
        return int(text)
    if _OTHER_BASE.match(text):
        return int(text, 0)
    return float(text) if _FLOAT.match(text) else text


def parse(text: str, first_line: int = 1) -> tuple[Node | None, list[Finding]]:
    """Read one YAML document whose first line is line `first_line` of its file.

    Returns its root, None for an empty document, and the keys that stand twice, of which the first counts.

    Raises:
        Syntax: the text is not YAML, or uses what a configuration has no need of.
    """
    builder = _Builder(first_line)
    for event in _events(text, first_line):
        builder.take(event)
    return builder.root, builder.findings


def _events(text: str, first_line: int) -> Iterator[Event]:
    try:
        yield from YAML(typ="safe", pure=True).parse(text)
    except MarkedYAMLError as error:
        problem = str(error.problem)
        mark = error.context_mark if problem.startswith(_BEGAN_EARLIER) else error.problem_mark
        line, column = (0, 0) if mark is None else (mark.line, mark.column)
        raise Syntax(Mark(first_line + line, column + 1), _sentence(problem, text, line)) from None
    except (GeneratorExit, Syntax):
        raise
    except Exception:  # the library lets OverflowError, ValueError and its own unmarked errors through for odd input
        raise Syntax(Mark(first_line, 1), "the file holds a character or an escape that YAML does not allow") from None


def _sentence(problem: str, text: str, line: int) -> str:
    sentence = next((ours for theirs, ours in _SENTENCES if problem.startswith(theirs)), "this is not valid YAML")
    if problem.startswith("expected ',' or") and "${" in "".join(text.splitlines()[line : line + 1]):
        return "inside { } and [ ] a value with ${…} must stand in quotes"
    return sentence


@dataclass(slots=True)
class _Frame:
    """A mapping or list that has not ended. `key` is the key whose value comes next, None where a key comes next."""

    node: Node
    key: str | None = None
    skips: bool = False


class _Builder:
    def __init__(self, first_line: int) -> None:
        self.root: Node | None = None
        self.findings: list[Finding] = []
        self._first_line = first_line
        self._open: list[_Frame] = []
        self._documents = 0
        self._count = 0

    def take(self, event: Event) -> None:
        mark = Mark(self._first_line + event.start_mark.line, event.start_mark.column + 1)
        if isinstance(event, NodeEvent):
            self._ensure_simple(event, mark)
        match event:
            case DocumentStartEvent():
                self._documents += 1
                if self._documents > 1:
                    raise Syntax(mark, "a second document begins here; the file must hold one")
            case ScalarEvent():
                self._scalar(event, mark)
            case MappingStartEvent():
                self._begin(Node(mark, {}))
            case SequenceStartEvent():
                self._begin(Node(mark, []))
            case MappingEndEvent() | SequenceEndEvent():
                self._open.pop()
                if self._open:
                    self._open[-1].key = None

    def _ensure_simple(self, event: NodeEvent, mark: Mark) -> None:
        self._count += 1
        if self._count > _MOST:
            raise Syntax(mark, f"more than {_MOST:,} values; a configuration is smaller")
        if isinstance(event, AliasEvent):
            raise Syntax(mark, "`*` begins an alias, which is not supported; put the value in quotes or write it out")
        if event.anchor is not None:
            raise Syntax(mark, "`&` begins an anchor, which is not supported; put the value in quotes or write it out")
        if getattr(event, "ctag", None) is not None:
            raise Syntax(mark, "`!` begins a tag, which is not supported; put the value in quotes")

    def _scalar(self, event: ScalarEvent, mark: Mark) -> None:
        text = str(event.value)
        frame = self._open[-1] if self._open else None
        if frame is not None and isinstance(frame.node.value, dict) and frame.key is None:
            self._key(frame, text, mark)
        else:
            self._place(Node(mark, text, is_plain=not event.style))
            if frame is not None:
                frame.key = None

    def _key(self, frame: _Frame, text: str, mark: Mark) -> None:
        frame.key = text
        frame.skips = text in frame.node.keys
        if frame.skips:
            first = frame.node.keys[text].line
            self.findings.append(Finding(self._path(), f"stands twice; the first is in line {first}", mark=mark))
        else:
            frame.node.keys[text] = mark

    def _begin(self, node: Node) -> None:
        if len(self._open) >= _DEEPEST:
            raise Syntax(node.mark, f"nested more than {_DEEPEST} levels deep")
        frame = self._open[-1] if self._open else None
        if frame is not None and isinstance(frame.node.value, dict) and frame.key is None:
            raise Syntax(node.mark, "a key must be plain text")
        self._place(node)
        self._open.append(_Frame(node))

    def _place(self, node: Node) -> None:
        if not self._open:
            self.root = node
            return
        frame = self._open[-1]
        if isinstance(frame.node.value, dict):
            assert frame.key is not None
            if not frame.skips:
                frame.node.value[frame.key] = node
        elif isinstance(frame.node.value, list):
            frame.node.value.append(node)

    def _path(self) -> Place:
        return tuple(
            len(frame.node.value) - 1 if isinstance(frame.node.value, list) else frame.key or "" for frame in self._open
        )
