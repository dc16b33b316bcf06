"""What is wrong with a configuration, at a place of its file."""

import json
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from typing import Any, NamedTuple

from gateway.errors import ConfigurationError

Place = tuple[str | int, ...]
"""Where in the document: keys and indices from the top."""


class Mark(NamedTuple):
    """A place in the text, counted from 1."""

    line: int
    column: int


@dataclass(frozen=True, slots=True)
class Finding:
    """Something wrong at a place of the document.

    `hint` is what was probably meant. `shows` lets the report show what the file says there, `at_key` points at the
    key instead of its value, and a `mark` says where exactly.
    """

    place: Place
    message: str
    hint: str = ""
    shows: bool = False
    at_key: bool = False
    mark: Mark | None = None


@dataclass(frozen=True, slots=True, order=True)
class Fault:
    """A finding with its place in a file. Lines and columns count from 1; line 0 means the file as a whole."""

    file: str
    line: int
    column: int
    path: str
    message: str

    def __str__(self) -> str:
        place = f"{self.file}:{self.line}:{self.column}" if self.line else self.file
        return f"{place}: error: {self.path}: {self.message}" if self.path else f"{place}: error: {self.message}"


class ConfigurationFaults(ConfigurationError):
    """A configuration with faults; `str` is one line for each."""

    def __init__(self, faults: Iterable[Fault]) -> None:
        self.faults: Sequence[Fault] = tuple(sorted(set(faults)))
        super().__init__("\n".join(map(str, self.faults)))


def write_path(place: Place) -> str:
    """Write a place as `routes[2].path`."""
    text = ""
    for step in place:
        text += f"[{step}]" if isinstance(step, int) else f".{printable(step)}" if text else printable(step)
    return text


def printable(text: str, limit: int = 60) -> str:
    """Shorten text of a file for a terminal line; control characters are escaped, so that they cannot act there."""
    text = text if len(text) <= limit else text[: limit - 1] + "…"
    return "".join(
        character if character.isprintable() else character.encode("unicode_escape", "replace").decode()
        for character in text
    )


def write_json(faults: Sequence[Fault]) -> str:
    """Write faults as one JSON document: `{"ok": …, "faults": [{file, line, column, path, message}]}`."""
    document: dict[str, Any] = {"ok": not faults, "faults": [asdict(fault) for fault in faults]}
    return json.dumps(document, indent=2, ensure_ascii=True)


def write_github(faults: Sequence[Fault]) -> str:
    """Write faults as GitHub workflow commands, which show them beside the lines of a pull request."""
    return "\n".join(
        f"::error file={_property(fault.file)},line={fault.line or 1},col={fault.column or 1}"
        f"::{_escape(f'{fault.path}: {fault.message}' if fault.path else fault.message)}"
        for fault in faults
    )


def _escape(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _escape(text).replace(":", "%3A").replace(",", "%2C")
