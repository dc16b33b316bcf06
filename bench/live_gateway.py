"""The gateway in front of `bench.live_origin`, and what its clients show."""

import resource
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from bench import tokens
from bench.contenders import LOAD_CORE, PROXY_CORE
from bench.processes import running

ORIGIN_PORT, GATEWAY_PORT = 19050, 19051


@contextmanager
def gateway_and_origin(folder: Path) -> Iterator[tuple[int, str]]:
    """Run both on their cores; yields the gateway's process and an access token."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    material = tokens.make(folder, 1)
    origin = (sys.executable, "-m", "bench.live_origin", str(ORIGIN_PORT))
    command = (sys.executable, "-m", "gateway", "run", "--config", str(configuration(folder, material)))
    environment = {"LOG_LEVEL": "error"}
    with running(origin, LOAD_CORE, {}, ORIGIN_PORT), running(command, PROXY_CORE, environment, GATEWAY_PORT) as pid:
        yield pid, material.tokens[0]


def configuration(
    folder: Path, material: tokens.Material, *, port: int = GATEWAY_PORT, origin_port: int = ORIGIN_PORT
) -> Path:
    """Write what a gateway needs whose requests all show a token, in front of an origin; returns the file."""
    path = folder / "gateway.yaml"
    path.write_text(
        f"listen: 127.0.0.1:{port}\npublic_url: {tokens.ISSUER}\n"
        f"admin: {{ listen: 127.0.0.1:{port + 100}, socket: {folder}/admin.sock }}\n"
        f"upstreams: {{ app: {{ url: 'http://127.0.0.1:{origin_port}' }} }}\n"
        f"phase: {{ initial: parallel, override_file: {folder}/phase }}\n"
        f"tokens: {{ audience: {tokens.AUDIENCE}, algorithm: RS256 }}\nkeys: [{{ file: {material.private} }}]\n"
        f"stores: {{ embedded: {folder}/crossfade.db }}\nroutes: [{{ path: /*, auth: required }}]\n"
    )
    return path
