"""One process's share of a gateway that several processes serve together."""

from dataclasses import dataclass
from enum import StrEnum
from math import ceil
from typing import Protocol

import orjson

from gateway.flow.live import Live
from gateway.observe.metrics import Metrics
from gateway.wiring.overrides import Brake


class News(StrEnum):
    """What one process tells the others."""

    PHASE = "phase"
    """Another phase was chosen, or tokens were switched off: look."""
    SESSION_OVER = "session_over"
    """A legacy session has ended: forget it, and end what its cookie opened."""


@dataclass(frozen=True, slots=True)
class Word:
    """News, and where they are of a legacy session, its site and key (a secret, which never leaves this machine)."""

    news: News
    site: str = ""
    key: str = ""


def write_word(word: Word) -> bytes:
    """Write a word as bytes."""
    return orjson.dumps([word.news, word.site, word.key])


def read_word(message: bytes) -> Word | None:
    """Read what `write_word` wrote; None for anything else, such as a word of another version."""
    try:
        news, site, key = orjson.loads(message)
        return Word(News(news), str(site), str(key))
    except (ValueError, TypeError):
        return None


class Siblings(Protocol):
    """The other processes."""

    def tell(self, word: Word) -> None:
        """Tell all others. Never waits and never fails: whoever misses it finds out by looking at the stores."""
        ...


class Nobody:
    """The siblings of a process that is alone."""

    def tell(self, word: Word) -> None:
        """Say nothing."""


NOBODY = Nobody()


@dataclass(frozen=True, slots=True)
class Share:
    """What a process is told about the gateway that it is a part of.

    `metrics` is where it counts, `brake` what all have in common; where it is alone, it makes both itself. `workers` is
    how many share the bounds on connections. The one that keeps house deletes what has expired.
    """

    metrics: Metrics | None = None
    brake: Brake | None = None
    workers: int = 1
    keeps_house: bool = True
    siblings: Siblings = NOBODY

    def part_of(self, bound: int) -> int:
        """Return the part of a bound that is this process's own."""
        return ceil(bound / self.workers)


ALONE = Share()


class SharedLive(Live):
    """The open tunnels and event streams of one process; what ends a legacy session ends those of all."""

    def __init__(self, siblings: Siblings) -> None:
        super().__init__()
        self._siblings = siblings

    def end_session(self, site: str, key: str) -> int:
        """See `Live`; the other processes are told."""
        self._siblings.tell(Word(News.SESSION_OVER, site, key))
        return super().end_session(site, key)

    def end_session_here(self, site: str, key: str) -> int:
        """End what this process has; another one has told it."""
        return super().end_session(site, key)
