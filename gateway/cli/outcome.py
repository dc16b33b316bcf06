"""What one check of `doctor` found."""

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum

from gateway.errors import ConfigurationError


class State(StrEnum):
    """How it looks; the order is how bad it is."""

    OK = "ok"
    FINDING = "finding"
    UNREACHABLE = "unreachable"


@dataclass(frozen=True, slots=True)
class Outcome:
    """`what` was looked at; `sentence` says how it is or what to do."""

    what: str
    state: State
    sentence: str


def ok(what: str, sentence: str) -> Outcome:
    """Make the outcome of something that is as it should be."""
    return Outcome(what, State.OK, sentence)


def finding(what: str, sentence: str) -> Outcome:
    """Make the outcome of something that should be changed."""
    return Outcome(what, State.FINDING, sentence)


def unreachable(what: str, sentence: str) -> Outcome:
    """Make the outcome of something that does not answer."""
    return Outcome(what, State.UNREACHABLE, sentence)


def attempt(what: str, action: Callable[[], object], sentence: str) -> Outcome:
    """Do something that raises a sentence when it cannot be done; `sentence` is for when it can."""
    try:
        action()
    except ConfigurationError as error:
        return finding(what, str(error))
    return ok(what, sentence)
