"""A real Express in a process of its own."""

import json
import shutil
import subprocess
from pathlib import Path

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
