"""Which rule a request falls under.

A path is looked up in every way that a server behind us might read it (`paths.readings`), as written and folded. In
one reading an exact pattern wins, else the longest prefix. Over all readings the strictest rule wins, so that no
spelling of a path is worth more than another: required before optional, because it refuses more; optional before
passthrough, because it checks what is presented; passthrough before public, because it asks at all. Of equally strict
rules the one for the path as sent is taken. The query is never part of it.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Literal, NamedTuple
from urllib.parse import unquote_to_bytes

from gateway.core.paths import RELAXABLE, ambiguities, fold, is_simple, readings

_NOT_PLAIN = re.compile(rb"[^A-Za-z0-9/_~-]", re.DOTALL)
_CACHED = 4096
_CACHED_LENGTH = 256


class Access(StrEnum):
    """What a rule asks of a request."""

    OPTIONAL = "optional"
    """What is presented is checked; an anonymous request is the application's to decide."""
    REQUIRED = "required"
    """Nothing goes through without a credential."""
    PUBLIC = "public"
    """No store is asked, and nothing that identifies a user goes through."""
    PASSTHROUGH = "passthrough"
    """The Authorization header is the application's own business; cookies as in `optional`."""


_STRICTNESS: Mapping[Access, int] = {
    Access.REQUIRED: 3,
    Access.OPTIONAL: 2,
    Access.PASSTHROUGH: 1,
    Access.PUBLIC: 0,
}


@dataclass(frozen=True, slots=True)
class Rule:
    """One entry of `routes`. `path` is exact, or a prefix where it ends with `*`; write it as people read it.

    `in_off` says what `required` means while tokens are off. `relaxed` names the ambiguities that the application
    needs and that are let through (members of `paths.RELAXABLE`).
    """

    path: str
    auth: Access = Access.OPTIONAL
    in_off: Literal["app", "deny"] = "app"
    forward_credentials: bool = False
    upstream: str = "app"
    relaxed: frozenset[str] = frozenset()


class Match(NamedTuple):
    """The rule for a request, and the word of what two parsers could read differently in its path, or empty."""

    rule: Rule
    ambiguity: str


class RouteTable:
    """The rules in force. Where none matches, an optional rule for everything does.

    Raises:
        ValueError: a pattern is no path, holds a `*` before its end or a query, or occurs twice; or a rule relaxes
            what must not be.
    """

    def __init__(self, rules: Sequence[Rule]) -> None:
        for rule in rules:
            _ensure_sound(rule)
        if len({rule.path for rule in rules}) != len(rules):
            raise ValueError("two routes have the same path")
        written = sorted(rules, key=_precedence, reverse=True)
        self._written = _Index(written, _pattern)
        self._folded = _Index(written, _folded_pattern)
        self._known: dict[bytes, Match] = {}

    def match(self, target: bytes) -> Match:
        """Return the rule for a request target (`/path?query`, or `*`)."""
        return self.find(target.partition(b"?")[0])

    def find(self, path: bytes) -> Match:
        """Return the rule for the raw path of a request."""
        match = self._known.get(path)
        if match is None:
            match = self.look_up(path)
            if len(path) <= _CACHED_LENGTH:
                if len(self._known) >= _CACHED:
                    self._known.clear()
                self._known[path] = match
        return match

    def look_up(self, path: bytes) -> Match:
        """Return the same as `find`, without remembering it."""
        if not path.startswith(b"/"):
            path = b"/"  # `OPTIONS *` asks about the server as a whole (RFC 9110 section 9.3.7)
        if is_simple(path):
            return Match(max(self._candidates(path), key=_strictness), "")
        rule = max((rule for reading in readings(path) for rule in self._candidates(reading)), key=_strictness)
        return Match(rule, next((word for word in ambiguities(path) if word not in rule.relaxed), ""))

    def _candidates(self, path: bytes) -> tuple[Rule, Rule]:
        return self._written.find(path), self._folded.find(fold(path))


class _Index:
    """Rules in the order of precedence, looked up as one alternation: a third of the time of trying them in turn."""

    def __init__(self, rules: Sequence[Rule], pattern: Callable[[Rule], bytes]) -> None:
        self._rules = (*rules, Rule("/*"))
        self._first = re.compile(b"|".join(b"(%b)" % pattern(rule) for rule in self._rules), re.DOTALL).match

    def find(self, path: bytes) -> Rule:
        found = self._first(path)
        assert found is not None
        assert found.lastindex is not None
        return self._rules[found.lastindex - 1]


def _pattern(rule: Rule) -> bytes:
    return _as_sent(_literal(rule)) + (b"" if rule.path.endswith("*") else rb"\Z")


def _folded_pattern(rule: Rule) -> bytes:
    """The same for folded paths, which have no slash at the end: `/admin/*` is for `/admin` too."""
    literal = _literal(rule)
    folded = _as_sent(fold(literal))
    if not rule.path.endswith("*"):
        return folded + rb"\Z"
    return folded + rb"(?:/|\Z)" if literal.endswith(b"/") and literal != b"/" else folded


def _literal(rule: Rule) -> bytes:
    return unquote_to_bytes(rule.path.removesuffix("*"))


def _as_sent(literal: bytes) -> bytes:
    """A pattern for the literal in which what cannot stand in a path as it is may be percent-encoded."""
    return _NOT_PLAIN.sub(lambda found: b"(?:%b|%%(?i:%02x))" % (re.escape(found[0]), found[0][0]), literal)


def _precedence(rule: Rule) -> tuple[bool, int, tuple[int, bool, bool]]:
    return not rule.path.endswith("*"), len(_literal(rule)), _strictness(rule)


def _strictness(rule: Rule) -> tuple[int, bool, bool]:
    return _STRICTNESS[rule.auth], rule.in_off == "deny", not rule.forward_credentials


def _ensure_sound(rule: Rule) -> None:
    pattern = rule.path.removesuffix("*")
    if not pattern.startswith("/") or any(mark in pattern for mark in "*?#"):
        raise ValueError(f"{rule.path!r} is not a path with at most one `*`, at its end")
    unsound = sorted(rule.relaxed.difference(RELAXABLE))
    if unsound:
        raise ValueError(f"{unsound[0]!r} is not an ambiguity that a route may relax: {', '.join(sorted(RELAXABLE))}")
