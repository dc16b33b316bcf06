"""connect-pg-simple: a row whose time is over is followed by one of the gateway's making, one that is gone by none."""

import asyncio
from collections.abc import Iterator
from urllib.parse import unquote

import asyncpg
import pytest

from tests.e2e.browser import Browser
from tests.legacy.applications import EXPRESS_POSTGRES
from tests.legacy.contract import Scene, post, who_by_token
from tests.legacy.mints import MINTS
from tests.servers_postgres import PostgresServer, running_postgres

pytestmark = pytest.mark.timeout(120)


@pytest.fixture(scope="module")
def postgres() -> Iterator[PostgresServer]:
    with running_postgres(is_tcp=True) as server:
        yield server


@pytest.fixture(scope="module")
def scene(postgres: PostgresServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Scene]:
    (mint,) = (mint for mint in MINTS if mint.case is EXPRESS_POSTGRES)
    mint.case.ensure_installed()
    scene = Scene(mint.minting, tmp_path_factory.mktemp("express"), postgres=postgres.url)
    try:
        scene.app.start(f"{scene.app_base}/who")
        post(Browser(scene.app_base), "/login", user="1")  # the table comes with the first session
        scene.start_gateway(scene.case.place)
        yield scene
    finally:
        scene.stop()


def change(postgres: PostgresServer, statement: str, browser: Browser) -> None:
    key = unquote(browser.cookies["connect.sid"]).removeprefix("s:").partition(".")[0]

    async def carry_out() -> str:
        connection = await asyncpg.connect(postgres.url)
        try:
            return str(await connection.execute(statement, key))
        finally:
            await connection.close()

    assert asyncio.run(carry_out()).endswith(" 1")


def test_a_row_whose_time_is_over_is_followed(scene: Scene, postgres: PostgresServer) -> None:
    browser = scene.with_tokens("81")
    change(postgres, "UPDATE session SET expire = now() - interval '1 minute' WHERE sid = $1", browser)
    assert browser.refresh().status_code == 200
    assert who_by_token(browser) == "81"
    assert browser.with_token("POST", "/note", form={"text": "a note"}).text == "81:1"
    assert browser.own("logout", headers={"Authorization": f"Bearer {browser.token}"}).status_code == 200
    assert who_by_token(browser) == "401"


def test_a_row_that_is_gone_is_not(scene: Scene, postgres: PostgresServer) -> None:
    browser = scene.with_tokens("82")
    change(postgres, "DELETE FROM session WHERE sid = $1", browser)
    assert browser.refresh().status_code == 400
