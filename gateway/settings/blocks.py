"""The top-level sections of a configuration text, found without parsing it as a whole.

So that one broken section hides neither the faults of the others nor, on the way back, where the application is.
"""

import re
from collections.abc import Iterator
from typing import NamedTuple

_BEGINS = re.compile(r"([A-Za-z_][A-Za-z0-9_\-]{0,63})[ \t]*:(?=[ \t\r]|$)")


class Block(NamedTuple):
    """One section: its key, the line where it begins (counted from 1), and its text."""

    key: str
    line: int
    text: str


def split_blocks(text: str) -> Iterator[Block]:
    """Cut the text at each line that begins with a key in its first column.

    What stands before the first key is skipped. A key that stands twice yields two blocks.
    """
    key, first, lines = "", 1, list[str]()
    for number, line in enumerate(text.split("\n"), start=1):
        begins = _BEGINS.match(line)
        if begins is not None:
            if key:
                yield Block(key, first, "\n".join(lines))
            key, first, lines = begins[1], number, []
        lines.append(line)
    if key:
        yield Block(key, first, "\n".join(lines))
