"""From a configuration file to the processes that serve, and their exit code."""

from collections.abc import Mapping
from pathlib import Path

import structlog

from gateway.core.phases import is_known_switch, is_switched_on
from gateway.observe.lines import DirectWriter, LineWriter
from gateway.observe.log import is_known_level
from gateway.serve.capacity import raise_open_files
from gateway.serve.fork import Log, run_loop
from gateway.serve.parts import serve_alone
from gateway.serve.plans import read_plan
from gateway.serve.supervisor import Supervisor

Environ = Mapping[str, str]

_log = structlog.get_logger()


def run_gateway(config_path: str, *, environ: Environ) -> int:
    """Serve until a signal ends it. Returns 0, or 3 when the drain deadline passed before everything was finished.

    With `ENABLE_JWT_AUTH=false` only what carries requests is read and opened. Where several processes serve, this one
    looks after them, and the exit code is also that of a process that cannot start.

    Raises:
        StartError: it cannot serve; its `exit_code` says why.
    """
    switch = environ.get("ENABLE_JWT_AUTH")
    log = _log_of(environ, must_start=not is_switched_on(switch))
    log.open(DirectWriter)
    if not is_known_switch(switch):
        _log.warning("ENABLE_JWT_AUTH is neither true nor false; tokens stay on", value=switch)
    raise_open_files()
    plan = read_plan(Path(config_path), environ)
    if plan.workers > 1:
        return Supervisor(plan, log).run()
    lines = log.open(LineWriter)
    try:
        return run_loop(serve_alone(plan))
    finally:
        lines.close()


def _log_of(environ: Environ, *, must_start: bool) -> Log:
    level = environ.get("LOG_LEVEL", "info")
    return Log("info" if must_start and not is_known_level(level) else level)
