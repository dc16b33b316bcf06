"""`make instructions`: machine instructions per request, which do not depend on the machine's speed or load.

Callgrind counts them in the real interpreter over the scenarios of `bench.scenario`. The figures that are stored beside
this file hold for one build of CPython and the packages of the lock file; more than 5 % above one of them is a fault.
`--store` writes new figures, which belongs into the change that explains them.
"""

import argparse
import json
import os
import platform
import re
import subprocess
import sys
import tempfile
from pathlib import Path

from bench import tokens
from bench.contenders import found
from bench.processes import ROOT, running
from bench.scenario import CONNECTIONS, SCENARIOS, WAVES

STORED = Path(__file__).with_suffix(".json")
TOLERANCE = 1.05
REDIS_PORT = 19012


def count(folder: Path, scenarios: list[str]) -> dict[str, int]:
    """Run the scenarios under callgrind; returns instructions per request by scenario."""
    environment = os.environ | {
        "PYTHONHASHSEED": "0",
        "BENCH_REDIS": f"redis://127.0.0.1:{REDIS_PORT}/0",
        "DJANGO_SECRET_KEY": "bench",
    }
    # `getsid` is what a scenario calls before and after the part that counts, and nobody else does.
    command = ["valgrind", "--tool=callgrind", f"--callgrind-out-file={folder}/counted", "--dump-before=getsid"]
    command += [sys.executable, "-m", "bench.scenario", str(folder), *scenarios]
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=900, check=False)
    if done.returncode:
        raise SystemExit(f"the scenarios failed:\n{done.stdout[-2000:]}{done.stderr[-2000:]}")
    parts = [Path(f"{folder}/counted.{2 * number + 2}").read_text() for number in range(len(scenarios))]
    totals = [re.search(r"^totals: (\d+)$", part, re.MULTILINE) for part in parts]
    requests = CONNECTIONS * WAVES
    return {name: int(total[1]) // requests for name, total in zip(scenarios, totals, strict=True) if total}


def machine() -> dict[str, str]:
    """What a figure depends on beside our own code."""
    done = subprocess.run(["valgrind", "--version"], capture_output=True, text=True, check=True)
    python = f"{platform.python_implementation()} {platform.python_version()}, {platform.python_compiler()}"
    return {"python": python, "machine": platform.machine(), "valgrind": done.stdout.strip()}


def main() -> None:
    parser = argparse.ArgumentParser(prog="make instructions", description=__doc__)
    parser.add_argument("--store", action="store_true", help="keep what was counted as the figures to hold")
    parser.add_argument("scenarios", nargs="*", default=list(SCENARIOS))
    options = parser.parse_args()
    if found("valgrind") is None:
        raise SystemExit("valgrind is not installed")
    from tests.servers import redis_binary

    redis = (redis_binary(), "--port", str(REDIS_PORT), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no")
    with tempfile.TemporaryDirectory() as name, running(redis, "0-127", {}, REDIS_PORT):
        tokens.make(Path(name), 500)
        counted = count(Path(name), options.scenarios)
    stored = json.loads(STORED.read_text()) if STORED.exists() else {"instructions": {}}
    if options.store:
        kept = {**stored["instructions"], **counted}
        STORED.write_text(json.dumps({**machine(), "instructions": kept}, indent=2) + "\n")
    is_comparable = {**stored, "instructions": 0} == {**machine(), "instructions": 0}
    raise SystemExit(report(counted, stored["instructions"], is_comparable=is_comparable))


def report(counted: dict[str, int], stored: dict[str, int], *, is_comparable: bool) -> int:
    """Print the figures beside the stored ones; returns 1 when one is too high."""
    print(f"{'instructions per request':<28}{'stored':>10}{'now':>10}{'ratio':>8}")
    worst = 0.0
    for name, now in counted.items():
        before = stored.get(name, 0)
        ratio = now / before if before else 0.0
        worst = max(worst, ratio)
        print(f"{name:<28}{before:>10,}{now:>10,}{ratio:>8.3f}")
    if not is_comparable:
        print(
            "The stored figures are of another interpreter or machine: nothing is judged. Store them anew to compare."
        )
        return 0
    return int(worst > TOLERANCE)


if __name__ == "__main__":
    main()
