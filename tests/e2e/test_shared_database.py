"""Two gateways over one PostgreSQL are one: what either does, the other knows; its outage logs nobody out."""

import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from tests.e2e.browser import Browser
from tests.e2e.world import ROOT, World
from tests.servers_postgres import PostgresServer

MASTER = "0123456789abcdefghijklmnopqrstuvwxyzABCDEF"


class SharedWorld(World):
    """A gateway whose durable stores are in PostgreSQL."""

    def write_config(self) -> None:
        super().write_config()
        embedded = f"stores: {{ embedded: {self.folder}/crossfade.db }}"
        shared = "stores: { postgres: { env: DSN }, secret: { env: MASTER } }\nkeys: [{ env: KEY }]"
        text = self.config.read_text()
        assert embedded in text
        self.config.write_text(text.replace(embedded, shared))


@dataclass
class Pair:
    """Two gateways in front of one application."""

    postgres: PostgresServer
    one: SharedWorld
    other: SharedWorld


def open_gateway(folder: Path, environment: dict[str, str]) -> SharedWorld:
    world = SharedWorld(folder)
    world.gateway.environment |= environment
    return world


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pair]:
    key = subprocess.run(
        [sys.executable, "-m", "gateway", "keys", "generate", "--alg", "RS256"],
        cwd=ROOT, env=os.environ, capture_output=True, text=True, check=True,
    ).stdout  # fmt: skip
    with PostgresServer() as postgres:
        environment = {"DSN": postgres.url, "MASTER": MASTER, "KEY": key}
        one = open_gateway(tmp_path_factory.mktemp("one"), environment)
        other = open_gateway(tmp_path_factory.mktemp("other"), environment)
        other.app, other.app_base = one.app, one.app_base
        try:
            one.write_config()
            done = one.command("migrate", "up", "--config", str(one.config))
            assert done.returncode == 0, done.stderr
            one.start()
            other.write_config()
            other.config.write_text(
                other.config.read_text()
                .replace(f"{other.folder}/demo.db", f"{one.folder}/demo.db")
                .replace(f"public_url: {other.base}", f"public_url: {one.base}")
            )
            other.start_gateway()
            yield Pair(postgres, one, other)
        finally:
            other.gateway.stop()
            one.stop()


def signed_in(pair: Pair) -> Browser:
    browser = pair.one.browser()
    browser.log_in()
    response = browser.exchange()
    assert response.status_code == 200, response.text
    return browser


def status(pair: Pair, browser: Browser) -> int:
    """How the other gateway answers to the token."""
    return replace(browser, base=pair.other.base, cookies={}).with_token("GET", "/api/me").status_code


def wait_for(condition: Callable[[], bool], *, within: float = 10.0) -> None:
    until = time.monotonic() + within
    while not condition():
        assert time.monotonic() < until
        time.sleep(0.02)


def test_a_token_of_one_gateway_is_good_at_the_other(pair: Pair) -> None:
    browser = signed_in(pair)
    assert status(pair, browser) == 200
    assert browser.refresh().status_code == 200
    assert status(pair, browser) == 200


def test_a_logout_at_one_gateway_is_a_logout_at_the_other(pair: Pair) -> None:
    browser = signed_in(pair)
    assert status(pair, browser) == 200
    assert browser.own("logout", headers={"Authorization": f"Bearer {browser.token}"}).status_code == 200
    wait_for(lambda: status(pair, browser) == 401, within=3.0)


def test_an_outage_of_the_database_is_a_503_and_takes_nothing_from_anybody(pair: Pair) -> None:
    browser = signed_in(pair)
    refresh = browser.cookies["__Host-crossfade_refresh"]
    pair.postgres.kill()
    try:
        response = browser.refresh()
        assert (response.status_code, response.json()["code"]) == (503, "store_unavailable")
        assert response.headers["retry-after"]
        assert "set-cookie" not in response.headers
        assert pair.one.browser().get("/login/").status_code == 200
        assert browser.get("/api/me").status_code == 200  # by the session cookie
    finally:
        pair.postgres.start()
    wait_for(lambda: browser.refresh().status_code == 200)
    assert browser.cookies["__Host-crossfade_refresh"] == refresh
    wait_for(lambda: status(pair, browser) == 200)


def test_a_gateway_that_restarts_finds_everything_again(pair: Pair) -> None:
    browser = signed_in(pair)
    pair.one.gateway.stop()
    pair.one.start_gateway()
    assert browser.refresh().status_code == 200
    assert browser.with_token("GET", "/api/me").status_code == 200
