"""Lines to a stream that may be slow or full: written by a thread, dropped and counted rather than waited for."""

import os
import select
import threading
from collections import deque
from typing import BinaryIO, Protocol

_ATOMIC = select.PIPE_BUF
"""Bytes that a pipe takes as one piece. Several processes write to one standard error, and no line may cut another."""
_DROPPED = b'{"event":"log lines were dropped","level":"warning","count":%d}\n'


class Writer(Protocol):
    """Takes the lines of a log."""

    def write(self, line: bytes) -> None:
        """Take one line without its newline."""
        ...

    def close(self) -> None:
        """Write what waits."""
        ...


class DirectWriter:
    """Writes each line at once and without a thread, for a process that forks. What would have to wait is dropped."""

    def __init__(self, stream: BinaryIO) -> None:
        self._descriptor = stream.fileno()
        self._dropped = 0

    def write(self, line: bytes) -> None:
        """Write one line without its newline, cut where a pipe would have to wait for all of it."""
        missing = _DROPPED % self._dropped if self._dropped else b""
        lines = line[: _ATOMIC - 1 - len(missing)] + b"\n" + missing
        _, can_take, _ = select.select((), (self._descriptor,), (), 0)
        try:
            if can_take:
                os.write(self._descriptor, lines)
                self._dropped = 0
                return
        except OSError:
            pass
        self._dropped += 1

    def close(self) -> None:
        """Nothing waits."""


class LineWriter:
    """Takes lines without ever waiting for the stream.

    At most `limit` lines wait; what comes on top is dropped and counted in `dropped`. A stream that fails (a full
    disk, a closed pipe) drops lines too and is tried again with the next one, which then says how many are missing.
    """

    def __init__(self, stream: BinaryIO, *, limit: int = 10_000) -> None:
        self.dropped = 0
        self._stream = stream
        self._limit = limit
        self._lines: deque[bytes] = deque()
        self._filled = threading.Event()
        self._is_closing = False
        self._told = 0
        self._thread = threading.Thread(target=self._run, name="log", daemon=True)
        self._thread.start()

    def write(self, line: bytes) -> None:
        """Take one line without its newline."""
        if len(self._lines) >= self._limit:
            self.dropped += 1
            return
        self._lines.append(line)
        self._filled.set()

    def close(self, timeout: float = 1.0) -> None:
        """Write what waits, for at most `timeout` seconds."""
        self._is_closing = True
        self._filled.set()
        self._thread.join(timeout)

    def _run(self) -> None:
        while not self._is_closing or self._lines:
            self._filled.wait()
            self._filled.clear()
            self._write_all()

    def _write_all(self) -> None:
        while self._lines:
            batch, count = self._take()
            dropped = self.dropped
            if dropped > self._told:
                batch += _DROPPED % (dropped - self._told)
            try:
                self._stream.write(batch)
                self._stream.flush()
            except (OSError, ValueError):
                self.dropped += count
            else:
                self._told = dropped

    def _take(self) -> tuple[bytes, int]:
        """Return as many lines as fit into one piece, one at least, and how many they are."""
        batch, count = self._lines.popleft() + b"\n", 1
        while self._lines and len(batch) + len(self._lines[0]) < _ATOMIC:
            batch += self._lines.popleft() + b"\n"
            count += 1
        return batch, count
