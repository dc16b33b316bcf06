"""A real Express in a process of its own, talked to over HTTP as a browser would."""

import json
import shutil
import subprocess
from http.cookies import SimpleCookie
from pathlib import Path

import httpx
import pytest

FOLDER = Path(__file__).parent / "express"

needs_express = pytest.mark.skipif(
    shutil.which("node") is None or not (FOLDER / "node_modules").is_dir(),
    reason="Node.js or its packages are not installed: make tests/legacy/express/node_modules",
)


class RealExpress:
    """One application. It ends with its input, so that none is left when the tests are killed."""

    def __init__(self, **options: object) -> None:
        self._process = subprocess.Popen(
            ["node", "server.js", json.dumps({"secrets": ["sekrit"], "user": "passport", **options})],
            cwd=FOLDER,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        assert self._process.stdout is not None
        self.address = f"http://127.0.0.1:{int(self._process.stdout.readline())}"

    def close(self) -> None:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.close()
        self._process.wait(10)
        self._process.stdout.close()


class Visitor:
    """A browser with its cookies, as bytes and just as they were set."""

    def __init__(self, app: RealExpress) -> None:
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
