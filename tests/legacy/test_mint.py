"""Sessions that the gateway makes, shown to the real applications, which take them for their own."""

import time
from collections.abc import AsyncIterator, Iterator

import pytest

from gateway.bridge.mint import Mint
from gateway.formats.minting import MintRefused
from gateway.model import LegacySession, SessionCookie
from gateway.stores.sessions_cached import CachedSessions
from gateway.wiring.mint import open_mints
from gateway.wiring.policies import upstreams_of
from gateway.wiring.sessions import open_session
from tests.e2e.browser import Browser
from tests.legacy.contract import Scene, post
from tests.legacy.mints import MINTS, MintCase
from tests.servers import RedisServer
from tests.settings.samples import settings_of

pytestmark = pytest.mark.timeout(120)

USER = "101"


@pytest.fixture(scope="module", params=MINTS, ids=lambda case: case.name)
def scene(
    request: pytest.FixtureRequest, frameworks_redis: RedisServer, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Scene]:
    """The application alone: no gateway is started."""
    mint_case: MintCase = request.param
    mint_case.case.ensure_installed()
    servers = {"redis": frameworks_redis.url, "redis_port": str(frameworks_redis.port)}
    if mint_case.case.names("postgres"):
        servers["postgres"] = request.getfixturevalue("frameworks_postgres").url
    if mint_case.case.names("mariadb"):
        servers["mariadb"] = request.getfixturevalue("frameworks_mariadb")
    scene = Scene(mint_case.minting, tmp_path_factory.mktemp(mint_case.name), **servers)
    try:
        scene.app.start(f"{scene.app_base}/who")
        post(Browser(scene.app_base), "/login", user="1")  # some make their tables with the first session
        yield scene
    finally:
        scene.stop()


Made = tuple[Mint, CachedSessions]


@pytest.fixture
async def made(scene: Scene) -> AsyncIterator[Made]:
    environ = {"SECRET": "sekrit", **scene.case.environment}
    settings = settings_of(scene.written_config(scene.case.place), environ)
    mint = open_mints(settings, environ)["main"]
    sessions = open_session(settings.sessions[0], settings, environ, upstreams_of(settings.upstreams))
    yield mint, sessions
    await mint.aclose()
    await sessions.close()


async def test_the_application_takes_a_session_of_our_making_for_its_own(scene: Scene, made: Made) -> None:
    mint, sessions = made
    now = time.time()
    minted = await mint.make(USER, {}, bound_to=None, until=now + 3600, now=now)
    cookies = {name.decode(): value.decode() for name, value in minted.cookies}
    assert scene.who_says_the_application(cookies) == USER
    verdict = await sessions.resolve(SessionCookie("main", minted.cookies), now)
    assert isinstance(verdict, LegacySession), verdict
    assert verdict.subject == USER
    if verdict.expires_at is not None and minted.record is not None:
        longest = 7200 if scene.case.name == "laravel-database" else 3600  # a row of Laravel tells no end of its own
        assert verdict.expires_at <= now + longest + 1


async def test_each_session_is_another_one_and_ends_by_itself(scene: Scene, made: Made) -> None:
    mint, sessions = made
    now = time.time()
    one = await mint.make(USER, {}, bound_to=None, until=now + 3600, now=now)
    other = await mint.make(USER, {}, bound_to=None, until=now + 3600, now=now + 1)
    if one.record is None:
        pytest.skip("nothing is written for it")
    assert one.cookies != other.cookies
    verdict = await sessions.resolve(SessionCookie("main", one.cookies), now)
    assert isinstance(verdict, LegacySession)
    assert await mint.destroy(verdict.key)
    shown = [{name.decode(): value.decode() for name, value in minted.cookies} for minted in (one, other)]
    assert [scene.who_says_the_application(cookies) for cookies in shown] == ["", USER]


async def test_nobody_who_may_not_sign_in_gets_one(scene: Scene, made: Made) -> None:
    if "django" not in scene.case.name:
        pytest.skip("this application knows no table of users")
    now = time.time()
    with pytest.raises(MintRefused):
        await made[0].make("4711", {}, bound_to=None, until=now + 3600, now=now)
    with pytest.raises(MintRefused):
        await made[0].make(USER, {}, bound_to="0" * 64, until=now + 3600, now=now)
