"""Python's pickle, read without ever naming a class: a pickle is a program, and this one may build plain values only.

https://docs.python.org/3/library/pickle.html#restricting-globals
"""

import io
import pickle
import pickletools
from collections.abc import Iterable, Mapping

from gateway.codec import MAX_TEXT, OPAQUE, UnreadableSession

_DEEPEST = 64
_MOST_LARGE = 256
_COUNTED = frozenset({"PUT", "BINPUT", "LONG_BINPUT", "GET", "BINGET", "LONG_BINGET"})
_REFUSED = frozenset({"BYTEARRAY8", "NEXT_BUFFER", "READONLY_BUFFER", "PERSID", "BINPERSID", "EXT1", "EXT2", "EXT4"})


class _Inert:
    """Stands for every class and function that a pickle names: it takes everything and does nothing."""

    def __new__(cls, *_: object, **__: object) -> "_Inert":
        return super().__new__(cls)

    def __init__(self, *_: object, **__: object) -> None: ...

    def __setstate__(self, _: object) -> None: ...

    def __setitem__(self, _: object, __: object) -> None: ...

    def append(self, _: object) -> None: ...

    def extend(self, _: Iterable[object]) -> None: ...

    def add(self, _: object) -> None: ...


class _Reader(pickle.Unpickler):
    def find_class(self, _: str, __: str) -> type:
        return _Inert


def load_pickle(data: bytes) -> object:
    """Read one value: of what it names (dates, lazy strings, the application's classes) nothing is imported or called.

    Raises:
        UnreadableSession: it is no pickle of plain values, too deep or too large, or unfolds to more than its bytes.
    """
    if len(data) > MAX_TEXT:
        raise UnreadableSession
    try:
        _ensure_small_steps(data)
        value = _Reader(io.BytesIO(data)).load()
    except UnreadableSession:
        raise
    except Exception as error:  # whatever a program can go wrong with
        raise UnreadableSession from error
    return _Copy(len(data)).of(value, 0)


def _ensure_small_steps(data: bytes) -> None:
    """Refuse operations that take more memory than their bytes, such as a place with a huge number in the memo.

    And many numbers of more than 64 bits: as keys they could be chosen such that a dictionary takes them for one.
    """
    large = 0
    for operation, argument, _ in pickletools.genops(data):
        if operation.name in _REFUSED or (operation.name in _COUNTED and int(argument or 0) > len(data)):
            raise UnreadableSession
        large += isinstance(argument, int) and abs(argument) >> 63 != 0
        if large > _MOST_LARGE:
            raise UnreadableSession


class _Copy:
    """Copies values that may be shared, at most as many as there are bytes."""

    def __init__(self, size: int) -> None:
        self._left = 2 * size

    def of(self, value: object, depth: int) -> object:
        self._left -= 1 + (len(value) if isinstance(value, (str, bytes)) else 0)
        if self._left < 0 or depth > _DEEPEST:
            raise UnreadableSession
        if value is None or type(value) in {bool, float, str}:
            return value
        if type(value) is int:
            return value if -(1 << 63) <= value < 1 << 63 else OPAQUE
        if type(value) is dict:
            return self._members(value, depth)
        if type(value) in {list, tuple}:
            return [self.of(item, depth + 1) for item in value]  # type: ignore[attr-defined]
        return OPAQUE

    def _members(self, value: Mapping[object, object], depth: int) -> dict[str, object]:
        members = {}
        for name, member in value.items():
            if type(name) in {str, int}:
                members[str(self.of(name, depth))] = self.of(member, depth + 1)
        return members
