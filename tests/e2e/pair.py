"""Two gateways over one PostgreSQL, and one Redis where wanted, in front of one application."""

import contextlib
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from tests.e2e.browser import Browser
from tests.e2e.world import ROOT, World
from tests.servers_postgres import PostgresServer

MASTER = "0123456789abcdefghijklmnopqrstuvwxyzABCDEF"


class SharedWorld(World):
    """A gateway whose durable stores are in PostgreSQL. One process serves, unless `extra` names `workers`."""

    def write_config(self) -> None:
        super().write_config()
        redis = ", redis: { env: REDIS_URL }" if self.redis else ""
        embedded = f"stores: {{ embedded: {self.folder}/crossfade.db{redis} }}"
        shared = f"stores: {{ postgres: {{ env: DSN }}, secret: {{ env: MASTER }}{redis} }}\nkeys: [{{ env: KEY }}]"
        text = self.config.read_text()
        assert embedded in text
        alone = "" if "workers:" in self.extra else "workers: 1\n"
        self.config.write_text(alone + text.replace(embedded, shared))


@dataclass
class Pair:
    """Two gateways in front of one application."""

    postgres: PostgresServer
    one: SharedWorld
    other: SharedWorld

    def signed_in(self) -> Browser:
        browser = self.one.browser()
        browser.log_in()
        response = browser.exchange()
        assert response.status_code == 200, response.text
        return browser

    def status(self, browser: Browser) -> int:
        """How the other gateway answers to the token."""
        return replace(browser, base=self.other.base, cookies={}).with_token("GET", "/api/me").status_code


def signing_key() -> str:
    """A key that all gateways on one database are given."""
    return subprocess.run(
        [sys.executable, "-m", "gateway", "keys", "generate", "--alg", "RS256"],
        cwd=ROOT, env=os.environ, capture_output=True, text=True, check=True,
    ).stdout  # fmt: skip


@contextlib.contextmanager
def running_pair(
    folders: Callable[[str], Path], *, redis: str = "", extra: str = "", kind: type[SharedWorld] = SharedWorld
) -> Iterator[Pair]:
    """Start everything; `folders` makes a folder of a name, `kind` is what a gateway is configured like."""
    key = signing_key()
    with PostgresServer() as postgres:
        one, other = (kind(folders(name), redis=redis, extra=extra) for name in ("one", "other"))
        for world in (one, other):
            world.gateway.environment |= {"DSN": postgres.url, "MASTER": MASTER, "KEY": key}
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


def wait_for(condition: Callable[[], bool], *, within: float = 10.0) -> None:
    """Ask again and again until it holds."""
    until = time.monotonic() + within
    while not condition():
        assert time.monotonic() < until
        time.sleep(0.02)
