"""Logs are JSON lines, never hold a secret, and never hold up the gateway."""

import io
import logging
import os
import select
import threading
from collections.abc import Callable, Iterator

import orjson
import pytest
import structlog

from gateway.errors import ConfigurationError
from gateway.facts import Comparison, Dependant, Event, Fact, Nothing, RequestFact
from gateway.model import Credential
from gateway.observe.lines import DirectWriter, LineWriter, Writer
from gateway.observe.log import REFUSED, AccessLog, configure, with_access_log

Start = Callable[..., tuple[io.BytesIO, Writer]]


@pytest.fixture
def start() -> Iterator[Start]:
    """Configure logging into a buffer; everything is as before afterwards."""
    before = logging.root.handlers[:], logging.root.level
    writers = []

    def begin(level: str = "info") -> tuple[io.BytesIO, Writer]:
        stream = io.BytesIO()
        writers.append(configure(level, stream))
        return stream, writers[-1]

    yield begin
    for writer in writers:
        writer.close()
    structlog.reset_defaults()
    logging.root.handlers[:], level = before
    logging.root.setLevel(level)


def lines(stream: io.BytesIO, writer: Writer) -> list[dict[str, object]]:
    writer.close()
    return [orjson.loads(line) for line in stream.getvalue().splitlines()]


def test_a_line_is_json_with_time_and_level(start: Start) -> None:
    stream, writer = start()
    structlog.get_logger().warning("store away", dependency="redis", attempt=3)
    (line,) = lines(stream, writer)
    assert line.pop("time", "").endswith("Z")  # type: ignore[attr-defined]
    assert line == {"event": "store away", "level": "warning", "dependency": "redis", "attempt": 3}


@pytest.mark.parametrize(("level", "seen"), [("debug", 3), ("info", 2), ("WARNING", 1), ("error", 0), ("", 2)])
def test_lines_below_the_level_are_not_written(start: Start, level: str, seen: int) -> None:
    stream, writer = start(level)
    log = structlog.get_logger()
    log.debug("d")
    log.info("i")
    log.warning("w")
    assert len(lines(stream, writer)) == seen


def test_an_unknown_level_is_named_with_those_that_exist() -> None:
    with pytest.raises(ConfigurationError, match="LOG_LEVEL is 'loud'; it must be one of: debug, info"):
        configure("loud")


@pytest.mark.parametrize(
    "key",
    ["token", "refresh_token", "Authorization", "set-cookie", "cookies", "client_secret", "password", "private_key"],
)
def test_a_key_named_like_a_secret_is_refused(start: Start, key: str) -> None:
    stream, writer = start()
    structlog.get_logger().info("x", **{key: "hunter2"})
    assert lines(stream, writer)[0][key] == REFUSED


@pytest.mark.parametrize("key", ["token_type", "tokenizer", "session_id", "cookie_name", "cookie_count"])
def test_a_key_that_only_speaks_of_one_is_written(start: Start, key: str) -> None:
    stream, writer = start()
    structlog.get_logger().info("x", **{key: "fine"})
    assert lines(stream, writer)[0][key] == "fine"


def test_secrets_are_refused_however_deep_they_lie(start: Start) -> None:
    stream, writer = start()
    structlog.get_logger().info("x", request={"headers": [{"cookie": "hunter2", "host": "a"}]})
    assert lines(stream, writer)[0]["request"] == {"headers": [{"cookie": REFUSED, "host": "a"}]}


def test_an_exception_is_shown_without_local_variables(start: Start) -> None:
    stream, writer = start()

    def fail() -> None:
        password = "".join(["hunter", "2"])
        raise OSError(f"disk {len(password)}")

    try:
        fail()
    except OSError:
        structlog.get_logger().exception("failed")
    (line,) = lines(stream, writer)
    assert "OSError: disk 7" in str(line["exception"])
    assert "hunter2" not in str(line)


def test_what_json_does_not_know_is_shown_as_python_shows_it(start: Start) -> None:
    stream, writer = start()
    structlog.get_logger().info("x", value=b"\xff", other="\ud800")
    (line,) = lines(stream, writer)
    assert line["value"] == repr(b"\xff")


def test_a_value_never_begins_a_line(start: Start) -> None:
    """CVE-2024-45808: a value that a client chose looks like a line of ours."""
    stream, writer = start()
    value = 'a\r\n{"event":"forged"}\n\x1b[2J\u2028\x00'
    structlog.get_logger().info("x", value=value)
    (line,) = lines(stream, writer)
    assert line["value"] == value
    assert b"\x1b" not in stream.getvalue()


def test_lines_of_libraries_have_the_same_shape(start: Start) -> None:
    stream, writer = start()
    logging.getLogger("asyncio").warning("slow %s", "callback")
    logging.getLogger("asyncio").info("chatter")
    logging.getLogger("asyncio").critical("worse")
    first, second = lines(stream, writer)
    assert (first["event"], first["logger"], first["level"]) == ("slow callback", "asyncio", "warning")
    assert second["level"] == "error"


