"""`make test`: all tests with coverage, and a report in build/report that says what ran against which real server."""

import contextlib
import importlib.metadata
import platform
import shutil
import subprocess
import sys
import time
import xml.etree.ElementTree as ET
from collections import Counter
from pathlib import Path

ROOT = Path(__file__).parents[1]
REPORT = ROOT / "build" / "report"
MINIMUM_COVERAGE = 90

LIBRARIES = [
    "django",
    "flask",
    "flask-login",
    "flask-session",
    "django-redis",
    "uvicorn",
    "granian",
    "starlette",
    "fastapi",
    "httptools",
    "uvloop",
    "redis",
    "asyncpg",
    "pyjwt",
    "h11",
]


def first_line_of(*command: str) -> str:
    with contextlib.suppress(OSError, subprocess.SubprocessError):
        done = subprocess.run(command, capture_output=True, text=True, timeout=10, check=False)
        return (done.stdout or done.stderr).strip().splitlines()[0]
    return "not available"


def redis_version() -> str:
    from tests.servers import redis_binary

    return first_line_of(redis_binary(), "--version")


def postgres_version() -> str:
    from tests.servers_postgres import postgres_version

    return postgres_version()


def run_tests(arguments: list[str]) -> int:
    command = [
        sys.executable, "-m", "pytest",
        "--cov", "--cov-report", f"html:{REPORT / 'coverage'}", "--cov-report", f"xml:{REPORT / 'coverage.xml'}",
        "--cov-report", "term:skip-covered", f"--cov-fail-under={MINIMUM_COVERAGE}",
        f"--junit-xml={REPORT / 'junit.xml'}", "-q", "-m", "not debian", *arguments,
    ]  # fmt: skip
    return subprocess.run(command, cwd=ROOT, check=False).returncode


def results_by_room() -> dict[str, Counter[str]]:
    rooms: dict[str, Counter[str]] = {}
    for case in ET.parse(REPORT / "junit.xml").iter("testcase"):
        room = (case.get("classname") or "").removeprefix("tests.").partition(".")[0]
        kinds = {child.tag for child in case} & {"failure", "error", "skipped"}
        rooms.setdefault(room, Counter())[kinds.pop() if kinds else "passed"] += 1
    return rooms


def write_summary(seconds: float) -> None:
    rate = float(ET.parse(REPORT / "coverage.xml").getroot().get("line-rate", "0"))
    lines = [
        "# Test report",
        "",
        f"{platform.python_implementation()} {platform.python_version()} on {platform.system()} {platform.machine()}, "
        f"{seconds:.0f} s, line coverage {rate:.1%} ([details](coverage/index.html), [JUnit](junit.xml))",
        "",
        "| room | passed | failed | skipped |",
        "|---|---|---|---|",
    ]
    for room, counts in sorted(results_by_room().items()):
        lines.append(f"| {room} | {counts['passed']} | {counts['failure'] + counts['error']} | {counts['skipped']} |")
    lines += [
        "",
        "## Real servers and frameworks",
        "",
        f"- {redis_version()}",
        f"- {postgres_version()}",
        f"- SQLite {sqlite_version()}",
    ]
    for name in LIBRARIES:
        with contextlib.suppress(importlib.metadata.PackageNotFoundError):
            lines.append(f"- {name} {importlib.metadata.version(name)}")
    (REPORT / "index.md").write_text("\n".join(lines) + "\n")


def sqlite_version() -> str:
    import sqlite3

    return sqlite3.sqlite_version


def main() -> int:
    shutil.rmtree(REPORT, ignore_errors=True)
    REPORT.mkdir(parents=True)
    started = time.monotonic()
    code = run_tests(sys.argv[1:])
    with contextlib.suppress(OSError, ET.ParseError):
        write_summary(time.monotonic() - started)
        print(f"report: {(REPORT / 'index.md').relative_to(ROOT)}")
    return code


if __name__ == "__main__":
    sys.exit(main())
