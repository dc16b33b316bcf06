"""Sessions that the PHP of this machine writes, to files and to Redis, with both of its handlers."""

import asyncio
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from gateway.codec import Query, Row, UserMapping
from gateway.legacy.php import Handler, PhpRecords
from gateway.model import Anonymous, LegacySession, Undetermined
from gateway.stores.sessions_file import FilePlace
from tests.legacy.browsing import Visitor
from tests.legacy.reading import Fetch, entries_of, verdict_of
from tests.legacy.real_php import RealPhp, needs_php
from tests.servers import RedisServer

pytestmark = needs_php
USER = UserMapping("main", "user_id", {"price": "price", "roles": "roles", "name": "account.name"})
CLAIMS = {"price": 1.5, "roles": ["admin", "staff"], "name": "ann"}
HANDLERS: list[Handler] = ["php", "php_serialize"]


def has_redis() -> bool:
    done = subprocess.run(["php", "-m"], capture_output=True, text=True, check=False) if shutil.which("php") else None
    return done is not None and "redis" in done.stdout.split()


def files_of(folder: Path, levels: int = 0) -> Fetch:
    def fetch(query: Query) -> Row | None:
        async def look() -> Row | None:
            place = FilePlace(folder, levels=levels)
            try:
                return await place.fetch(query)
            finally:
                await place.aclose()

        return asyncio.run(look())

    return fetch


def goes_from_login_to_logout(app: RealPhp, codec: PhpRecords, fetch: Fetch) -> None:
    visitor = Visitor(app)
    visitor.get("/")
    assert verdict_of(codec, visitor.cookies, 0, fetch) == Anonymous("no_user")
    before = dict(visitor.cookies)
    visitor.post("/login", user="42")
    key = codec.locate(visitor.cookies)
    assert verdict_of(codec, visitor.cookies, 0, fetch) == LegacySession("main", key, "42", CLAIMS)
    assert visitor.get("/") == "42"
    assert verdict_of(codec, before, 0, fetch) == Anonymous("gone"), "PHP gave the session another id"
    visitor.post("/logout")
    assert visitor.cookies, "PHP sets no cookie when it destroys a session"
    assert verdict_of(codec, visitor.cookies, 0, fetch) == Anonymous("gone")


@pytest.mark.parametrize("handler", HANDLERS)
def test_files(tmp_path: Path, handler: Handler) -> None:
    with RealPhp(save_path=str(tmp_path), serialize_handler=handler) as app:
        goes_from_login_to_logout(app, PhpRecords(USER, handler=handler), files_of(tmp_path))


def test_files_in_folders(tmp_path: Path) -> None:
    for first in "0123456789abcdefghijklmnopqrstuv":
        (tmp_path / first).mkdir()
    with RealPhp(save_path=f"1;{tmp_path}", sid_bits_per_character="5") as app:
        goes_from_login_to_logout(app, PhpRecords(USER), files_of(tmp_path, levels=1))


@pytest.fixture
def redis_app(frameworks_redis: RedisServer) -> Iterator[RealPhp]:
    if not has_redis():
        pytest.skip("PHP has no Redis: make test-frameworks")
    with RealPhp(save_handler="redis", save_path=frameworks_redis.url.replace("redis://", "tcp://")) as app:
        yield app


def test_redis(redis_app: RealPhp, frameworks_redis: RedisServer) -> None:
    codec = PhpRecords(USER, prefix="PHPREDIS_SESSION:")
    goes_from_login_to_logout(redis_app, codec, entries_of(frameworks_redis))


def test_what_is_a_reference_cannot_be_the_user(tmp_path: Path) -> None:
    with RealPhp(save_path=str(tmp_path)) as app:
        visitor = Visitor(app)
        visitor.post("/login", user="42")
    fetch = files_of(tmp_path)
    shared = PhpRecords(UserMapping("main", "same.id"))
    assert verdict_of(shared, visitor.cookies, 0, fetch) == Undetermined("unreadable")
    owner = verdict_of(PhpRecords(UserMapping("main", "account.id")), visitor.cookies, 0, fetch)
    assert isinstance(owner, LegacySession)
    assert owner.subject == "42"
