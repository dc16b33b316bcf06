"""Which sessions of Django are followed by one of the gateway's making, and which are not: told by their rows."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing

import pytest

from tests.legacy.applications import DJANGO
from tests.legacy.contract import Scene, who_by_token
from tests.legacy.mints import MINTS
from tests.servers import eventually

pytestmark = pytest.mark.timeout(120)
ENDED = "UPDATE django_session SET expire_date = '2020-01-01 00:00:00' WHERE session_key = ?"
EXPIRES_CACHED = 15  # seconds; what was read of a session counts for five


@pytest.fixture(scope="module")
def scene(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Scene]:
    (mint,) = (mint for mint in MINTS if mint.case is DJANGO)
    scene = Scene(mint.minting, tmp_path_factory.mktemp("django"))
    try:
        scene.start()
        yield scene
    finally:
        scene.stop()


def change(scene: Scene, statement: str, *values: str) -> None:
    with closing(sqlite3.connect(scene.folder / "app.db", timeout=10)) as connection, connection:
        assert connection.execute(statement, values).rowcount == 1


async def test_a_row_whose_time_is_over_is_followed(scene: Scene) -> None:
    browser = scene.with_tokens("51")
    change(scene, ENDED, browser.cookies["sessionid"])
    assert browser.refresh().status_code == 200, "a refresh looks past the cache"
    assert who_by_token(browser) == "51"


async def test_a_row_that_is_gone_is_not(scene: Scene) -> None:
    """It may have been logged out where nobody of ours saw it."""
    browser = scene.with_tokens("52")
    change(scene, "DELETE FROM django_session WHERE session_key = ?", browser.cookies["sessionid"])
    assert browser.refresh().status_code == 400
    await eventually(lambda: who_by_token(browser) == "401", within=EXPIRES_CACHED)


async def test_a_user_who_changed_his_password_meanwhile_has_to_log_in(scene: Scene) -> None:
    browser = scene.with_tokens("53")
    change(scene, "UPDATE auth_user SET password = 'md5$x$y' WHERE id = ?", "53")
    change(scene, ENDED, browser.cookies["sessionid"])
    assert browser.refresh().status_code == 400
    await eventually(lambda: who_by_token(browser) == "401", within=EXPIRES_CACHED)


async def test_a_user_who_may_not_sign_in_any_more_does_not(scene: Scene) -> None:
    browser = scene.with_tokens("54")
    change(scene, "UPDATE auth_user SET is_active = 0 WHERE id = ?", "54")
    change(scene, ENDED, browser.cookies["sessionid"])
    assert browser.refresh().status_code == 400
    await eventually(lambda: who_by_token(browser) == "401", within=EXPIRES_CACHED)


async def test_a_logout_here_deletes_the_row_that_was_made(scene: Scene) -> None:
    browser = scene.with_tokens("55")
    change(scene, ENDED, browser.cookies["sessionid"])
    assert browser.refresh().status_code == 200
    before = rows(scene)
    assert browser.own("logout", headers={"Authorization": f"Bearer {browser.token}"}).status_code == 200
    assert rows(scene) == before - 1
    assert who_by_token(browser) == "401"


def rows(scene: Scene) -> int:
    with closing(sqlite3.connect(scene.folder / "app.db", timeout=10)) as connection:
        (count,) = connection.execute("SELECT count(*) FROM django_session").fetchone()
        return int(count)
