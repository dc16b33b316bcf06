"""What happens while the visitors go on: reloads, other keys, and servers that go away for a while."""

import asyncio
import os
import signal
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress
from pathlib import Path

import httpx
import orjson

from gateway.keys.generated import generate_pem
from tests.servers import free_port
from tests.soak.answers import Line
from tests.soak.cluster import ROOT, Cluster
from tests.soak.visitors import Site

_AWAY = 1.0
"""Seconds for which a server is away."""


class Application:
    """The process of the application."""

    def __init__(self, folder: Path) -> None:
        self.port = free_port()
        self.witness = folder / "forwarded-and-should-not"
        self._log = folder / "application.log"
        self._child: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        command = [sys.executable, "-m", "tests.soak.application", str(self.port), str(self.witness)]
        with self._log.open("ab") as log:
            self._child = subprocess.Popen(command, cwd=ROOT, stdout=log, stderr=log)
        until = time.monotonic() + 30
        while True:
            with suppress(httpx.HTTPError):
                httpx.get(f"http://127.0.0.1:{self.port}/page/1", trust_env=False)
                return
            if self._child.poll() is not None or time.monotonic() > until:
                raise RuntimeError(self._log.read_text())
            time.sleep(0.02)

    def kill(self) -> None:
        child, self._child = self._child, None
        if child is not None:
            child.kill()
            child.wait()


class Disturber:
    """Does one thing after the other, again and again."""

    def __init__(self, cluster: Cluster, application: Application, site: Site) -> None:
        self._cluster = cluster
        self._application = application
        self._site = site
        self._reloads = 0
        self.deeds: tuple[Callable[[], Awaitable[None]], ...] = (
            self.reload,
            self.restart_application,
            self.restart_redis,
            self.rotate_keys,
            self.reload,
            self.freeze_redis,
            self.restart_postgres,
        )

    async def go_on(self, every: float) -> None:
        """Do the next one after each `every` seconds of peace, until cancelled."""
        while True:
            for deed in self.deeds:
                await asyncio.sleep(every)
                await deed()
                self._site.counts[deed.__name__.replace("_", " ")] += 1

    async def reload(self) -> None:
        """SIGHUP with another rule, another bound and another key behind the one that signs."""
        self._reloads += 1
        is_required = self._reloads % 2 == 0
        key = self._cluster.folder(0) / f"key-{self._reloads}.pem"
        key.touch(mode=0o600)
        key.write_bytes(generate_pem("ES256"))
        rule, further_key = "required" if is_required else "public", f", {{ file: {key} }}"
        self._cluster.write_config(0, toggle=rule, fields=100 + self._reloads, further_key=further_key)
        self._site.toggle.is_required, self._site.toggle.changed_at = is_required, time.time()
        os.kill(self._cluster.pids[0], signal.SIGHUP)

    async def rotate_keys(self) -> None:
        """Let a new key sign at once; tokens of the old one are good until they expire."""
        body = orjson.dumps({"by": "soak", "reason": "soak", "emergency": True})
        head = b"POST /keys/rotate HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
        line = Line(self._site.admin)
        answer = await line.ask(head + b"Content-Length: %d\r\n\r\n%b" % (len(body), body))
        line.close()
        if answer.status != 200 and not self._site.troubles.explains("store_unavailable", answer):
            self._site.complain(f"rotate keys: {answer}")

    async def restart_application(self) -> None:
        with self._site.troubles.during("application", time.time):
            self._application.kill()
            await asyncio.sleep(_AWAY)
            await asyncio.to_thread(self._application.start)

    async def restart_redis(self) -> None:
        """It comes back empty."""
        with self._site.troubles.during("redis", time.time):
            self._cluster.redis.kill()
            await asyncio.sleep(_AWAY)
            await asyncio.to_thread(self._cluster.redis.start)

    async def freeze_redis(self) -> None:
        with self._site.troubles.during("redis", time.time):
            self._cluster.redis.freeze()
            await asyncio.sleep(_AWAY)
            self._cluster.redis.thaw()

    async def restart_postgres(self) -> None:
        with self._site.troubles.during("postgres", time.time):
            self._cluster.postgres.kill()
            await asyncio.sleep(_AWAY)
            await asyncio.to_thread(self._cluster.postgres.start)
