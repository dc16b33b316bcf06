"""Where the migration begins when nobody has chosen yet."""

from pathlib import Path
from typing import Annotated

from pydantic import Field, WithJsonSchema

from gateway.core.phases import AVAILABLE
from gateway.model import Phase as PhaseName
from gateway.settings.schema.section import Section, not_yet
from gateway.settings.values import Duration, File, Percent

_NAMES = tuple(str(name) for name in AVAILABLE)
_PLANNED = tuple(str(name) for name in PhaseName if name not in AVAILABLE)


class PhaseCriteria(Section):
    """What `crossfade phase advance` asks for before the next phase."""

    run: Duration = 604800.0
    """How long `parallel` lasts at least."""
    tokens: Percent = 80.0
    """The share of signed-in requests that must show a token before `prefer_tokens`."""
    cookies: Percent = 1.0
    """The share of signed-in requests that may come with a session cookie alone before `tokens_only`."""
    undetermined: Percent = 1.0
    """The share of shown sessions that may be unreadable before any phase."""
    disagreements: Percent = 0.1
    """The share of requests that both worlds may see differently in `shadow`, before `parallel`."""


class Phase(Section):
    """The phase of the first start; later ones are chosen by `crossfade phase`."""

    initial: Annotated[
        PhaseName, not_yet(*_PLANNED, available=_NAMES), WithJsonSchema({"type": "string", "enum": list(_NAMES)})
    ] = PhaseName.PARALLEL
    """The phase until one is stored."""
    rollout: Percent = 100.0
    """Which part of the users is given tokens, until another one is stored. From `prefer_tokens` on, all are."""
    criteria: PhaseCriteria = Field(default_factory=PhaseCriteria)
    """What must be so before the next phase."""
    override_file: File = Field(default=Path("run/phase"), validate_default=True)
    """A file that holds the name of a phase wins over what is stored; looked at every second."""
