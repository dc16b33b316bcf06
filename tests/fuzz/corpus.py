"""The seeds and finds of each target: `corpus/<target>.txt`, one bytes literal a line, so that a change can be read."""

import ast
from collections.abc import Iterable, Sequence
from pathlib import Path

_FOLDER = Path(__file__).parent / "corpus"


def load(target: str) -> Sequence[bytes]:
    """Return the inputs of a target."""
    lines = _file_of(target).read_text().splitlines()
    return [ast.literal_eval(line) for line in lines if line]


def save(target: str, inputs: Iterable[bytes]) -> None:
    """Replace the inputs of a target, sorted and each once."""
    _file_of(target).write_text("".join(f"{data!r}\n" for data in sorted(set(inputs))))


def _file_of(target: str) -> Path:
    return _FOLDER / f"{target}.txt"
