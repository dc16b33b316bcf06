"""Looks after the processes of one gateway: sockets, signals, waiting for deaths. No loop, no store, no web.

It blocks its signals and waits for one at a time, so that nothing here is ever interrupted.
"""

import gc
import os
import signal
import time
from collections.abc import Callable

import structlog

from gateway.errors import ConfigurationError, DependencyError, StartError
from gateway.observe.families import WORKER
from gateway.observe.lines import DirectWriter
from gateway.observe.process import ProcessWatch
from gateway.serve.children import Child, Family
from gateway.serve.drain import SIGNALS
from gateway.serve.fork import Log
from gateway.serve.plans import Plan
from gateway.serve.running import CUT_SHORT, DRAINED

_LAST_WORDS = 5.0
"""Seconds that a process may take to end on top of its drain, before it is killed."""
_GLANCE = 1.0
"""Seconds between two looks at what no signal tells."""
_HOPELESS = frozenset({ConfigurationError.exit_code, DependencyError.exit_code})

_log = structlog.get_logger()


class Supervisor:
    """Starts a process for each worker and one for the admin port, and starts again what dies."""

    def __init__(self, plan: Plan, log: Log, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._plan = plan
        self._log = log
        self._monotonic = monotonic
        self._has_begun = False
        self._code: int | None = None
        """How it is to end; None while it is not to."""
        self._deadline = 0.0

    def run(self) -> int:
        """Serve until a signal ends it. Returns 0, 3 when not everything was finished, or why it could not start.

        Raises:
            StartError: a socket cannot be had.
        """
        signal.pthread_sigmask(signal.SIG_BLOCK, SIGNALS)
        self._log.open(DirectWriter, "supervisor")
        self._family = Family(self._plan, self._log)
        self._metrics = self._plan.measures.metrics(self._family.stripes[-1])
        self._figures = ProcessWatch()
        for fault in self._family.faults:
            _log.warning("not listening", fault=fault)
        # What is loaded by now stays as it is, in pages that all processes share.
        gc.collect()
        gc.freeze()
        try:
            while self._code is None or self._living():
                self._start_due()
                self._obey(signal.sigtimedwait(SIGNALS, self._patience()))
                self._bury()
                self._look()
            return self._code
        finally:
            self._family.close()
            signal.pthread_sigmask(signal.SIG_UNBLOCK, SIGNALS)

    # --- signals ---

    def _obey(self, told: "signal.struct_siginfo | None") -> None:
        match None if told is None else told.si_signo:
            case signal.SIGTERM | signal.SIGINT as number:
                self._stop(number)
            case signal.SIGHUP if self._code is None:
                self._reload()

    def _stop(self, number: int) -> None:
        """Pass it on; the admin port goes on telling that we drain until the last worker is gone."""
        if self._code is None:
            drain = self._plan.listening.drain
            self._end(DRAINED, self._monotonic() + drain.delay + drain.timeout + _LAST_WORDS)
            self._tell(self._family.admin, signal.SIGTERM)
        for worker in self._family.workers:
            self._tell(worker, number)

    def _reload(self) -> None:
        try:
            self._plan.reread()
        except ConfigurationError as error:
            self._metrics.set_reload(is_successful=False, now=time.time())
            _log.error("the configuration was not taken over; the old one stays in force", fault=str(error))
            return
        self._metrics.set_reload(is_successful=True, now=time.time())
        self._plan.remember()
        for child in self._family.all:
            self._tell(child, signal.SIGHUP)

    def _tell(self, child: Child, number: int) -> None:
        if child.pid:
            os.kill(child.pid, number)  # not yet waited for, so that the number is still its own

    # --- lives and deaths ---

    def _start_due(self) -> None:
        now = self._monotonic()
        for child in self._family.all:
            if self._code is not None or child.due is None or child.due > now:
                continue
            try:
                self._family.start(child, now)
            except (StartError, OSError) as error:
                _log.error("a process cannot be started", of=child.name, fault=str(error))
                child.due = now + child.restarts.delay_after(0.0) + _GLANCE

    def _bury(self) -> None:
        """Wait for what has died, and say what becomes of its place."""
        for child in self._family.all:
            if not child.pid:
                continue
            pid, status = os.waitpid(child.pid, os.WNOHANG)
            if pid:
                child.pid = 0
                self._family.layout.clear_gauges(child.stripe)
                self._mourn(child, os.waitstatus_to_exitcode(status))

    def _mourn(self, child: Child, code: int) -> None:
        if self._code is not None:
            if child.role == WORKER and code != DRAINED:
                self._code = self._code or CUT_SHORT
            return
        is_first = not self._has_begun and code > 0
        if is_first or (code in _HOPELESS and not self._serving()):
            _log.error("a process cannot start, and so nothing does", of=child.name, exit_code=code)
            self._end(code, self._monotonic() + _LAST_WORDS)
            for other in self._family.all:
                self._tell(other, signal.SIGINT)
            return
        now = self._monotonic()
        delay = child.restarts.delay_after(now - child.started_at)
        child.due = now + delay
        self._metrics.count_restart(child.role)
        _log.warning("a process died and is started again", of=child.name, exit_code=code, delay=delay)
        if delay and child.role == WORKER:
            self._family.take_socket(child)

    def _end(self, code: int, deadline: float) -> None:
        self._code = code
        self._deadline = deadline
        self._family.close_data()

    # --- looking round ---

    def _look(self) -> None:
        self._metrics.set_process(self._figures.look())
        if self._code is not None:
            self._hurry()
        elif not self._has_begun and all(self._is_at_work(child) for child in self._family.all):
            self._has_begun = True
            self._plan.remember()

    def _hurry(self) -> None:
        """See that everybody goes, the admin port last."""
        if not any(worker.pid for worker in self._family.workers):
            self._tell(self._family.admin, signal.SIGTERM)
        if self._monotonic() > self._deadline and self._living():
            self._code = self._code or CUT_SHORT
            for child in self._living():
                _log.error("a process did not end and is killed", of=child.name)
                self._tell(child, signal.SIGKILL)

    def _patience(self) -> float:
        now = self._monotonic()
        dues = [child.due - now for child in self._family.all if child.due is not None]
        return max(0.0, min([_GLANCE, *dues])) if self._code is None else _GLANCE

    def _living(self) -> list[Child]:
        return [child for child in self._family.all if child.pid]

    def _serving(self) -> list[Child]:
        return [worker for worker in self._family.workers if worker.pid and self._is_at_work(worker)]

    def _is_at_work(self, child: Child) -> bool:
        processes = self._metrics.families.processes
        return child.stripe[processes.start + processes.offsets("role")[child.role]] == 1.0
