"""Starting a program on one core, waiting for its port, and reading what it used from /proc."""

import os
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

TICKS = os.sysconf("SC_CLK_TCK")
ROOT = Path(__file__).parents[1]


@contextmanager
def running(command: tuple[str, ...], core: str, environment: dict[str, str], port: int) -> Iterator[int]:
    """Run a program pinned to one core while the block lasts; yields its process id."""
    if is_open(port):
        raise SystemExit(f"something listens on {port} already: is another benchmark running?")
    process = subprocess.Popen(
        ["taskset", "-c", core, *command],
        cwd=ROOT,
        env=os.environ | environment,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
    )
    try:
        wait_for(port, process)
        yield process.pid
    finally:
        process.send_signal(signal.SIGINT)
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def wait_for(port: int, process: "subprocess.Popen[bytes]", seconds: float = 20.0) -> None:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if process.poll() is not None:
            said = process.stderr.read().decode(errors="replace") if process.stderr else ""
            raise SystemExit(f"the process {process.args!r} ended with {process.returncode}: {said[-2000:]}")
        if is_open(port):
            return
        time.sleep(0.05)
    raise SystemExit(f"nothing listens on {port} after {seconds:.0f} s")


def is_open(port: int) -> bool:
    """Whether anything listens there."""
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def family(pid: int) -> list[int]:
    """The process and all that descend from it."""
    children: dict[int, list[int]] = {}
    for path in Path("/proc").iterdir():
        if path.name.isdigit():
            try:
                parent = int((path / "stat").read_text().rpartition(")")[2].split()[1])
            except OSError:
                continue
            children.setdefault(parent, []).append(int(path.name))
    found, waiting = [], [pid]
    while waiting:
        current = waiting.pop()
        found.append(current)
        waiting += children.get(current, [])
    return found


def cpu_seconds(pid: int) -> float:
    """User and system time of the process and its descendants, in seconds."""
    total = 0
    for member in family(pid):
        try:
            fields = Path(f"/proc/{member}/stat").read_text().rpartition(")")[2].split()
        except OSError:
            continue
        total += int(fields[11]) + int(fields[12])
    return total / TICKS


def resident_mebibytes(pid: int, figure: str = "VmRSS") -> float:
    """Memory of the process and its descendants: what is resident now, or with `VmHWM` what was at most."""
    total = 0
    for member in family(pid):
        try:
            text = Path(f"/proc/{member}/status").read_text()
        except OSError:
            continue
        total += next((int(line.split()[1]) for line in text.splitlines() if line.startswith(figure)), 0)
    return total / 1024
