"""What the tests of the codecs share."""

from collections.abc import Callable, Iterator

import pytest

from tests.legacy.contract import Case, Scene
from tests.servers import RedisServer
from tests.servers_mysql import running_mariadb
from tests.servers_postgres import PostgresServer, running_postgres


@pytest.fixture(scope="session")
def frameworks_redis(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisServer]:
    """One Redis for all frameworks, reached by a port, which each of their clients can do."""
    with RedisServer(tmp_path_factory.mktemp("redis"), is_tcp=True) as server:
        yield server


@pytest.fixture(scope="session")
def frameworks_postgres() -> Iterator[PostgresServer]:
    """One PostgreSQL for all frameworks, reached by a port."""
    with running_postgres(is_tcp=True) as server:
        yield server


@pytest.fixture(scope="session")
def frameworks_mariadb() -> Iterator[str]:
    """The Unix socket of one MariaDB for all frameworks; `reader` may only read."""
    with running_mariadb(
        "CREATE DATABASE app",
        "CREATE USER app@localhost",
        "GRANT ALL ON app.* TO app@localhost",
        "CREATE USER reader@localhost",
        "GRANT SELECT ON app.* TO reader@localhost",
    ) as socket:
        yield str(socket)


@pytest.fixture(scope="module")
def scene_of(
    request: pytest.FixtureRequest, frameworks_redis: RedisServer, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Callable[[Case], Scene]]:
    """Starts an application and a gateway in front of it, with the servers that they need."""
    scenes: list[Scene] = []

    def start(case: Case) -> Scene:
        case.ensure_installed()
        servers = {"redis": frameworks_redis.url, "redis_port": str(frameworks_redis.port)}
        if case.names("postgres"):
            postgres: PostgresServer = request.getfixturevalue("frameworks_postgres")
            servers |= {"postgres": postgres.url, "postgres_port": str(postgres.port)}
        if case.names("mariadb"):
            servers["mariadb"] = request.getfixturevalue("frameworks_mariadb")
        scene = Scene(case, tmp_path_factory.mktemp(case.name), **servers)
        scenes.append(scene)
        scene.start()
        return scene

    yield start
    for scene in scenes:
        scene.stop()
