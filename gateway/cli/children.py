"""Child processes that end with us, and signals that ask for the end."""

import signal
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from types import FrameType, TracebackType
from typing import Self

from gateway.errors import StartError

_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
_STEP = 0.1


class Stopped(Exception):
    """A signal asks for the end."""


@contextmanager
def signals_as_exceptions() -> Iterator[None]:
    """Raise `Stopped` at the first signal; a second one changes nothing, so that all ends in order."""

    def stop(number: int, _frame: FrameType | None) -> None:
        for one in _SIGNALS:
            signal.signal(one, signal.SIG_IGN)
        raise Stopped(number)

    before = {number: signal.signal(number, stop) for number in _SIGNALS}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


class Children:
    """Processes by name. At the end the last one started is asked first, since it depends on those before it.

    `farewell` is how long (seconds) each may take to end before it is killed.
    """

    def __init__(self, farewell: float = 10.0) -> None:
        self._farewell = farewell
        self._running: dict[str, subprocess.Popen[bytes]] = {}

    def start(self, name: str, command: Sequence[str], environ: Mapping[str, str], directory: str) -> None:
        """Start a process in a group of its own, so that Ctrl-C reaches only us and the order of ending is ours."""
        self._running[name] = subprocess.Popen(  # noqa: S603 - our own command
            list(command), env=dict(environ), cwd=directory, start_new_session=True
        )

    def wait_until(self, is_ready: Callable[[], bool], patience: float) -> None:
        """Wait until something is ready.

        Raises:
            StartError: a child ended before that, or it took longer than `patience` seconds.
        """
        end = time.monotonic() + patience
        while not is_ready():
            self.ensure_running()
            if time.monotonic() > end:
                raise StartError(
                    f"Nothing was ready within {patience:.0f} seconds; what was printed above may tell why."
                )
            time.sleep(_STEP)

    def wait(self) -> None:
        """Wait until a child ends by itself.

        Raises:
            StartError: always; it names the child.
        """
        while True:
            self.ensure_running()
            time.sleep(_STEP)

    def ensure_running(self) -> None:
        """Look whether all children are alive.

        Raises:
            StartError: one has ended.
        """
        for name, process in self._running.items():
            code = process.poll()
            if code is not None:
                raise StartError(f"{name} ended (exit code {code}); what it printed above may tell why.")

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, _kind: type[BaseException] | None, _error: BaseException | None, _traceback: TracebackType | None
    ) -> None:
        for process in reversed(self._running.values()):
            process.terminate()
            try:
                process.wait(self._farewell)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
