"""The demo application and a gateway in front of it, both real processes on loopback."""

import os
import signal
import socket
import subprocess
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path

import httpx

from tests.e2e.browser import Browser

ROOT = Path(__file__).parents[2]
SECRET = "a-key-of-the-demo-application-for-tests-only"


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@dataclass
class Process:
    """A child that is waited for by asking it, and that is ended by its process id."""

    command: list[str]
    environment: dict[str, str]
    log: Path
    folder: Path = ROOT
    child: "subprocess.Popen[bytes] | None" = None

    def start(self, url: str) -> None:
        self.child = self.spawn()
        deadline = time.monotonic() + 60  # of a machine with other things to do
        while True:
            if self.child.poll() is not None:
                raise AssertionError(f"ended with {self.child.returncode}: {self.log.read_text()[-3000:]}")
            try:
                if httpx.get(url, timeout=1, trust_env=False).status_code < 500:
                    return
            except httpx.HTTPError:
                if time.monotonic() > deadline:
                    raise
            time.sleep(0.02)

    def spawn(self) -> "subprocess.Popen[bytes]":
        with self.log.open("ab") as log:
            return subprocess.Popen(
                self.command, cwd=self.folder, env=os.environ | self.environment, stdout=log, stderr=log
            )

    def stop(self, number: int = signal.SIGTERM) -> int:
        if self.child is None:
            return 0
        self.child.send_signal(number)
        code = self.child.wait(20)
        self.child = None
        return code


@dataclass
class World:
    """Application, gateway, and what differs between tests."""

    folder: Path
    redis: str = ""
    routes: str = "[{ path: /static/*, auth: public }, { path: /*, auth: optional }]"
    extra: str = ""
    phase: str = ""
    drain: str = "{ delay: 0s, timeout: 5s }"
    app_port: int = field(default_factory=free_port)
    port: int = field(default_factory=free_port)
    admin_port: int = field(default_factory=free_port)

    def __post_init__(self) -> None:
        self.app_base = f"http://127.0.0.1:{self.app_port}"
        self.base = f"http://localhost:{self.port}"
        self.admin = f"http://127.0.0.1:{self.admin_port}"
        self.config = self.folder / "gateway.yaml"
        self.app = Process(
            [sys.executable, "config/demo/serve.py", "--port", str(self.app_port)],
            {
                "DJANGO_SECRET_KEY": SECRET,
                "DEMO_DATABASE": str(self.folder / "demo.db"),
                "DEMO_PAGES": str(ROOT / "frontend" / "demo"),
            },
            self.folder / "app.log",
        )
        self.gateway = Process(
            [sys.executable, "-m", "gateway", "run", "--config", str(self.config)],
            {"DJANGO_SECRET_KEY": SECRET, "REDIS_URL": self.redis},
            self.folder / "gateway.log",
        )

    def write_config(self) -> None:
        redis = ", redis: { env: REDIS_URL }" if self.redis else ""
        self.config.write_text(
            f"""
listen: 127.0.0.1:{self.port}
public_url: {self.base}
admin: {{ listen: 127.0.0.1:{self.admin_port}, socket: {self.folder}/admin.sock }}
upstreams:
  app: {{ url: {self.app_base} }}
phase: {{ initial: parallel, override_file: {self.folder}/phase{", " + self.phase if self.phase else ""} }}
sessions:
  - name: main
    format: django
    place: {{ sqlite: {{ file: {self.folder}/demo.db }} }}
    secrets: [{{ env: DJANGO_SECRET_KEY }}]
    login_url: /login/
    logout_paths: [/logout/]
clients:
  - {{ id: web, delivery: cookie }}
  - {{ id: mobile, delivery: body }}
stores: {{ embedded: {self.folder}/crossfade.db{redis} }}
drain: {self.drain}
routes: {self.routes}
{self.extra}
"""
        )

    def start(self) -> None:
        self.write_config()
        self.app.start(f"{self.app_base}/login/")
        self.start_gateway()

    def start_gateway(self, **environment: str) -> None:
        self.gateway.environment |= environment
        self.gateway.start(f"{self.admin}/readyz")

    def stop(self) -> None:
        self.gateway.stop()
        self.app.stop()

    def browser(self) -> Browser:
        return Browser(self.base)

    def command(self, *words: str, stdin: str = "") -> "subprocess.CompletedProcess[str]":
        return subprocess.run(
            [sys.executable, "-m", "gateway", *words],
            cwd=ROOT,
            env=os.environ | self.gateway.environment,
            input=stdin,
            capture_output=True,
            text=True,
            timeout=30,
            check=False,
        )
