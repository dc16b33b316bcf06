"""What a browser does with a real application: it keeps cookies as they were set, byte for byte."""

import socket
import subprocess
import time
from http.cookies import SimpleCookie
from typing import Protocol

import httpx

_PATIENCE = 10.0


class Application(Protocol):
    """Something that answers at an address."""

    address: str


def wait_for(port: int, process: "subprocess.Popen[bytes]") -> None:
    """Return when a process listens."""
    until = time.monotonic() + _PATIENCE
    while True:
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
        except OSError:
            if process.poll() is not None or time.monotonic() > until:
                raise
            time.sleep(0.01)
        else:
            return


class Visitor:
    """A browser with its cookies."""

    def __init__(self, app: Application) -> None:
        self._app = app
        self.cookies: dict[bytes, bytes] = {}

    def get(self, path: str) -> str:
        return self._ask("GET", path)

    def post(self, path: str, **form: str) -> str:
        return self._ask("POST", path, form)

    def _ask(self, method: str, path: str, form: dict[str, str] | None = None) -> str:
        header = b"; ".join(name + b"=" + value for name, value in self.cookies.items())
        answer = httpx.request(method, self._app.address + path, data=form, headers={"Cookie": header.decode()})
        answer.raise_for_status()
        for line in answer.headers.get_list("set-cookie"):
            for name, morsel in SimpleCookie(line).items():
                self.cookies.pop(name.encode(), None)
                if "1970" not in morsel["expires"]:
                    self.cookies[name.encode()] = morsel.value.encode()
        return answer.text
