"""A real MariaDB for tests, where the machine has one: in a directory of its own, and without any trace after it."""

import contextlib
import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

_PATIENCE = 30.0


def mariadb_binary() -> str:
    """Where a MariaDB server is; empty where there is none."""
    return shutil.which("mariadbd") or shutil.which("mariadbd", path="/usr/sbin") or ""


@contextlib.contextmanager
def running_mariadb(*statements: str) -> Iterator[Path]:
    """The Unix socket of a server that carried out the statements as root, for the length of a `with`."""
    directory = Path(tempfile.mkdtemp(prefix="crossfade-mariadb-"))
    owner: dict[str, Any] = {"user": "mysql"} if os.geteuid() == 0 else {}
    try:
        if owner:
            shutil.chown(directory, "mysql")
        data, socket = directory / "data", directory / "socket"
        common = ["--no-defaults", f"--datadir={data}"]
        quiet: dict[str, Any] = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL, **owner}
        subprocess.run(["mariadb-install-db", *common, "--auth-root-authentication-method=normal"], check=True, **quiet)
        server = subprocess.Popen([mariadb_binary(), *common, f"--socket={socket}", "--skip-networking"], **quiet)
        try:
            _wait_for(socket, server)
            tell = ["mariadb", "--no-defaults", f"--socket={socket}", "--user=root"]
            subprocess.run(tell, input=";\n".join(statements).encode(), check=True)
            yield socket
        finally:
            server.terminate()
            server.wait(_PATIENCE)
    finally:
        shutil.rmtree(directory)


def _wait_for(socket: Path, server: "subprocess.Popen[bytes]") -> None:
    until = time.monotonic() + _PATIENCE
    while not socket.exists():
        if server.poll() is not None or time.monotonic() > until:
            raise RuntimeError("MariaDB did not start")
        time.sleep(0.02)
