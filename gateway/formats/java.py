"""Java's object serialization, read as a tree of names and values. No class is ever loaded or instantiated.

https://docs.oracle.com/en/java/javase/21/docs/specs/serialization/protocol.html
"""

import struct
from dataclasses import dataclass, field

from gateway.codec import MAX_TEXT, UnreadableSession

_DEEPEST = 64
_FIELDS = {"B": "b", "C": "H", "D": "d", "F": "f", "I": "i", "J": "q", "S": "h", "Z": "?"}
_FIRST_HANDLE = 0x7E0000
_HAS_WRITE_METHOD, _IS_SERIALIZABLE, _IS_EXTERNALIZABLE, _HAS_BLOCKS = 1, 2, 4, 8


@dataclass(slots=True)
class JavaObject:
    """An object: the name of its class, its fields by name, and what its class wrote beside them (`ArrayList`'s items).

    Objects may refer to each other in circles: whoever walks through them counts his steps.
    """

    class_name: str
    fields: dict[str, object] = field(default_factory=dict)
    written: list[object] = field(default_factory=list)


@dataclass(slots=True)
class _Class:
    name: str
    flags: int = 0
    fields: list[tuple[str, str]] = field(default_factory=list)
    parent: "_Class | None" = None


def load_java(data: bytes) -> object:
    """Read one value: text, a `JavaObject`, a list for an array, or None.

    Raises:
        UnreadableSession: it is not a whole value, too deep or too large, or of a class that writes in its own way.
    """
    if data[:4] != b"\xac\xed\x00\x05" or len(data) > MAX_TEXT:
        raise UnreadableSession
    try:
        return _Reader(data).read(0)
    except (IndexError, struct.error, UnicodeDecodeError) as error:
        raise UnreadableSession from error


class _Reader:
    def __init__(self, data: bytes) -> None:
        self._data = data
        self._at = 4
        self._handles: list[object] = []

    def read(self, depth: int) -> object:
        if depth > _DEEPEST:
            raise UnreadableSession
        match self._number(">B"):
            case 0x70:
                return None
            case 0x71:
                return self._reference()
            case 0x73:
                return self._object(depth)
            case 0x74:
                return self._keep(self._text(">H"))
            case 0x7C:
                return self._keep(self._text(">q"))
            case 0x75:
                return self._array(depth)
            case 0x76:
                return self._keep(JavaObject(self._class(depth).name))
            case 0x72 | 0x7D as kind:
                self._at -= 1
                return JavaObject(self._class(depth).name) if kind else None
            case 0x7E:
                return self._constant(depth)
        raise UnreadableSession

    def _object(self, depth: int) -> JavaObject:
        described = self._class(depth)
        made = JavaObject(described.name)
        self._handles.append(made)
        lineage = [described]
        while lineage[-1].parent is not None:
            lineage.append(lineage[-1].parent)
            if len(lineage) > _DEEPEST:  # a class may claim to be its own parent
                raise UnreadableSession
        for one in reversed(lineage):
            self._values(one, made, depth)
        return made

    def _values(self, one: _Class, made: JavaObject, depth: int) -> None:
        """Read what one class of an object's lineage wrote."""
        if one.flags & _IS_EXTERNALIZABLE:
            if not one.flags & _HAS_BLOCKS:
                raise UnreadableSession  # nothing tells where it ends
            self._annotations(made.written, depth)
        elif one.flags & _IS_SERIALIZABLE:
            for kind, name in one.fields:
                made.fields[name] = self._value(kind, depth)
            if one.flags & _HAS_WRITE_METHOD:
                self._annotations(made.written, depth)

    def _class(self, depth: int) -> _Class:
        kind = self._number(">B")
        if kind == 0x71:
            found = self._reference()
            if not isinstance(found, _Class):
                raise UnreadableSession
            return found
        if kind == 0x7D:
            return self._proxy(depth)
        if kind != 0x72 or depth > _DEEPEST:
            raise UnreadableSession
        described = _Class(self._text(">H"))
        self._number(">q")
        self._handles.append(described)
        described.flags = int(self._number(">B"))
        for _ in range(int(self._number(">H"))):
            field_kind = chr(int(self._number(">B")))
            name = self._text(">H")
            if field_kind in "[L":
                self.read(depth + 1)
            described.fields.append((field_kind, name))
        described.parent = self._finish(depth)
        return described

    def _proxy(self, depth: int) -> _Class:
        described = _Class("proxy", _IS_SERIALIZABLE)
        self._handles.append(described)
        for _ in range(int(self._number(">i"))):
            self._text(">H")
        described.parent = self._finish(depth)
        return described

    def _finish(self, depth: int) -> _Class | None:
        self._annotations([], depth)
        if self._data[self._at] == 0x70:
            self._at += 1
            return None
        return self._class(depth + 1)

    def _annotations(self, written: list[object], depth: int) -> None:
        """Read what a class wrote itself, up to the mark of its end; raw blocks are left out."""
        while True:
            match self._data[self._at]:
                case 0x78:
                    self._at += 1
                    return
                case 0x77 | 0x7A as kind:
                    self._at += 1
                    self._take(int(self._number(">B" if kind == 0x77 else ">i")))
                case _:
                    written.append(self.read(depth + 1))

    def _array(self, depth: int) -> list[object]:
        kind = self._class(depth).name[1:2]
        items: list[object] = []
        self._handles.append(items)
        for _ in range(int(self._number(">i"))):
            items.append(self._value(kind, depth))  # noqa: PERF401 - an item may refer to the array
        return items

    def _constant(self, depth: int) -> object:
        self._class(depth)
        place = len(self._handles)
        self._handles.append(None)
        self._handles[place] = self.read(depth + 1)
        return self._handles[place]

    def _value(self, kind: str, depth: int) -> object:
        if kind in {"L", "["}:
            return self.read(depth + 1)
        if kind not in _FIELDS:
            raise UnreadableSession
        return self._number(">" + _FIELDS[kind])

    def _reference(self) -> object:
        index = int(self._number(">i")) - _FIRST_HANDLE
        if index < 0:
            raise UnreadableSession
        return self._handles[index]

    def _keep(self, value: object) -> object:
        self._handles.append(value)
        return value

    def _text(self, length: str) -> str:
        return self._take(int(self._number(length))).decode("utf-8", "surrogatepass")

    def _number(self, form: str) -> float:
        (value,) = struct.unpack(form, self._take(struct.calcsize(form)))
        return value  # type: ignore[no-any-return]

    def _take(self, length: int) -> bytes:
        taken = self._data[self._at : self._at + length]
        if length < 0 or len(taken) < length:
            raise UnreadableSession
        self._at += length
        return taken
