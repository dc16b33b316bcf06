"""Where the migration begins when nobody has chosen yet."""

from pathlib import Path
from typing import Annotated

from pydantic import Field, WithJsonSchema

from gateway.model import Phase as PhaseName
from gateway.settings.schema.section import Section
from gateway.settings.values import Duration, File, Moment, Percent


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


class BrownoutWindow(Section):
    """A time in which session cookies are refused for requests that change nothing. Two windows never overlap."""

    begin: Moment
    """When it opens."""
    end: Moment
    """When it closes."""
    share: Percent = 100.0
    """For which part of the users, always the same ones."""


class PhaseBrownout(Section):
    """The rehearsal of `tokens_only`: the windows of the phase `brownout`."""

    windows: Annotated[tuple[BrownoutWindow, ...], Field(max_length=100)] = ()
    """When session cookies are refused."""
    hurt: Percent = 5.0
    """The share of signed-in requests that may be refused in a window; beyond it, the phase is paused."""


class Phase(Section):
    """The phase of the first start; later ones are chosen by `crossfade phase`."""

    initial: Annotated[PhaseName, WithJsonSchema({"type": "string", "enum": [*PhaseName]})] = PhaseName.PARALLEL
    """The phase until one is stored."""
    rollout: Percent = 100.0
    """Which part of the users is given tokens, until another one is stored. From `prefer_tokens` on, all are."""
    brownout: PhaseBrownout = Field(default_factory=PhaseBrownout)
    """When session cookies are refused for a while, in the phase `brownout`."""
    criteria: PhaseCriteria = Field(default_factory=PhaseCriteria)
    """What must be so before the next phase."""
    override_file: File = Field(default=Path("run/phase"), validate_default=True)
    """A file that holds the name of a phase wins over what is stored; looked at every second."""
