"""Two gateways as far as revocation goes, over one log and one Redis, in either mode; and a door in front of Redis."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from dataclasses import dataclass, field, replace

from gateway.errors import RevocationUnavailable
from gateway.model import Revocation
from gateway.ports import RevocationStore
from gateway.stores.redis_address import parse_redis_url
from gateway.stores.revocation_feed import RevocationFeed
from gateway.stores.revocation_memory import MemoryRevocationStore
from gateway.stores.revocation_modes import MirroredRevocationStore, StrictRevocationStore
from gateway.stores.revocation_redis import RedisPolicy, RedisRevocationStore
from tests.servers import listening
from tests.stores.conformance_revocation_store import is_refused
from tests.stores.redis_stores import UnsteadyLog
from tests.stores.samples import RealClock, token

MODES = ("strict", "mirror")
GOOD = token(session_id="good", token_id="good")


@dataclass
class RevokingGateway:
    """One process."""

    store: RevocationStore
    shared: RedisRevocationStore
    mirror: MemoryRevocationStore
    news: list[Revocation] = field(default_factory=list)

    async def verdict(self, family_id: str) -> str:
        """What a request with a token of this family is told."""
        try:
            is_bad = await is_refused(self.store, replace(GOOD, session_id=family_id, token_id=f"t-{family_id}"))
        except RevocationUnavailable:
            return "503"
        return "401" if is_bad else "200"


@contextlib.asynccontextmanager
async def revoking(
    url: str, log: UnsteadyLog, mode: str, *, also_check: tuple[str, ...] = (), staleness: float = 5.0
) -> AsyncIterator[RevokingGateway]:
    """One gateway with the times as they are shipped."""
    clock, news = RealClock(), list[Revocation]()
    address = parse_redis_url(url)
    shared = RedisRevocationStore(address, log, clock, RedisPolicy(also_check=also_check))
    mirror = MemoryRevocationStore(log, clock, max_staleness=staleness, announce=news.extend)
    feed = RevocationFeed(address, shared.keys, mirror, clock)
    store: RevocationStore = MirroredRevocationStore(shared, mirror)
    if mode == "strict":
        store = StrictRevocationStore(shared, mirror, needs_shared=bool(also_check))
    await mirror.start()
    await shared.start()
    await feed.start()
    try:
        yield RevokingGateway(store, shared, mirror, news)
    finally:
        await feed.close()
        await shared.close()
        await mirror.close()


@dataclass
class Door:
    """A port that leads to a Unix socket, to another one after `lead_to`, and nowhere while `is_shut`."""

    target: str
    port: int = 0
    is_shut: bool = False
    talks: list[asyncio.StreamWriter] = field(default_factory=list)

    @property
    def url(self) -> str:
        return f"redis://127.0.0.1:{self.port}"

    def lead_to(self, target: str) -> None:
        """From now on to another server: connections to the one before are cut, as by a failover."""
        self.target = target
        for writer in self.talks:
            writer.transport.abort()
        self.talks.clear()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        behind_reader, behind_writer = await asyncio.open_unix_connection(self.target)
        self.talks.append(writer)
        try:
            await asyncio.gather(self._carry(reader, behind_writer), self._carry(behind_reader, writer))
        finally:
            behind_writer.transport.abort()

    async def _carry(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while data := await reader.read(65536):
            if not self.is_shut:  # else it is lost, and nobody is told
                writer.write(data)
        writer.transport.abort()


@contextlib.asynccontextmanager
async def door_to(target: str) -> AsyncIterator[Door]:
    door = Door(target)
    async with listening(door.serve) as door.port:
        yield door
