"""How a test reads what a check of `doctor` found."""

from collections.abc import Iterator
from pathlib import Path

from gateway.cli.outcome import Outcome
from gateway.settings.load import load_settings
from gateway.settings.schema import Settings


def load(config: Path, more: str = "") -> Settings:
    if more:
        section = more.partition(":")[0]
        kept = [line for line in config.read_text().splitlines() if not line.startswith(f"{section}:")]
        config.write_text("\n".join([*kept, more, ""]))
    return load_settings(config, {})


def told(outcomes: Iterator[Outcome]) -> list[tuple[str, str, str]]:
    return [(outcome.what, outcome.state.value, outcome.sentence) for outcome in outcomes]
