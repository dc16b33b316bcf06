"""What happened in the races, in 33 bytes each, and what must be true of it.

A token is kept as the first eight bytes of its SHA-256: a history is no place for tokens.
"""

import hashlib
import struct
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

_RACE = struct.Struct(">I8s8sHHHHxxxxx")


@dataclass(frozen=True, slots=True)
class Race:
    """One token shown by `racers` clients at once.

    `successors` is how many different tokens they got, `refused` how many got none, and `unanswered` how many of these
    were told to come back later (503).
    """

    family: int
    shown: bytes
    successor: bytes
    racers: int
    successors: int
    refused: int
    unanswered: int

    def pack(self) -> bytes:
        return _RACE.pack(
            self.family, self.shown, self.successor, self.racers, self.successors, self.refused, self.unanswered
        )


def short(token: str) -> bytes:
    return hashlib.sha256(token.encode()).digest()[:8]


def read(path: Path) -> Iterator[Race]:
    with path.open("rb") as file:
        while record := file.read(_RACE.size):
            yield Race(*_RACE.unpack(record))


@dataclass
class Verdict:
    """What the history says. `double_spends` and `ended` must be 0."""

    races: int = 0
    refreshes: int = 0
    double_spends: int = 0
    refused: int = 0
    unanswered: int = 0
    broken_lines: int = 0
    """Races that began with a token which is not what the race before led to."""
    newest: dict[int, bytes] = field(default_factory=dict)

    def add(self, race: Race) -> None:
        self.races += 1
        self.refreshes += race.racers
        # Where nobody was answered, the token is as it was, or will yield its one successor in the next race.
        self.double_spends += race.successors > 1 or (race.successors == 1 and race.successor == race.shown)
        self.refused += race.refused - race.unanswered
        self.unanswered += race.unanswered
        self.broken_lines += self.newest.get(race.family, race.shown) != race.shown
        self.newest[race.family] = race.successor
