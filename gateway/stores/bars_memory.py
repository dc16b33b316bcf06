"""Subjects whose sessions are barred, and the sessions that began with a login since, in memory."""

from typing import NamedTuple

EVERYBODY = ""
"""The subject of a bar that holds for all; no user is called so."""


class _Mark(NamedTuple):
    sequence: int
    until: float


class SubjectBars:
    """What came first is told by the numbers of revocations: no clock of a gateway decides it."""

    def __init__(self) -> None:
        self._bars: dict[str, _Mark] = {}
        self._logins: dict[bytes, _Mark] = {}

    def bar(self, subject: str, sequence: int, until: float) -> None:
        """Bar the sessions of a subject that began before the revocation of this number."""
        earlier = self._bars.get(subject, _Mark(sequence, until))
        self._bars[subject] = _Mark(max(sequence, earlier.sequence), max(until, earlier.until))

    def note_login(self, subject: str, session_hash: bytes, sequence: int, now: float) -> None:
        """Remember a login, where a bar is in force that it could matter for."""
        bars = self._in_force(subject, now)
        if bars:
            self._logins[session_hash] = _Mark(sequence, max(bar.until for bar in bars))

    def follow(self, old_session_hash: bytes, new_session_hash: bytes) -> None:
        """Let a session that goes on under another id keep its login."""
        if old_session_hash in self._logins:
            self._logins[new_session_hash] = self._logins[old_session_hash]

    def holds_for(self, subject: str, session_hash: bytes, now: float) -> bool:
        """Say whether a session of a subject began before a bar in force."""
        login = self._logins.get(session_hash, _Mark(-1, 0.0))
        return any(login.sequence < bar.sequence for bar in self._in_force(subject, now))

    def delete_expired(self, now: float) -> int:
        """Forget what holds no longer; returns how many."""
        before = len(self._bars) + len(self._logins)
        self._bars = {subject: bar for subject, bar in self._bars.items() if bar.until > now}
        self._logins = {session_hash: login for session_hash, login in self._logins.items() if login.until > now}
        return before - len(self._bars) - len(self._logins)

    def _in_force(self, subject: str, now: float) -> list[_Mark]:
        found = (self._bars.get(name) for name in (subject, EVERYBODY))
        return [bar for bar in found if bar is not None and bar.until > now]