def test_an_access_line_is_written_for_each_request_and_the_fact_passed_on(start: Start) -> None:
    stream, writer = start()
    counted: list[object] = []

    class Counting:
        def request(self, fact: Fact) -> None:
            counted.append(fact)

        def count(self, event: Event) -> None:
            counted.append(event)

        def compare(self, route: str, outcome: Comparison) -> None:
            counted.append((route, outcome))

        def depend(self, route: str, kind: Dependant, agent: bytes | None) -> None:
            counted.append((route, kind, agent))

    access = AccessLog(Counting(), structlog.get_logger())
    fact = RequestFact("/*", "GET", 200, Credential.BEARER, "", 0.0123456789, 0.01)
    access.request(fact)
    access.count(Event.EXCHANGED)
    assert counted == [fact, Event.EXCHANGED]
    (line,) = lines(stream, writer)
    assert (line["route"], line["status"], line["credential"]) == ("/*", 200, "bearer")
    assert line["duration"] == 0.012346


def test_what_both_worlds_see_differently_is_a_line(start: Start) -> None:
    stream, writer = start()
    access = AccessLog(Nothing(), structlog.get_logger())
    for outcome in (Comparison.AGREED, Comparison.SKIPPED, Comparison.OTHER_USER):
        access.compare("/api/*", outcome)
    (line,) = lines(stream, writer)
    assert (line["event"], line["route"], line["cause"]) == ("disagreement", "/api/*", "other_user")


def test_who_depends_on_a_cookie_is_named_by_its_own_account_and_no_longer_than_a_line(start: Start) -> None:
    stream, writer = start()
    AccessLog(Nothing(), structlog.get_logger()).depend("/api/*", Dependant.PROGRAM, b"app/1\xff" + 300 * b"x")
    (line,) = lines(stream, writer)
    assert (line["event"], line["route"], line["kind"]) == ("cookie_only", "/api/*", "program")
    assert line["agent"] == "app/1\\xff" + 194 * "x"


@pytest.mark.parametrize(
    ("value", "is_logged"), [("true", True), ("1", True), ("", False), ("off", False), (None, False)]
)
def test_access_lines_are_written_only_where_they_are_wanted(value: str | None, *, is_logged: bool) -> None:
    environ = {} if value is None else {"LOG_ACCESS": value}
    facts = Nothing()
    assert isinstance(with_access_log(facts, environ), AccessLog) is is_logged


class _Stuck(io.RawIOBase):
    """A stream that takes its time: nothing is written before `go` is set."""

    def __init__(self) -> None:
        self.go = threading.Event()
        self.entered = threading.Event()
        self.written = b""

    def writable(self) -> bool:
        return True

    def write(self, data: object) -> int:
        self.entered.set()
        self.go.wait(10)
        self.written += bytes(data)  # type: ignore[call-overload]
        return 0


def test_a_stream_that_is_stuck_holds_nobody_up_and_the_overflow_is_counted() -> None:
    stream = _Stuck()
    writer = LineWriter(stream, limit=3)  # type: ignore[arg-type]
    writer.write(b"0")
    assert stream.entered.wait(5)
    for number in range(1, 6):
        writer.write(b"%d" % number)
    assert writer.dropped == 2
    stream.go.set()
    writer.close()
    *written, last = stream.written.splitlines()
    assert written == [b"0", b"1", b"2", b"3"]
    assert orjson.loads(last)["count"] == 2


def test_a_stream_that_fails_drops_lines_and_says_so_when_it_works_again() -> None:
    class Full(io.BytesIO):
        failed = threading.Event()

        def write(self, data: object) -> int:
            if not self.failed.is_set():
                self.failed.set()
                raise OSError(28, "No space left on device")
            return super().write(data)  # type: ignore[arg-type]

    stream = Full()
    writer = LineWriter(stream)
    writer.write(b"lost")
    assert stream.failed.wait(5)
    writer.write(b"kept")
    writer.close()
    kept, notice = stream.getvalue().splitlines()
    assert kept == b"kept"
    assert orjson.loads(notice)["count"] == writer.dropped == 1


def test_a_line_that_is_too_long_for_a_pipe_is_cut_and_still_a_line() -> None:
    """A process that forks writes without a thread, and may neither wait nor run into the next line."""
    outlet, inlet = os.pipe()
    with os.fdopen(outlet, "rb") as reading, os.fdopen(inlet, "wb") as stream:
        writer = DirectWriter(stream)
        writer.write(b"x" * (2 * select.PIPE_BUF))
        writer.write(b"next")
        writer.close()
        first, second = os.read(reading.fileno(), 1 << 20).splitlines()
    assert (len(first), second) == (select.PIPE_BUF - 1, b"next")


def test_a_pipe_that_is_full_holds_nobody_up_and_is_told_how_much_is_missing() -> None:
    outlet, inlet = os.pipe()
    with os.fdopen(outlet, "rb") as reading, os.fdopen(inlet, "wb") as stream:
        writer = DirectWriter(stream)
        line = b"x" * (select.PIPE_BUF - 1)
        while select.select((), (inlet,), (), 0)[1]:
            writer.write(line)
        for _ in range(3):
            writer.write(b"lost")
        while select.select((outlet,), (), (), 0)[0]:
            os.read(reading.fileno(), 1 << 20)
        writer.write(line)
        told = os.read(reading.fileno(), 1 << 20)
    assert len(told) == select.PIPE_BUF
    assert orjson.loads(told.splitlines()[1])["count"] == 3
