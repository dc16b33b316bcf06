"""What the tests of the codecs share."""

from collections.abc import Iterator

import pytest

from tests.servers import RedisServer


@pytest.fixture(scope="session")
def frameworks_redis(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisServer]:
    """One Redis for all frameworks, reached by a port, which each of their clients can do."""
    with RedisServer(tmp_path_factory.mktemp("redis"), is_tcp=True) as server:
        yield server
