"""Logs: one JSON object per line on standard error. No token, cookie or secret is ever in one."""

import json
import logging
import re
import sys
from collections.abc import Callable, Mapping
from typing import BinaryIO

import orjson
import structlog
from structlog.typing import EventDict, FilteringBoundLogger, Processor, WrappedLogger

from gateway.errors import ConfigurationError
from gateway.facts import Comparison, Dependant, Event, Fact, RequestFact
from gateway.observe.lines import LineWriter, Writer
from gateway.ports import Facts

LEVELS = {"debug": logging.DEBUG, "info": logging.INFO, "warning": logging.WARNING, "error": logging.ERROR}

REFUSED = "[refused]"
"""What stands in place of a value whose key is named like a secret."""

_LONGEST_AGENT = 200

_SECRET = re.compile(
    r"(?i)(?:^|[_\-. ])(?:token|cookie|secret|password|passphrase|authorization|pepper|private)s?(?:$|[_\-. ])"
)
_HARMLESS = re.compile(r"(?i)_(?:id|type|names?|count)$")


def configure(
    level: str = "info",
    stream: BinaryIO | None = None,
    *,
    open_writer: Callable[[BinaryIO], Writer] = LineWriter,
    process: str = "",
) -> Writer:
    """Send all logs, those of libraries included, as JSON lines to `stream` (standard error).

    `level` is the value of LOG_LEVEL: debug, info, warning or error. `process` stands in each line where there are
    several. Close the returned writer at the end.

    Raises:
        ConfigurationError: there is no such level.
    """
    number = LEVELS.get(_read_level(level))
    if number is None:
        raise ConfigurationError(f"LOG_LEVEL is {level!r}; it must be one of: {', '.join(LEVELS)}.")
    writer = open_writer(sys.stderr.buffer if stream is None else stream)
    structlog.configure(
        processors=_processors(process),
        wrapper_class=structlog.make_filtering_bound_logger(number),
        logger_factory=lambda *_: Lines(writer),
        cache_logger_on_first_use=False,  # so that a later call of `configure` reaches every logger
    )
    logging.basicConfig(handlers=[_FromLibraries(writer, process)], level=max(number, logging.WARNING), force=True)
    return writer


def is_known_level(level: str) -> bool:
    """Whether it can be a value of LOG_LEVEL."""
    return _read_level(level) in LEVELS


def _read_level(level: str) -> str:
    return level.strip().lower() or "info"


class Lines:
    """What structlog writes to: every level is a line."""

    def __init__(self, writer: Writer) -> None:
        self._writer = writer

    def msg(self, line: bytes) -> None:
        """Write one rendered line."""
        self._writer.write(line)

    debug = info = warning = error = critical = exception = log = msg


class AccessLog:
    """The port `Facts` with one line for each request, in front of the facts proper."""

    def __init__(self, inner: Facts, log: FilteringBoundLogger) -> None:
        self._inner = inner
        self._log = log

    def request(self, fact: Fact) -> None:
        """Write a line about a finished request. Durations are in seconds."""
        self._inner.request(fact)
        fact = RequestFact(*fact)
        self._log.info(
            "request",
            route=fact.route,
            method=fact.method,
            status=fact.status,
            credential=fact.credential,
            code=fact.code,
            duration=round(fact.duration, 6),
            upstream_duration=round(fact.upstream_duration, 6),
        )

    def count(self, event: Event) -> None:
        """Pass an event on."""
        self._inner.count(event)

    def compare(self, route: str, outcome: Comparison) -> None:
        """Write a line about a request that both worlds see differently."""
        self._inner.compare(route, outcome)
        if outcome not in (Comparison.AGREED, Comparison.SKIPPED):
            self._log.info("disagreement", route=route, cause=outcome)

    def depend(self, route: str, kind: Dependant, agent: bytes | None) -> None:
        """Write a line about a request that only a session cookie carries, with who it says that it is."""
        self._inner.depend(route, kind, agent)
        told = (agent or b"")[:_LONGEST_AGENT].decode("ascii", "backslashreplace")
        self._log.info("cookie_only", route=route, kind=kind, agent=told)


def with_access_log(facts: Facts, environ: Mapping[str, str]) -> Facts:
    """Return the facts, with a line for each request in front of them where `LOG_ACCESS` says so."""
    is_wanted = environ.get("LOG_ACCESS", "").strip().lower() in {"1", "true", "yes", "on"}
    return AccessLog(facts, structlog.get_logger()) if is_wanted else facts


def refuse_secrets(_logger: WrappedLogger, _method: str, line: EventDict) -> EventDict:
    """Replace the value of every key that is named like a secret, however deep it lies.

    Whoever logs such a key made a mistake; the line is kept, because it may be the one that explains an outage.
    """
    return {key: _refused(key, value) for key, value in line.items()}


def render(_logger: WrappedLogger, _method: str, line: EventDict) -> bytes:
    """Write a line as JSON, what every line has first. What JSON does not know is shown as Python shows it."""
    line = {"time": line.pop("time"), "level": line.pop("level"), "event": line.pop("event"), **line}
    try:
        return orjson.dumps(line, default=repr, option=orjson.OPT_NON_STR_KEYS)
    except TypeError:  # a lone surrogate, which is not UTF-8
        return json.dumps(line, default=repr, ensure_ascii=False).encode(errors="replace")


def _processors(process: str) -> list[Processor]:
    def name_process(_logger: WrappedLogger, _method: str, line: EventDict) -> EventDict:
        line["process"] = process
        return line

    return [
        *((name_process,) if process else ()),
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True, key="time"),
        structlog.processors.format_exc_info,  # without local variables: those hold tokens
        refuse_secrets,
        render,
    ]


def _refused(key: object, value: object) -> object:
    if isinstance(key, str) and _SECRET.search(key) and not _HARMLESS.search(key):
        return REFUSED
    if isinstance(value, dict):
        return {inner: _refused(inner, content) for inner, content in value.items()}
    if isinstance(value, (list, tuple)):
        return [_refused("", content) for content in value]
    return value


class _FromLibraries(logging.Handler):
    """Lines of libraries that log through the standard library, in the same shape."""

    def __init__(self, writer: Writer, process: str) -> None:
        super().__init__()
        self._lines = structlog.wrap_logger(Lines(writer), processors=_processors(process))

    def emit(self, record: logging.LogRecord) -> None:
        method = record.levelname.lower() if record.levelname.lower() in LEVELS else "error"
        getattr(self._lines, method)(record.getMessage(), logger=record.name, exc_info=record.exc_info)
