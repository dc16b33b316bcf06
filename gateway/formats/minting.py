"""How a new session is made: what it is made from, the template that says what is in it, and what comes out.

A mint knows one framework's format, as a codec does, and nothing of where records lie: it yields the record that has to
be written and returns the cookies that lead to it.
"""

import math
import re
from collections.abc import Callable, Generator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from types import NoneType
from typing import Protocol

from gateway.codec import Entry, Lookup, Query

Content = Mapping[str, object]
"""What is in a session: text, numbers, truth values, None, lists and objects of these."""

_PLACEHOLDER = re.compile(r"\{([a-z_]+(?:\.[A-Za-z0-9_.\-]{1,100})?)(:number)?\}")
_BRACE = re.compile(r"[{}]")
_NUMBER = re.compile(r"-?[0-9]{1,18}\Z")
_WORDS = frozenset({"subject", "now", "expires", "random", "password_hash"})
_FAMILIES = frozenset({"claim", "column"})
_DEEPEST = 16
_PLAIN = (str, int, float, NoneType, list, Mapping)


class MintRefused(Exception):
    """No session may be made, or none can be: the user is gone, his password is another, the template has a gap."""


@dataclass(frozen=True, slots=True)
class Draft:
    """What a session is made from. Times are in seconds since 1970.

    `subject` is the user as the application numbers him, `row` what its table of users says of him now. `bound_to` is
    what tied the session before to the password of then, empty where nothing did; None where there was none before.
    """

    subject: str
    claims: Mapping[str, object]
    row: Mapping[str, object]
    now: float
    expires_at: float
    bound_to: str | None = field(repr=False)
    entropy: Callable[[int], bytes] = field(repr=False)

    @property
    def life(self) -> int:
        """How long the session is to last, in whole seconds."""
        return max(1, math.ceil(self.expires_at - self.now))


@dataclass(frozen=True, slots=True)
class NewRow:
    """A row to be inserted into `table`. Dates are written without their zone where the column has none.

    `key` is the column by which a session is found. Where it is not among `columns` the database makes it, and the mint
    is sent its value.
    """

    table: str
    key: str
    columns: Mapping[str, object] = field(repr=False)


@dataclass(frozen=True, slots=True)
class NewEntry:
    """A value of Redis to be set under `prefix` and `name` together, for `life` seconds."""

    prefix: str
    name: str = field(repr=False)
    value: bytes = field(repr=False)
    life: int


NewRecord = NewRow | NewEntry
Cookies = tuple[tuple[bytes, bytes], ...]
Minting = Generator[NewRecord, object, Cookies]
"""Yields the record to be written, at most one, is sent the key of a row, returns the cookies that lead to it."""


def locate(record: NewRecord, key: str) -> Query:
    """Return where a record that was written lies."""
    if isinstance(record, NewEntry):
        return Entry(record.prefix, record.name)
    return Lookup(record.table, record.key, key, ())


class SessionMint(Protocol):
    """The format of one framework, written."""

    def find(self, key: str) -> Query | None:
        """Return where the record of the session with this key lies; None where the cookie is all there is."""
        ...

    def mint(self, draft: Draft) -> Minting:
        """Make a session.

        Raises:
            MintRefused: while it runs.
        """
        ...


@dataclass(frozen=True, slots=True)
class Template:
    """What is in a session, with `{placeholders}` in its texts.

    `{subject}`, `{now}` and `{expires}` (whole seconds since 1970), `{random}` (40 hexadecimal digits, others with each
    use), `{claim.NAME}`, `{column.NAME}` of the user's row, and for Django `{password_hash}`. A text that is nothing
    but a placeholder becomes the value itself, with `:number` behind the name a number.
    """

    content: Content

    def fill(self, draft: Draft, **more: object) -> dict[str, object]:
        """Return what is in a session of the draft.

        Raises:
            MintRefused: there is nothing for a placeholder, or no number for one.
        """
        return {name: _filled(value, draft, more) for name, value in self.content.items()}


def find_fault(content: object, depth: int = 0) -> str:
    """Say what is wrong with a template, empty where nothing is."""
    if depth > _DEEPEST:
        return "it is too deep"
    if isinstance(content, str):
        return _fault_of_text(content)
    bare = _find_bare(content)
    if bare:
        return f'{{{bare}}} without quotes is a mapping; write "{{{bare}}}"'
    members = (
        content.values() if isinstance(content, Mapping) else content if isinstance(content, (list, tuple)) else ()
    )
    return next(filter(None, (find_fault(member, depth + 1) for member in members)), "")


def names_in(content: object) -> tuple[str, ...]:
    """Return the placeholders of a template, without their braces."""
    if isinstance(content, str):
        return tuple(match[1] for match in _PLACEHOLDER.finditer(content))
    members = (
        content.values() if isinstance(content, Mapping) else content if isinstance(content, (list, tuple)) else ()
    )
    return tuple(dict.fromkeys(name for member in members for name in names_in(member)))


def _find_bare(content: object) -> str:
    """Return the placeholder that a mapping was meant to be: YAML reads `{subject}` without quotes as one."""
    if not isinstance(content, Mapping) or len(content) != 1:
        return ""
    name, value = next(iter(content.items()))
    if value == "number":  # {subject:number} may be read as a key and a value
        value, name = None, f"{name}:number"
    return name if value is None and isinstance(name, str) and not _fault_of_text(f"{{{name}}}") else ""


def _fault_of_text(text: str) -> str:
    for match in _PLACEHOLDER.finditer(text):
        kind = match[1].partition(".")[0]
        if not (match[1] in _WORDS or (kind in _FAMILIES and "." in match[1])):
            return f"there is no placeholder {{{match[1]}}}"
    return f"a brace in {text!r} belongs to no placeholder" if _BRACE.search(_PLACEHOLDER.sub("", text)) else ""


def _filled(value: object, draft: Draft, more: Mapping[str, object]) -> object:
    if isinstance(value, str):
        return _filled_text(value, draft, more)
    if isinstance(value, Mapping):
        return {name: _filled(member, draft, more) for name, member in value.items()}
    if isinstance(value, (list, tuple)):
        return [_filled(member, draft, more) for member in value]
    return value


def _filled_text(text: str, draft: Draft, more: Mapping[str, object]) -> object:
    whole = _PLACEHOLDER.fullmatch(text)
    if whole is not None:
        value = _value_of(whole[1], draft, more)
        return _as_number(value) if whole[2] else value
    return _PLACEHOLDER.sub(lambda match: str(_value_of(match[1], draft, more)), text)


def _value_of(name: str, draft: Draft, more: Mapping[str, object]) -> object:
    kind, _, rest = name.partition(".")
    values: Mapping[str, object] = {"claim": draft.claims, "column": draft.row}.get(kind, {}) if rest else more
    match name:
        case "subject":
            return draft.subject
        case "now":
            return int(draft.now)
        case "expires":
            return int(draft.expires_at)
        case "random":
            return draft.entropy(20).hex()
    if (rest or name) not in values:
        raise MintRefused(f"there is nothing for {{{name}}}")
    value = values[rest or name]
    if isinstance(value, datetime):
        return value.isoformat()
    return value if isinstance(value, _PLAIN) else str(value)


def _as_number(value: object) -> int:
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    if isinstance(value, str) and _NUMBER.match(value):
        return int(value)
    raise MintRefused("a number is asked for where there is none")
