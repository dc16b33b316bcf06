"""Several real gateways over one real PostgreSQL and one real Redis, in front of nothing: only tokens are asked for.

Sessions are Flask's, so that none has to be stored anywhere before it can be exchanged.
"""

import os
import signal
import subprocess
import sys
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Self

import orjson
from itsdangerous import TimestampSigner
from itsdangerous.encoding import base64_encode

from gateway.keys.generated import generate_pem
from tests.e2e.world import Process, free_port
from tests.servers import RedisServer
from tests.servers_postgres import PostgresServer

ROOT = Path(__file__).parents[2]
SECRET = "a-key-of-the-application-for-tests-only"
MASTER = "0123456789abcdefghijklmnopqrstuvwxyzABCDEF"
COMMAND = (sys.executable, "-m", "gateway")

CONFIG = """
listen: 127.0.0.1:{port}
public_url: http://localhost:{public_port}
admin: {{ listen: 127.0.0.1:{admin_port}, socket: {folder}/admin.sock }}
workers: 1
upstreams: {{ app: {{ url: "http://127.0.0.1:9" }} }}
phase: {{ initial: parallel, override_file: {folder}/phase }}
sessions:
  - name: main
    format: flask
    place: {{ cookie: {{}} }}
    secrets: [{{ env: APP_SECRET }}]
    login_url: /login/
clients: [{{ id: mobile, delivery: body }}]
tokens: {{ algorithm: {algorithm}, grace: {grace}, trust_store_alone: true }}
rates: {{ session: off, family: off, account: off }}
keys: [{{ env: KEY }}]
stores: {{ postgres: {{ env: DSN }}, redis: {{ env: REDIS_URL }}, secret: {{ env: MASTER }} }}
drain: {{ delay: 0s, timeout: 2s }}
routes: [{{ path: /*, auth: required }}]
"""


def session_cookie(user: str) -> str:
    """A cookie as Flask-Login signs it for a user."""
    signer = TimestampSigner(SECRET, b"cookie-session", key_derivation="hmac")
    return signer.sign(base64_encode(orjson.dumps({"_user_id": user}))).decode()


class Cluster:
    """`ports` are those of the gateways. `command` starts one, for tests that start it in a way of their own.

    `config` is a template like CONFIG; what it has beside that is in `words`.
    """

    def __init__(
        self,
        folder: Path,
        *,
        gateways: int = 2,
        algorithm: str = "ES256",
        grace: str = "30s",
        command: Sequence[str] = COMMAND,
        postgres: PostgresServer | None = None,
        config: str = CONFIG,
        **words: object,
    ) -> None:
        self.postgres = postgres or PostgresServer()
        self.redis = RedisServer(folder / "redis")
        self.ports = [free_port() for _ in range(gateways)]
        self.environment = {
            "APP_SECRET": SECRET,
            "MASTER": MASTER,
            "KEY": generate_pem(algorithm).decode(),
            "DSN": self.postgres.url,
            "REDIS_URL": self.redis.url,
            "LOG_LEVEL": "error",
        }
        self.gateways: list[Process] = []
        self._config = config
        self._words: list[dict[str, object]] = []
        for number, port in enumerate(self.ports):
            place = folder / f"gateway-{number}"
            place.mkdir()
            own = {"port": port, "public_port": self.ports[0], "admin_port": free_port(), "folder": place}
            self._words.append({**own, "algorithm": algorithm, "grace": grace, **words})
            file = self.write_config(number)
            self.gateways.append(
                Process([*command, "run", "--config", str(file)], dict(self.environment), place / "log")
            )

    def folder(self, number: int) -> Path:
        """Where a gateway has its configuration, its log and its socket."""
        folder = self._words[number]["folder"]
        assert isinstance(folder, Path)
        return folder

    def write_config(self, number: int, **words: object) -> Path:
        """Write the configuration of a gateway, with these words in place of those of before."""
        self._words[number] |= words
        file = self.folder(number) / "gateway.yaml"
        file.write_text(self._config.format(**self._words[number]))
        return file

    @property
    def pids(self) -> list[int]:
        """The processes of the gateways."""
        return [gateway.child.pid for gateway in self.gateways if gateway.child is not None]

    def start(self) -> Self:
        """Start the servers, make the tables, start the gateways."""
        self.postgres.start()
        self.redis.start()
        subprocess.run(
            [*COMMAND, "migrate", "up", "--config", str(self.folder(0) / "gateway.yaml")],
            cwd=ROOT, env=os.environ | self.environment, capture_output=True, timeout=60, check=True,
        )  # fmt: skip
        for number in range(len(self.gateways)):
            self.start_gateway(number)
        return self

    def start_gateway(self, number: int) -> None:
        self.gateways[number].start(f"http://127.0.0.1:{self._words[number]['admin_port']}/readyz")

    def kill_gateway(self, number: int) -> None:
        """kill -9."""
        self.gateways[number].stop(signal.SIGKILL)

    def __enter__(self) -> Self:
        try:
            return self.start()
        except BaseException:
            self.__exit__(None, None, None)
            raise

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for gateway in self.gateways:
            with suppress(subprocess.TimeoutExpired):
                gateway.stop(signal.SIGKILL)
        self.redis.kill()
        self.postgres.remove()
