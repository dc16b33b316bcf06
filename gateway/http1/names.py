"""What a field name means, remembered per spelling."""

from abc import ABC, abstractmethod
from typing import TypeVar

_Meaning = TypeVar("_Meaning")
_MOST_NAMES = 1024
_LONGEST_NAME = 64


class NameTable(dict[bytes, _Meaning | None], ABC):
    """From a field name as sent to its meaning; None means that the field travels on unchanged.

    Names are remembered as they are met, up to a bound of number and length.
    """

    def __missing__(self, name: bytes) -> _Meaning | None:
        meaning = self.classify(name)
        if len(self) < _MOST_NAMES and len(name) <= _LONGEST_NAME:
            self[name] = meaning
        return meaning

    @abstractmethod
    def classify(self, name: bytes) -> _Meaning | None:
        """Find the meaning of a name that is not remembered."""
