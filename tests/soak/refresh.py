"""`make soak-refresh`: a million racing refreshes over two gateways, one PostgreSQL and one Redis.

2 to 50 clients show one token at the same moment, half of them at either gateway. All must get the same successor; no
family may end; and the newest token of each family must be alive when it is over. The history of all races is written
down, and checked against itself and against the rows of the database.
"""

import argparse
import os
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from tests.servers_postgres import PostgresServer
from tests.soak.cluster import ROOT, Cluster
from tests.soak.history import Verdict, read

_MEBIBYTE = 1 << 20
_TALK_EVERY = 10.0


@dataclass
class Result:
    """What was found, and how long it took (seconds). `rows` counts in the database, by name."""

    seconds: float
    families: int
    alive: int
    verdicts: Sequence[Verdict]
    rows: dict[str, int]
    peak_memory: dict[str, float] = field(default_factory=dict)

    def total(self, name: str) -> int:
        return sum(int(getattr(verdict, name)) for verdict in self.verdicts)

    @property
    def faults(self) -> list[str]:
        """What is not as promised, as sentences."""
        races = self.total("races")
        expected = {
            "double spends": (self.total("double_spends"), 0),
            "honest clients refused": (self.total("refused"), 0),
            "lines that do not hang together": (self.total("broken_lines"), 0),
            "families whose newest token is dead": (self.families - self.alive, 0),
            "families that ended": (self.rows["ended"], 0),
            "revocations": (self.rows["revocations"], 0),
            "families without exactly one unspent token": (self.rows["not_one_leaf"], 0),
            "families in the database": (self.rows["families"], self.families),
            "tokens in the database": (self.rows["tokens"], races + self.families),
        }
        # Showing the newest token once more at the end succeeds it where it is ripe by then.
        surplus = self.rows["tokens"] - races - self.families
        if 0 <= surplus <= self.families:
            del expected["tokens in the database"]
        return [f"{name}: {found}, not {wanted}" for name, (found, wanted) in expected.items() if found != wanted]

    def __str__(self) -> str:
        refreshes = self.total("refreshes")
        memory = ", ".join(f"{name} {size:.0f} MiB" for name, size in self.peak_memory.items())
        return "\n".join(
            [
                f"{refreshes:,} racing refreshes in {self.total('races'):,} races over {self.families:,} families, "
                f"{self.seconds:,.0f} s, {refreshes / self.seconds:,.0f}/s",
                f"double spends: {self.total('double_spends')}",
                f"honest families ended: {self.rows['ended']}",
                f"honest clients refused: {self.total('refused')}; told to come back later: {self.total('unanswered')}",
                f"newest tokens alive at the end: {self.alive:,} of {self.families:,}",
                f"most memory: {memory}",
                *self.faults,
            ]
        )


ROWS = """
SELECT (SELECT count(*) FROM crossfade_families), (SELECT count(*) FROM crossfade_families WHERE ended_at IS NOT NULL),
       (SELECT count(*) FROM refresh_tokens), (SELECT count(*) FROM crossfade_revocations),
       (SELECT count(*) FROM crossfade_families f
        WHERE 1 <> (SELECT count(*) FROM refresh_tokens t WHERE t.family_id = f.id AND t.used_at IS NULL))
"""


def count_rows(cluster: Cluster) -> dict[str, int]:
    names = ("families", "ended", "tokens", "revocations", "not_one_leaf")
    return dict(zip(names, map(int, cluster.postgres.psql(ROWS).split("|")), strict=True))


