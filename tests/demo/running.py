"""Starts the demo in a process of its own and visits it as a browser would."""

import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx

DIRECTORY = Path(__file__).parents[2] / "config" / "demo"
SERVE = (str(DIRECTORY / "serve.py"), "--port", "0")
UVICORN = ("-m", "uvicorn", "demo.asgi:application", "--app-dir", str(DIRECTORY), "--port", "0", "--lifespan", "off")
NAME, PASSWORD = "ada", "lovelace-1843"


def environment(directory: Path, **variables: str) -> dict[str, str]:
    inherited = {name: value for name, value in os.environ.items() if not name.startswith(("DJANGO_", "DEMO_"))}
    return {**inherited, "DEMO_DATABASE": str(directory / "demo.db"), **variables}


def run(directory: Path, program: str, **variables: str) -> subprocess.CompletedProcess[str]:
    """Run a piece of Python among the demo's modules."""
    command = [sys.executable, "-c", program]
    variables = environment(directory, **variables)
    return subprocess.run(
        command, cwd=DIRECTORY, env=variables, check=False, capture_output=True, text=True, timeout=30
    )


def manage(directory: Path, *arguments: str, **variables: str) -> str:
    command = [sys.executable, str(DIRECTORY / "manage.py"), *arguments]
    done = subprocess.run(
        command, env=environment(directory, **variables), capture_output=True, text=True, check=True, timeout=30
    )
    return done.stdout


class Demo:
    """A running demo on a free port; `directory` gets its database."""

    def __init__(self, directory: Path, command: tuple[str, ...] = SERVE, **variables: str) -> None:
        self.database = directory / "demo.db"
        self.log: list[str] = []
        self._cookies: dict[str, str] = {}
        self._process = subprocess.Popen(
            [sys.executable, *command],
            env=environment(directory, **variables),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
        )
        self.url = self._read_url()

    def _read_url(self) -> str:
        assert self._process.stderr is not None
        for line in self._process.stderr:
            self.log.append(line)
            found = re.search(r"http://[\d.]+:\d+", line)
            if found is not None:
                return found[0]
        raise AssertionError("".join(self.log))

    def stop(self) -> int:
        """Ask it to end and return its exit code; what it logged meanwhile is in `log`."""
        self._process.send_signal(signal.SIGTERM)
        assert self._process.stderr is not None
        self.log.extend(self._process.stderr)
        self._process.stderr.close()
        return self._process.wait(timeout=30)

    def browser(self) -> httpx.Client:
        """A client with a cookie jar."""
        return httpx.Client(base_url=self.url, trust_env=False)

    @contextmanager
    def signed_in(self, *, anew: bool = False) -> Iterator[httpx.Client]:
        """A client that has filled in the login form, lately unless `anew`: hashing a password takes its time."""
        with self.browser() as browser:
            if anew or not self._cookies:
                assert log_in(browser).status_code == 302
            if not anew:
                browser.cookies.update(self._cookies)
                self._cookies = dict(browser.cookies)
            yield browser


def csrf_field(browser: httpx.Client, path: str) -> str:
    found = re.search(r'name="csrfmiddlewaretoken" value="(\w+)"', browser.get(path).text)
    assert found is not None
    return found[1]


def log_in(browser: httpx.Client, password: str = PASSWORD, **fields: str) -> httpx.Response:
    form = {"username": NAME, "password": password, "csrfmiddlewaretoken": csrf_field(browser, "/login/"), **fields}
    return browser.post("/login/", data=form)


def csrf_header(browser: httpx.Client) -> dict[str, str]:
    """What a script of the page sends along with a request that writes."""
    return {"X-CSRFToken": browser.cookies["csrftoken"]}
