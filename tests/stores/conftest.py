"""What the tests of the stores share."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from gateway.stores.sqlite import Database
from tests.servers import RedisServer
from tests.servers_postgres import PostgresServer
from tests.stores.redis_stores import UnsteadyLog


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    opened = Database.open(tmp_path / "crossfade.db")
    yield opened
    opened.close()


@pytest.fixture(scope="session")
def shared_redis(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisServer]:
    with RedisServer(tmp_path_factory.mktemp("redis")) as server:
        yield server


@pytest.fixture
def redis(shared_redis: RedisServer) -> RedisServer:
    """The shared server, empty. A test that hurts its server starts one of its own."""
    shared_redis.tell("FLUSHALL")
    shared_redis.tell("CONFIG", "RESETSTAT")
    return shared_redis


@pytest.fixture
def server(tmp_path: Path) -> Iterator[RedisServer]:
    """A server of the test's own, to be hurt."""
    with RedisServer(tmp_path / "redis") as started:
        yield started


@pytest.fixture
def log() -> UnsteadyLog:
    return UnsteadyLog()


@pytest.fixture(scope="session")
def shared_postgres() -> Iterator[PostgresServer]:
    """One server for all tests that do not hurt it."""
    with PostgresServer() as server:
        yield server
