"""From a file to `Settings`, or to all of its faults at once."""

import sys
from collections.abc import Mapping
from pathlib import Path

from pydantic import ValidationError

from gateway.errors import ConfigurationError
from gateway.settings.check import check
from gateway.settings.explain import closest, explain
from gateway.settings.faults import ConfigurationFaults, Fault, Finding
from gateway.settings.reading import Reading, read_text
from gateway.settings.schema.root import Settings

LARGEST = 1 << 20
"""Bytes of a configuration file."""

STAND_INS: Mapping[str, object] = {
    "public_url": "https://example.invalid",
    "upstreams": {"app": {"url": "http://127.0.0.1:8000"}},
}
"""What takes the place of a required section that is broken, so that the others can be checked against each other."""


def load_settings(path: Path, environ: Mapping[str, str]) -> Settings:
    """Read and check a configuration file. `-` is standard input. File names in it are meant from its directory.

    Raises:
        ConfigurationFaults: each fault with file, line and column; `str` of it is the whole report.
        ConfigurationError: the file cannot be read.
    """
    settings, faults = read_settings(read_file(path), name=str(path), directory=path.parent, environ=environ)
    if settings is None:
        raise ConfigurationFaults(faults)
    return settings


def read_file(path: Path) -> str:
    """Return the text of a configuration file, `-` for standard input.

    Raises:
        ConfigurationError: it cannot be read, is larger than 1 MiB, or is not UTF-8.
    """
    try:
        if str(path) == "-":
            content = sys.stdin.buffer.read(LARGEST + 1)
        else:
            with path.open("rb") as stream:
                content = stream.read(LARGEST + 1)
    except FileNotFoundError:
        raise ConfigurationError(
            f"{path}: there is no such file; `crossfade init --upstream URL` writes one."
        ) from None
    except OSError as error:
        raise ConfigurationError(f"{path}: the file cannot be read: {error.strerror}.") from None
    if len(content) > LARGEST:
        raise ConfigurationError(f"{path}: the file is larger than 1 MiB; that is no configuration.")
    try:
        return content.decode()
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        column = error.start - content.rfind(b"\n", 0, error.start)
        fault = Fault(str(path), line, column, "", "the file is not UTF-8 text")
        raise ConfigurationFaults([fault]) from None


def read_settings(
    text: str, *, name: str, directory: Path, environ: Mapping[str, str]
) -> tuple[Settings | None, list[Fault]]:
    """Read a configuration text: the settings, or None and all faults in the order of the file. Never raises.

    `name` stands in the faults; relative file names are meant from `directory`.
    """
    reading = read_text(text, name=name, environ=environ)
    context = {"directory": directory.absolute()}
    settings = None
    try:
        settings = Settings.model_validate(reading.values, context=context)
        findings = reading.findings
    except ValidationError as error:
        findings = [*reading.findings, *_not_yet_told(explain(error), reading)]
    findings = [*findings, *_check_sound_sections(reading, findings, context)]
    if findings:
        return None, sorted({reading.fault(finding) for finding in findings})
    return settings, []


def _not_yet_told(findings: list[Finding], reading: Reading) -> list[Finding]:
    """Leave out what only follows from something that could not be read in the first place."""
    told = {finding.place for finding in reading.findings if finding.mark is None}
    return [
        finding
        for finding in findings
        if not any(finding.place[:depth] in told for depth in range(1, len(finding.place) + 1))
        and (reading.is_whole or len(finding.place) > 1 or finding.place[0] in reading.values)
    ]


def _check_sound_sections(reading: Reading, findings: list[Finding], context: Mapping[str, object]) -> list[Finding]:
    """Check the sections against each other that have no fault of their own."""
    if "" in reading.broken:
        return []
    faulty = reading.broken | {str(finding.place[0]) for finding in findings if finding.place}
    faulty |= {closest(key, list(Settings.model_fields)) for key in faulty}
    sound = {key: value for key, value in reading.values.items() if key not in faulty}
    settings = Settings.model_validate({**STAND_INS, **sound}, context=context)
    return check(settings, frozenset(faulty))
