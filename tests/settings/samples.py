"""Configurations to begin with, and how a test reads one."""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

from gateway.settings.load import read_settings
from gateway.settings.schema import Settings

NOTHING: Mapping[str, str] = {}

MINIMAL = """\
public_url: https://www.example.com
upstreams: { app: { url: http://127.0.0.1:8000 } }
"""


def faults_of(text: str, environ: Mapping[str, str] = NOTHING) -> list[str]:
    """The lines that `crossfade validate` prints about a text."""
    settings, faults = read_settings(text, name="gateway.yaml", directory=Path("/etc/crossfade"), environ=environ)
    assert (settings is None) is bool(faults)
    return [str(fault) for fault in faults]


def settings_of(text: str, environ: Mapping[str, str] = NOTHING) -> Settings:
    """The settings that a text without faults means."""
    settings, faults = read_settings(text, name="gateway.yaml", directory=Path("/etc/crossfade"), environ=environ)
    assert settings is not None, [str(fault) for fault in faults]
    return settings


class Row(NamedTuple):
    """A text and all the lines that are told about it."""

    name: str
    text: str
    lines: list[str]


def golden_rows(file: str) -> list[Row]:
    """The rows of a file in `golden/`: `== name`, a text, `--`, and the lines without the name of the file.

    The text is appended to MINIMAL, which has two lines, unless its name ends with `(whole)`.
    """
    content = (Path(__file__).parent / "golden" / file).read_text()
    rows = []
    for block in re.split(r"(?m)^== ", content)[1:]:
        name, _, rest = block.partition("\n")
        text, told = re.split(r"(?m)^--\n", rest, maxsplit=1)
        lines = [f"gateway.yaml:{line}" for line in told.splitlines() if line]
        rows.append(Row(name, text if name.endswith("(whole)") else MINIMAL + text, lines))
    return rows
