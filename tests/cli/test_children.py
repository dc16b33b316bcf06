"""Child processes end with their parent, in order."""

import os
import signal
import sys
import time
from pathlib import Path

import pytest

from gateway.cli.children import Children, Stopped, signals_as_exceptions
from gateway.errors import StartError

PATIENT = "import pathlib, sys, time; pathlib.Path(sys.argv[1]).touch(); time.sleep(60)"
STUBBORN = "import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN); " + PATIENT
LAST_WORDS = (
    "import pathlib, signal, sys, time\n"
    "def end(*_):\n"
    "    with open(sys.argv[2], 'a') as log: log.write(sys.argv[3])\n"
    "    sys.exit()\n"
    "signal.signal(signal.SIGTERM, end); pathlib.Path(sys.argv[1]).touch(); time.sleep(60)"
)


def start(children: Children, name: str, code: str, *words: str) -> None:
    children.start(name, [sys.executable, "-c", code, *words], os.environ, ".")


def test_the_last_one_started_ends_first(tmp_path: Path) -> None:
    log = tmp_path / "log"
    with Children() as children:
        for name in ("first ", "second "):
            ready = tmp_path / name
            start(children, name, LAST_WORDS, str(ready), str(log), name)
            children.wait_until(ready.exists, 20)
    assert log.read_text() == "second first "


def test_a_stubborn_one_is_killed(tmp_path: Path) -> None:
    began = time.monotonic()
    with Children(farewell=0.2) as children:
        start(children, "mule", STUBBORN, str(tmp_path / "ready"))
        children.wait_until((tmp_path / "ready").exists, 20)
    assert time.monotonic() - began < 20


def test_one_that_ends_by_itself_is_named() -> None:
    with Children() as children:
        start(children, "The application", "raise SystemExit(3)")
        with pytest.raises(
            StartError, match=r"^The application ended \(exit code 3\); what it printed above may tell why\.$"
        ):
            children.wait()


def test_waiting_has_an_end(tmp_path: Path) -> None:
    with Children() as children:
        start(children, "sleeper", PATIENT, str(tmp_path / "ready"))
        with pytest.raises(StartError, match=r"^Nothing was ready within 0 seconds"):
            children.wait_until(lambda: False, 0.0)


def test_a_signal_is_an_exception_once() -> None:
    before = signal.getsignal(signal.SIGTERM)
    with signals_as_exceptions():
        with pytest.raises(Stopped):
            os.kill(os.getpid(), signal.SIGTERM)
        os.kill(os.getpid(), signal.SIGTERM)  # ignored: the end is under way
    assert signal.getsignal(signal.SIGTERM) is before
