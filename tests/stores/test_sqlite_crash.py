"""What was acknowledged is there after kill -9, at whatever moment it comes; what was not, is whole or not there."""

import os
import random
import signal
import sqlite3
import subprocess
import sys
from functools import partial
from pathlib import Path

from gateway.model import Phase
from gateway.records import RefreshOutcome
from gateway.stores.phase_sqlite import SqlitePhaseStore
from gateway.stores.refresh_sqlite import SqliteRefreshStore
from gateway.stores.revocation_sqlite import SqliteRevocationLog
from gateway.stores.sqlite import Database
from gateway.stores.vault_sqlite import SqliteVaultStore
from tests.stores.conformance_refresh import Stores
from tests.stores.samples import NOW, digest, sealed

ROOT = Path(__file__).parents[2]


def work_until_killed(path: Path, acknowledged: int) -> list[list[str]]:
    """Run the child, kill it after so many acknowledgements, and return all that it got."""
    child = subprocess.Popen(
        [sys.executable, "-m", "tests.stores.crash_child", str(path)], cwd=ROOT, stdout=subprocess.PIPE
    )
    assert child.stdout is not None
    lines = [child.stdout.readline() for _ in range(acknowledged)]
    os.kill(child.pid, signal.SIGKILL)
    lines += child.stdout.readlines()
    child.stdout.close()
    assert child.wait() == -signal.SIGKILL
    return [line.decode().split() for line in lines if line.endswith(b"\n")]


async def test_what_was_acknowledged_survives_kill_9(tmp_path: Path) -> None:
    path = tmp_path / "crossfade.db"
    draw = random.Random(7)
    acknowledged: list[list[str]] = []
    for _ in range(6):
        acknowledged += work_until_killed(path, draw.randrange(1, 40))
        database = Database.open(path)
        stores = Stores(SqliteRefreshStore(database), SqliteVaultStore(database), SqliteRevocationLog(database))
        await ensure_kept(stores, SqlitePhaseStore(database), acknowledged)
        await ensure_whole(stores, database)
        database.close()


async def ensure_kept(stores: Stores, phases: SqlitePhaseStore, acknowledged: list[list[str]]) -> None:
    ended = {name: int(rest[0]) for what, name, *rest in acknowledged if what == "ended"}
    live = {entry.name: entry.sequence for entry in await stores.log.live(NOW)}
    assert ended.items() <= live.items()
    for what, name, *rest in acknowledged:
        owner = await stores.families.find_family(name)
        assert owner is not None
        if what == "rotated":
            assert owner.generation == 2
            assert await stores.families.find_family_of_token(digest(f"{name}-2")) == owner
        elif what == "vaulted" and owner.ended_at is None:
            assert await stores.vault.fetch(name) == sealed(name, version=1, content=b"newer")
        elif what == "ended":
            assert owner.ended_reason == "logout"
            assert await stores.vault.fetch(name) is None
        elif what == "phase":
            reasons = {str(change["reason"]): change["phase"] for change in await phases.history(1000)}
            assert reasons[name] == Phase(rest[0])


def unspent(name: str, connection: sqlite3.Connection) -> list[tuple[int]]:
    statement = "SELECT generation FROM refresh_tokens WHERE family_id = ? AND used_at IS NULL"
    return connection.execute(statement, (name,)).fetchall()


async def ensure_whole(stores: Stores, database: Database) -> None:
    """Nothing is done by halves: each family has one unspent token, and has ended if and only if that was recorded."""
    names = await database.run(lambda connection: connection.execute("SELECT id FROM families").fetchall())
    revoked = {entry.name for entry in await stores.log.live(NOW)}
    for (name,) in names:
        owner = await stores.families.find_family(name)
        assert owner is not None
        assert (owner.ended_at is not None) == (name in revoked)
        assert await database.run(partial(unspent, name)) == [(owner.generation,)]
        if owner.ended_at is None and owner.generation == 2:  # a retry of the presented token gets the same successor
            assert await stores.present(f"{name}-1", "another") == (RefreshOutcome.GRACE, f"{name}-2")
