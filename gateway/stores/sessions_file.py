"""Session records that are files of one folder: PHP, Laravel, Django. Opened for reading only, and never locked."""

import asyncio
import os
import re
import stat
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from gateway.codec import MAX_TEXT, Entry, Query, Row
from gateway.stores.sessions import PlaceUnavailable, ensure_entry

_NAME = re.compile(r"[A-Za-z0-9_,\-][A-Za-z0-9_,.\-]{0,254}\Z")
"""What may be a file's name. No name leads out of the folder, and none is that of a hidden file."""


class FilePlace:
    """Reads `directory`/name, off the event loop. With `levels`, as PHP's `N;path`, it lies under N folders.

    Each of these folders is named by the next character of the session id. A link is not followed, so that nobody who
    may write into the folder shows us other files.
    """

    def __init__(self, directory: Path, *, levels: int = 0, threads: int = 2) -> None:
        self._directory = directory
        self._levels = levels
        self._threads = ThreadPoolExecutor(threads, thread_name_prefix="crossfade-session-files")

    async def fetch(self, query: Query) -> Row | None:
        """See `Place`. The row is the content and the time of the last change, in seconds since 1970."""
        entry = ensure_entry(query)
        try:
            row = asyncio.get_running_loop().run_in_executor(self._threads, self._read, entry)
        except RuntimeError as error:  # after close
            raise PlaceUnavailable("unreachable") from error
        return await row

    def close(self) -> None:
        """Let go of its threads. A lookup that is running ends by itself."""
        self._threads.shutdown(wait=False)

    async def aclose(self) -> None:
        """See `Place`."""
        self.close()

    def _read(self, entry: Entry) -> Row | None:
        name, folders = entry.prefix + entry.name, entry.name[: self._levels]
        if _NAME.match(name) is None or len(folders) < self._levels or "." in folders:
            return None
        try:
            folder = os.open(self._directory, os.O_RDONLY | os.O_DIRECTORY)
        except OSError as error:
            raise PlaceUnavailable("unreachable") from error
        try:
            return _read_regular("/".join([*folders, name]), folder)
        except FileNotFoundError:
            return None
        except OSError as error:  # not ours to read, or a link
            raise PlaceUnavailable("unreachable") from error
        finally:
            os.close(folder)


def _read_regular(path: str, folder: int) -> Row:
    descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK, dir_fd=folder)
    with open(descriptor, "rb") as file:  # noqa: PTH123 - a descriptor has no path
        status = os.fstat(descriptor)
        if not stat.S_ISREG(status.st_mode):
            raise PlaceUnavailable("unreachable")
        content = file.read(MAX_TEXT + 1)
    if len(content) > MAX_TEXT:
        raise PlaceUnavailable("unreadable")
    return content, status.st_mtime
