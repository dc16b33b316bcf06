"""A session of one user never becomes another's: over shared connections, late answers, cancelled requests."""

import asyncio
import base64
import hmac
import json
import random
from collections.abc import AsyncIterator
from pathlib import Path
from urllib.parse import quote

import asyncpg
import pytest

from gateway.codec import Entry, Lookup, UserMapping
from gateway.legacy.columns import ColumnRecords
from gateway.legacy.express import ExpressRecords
from gateway.model import LegacySession, SessionCookie, Verdict
from gateway.stores.postgres_address import parse_postgres_url
from gateway.stores.redis_address import parse_redis_url
from gateway.stores.sessions import CodecSessions, PlaceUnavailable
from gateway.stores.sessions_cached import CachedSessions
from gateway.stores.sessions_postgres import PostgresPlace, PostgresPlacePolicy
from gateway.stores.sessions_redis import RedisPlace
from gateway.stores.sessions_stale import StaleCodecGuard
from tests.servers import RedisServer
from tests.servers_postgres import PostgresServer

USERS = 40
EXPRESS = ExpressRecords(UserMapping("main", "user"), (b"sekrit",))


def shown(key: str) -> SessionCookie:
    signature = base64.b64encode(hmac.digest(b"sekrit", key.encode(), "sha256")).decode().rstrip("=")
    return SessionCookie("main", ((b"connect.sid", quote(f"s:{key}.{signature}").encode()),))


@pytest.fixture
async def sessions(redis: RedisServer) -> AsyncIterator[CachedSessions]:
    place = RedisPlace(parse_redis_url(redis.url), connections=3)
    sessions = CachedSessions(CodecSessions(EXPRESS, place, StaleCodecGuard()), ttl=0.01, timeout=1.0)
    yield sessions
    await sessions.close()


@pytest.mark.parametrize("seed", range(4))
async def test_users_who_come_and_go_and_get_new_ids(redis: RedisServer, sessions: CachedSessions, seed: int) -> None:
    chance = random.Random(seed)
    key_of = {user: f"{user}-0" for user in range(USERS)}
    owner_of = {key: str(user) for user, key in key_of.items()}
    for key, user in owner_of.items():
        redis.tell("SET", f"sess:{key}", json.dumps({"user": user}))
    now, seen_users = 0.0, 0

    async def visit(key: str) -> tuple[str, Verdict]:
        return key, await sessions.resolve(shown(key), now, fresh=chance.random() < 0.3)

    for round_number in range(25):
        now += 0.004
        mover = chance.randrange(USERS)
        old, new = key_of[mover], f"{mover}-{round_number + 1}"
        redis.tell("RENAME", f"sess:{old}", f"sess:{new}")
        key_of[mover], owner_of[new] = new, str(mover)
        keys = [chance.choice([*key_of.values(), old]) for _ in range(60)]
        visits = [asyncio.create_task(visit(key)) for key in keys]
        await asyncio.sleep(0)
        for leaving in chance.sample(visits, 20):
            leaving.cancel()
        for seen in await asyncio.gather(*visits, return_exceptions=True):
            if isinstance(seen, BaseException):
                assert isinstance(seen, asyncio.CancelledError)
            elif isinstance(seen[1], LegacySession):
                assert (seen[1].key, seen[1].subject) == (seen[0], owner_of[seen[0]])
                seen_users += 1
    assert seen_users > 25 * USERS / 2


async def test_an_answer_that_comes_too_late_is_nobodys(tmp_path: Path) -> None:
    """What one lookup gave up waiting for must not be read as the answer to the next one."""
    with RedisServer(tmp_path / "redis") as server:
        for user in range(USERS):
            server.tell("SET", f"sess:{user}", str(user))
        place = RedisPlace(parse_redis_url(server.url), timeout=0.05, connections=4)
        read = 0
        for start in range(0, USERS, 8):
            users = range(start, start + 8)
            server.freeze()
            late = await asyncio.gather(
                *(place.fetch(Entry("sess:", str(user))) for user in users), return_exceptions=True
            )
            server.thaw()
            assert all(isinstance(answer, PlaceUnavailable) for answer in late)
            server.tell("PING")
            for user in reversed(users):
                try:
                    assert await place.fetch(Entry("sess:", str(user))) == (str(user).encode(),)
                except PlaceUnavailable:
                    continue  # a machine with other things to do
                read += 1
        assert read
        await place.aclose()


async def test_rows_that_come_too_late_are_nobodys(shared_postgres: PostgresServer) -> None:
    connection = await asyncpg.connect(shared_postgres.url)
    await connection.execute("CREATE TABLE late (id int PRIMARY KEY, owner text)")
    await connection.execute("INSERT INTO late SELECT n, n::text FROM generate_series(0, 99) n")
    place = PostgresPlace(parse_postgres_url(shared_postgres.url), PostgresPlacePolicy(patience=0.2, connections=3))
    codec = ColumnRecords(UserMapping("main", "owner"), b"sid", "late", "id")
    sessions = CodecSessions(codec, place, StaleCodecGuard())
    try:
        for _ in range(3):
            async with connection.transaction():
                await connection.execute("LOCK TABLE late IN ACCESS EXCLUSIVE MODE")
                late = [asyncio.create_task(place.fetch(Lookup("late", "id", str(n), ("owner",)))) for n in range(6)]
                await asyncio.sleep(0.05)
                late[0].cancel()
                await asyncio.gather(*late, return_exceptions=True)
            visits = (sessions.resolve(SessionCookie("main", ((b"sid", b"%d" % n),)), 0) for n in range(30))
            for number, verdict in enumerate(await asyncio.gather(*visits)):
                if isinstance(verdict, LegacySession):
                    assert (verdict.key, verdict.subject) == (str(number), str(number))
    finally:
        await place.aclose()
        await connection.execute("DROP TABLE late")
        await connection.close()
