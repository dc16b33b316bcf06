"""A process that works on a database until it is killed, and says what was acknowledged to it."""

import asyncio
import sys
from pathlib import Path

from gateway.core.phases import Stage
from gateway.model import Phase
from gateway.records import SealedSession
from gateway.stores.phase_sqlite import SqlitePhaseStore
from gateway.stores.refresh_sqlite import SqliteRefreshStore
from gateway.stores.sqlite import Database
from gateway.stores.vault_sqlite import SqliteVaultStore
from tests.stores.samples import NOW, chooser, digest, family, first_token, sealed

PHASES = list(Phase)


def say(*words: object) -> None:
    sys.stdout.write(" ".join(str(word) for word in words) + "\n")
    sys.stdout.flush()


async def work(path: Path) -> None:
    database = Database.open(path)
    families, vault, phases = SqliteRefreshStore(database), SqliteVaultStore(database), SqlitePhaseStore(database)
    number = await database.run(lambda connection: connection.execute("SELECT count(*) FROM families").fetchone()[0])
    while True:
        number += 1
        name = f"f{number}"
        await families.open_family(family(name, session_hash=b""), first_token(name), sealed(name), cap=9, now=NOW)
        say("opened", name)
        await families.rotate(digest(f"{name}-1"), chooser(f"{name}-2", NOW), NOW)
        say("rotated", name)
        newer = SealedSession(name, "k1", b"newer", 1, NOW + 1000)
        await vault.replace(newer, expected_version=0)
        say("vaulted", name)
        if number % 2:
            (revocation,) = await families.end_families([name], "logout", NOW + 3630, NOW)
            say("ended", name, revocation.sequence)
        phase = PHASES[number % len(PHASES)]
        await phases.write(Stage(phase), by="ada", reason=name, now=NOW)
        say("phase", name, phase)


if __name__ == "__main__":
    asyncio.run(work(Path(sys.argv[1])))
