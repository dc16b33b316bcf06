"""The migration beside a legacy table under write load: how long it takes, and how long a write waits meanwhile."""

import asyncio
import random
import time
from dataclasses import dataclass
from pathlib import Path

import asyncpg

from tests.servers_postgres import PostgresServer

SCRIPTS = Path(__file__).parents[1] / "gateway" / "migrations"
WRITERS = 4
ROWS = 200_000

HEAD = "| | seconds | legacy writes meanwhile | longest of them ms | longest without ms |\n|---|---|---|---|---|"


@dataclass(frozen=True, slots=True)
class Migration:
    """`longest` is the longest legacy write while it ran, `usual` the longest in as many seconds before; milliseconds."""

    name: str
    seconds: float
    writes: int
    longest: float
    usual: float

    def __str__(self) -> str:
        return f"| {self.name} | {self.seconds:.2f} | {self.writes} | {self.longest:.1f} | {self.usual:.1f} |"


class Writer:
    """Changes rows of the legacy table, each in a transaction of two statements."""

    def __init__(self, url: str, seed: int) -> None:
        self._url = url
        self._draw = random.Random(seed)
        self.writes: list[tuple[float, float]] = []
        self.is_over = False

    async def run(self) -> None:
        connection = await asyncpg.connect(self._url)
        while not self.is_over:
            began = time.monotonic()
            async with connection.transaction():
                number = self._draw.randrange(ROWS)
                await connection.execute("UPDATE users SET visits = visits + 1 WHERE id = $1", number)
                await connection.execute("INSERT INTO visits (user_id) VALUES ($1)", number)
            self.writes.append((began, (time.monotonic() - began) * 1e3))
        await connection.close()


async def measure() -> list[Migration]:
    """Go up, up again, down and up, as `psql -f` does."""
    with PostgresServer(fsync="on", autovacuum="on") as server:
        server.psql(
            "CREATE TABLE users (id integer PRIMARY KEY, visits integer NOT NULL DEFAULT 0);"
            "CREATE TABLE visits (id bigserial PRIMARY KEY, user_id integer NOT NULL REFERENCES users (id));"
            f"INSERT INTO users (id) SELECT generate_series(0, {ROWS - 1})"
        )
        writers = [Writer(server.url, seed) for seed in range(WRITERS)]
        tasks = [asyncio.create_task(writer.run()) for writer in writers]
        await asyncio.sleep(2.0)
        up, down = SCRIPTS / "002_add_refresh_tokens.sql", SCRIPTS / "rollback" / "002_rollback.sql"
        found = [
            await _carry_out(server, writers, name, script)
            for name, script in (("up", up), ("up again", up), ("down", down), ("up after down", up))
        ]
        for writer in writers:
            writer.is_over = True
        await asyncio.gather(*tasks)
        return found


async def _carry_out(server: PostgresServer, writers: list[Writer], name: str, script: Path) -> Migration:
    began = time.monotonic()
    await asyncio.to_thread(server.psql, script)
    ended = time.monotonic()
    await asyncio.sleep(0.5)  # what began meanwhile has ended by now
    meanwhile = [wait for writer in writers for at, wait in writer.writes if began - wait / 1e3 <= at <= ended]
    before = [wait for writer in writers for at, wait in writer.writes if began - 1.0 <= at < began - wait / 1e3]
    return Migration(name, ended - began, len(meanwhile), max(meanwhile), max(before))
