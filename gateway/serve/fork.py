"""A process of its own by fork, so that it begins with everything loaded; and the loop that it runs."""

import asyncio
import os
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from typing import BinaryIO

import structlog

from gateway.errors import StartError
from gateway.observe.lines import LineWriter, Writer
from gateway.observe.log import configure

Work = Callable[[], Coroutine[object, object, int]]
"""What a process does; returns its exit code."""

FAILED = 1

_log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Log:
    """How to log. `level` is the value of LOG_LEVEL."""

    level: str

    def open(self, open_writer: Callable[[BinaryIO], Writer], process: str = "") -> Writer:
        """Log in this process from now on.

        Raises:
            ConfigurationError: there is no such level.
        """
        return configure(self.level, open_writer=open_writer, process=process)


def run_loop(work: Coroutine[object, object, int]) -> int:
    """Run a coroutine in a loop of its own; returns its exit code."""
    with asyncio.Runner(loop_factory=_find_loop_factory()) as runner:
        return runner.run(work)


def fork(work: Work, log: Log, process: str) -> int:
    """Do the work in a new process and return its id. Call it while there is no other thread and no loop.

    The process is its own group, so that Ctrl-C reaches only the one that has the terminal. It ends with the exit code
    of the work, or of the StartError that it raises.
    """
    pid = os.fork()
    if pid:
        return pid
    code = FAILED
    try:
        os.setpgid(0, 0)
        code = _work(work, log, process)
    finally:
        os._exit(code)  # nothing of the parent's may run on here


def _work(work: Work, log: Log, process: str) -> int:
    lines = log.open(LineWriter, process)
    try:
        return run_loop(work())
    except StartError as error:
        _log.error("cannot start", fault=str(error))
        return error.exit_code
    except Exception:
        _log.exception("a process ended with a fault of ours")
        return FAILED
    finally:
        lines.close()


def _find_loop_factory() -> Callable[[], asyncio.AbstractEventLoop] | None:
    try:
        import uvloop
    except ImportError:  # not CPython, or a platform that it does not run on
        return None
    return uvloop.new_event_loop
