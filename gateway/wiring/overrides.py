"""What an operator decides by hand, without any store: the override file, and the brake of `phase panic`."""

import mmap
import os
import stat
from pathlib import Path

import structlog

_log = structlog.get_logger()


class Brake:
    """Whether an operator has switched tokens off with `phase panic`. Make it before processes are forked.

    All of them see the same flag at once. The mark, an empty file, remembers it over a restart; where it cannot be
    kept, the flag holds until then.
    """

    def __init__(self, mark: Path) -> None:
        self._flag = mmap.mmap(-1, 1)
        self._flag[0] = mark.exists()
        self._mark = mark

    @property
    def is_pulled(self) -> bool:
        """Whether tokens are off."""
        return bool(self._flag[0])

    def set(self, *, is_pulled: bool) -> None:
        """Pull the brake, or let it go. Never raises."""
        self._flag[0] = is_pulled
        keep_mark(self._mark, is_pulled=is_pulled)


def brake_beside(override: Path) -> Brake:
    """Return the brake whose mark lies beside the override file."""
    return Brake(override.with_name(f"{override.name}.panic"))


def find_text(path: Path) -> str | None:
    """Return the first bytes of a small text file, or None where it is not there. Never raises, and never waits.

    A named pipe in its place would hold up whoever opens it until somebody writes.
    """
    try:
        number = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_NOCTTY)
        try:
            if not stat.S_ISREG(os.fstat(number).st_mode):
                return "unreadable: not a regular file"
            return os.read(number, 256).decode("utf-8", "replace")
        finally:
            os.close(number)
    except FileNotFoundError:
        return None
    except OSError as error:
        return f"unreadable: {error.strerror}"


def keep_mark(path: Path, *, is_pulled: bool) -> None:
    """Make or remove an empty file. Never raises: what cannot be kept is logged, and holds until the next restart."""
    try:
        if is_pulled:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.touch(mode=0o600)
        else:
            path.unlink(missing_ok=True)
    except OSError as error:
        _log.error("the mark of a panic cannot be kept", path=str(path), is_pulled=is_pulled, fault=error.strerror)