def race(
    folder: Path, *, refreshes: int, families: int, grace: int, processes: int, seconds: float, talks: bool = False
) -> Result:
    """Start everything, let the racers run until there were so many refreshes or `seconds` are over, and judge."""
    postgres = PostgresServer(autovacuum="on", shared_buffers="128MB")
    with Cluster(folder, grace=f"{grace}s", postgres=postgres) as cluster:
        histories = [folder / f"history-{number}" for number in range(processes)]
        racers = [
            subprocess.Popen(
                [sys.executable, "-m", "tests.soak.racers", *map(str, cluster.ports),
                 "--families", str(families // processes), "--refreshes", str(refreshes // processes),
                 "--seconds", str(seconds), "--grace", str(grace + 0.1), "--history", str(history),
                 "--seed", str(number)],
                cwd=ROOT, stdout=subprocess.PIPE, text=True,
            )
            for number, history in enumerate(histories)
        ]  # fmt: skip
        try:
            with watching(cluster, talks=talks) as watch:
                lines = [*follow(racers, watch)]
            began, ended = watch.began, time.monotonic()
        finally:
            for racer in racers:
                racer.kill()
                racer.wait()
        ends = [line.split() for line in lines if line.startswith("end")]
        if len(ends) != processes:
            raise RuntimeError("a process of racers failed")
        return Result(
            seconds=ended - began,
            families=families // processes * processes,
            alive=sum(int(words[2]) for words in ends),
            verdicts=[judge(history) for history in histories],
            rows=count_rows(cluster),
            peak_memory=watch.peak,
        )


def judge(history: Path) -> Verdict:
    verdict = Verdict()
    for one in read(history):
        verdict.add(one)
    return verdict


class Watch:
    """What is known while it runs: tokens shown by each process, and the most memory that the gateways took."""

    def __init__(self, cluster: Cluster, *, talks: bool) -> None:
        self.began = 0.0
        self.shown: dict[int, int] = {}
        self.peak: dict[str, float] = {}
        self._cluster = cluster
        self._talks = talks
        self._talked_at = 0.0

    def look(self) -> None:
        for number, pid in enumerate(self._cluster.pids):
            size = memory_of(pid) / _MEBIBYTE
            name = f"gateway {number + 1}"
            self.peak[name] = max(self.peak.get(name, 0.0), size)
        now = time.monotonic()
        if self._talks and self.shown and now - self._talked_at >= _TALK_EVERY:
            self._talked_at = now
            total, seconds = sum(self.shown.values()), now - self.began
            print(f"{seconds:6.0f} s  {total:9,} shown  {total / max(seconds, 1e-3):7,.0f}/s", flush=True)


@contextmanager
def watching(cluster: Cluster, *, talks: bool) -> Iterator[Watch]:
    """Look twice a second."""
    watch, is_over = Watch(cluster, talks=talks), threading.Event()

    def go_on() -> None:
        while not is_over.wait(0.5):
            watch.look()

    thread = threading.Thread(target=go_on)
    thread.start()
    try:
        yield watch
    finally:
        is_over.set()
        thread.join()


def follow(racers: Sequence["subprocess.Popen[str]"], watch: Watch) -> Iterator[str]:
    """Read what all processes say until they are silent."""
    said: list[str] = []

    def listen(number: int, racer: "subprocess.Popen[str]") -> None:
        assert racer.stdout is not None
        with racer.stdout as output:
            for line in output:
                said.append(line)
                if line.startswith("shown"):
                    watch.began = watch.began or time.monotonic()
                    watch.shown[number] = int(line.split()[1])

    threads = [threading.Thread(target=listen, args=each) for each in enumerate(racers)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    yield from said


def memory_of(pid: int) -> int:
    """Resident memory in bytes, 0 where the process is gone."""
    try:
        pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    except OSError:
        return 0
    return pages * os.sysconf("SC_PAGE_SIZE")


def main() -> int:
    parser = argparse.ArgumentParser(prog="make soak-refresh", description=__doc__)
    parser.add_argument("--refreshes", type=int, default=1_000_000)
    parser.add_argument("--families", type=int, default=4_000)
    parser.add_argument("--grace", type=int, default=10, help="seconds")
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument("--seconds", type=float, default=7_200, help="after which no race begins")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        result = race(Path(name), talks=True, **vars(options))
    print(result)
    return 1 if result.faults else 0


if __name__ == "__main__":
    sys.exit(main())
