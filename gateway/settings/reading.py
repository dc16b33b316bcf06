"""From text to plain values: parsed as a whole or, where that fails, section by section; variables expanded."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from gateway.settings.blocks import split_blocks
from gateway.settings.document import Node, Syntax, parse, read_scalar
from gateway.settings.expand import expand, has_reference
from gateway.settings.faults import Fault, Finding, Mark, Place, printable, write_path

_SECRET_WORDS = frozenset({"secret", "secrets", "secret_hash", "token", "keys", "redis", "postgres"})
"""Sections of which a report never shows a value: somebody may have written the secret itself there."""


@dataclass(slots=True)
class Reading:
    """What a text says. `values` are plain; `broken` are the sections that could not be read.

    `is_whole` says that it is YAML and a mapping, so that a section which is not there was left out on purpose.
    """

    name: str
    root: Node
    values: dict[str, object] = field(default_factory=dict)
    findings: list[Finding] = field(default_factory=list)
    broken: set[str] = field(default_factory=set)
    is_whole: bool = True

    def fault(self, finding: Finding) -> Fault:
        """Give a finding its place in the file and its whole sentence."""
        node, key_mark = self._walk(finding.place)
        mark = finding.mark or (key_mark if finding.at_key or node is None else _mark_of(node, key_mark))
        return Fault(self.name, mark.line, mark.column, write_path(finding.place), self._sentence(finding, node))

    def _sentence(self, finding: Finding, node: Node | None) -> str:
        sentence = finding.message
        if node is None or not finding.shows or not _SECRET_WORDS.isdisjoint(finding.place):
            return sentence
        hint = finding.hint
        if isinstance(node.value, str):
            sentence += f", got {_shown(node.value, is_plain=node.is_plain)}"
            hint = "" if has_reference(node.value) else hint
        else:
            sentence += ", got a mapping" if isinstance(node.value, dict) else ", got a list"
        return f"{sentence} (did you mean {hint}?)" if hint else sentence

    def _walk(self, place: Place) -> tuple[Node | None, Mark]:
        """Return the node at a place, None where the document has none, and the mark of the nearest key above it."""
        node, mark = self.root, self.root.mark
        for step in place:
            if isinstance(node.value, dict) and step in node.value:
                mark = node.keys[str(step)]
                node = node.value[str(step)]
            elif isinstance(node.value, list) and isinstance(step, int) and step < len(node.value):
                node = node.value[step]
                mark = node.mark
            else:
                return None, mark
        return node, mark


def _shown(text: str, *, is_plain: bool) -> str:
    """Show a scalar as it was written, never what a variable made of it; text stands in quotes."""
    meant = read_scalar(text) if is_plain else text
    if meant is None:
        return "nothing"
    return f'"{printable(text)}"' if isinstance(meant, str) else printable(text)


def _mark_of(node: Node, key_mark: Mark) -> Mark:
    """Point at a scalar itself; at the key of a mapping, a list, and of nothing at all, which has no place."""
    return node.mark if isinstance(node.value, str) and (node.value or not node.is_plain) else key_mark


def read_text(text: str, *, name: str, environ: Mapping[str, str]) -> Reading:
    """Read a configuration text as far as it can be read. Never raises; what is wrong stands in `findings`."""
    text = text.removeprefix("\ufeff")
    try:
        root, findings = parse(text)
        reading = Reading(name, root or Node(Mark(1, 1), {}), findings=findings)
    except Syntax as error:
        reading = _read_blocks(text, name, error)
    if not isinstance(reading.root.value, dict):
        reading.findings.append(Finding((), "expected sections like `listen: 127.0.0.1:8080`", mark=reading.root.mark))
        reading.root, reading.is_whole = Node(reading.root.mark, {}), False
    reading.broken |= {str(finding.place[0]) for finding in reading.findings if finding.place}
    values = _Plain(environ, reading.findings).value(reading.root, ())
    assert isinstance(values, dict)
    reading.values = values
    return reading


def _read_blocks(text: str, name: str, error: Syntax) -> Reading:
    sections: dict[str, Node] = {}
    reading = Reading(name, Node(Mark(1, 1), sections), is_whole=False)
    for block in split_blocks(text):
        try:
            root, findings = parse(block.text, block.line)
        except Syntax as fault:
            reading.findings.append(fault.finding)
            reading.broken.add(block.key)
            continue
        root = root or Node(Mark(block.line, 1), {})
        reading.findings += findings
        for key, node in root.value.items() if isinstance(root.value, dict) else ():
            if key in sections:
                message = f"stands twice; the first is in line {reading.root.keys[key].line}"
                reading.findings.append(Finding((key,), message, mark=root.keys[key]))
            else:
                sections[key] = node
                reading.root.keys[key] = root.keys[key]
    if not reading.broken:
        reading.findings.append(error.finding)
        reading.broken.add("")
    return reading


class _Plain:
    """Makes plain values of nodes; what cannot be expanded becomes None and a finding."""

    def __init__(self, environ: Mapping[str, str], findings: list[Finding]) -> None:
        self._environ = environ
        self._findings = findings

    def value(self, node: Node, place: Place) -> object:
        if isinstance(node.value, dict):
            return {key: self.value(child, (*place, key)) for key, child in node.value.items()}
        if isinstance(node.value, list):
            return [self.value(child, (*place, index)) for index, child in enumerate(node.value)]
        return self._scalar(node, node.value, place)

    def _scalar(self, node: Node, text: str, place: Place) -> object:
        if has_reference(text):
            try:
                text = expand(text, self._environ)
            except ValueError as error:
                self._findings.append(Finding(place, printable(str(error), 300)))
                return None
        return read_scalar(text) if node.is_plain else text
