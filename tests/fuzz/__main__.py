"""`make fuzz`: coverage-guided fuzzing of the targets with Atheris, one after the other.

`python -m tests.fuzz --seconds 60 request_head chunked_body`; without names, all. What libFuzzer keeps lies in
`build/fuzz/<target>`; `--keep` adds the smallest of it to the corpus in the repository. A crash ends the run, and its
input is printed: make it a line of the corpus with the mend.
"""

import argparse
import subprocess
import sys
from pathlib import Path

from tests.fuzz import corpus
from tests.fuzz.targets import TARGETS

_WORK = Path("build/fuzz")
_LONGEST = 2048  # bytes of an input
_BOUNDS = ("-timeout=10", "-rss_limit_mb=1024", "-print_final_stats=1", "-verbosity=0")
_KEPT = 60  # inputs of a target in the repository


def run(target: str, seconds: int) -> bool:
    """Fuzz a target in a process of its own; say how it went."""
    folder = _WORK / target
    folder.mkdir(parents=True, exist_ok=True)
    for position, data in enumerate(corpus.load(target)):
        (folder / f"seed-{position}").write_bytes(data)
    command = [sys.executable, "-m", "tests.fuzz.one", target, str(folder), f"-artifact_prefix={folder}."]
    command += [f"-max_total_time={seconds}", f"-max_len={_LONGEST}", *_BOUNDS]
    done = subprocess.run(command, capture_output=True, text=True, timeout=seconds + 120, check=False)
    runs = [line.split()[-1] for line in done.stderr.splitlines() if "number_of_executed_units" in line]
    print(f"{target}: {runs[0] if runs else '?'} inputs, {'ok' if done.returncode == 0 else 'FAILED'}", flush=True)
    if done.returncode:
        print(done.stdout[-4000:], done.stderr[-4000:])
        for artifact in sorted(_WORK.glob(f"{target}.*")):
            print(f"{artifact.name}: {artifact.read_bytes()!r}")
    return done.returncode == 0


def keep(target: str) -> None:
    """Add the smallest inputs that libFuzzer found worth keeping to the corpus."""
    found = sorted((path.read_bytes() for path in (_WORK / target).iterdir()), key=len)
    corpus.save(target, [*corpus.load(target), *found[:_KEPT]])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("targets", nargs="*", choices=[[], *TARGETS], help="which; all without")
    parser.add_argument("--seconds", type=int, default=30, help="for each target")
    parser.add_argument("--keep", action="store_true", help="add what was found to the corpus")
    wanted = parser.parse_args()
    results = [run(target, wanted.seconds) for target in wanted.targets or TARGETS]
    if wanted.keep:
        for target in wanted.targets or TARGETS:
            keep(target)
    raise SystemExit(not all(results))


if __name__ == "__main__":
    main()
