"""Ruby's Marshal, version 4.8: plain values; every object of another class is opaque.

https://docs.ruby-lang.org/en/master/marshal_rdoc.html
"""

from gateway.codec import MAX_TEXT, OPAQUE, UnreadableSession

_DEEPEST = 64
_CONSTANTS = {b"0": None, b"T": True, b"F": False}


def load_marshal(text: bytes) -> object:
    """Read one value.

    A hash of a class of its own (`ActiveSupport::HashWithIndifferentAccess`) is read as the hash that it is.

    Raises:
        UnreadableSession: it is not a whole value, too deep or too large.
    """
    if text[:2] != b"\x04\x08" or len(text) > MAX_TEXT:
        raise UnreadableSession
    try:
        return _Reader(text).read(0)
    except (IndexError, ValueError, OverflowError) as error:
        raise UnreadableSession from error


class _Reader:
    """Walks through the text. `_symbols` and `_objects` are what later links refer to, in the order of appearance."""

    def __init__(self, text: bytes) -> None:
        self._text = text
        self._at = 2
        self._symbols: list[str] = []
        self._objects: list[object] = []
        self._linked = 0

    def read(self, depth: int) -> object:
        if depth > _DEEPEST:
            raise UnreadableSession
        kind = self._take(1)
        if kind in _CONSTANTS:
            return _CONSTANTS[kind]
        match kind:
            case b"i" | b"f" | b"l" | b'"':
                return self._scalar(kind)
            case b":" | b";":
                return self._symbol_of(kind)
            case b"@":
                return self._link(self._objects[self._count()])
            case b"I":
                return self._with_variables(depth)
            case b"[":
                self._objects.append(OPAQUE)
                return [self.read(depth + 1) for _ in range(self._count())]
            case b"{" | b"}":
                return self._hash(depth, has_default=kind == b"}")
            case b"C" | b"e":
                self._symbol(depth)
                return self.read(depth + 1)
        return self._opaque(kind, depth)

    def _scalar(self, kind: bytes) -> object:
        if kind == b"i":
            return self._integer()
        if kind == b"l":
            return self._keep(self._large())
        text = self._bytes()
        return self._keep(float(text) if kind == b"f" else text.decode("utf-8", "surrogateescape"))

    def _opaque(self, kind: bytes, depth: int) -> object:
        """Walk over what stands for an object of a class that JSON does not know."""
        self._objects.append(OPAQUE)
        match kind:
            case b"o" | b"S":
                self._symbol(depth)
                self._pairs(depth)
            case b"u":
                self._symbol(depth)
                self._bytes()
            case b"U":
                self._symbol(depth)
                self.read(depth + 1)
            case b"c" | b"m" | b"M":
                self._bytes()
            case b"/":
                self._bytes()
                self._take(1)
            case _:
                raise UnreadableSession
        return OPAQUE

    def _with_variables(self, depth: int) -> object:
        """Read a value with instance variables, which for text are its encoding."""
        value = self.read(depth + 1)
        self._pairs(depth)
        return value

    def _pairs(self, depth: int) -> None:
        for _ in range(self._count()):
            self._symbol(depth)
            self.read(depth + 1)

    def _hash(self, depth: int, *, has_default: bool) -> dict[str, object]:
        self._objects.append(OPAQUE)
        members = {}
        for _ in range(self._count()):
            key = self.read(depth + 1)
            value = self.read(depth + 1)
            if isinstance(key, (str, int)):
                members[str(key)] = value
        if has_default:
            self.read(depth + 1)
        return members

    def _link(self, value: object) -> object:
        """Return what was read before. Text that is linked again and again would unfold to more than was written."""
        self._linked += len(value) if isinstance(value, str) else 0
        if self._linked > 2 * len(self._text):
            raise UnreadableSession
        return value

    def _keep(self, value: object) -> object:
        self._objects.append(value)
        return value

    def _symbol(self, depth: int) -> str:
        kind = self._take(1)
        if kind == b"I":  # a symbol that is not ASCII tells its encoding
            if depth > _DEEPEST:
                raise UnreadableSession
            symbol = self._symbol(depth + 1)
            self._pairs(depth + 1)
            return symbol
        if kind not in {b":", b";"}:
            raise UnreadableSession
        return self._symbol_of(kind)

    def _symbol_of(self, kind: bytes) -> str:
        if kind == b";":
            return str(self._link(self._symbols[self._count()]))
        self._symbols.append(self._bytes().decode("utf-8", "surrogateescape"))
        return self._symbols[-1]

    def _integer(self) -> int:
        """Read a small integer: its own value, or how many bytes it has (negative for negative ones)."""
        first = int.from_bytes(self._take(1), "big", signed=True)
        if first == 0:
            return 0
        if abs(first) > 4:
            return first - 5 if first > 0 else first + 5
        value = int.from_bytes(self._take(abs(first)), "little")
        return value if first > 0 else value - (1 << 8 * -first)

    def _large(self) -> int:
        sign = self._take(1)
        value = int.from_bytes(self._take(2 * self._count()), "little")
        return -value if sign == b"-" else value

    def _count(self) -> int:
        value = self._integer()
        if value < 0:
            raise UnreadableSession
        return value

    def _bytes(self) -> bytes:
        return self._take(self._count())

    def _take(self, length: int) -> bytes:
        taken = self._text[self._at : self._at + length]
        if len(taken) < length:
            raise UnreadableSession
        self._at += length
        return taken
