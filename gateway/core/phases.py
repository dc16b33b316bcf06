"""Which phase is in force, and what a phase means for a request."""

from dataclasses import dataclass

from gateway.core.rollout import EVERYBODY, Rollout
from gateway.model import Phase

AVAILABLE = (Phase.OFF, Phase.HANDBACK, Phase.SHADOW, Phase.PARALLEL, Phase.PREFER_TOKENS, Phase.TOKENS_ONLY)
"""The phases that this version can be in."""

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
    retires_sessions: bool
    """A session cookie of a user is refused, but where a page exchanges it."""
    rollout: Rollout = EVERYBODY
    """Who takes part. Nobody else is given tokens, and no fault of ours changes his answers."""

    def hands_back_to(self, subject: str) -> bool:
        """Whether a browser of this user, who shows a token alone, gets the session cookie back."""
        return self.phase is Phase.HANDBACK or not self.rollout.includes(subject)


def posture_of(phase: Phase, source: str, rollout: Rollout = EVERYBODY) -> Posture:
    """Work out what a phase means."""
    return Posture(
        phase=phase,
        source=source,
        issues=phase in _ISSUES,
        is_transparent=phase in _COUNTS_ONLY,
        enforces_paths=phase not in _COUNTS_ONLY,
        prefers_tokens=phase in _PREFERS_TOKENS,
        retires_sessions=phase is Phase.TOKENS_ONLY,
        rollout=rollout if phase in PARTIAL else EVERYBODY,
    )


def choose_posture(
    *,
    is_enabled: bool,
    override: Phase | None,
    has_panicked: bool,
    stored: Stage | None,
    initial: Stage,
    rollout_key: bytes = b"",
) -> Posture:
    """Apply the precedence: environment, override file, panic, store, configuration.

    The first three need no store and no restart, so that the way back works when everything else is broken. They say
    nothing of the rollout, which is that of the store or else of the configuration.
    """
    rollout = Rollout((stored or initial).rollout, rollout_key)
    if not is_enabled:
        return posture_of(Phase.OFF, "environment")
    if override is not None:
        return posture_of(override, "override_file", rollout)
    if has_panicked:
        return posture_of(Phase.OFF, "panic")
    if stored is not None:
        return posture_of(stored.phase, "store", rollout)
    return posture_of(initial.phase, "initial", rollout)


def find_previous(phase: Phase) -> Phase | None:
    """Return the phase one step back, or None in `off`, where the journey begins."""
    return _BACK.get(phase)


def find_next(phase: Phase) -> Phase | None:
    """Return the phase one step further, or None at the end of the journey."""
    return _FORWARD.get(phase)


def read_override(text: str) -> Phase | None:
    """Read what the override file says: the name of an available phase, or None for an empty file.

    Raises:
        ValueError: the text names no available phase; the message lists those that are.
    """
    word = text.strip().lower()
    if not word:
        return None
    if word not in AVAILABLE:
        names = ", ".join(AVAILABLE)
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
