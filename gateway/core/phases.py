"""Which phase is in force, and what a phase means for a request."""

from dataclasses import dataclass

from gateway.core.brownout import NO_BROWNOUT, Brownout
from gateway.core.rollout import EVERYBODY, Rollout
from gateway.model import Phase

_BACK = {
    Phase.HANDBACK: Phase.OFF,
    Phase.SHADOW: Phase.OFF,
    Phase.PARALLEL: Phase.HANDBACK,
    Phase.PREFER_TOKENS: Phase.PARALLEL,
    Phase.BROWNOUT: Phase.PREFER_TOKENS,
    Phase.TOKENS_ONLY: Phase.PREFER_TOKENS,  # not to a brownout, which would refuse cookies too
}

_FORWARD = {
    Phase.OFF: Phase.SHADOW,
    Phase.HANDBACK: Phase.PARALLEL,
    Phase.SHADOW: Phase.PARALLEL,
    Phase.PARALLEL: Phase.PREFER_TOKENS,
    Phase.PREFER_TOKENS: Phase.TOKENS_ONLY,
    Phase.BROWNOUT: Phase.TOKENS_ONLY,
}

_ISSUES = frozenset({Phase.PARALLEL, Phase.PREFER_TOKENS, Phase.BROWNOUT, Phase.TOKENS_ONLY})
_COUNTS_ONLY = frozenset({Phase.OFF, Phase.SHADOW})
_PREFERS_TOKENS = frozenset({Phase.PREFER_TOKENS, Phase.BROWNOUT, Phase.TOKENS_ONLY})


PARTIAL = frozenset({Phase.OFF, Phase.HANDBACK, Phase.SHADOW, Phase.PARALLEL})
"""The phases in which a part of the users may be left out. Later ones take cookies away, and nobody may be left there
with nothing."""


@dataclass(frozen=True, slots=True)
class Stage:
    """Where the migration stands, as it is stored: the phase, for which part of the users (percent), and since when.

    `is_paused` keeps it there. `since` is when the phase began, in seconds since 1970, whatever of the rest was changed
    later; None where nobody noted it.
    """

    phase: Phase
    rollout: float = 100.0
    is_paused: bool = False
    since: float | None = None


@dataclass(frozen=True, slots=True)
class Posture:
    """The phase in force and its consequences, worked out once.

    `source` says which of the five levels decided: environment, override_file, panic, store or initial.
    """

    phase: Phase
    source: str
    issues: bool
    """New tokens are given out."""
    is_transparent: bool
    """Tokens of ours are stripped, no store is asked, the application decides alone."""
    enforces_paths: bool
    """Ambiguous paths and cookies are refused and not only counted."""
    prefers_tokens: bool
    """A session cookie is on its way out: whoever depends on one is counted, and one that nobody can read is refused.

    So what a session cookie comes to is decided anew for each request, and never remembered.
    """
    rollout: Rollout = EVERYBODY
    """Who takes part. Nobody else is given tokens, and no fault of ours changes his answers."""
    brownout: Brownout = NO_BROWNOUT

    @property
    def may_retire(self) -> bool:
        """Whether a session cookie of a user may be refused at all."""
        return self.phase in (Phase.TOKENS_ONLY, Phase.BROWNOUT)

    def retires(self, subject: str, method: bytes, now: float) -> bool:
        """Whether the session cookie of this user is refused, but where a page exchanges it."""
        return self.phase is Phase.TOKENS_ONLY or self.brownout.refuses(subject, method, now)

    def hands_back_to(self, subject: str) -> bool:
        """Whether a browser of this user, who shows a token alone, gets the session cookie back."""
        return self.phase is Phase.HANDBACK or not self.rollout.includes(subject)


def posture_of(phase: Phase, source: str, rollout: Rollout = EVERYBODY, brownout: Brownout = NO_BROWNOUT) -> Posture:
    """Work out what a phase means."""
    return Posture(
        phase=phase,
        source=source,
        issues=phase in _ISSUES,
        is_transparent=phase in _COUNTS_ONLY,
        enforces_paths=phase not in _COUNTS_ONLY,
        prefers_tokens=phase in _PREFERS_TOKENS,
        rollout=rollout if phase in PARTIAL else EVERYBODY,
        brownout=brownout if phase is Phase.BROWNOUT else NO_BROWNOUT,
    )


def choose_posture(
    *,
    is_enabled: bool,
    override: Phase | None,
    has_panicked: bool,
    stored: Stage | None,
    initial: Stage,
    rollout_key: bytes = b"",
    brownout: Brownout = NO_BROWNOUT,
) -> Posture:
    """Apply the precedence: environment, override file, panic, store, configuration.

    The first three need no store and no restart, so that the way back works when everything else is broken. They say
    nothing of the rollout and of a pause, which are those of the store or else of the configuration.
    """
    stage = stored or initial
    rollout = Rollout(stage.rollout, rollout_key)
    if stage.is_paused:
        brownout = NO_BROWNOUT
    if not is_enabled:
        return posture_of(Phase.OFF, "environment")
    if override is not None:
        return posture_of(override, "override_file", rollout, brownout)
    if has_panicked:
        return posture_of(Phase.OFF, "panic")
    if stored is not None:
        return posture_of(stored.phase, "store", rollout, brownout)
    return posture_of(initial.phase, "initial", rollout, brownout)


def find_previous(phase: Phase) -> Phase | None:
    """Return the phase one step back, or None in `off`, where the journey begins."""
    return _BACK.get(phase)


def find_next(phase: Phase, *, has_windows: bool) -> Phase | None:
    """Return the phase one step further, or None at the end of the journey. Without windows there is no brownout."""
    return Phase.BROWNOUT if has_windows and phase is Phase.PREFER_TOKENS else _FORWARD.get(phase)


def read_override(text: str) -> Phase | None:
    """Read what the override file says: the name of a phase, or None for an empty file.

    Raises:
        ValueError: the text names no phase; the message lists those that there are.
    """
    word = text.strip().lower()
    if not word:
        return None
    if word not in set(Phase):
        names = ", ".join(Phase)
        raise ValueError(f"the override file does not name a phase; one of: {names}")
    return Phase(word)


_OFF_WORDS = frozenset({"false", "0", "no", "off"})
_ON_WORDS = frozenset({"", "true", "1", "yes", "on"})


def is_switched_on(value: str | None) -> bool:
    """Read `ENABLE_JWT_AUTH`: everything but false, 0, no and off leaves tokens on."""
    return value is None or value.strip().lower() not in _OFF_WORDS


def is_known_switch(value: str | None) -> bool:
    """Whether the value of `ENABLE_JWT_AUTH` is one that somebody can have meant."""
    return value is None or value.strip().lower() in _OFF_WORDS | _ON_WORDS
