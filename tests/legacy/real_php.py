"""A real PHP with its built-in web server."""

import shutil
import subprocess
from pathlib import Path
from typing import Self

import pytest

from tests.legacy.browsing import wait_for
from tests.servers import free_port

FOLDER = Path(__file__).parent / "php"

needs_php = pytest.mark.skipif(shutil.which("php") is None, reason="PHP is not installed: make test-frameworks")


class RealPhp:
    """One application; `settings` are those of php.ini."""

    def __init__(self, **settings: str) -> None:
        port = free_port()
        words = [f'-dsession.{name}="{value}"' for name, value in settings.items()]
        self.address = f"http://127.0.0.1:{port}"
        self._process = subprocess.Popen(
            ["php", *words, "-S", f"127.0.0.1:{port}", str(FOLDER / "router.php")],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        wait_for(port, self._process)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._process.terminate()
        self._process.wait(10)
