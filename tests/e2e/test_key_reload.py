"""Keys change under load, by their file and by SIGHUP, and no request is lost over it."""

import signal
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import jwt
import pytest

from gateway.keys.generated import generate_pem
from gateway.keys.private_files import create_private_file
from tests.e2e.browser import Browser
from tests.e2e.pair import wait_for
from tests.e2e.world import World


class Load:
    """Requests with one token, one after the other, until it is stopped; what they were answered."""

    def __init__(self, browser: Browser) -> None:
        self.answers: Counter[int] = Counter()
        self._browser = browser
        self._is_over = threading.Event()
        self._thread = threading.Thread(target=self._run)

    def _run(self) -> None:
        headers = {"Authorization": f"Bearer {self._browser.token}"}
        with httpx.Client(base_url=self._browser.base, timeout=10, trust_env=False) as client:
            while not self._is_over.is_set():
                self.answers[client.get("/api/me", headers=headers).status_code] += 1

    def __enter__(self) -> "Load":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._is_over.set()
        self._thread.join()

    def go_on(self, requests: int = 20) -> None:
        """Wait for so many more answers."""
        until = self.answers.total() + requests
        wait_for(lambda: self.answers.total() >= until)


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    create_private_file(tmp_path / "key.pem", generate_pem("ES256"), "key")
    create_private_file(tmp_path / "new.pem", generate_pem("ES256"), "key")
    world = World(tmp_path, extra=f"tokens: {{ algorithm: ES256 }}\nkeys: [{{ file: {tmp_path}/key.pem }}]")
    world.start()
    try:
        yield world
    finally:
        world.stop()


def published(world: World) -> list[str]:
    response = httpx.get(f"{world.base}/.well-known/jwks.json", trust_env=False)
    return [key["kid"] for key in response.json()["keys"]]


def metric(world: World, name: str) -> Callable[[], float]:
    def read() -> float:
        text = httpx.get(f"{world.admin}/metrics", trust_env=False).text
        return next(float(line.split()[-1]) for line in text.splitlines() if line.startswith(f"{name} "))

    return read


def signed_in(world: World) -> Browser:
    browser = world.browser()
    browser.log_in()
    assert browser.exchange().status_code == 200
    return browser


def test_k5_no_request_is_lost_while_keys_change(world: World) -> None:
    """K5: a half-written file, a good one over it, and another list by SIGHUP, all under load."""
    browser = signed_in(world)
    [old] = published(world)
    is_current, file = metric(world, "crossfade_keys_current"), world.folder / "key.pem"
    good = file.read_bytes()
    with Load(browser) as load:
        load.go_on()
        file.write_bytes(good[:60])
        wait_for(lambda: is_current() == 0)
        assert published(world) == [old]
        load.go_on()
        file.write_bytes(good)
        wait_for(lambda: is_current() == 1)
        world.config.write_text(
            world.config.read_text().replace(
                f"keys: [{{ file: {file} }}]", f"keys: [{{ file: {world.folder}/new.pem }}, {{ file: {file} }}]"
            )
        )
        assert world.gateway.child is not None
        world.gateway.child.send_signal(signal.SIGHUP)
        wait_for(lambda: len(published(world)) == 2)
        load.go_on()
    assert set(load.answers) == {200}
    assert browser.refresh().status_code == 200
    assert jwt.get_unverified_header(browser.token)["kid"] == old  # the new one is published, and waits


def test_k5_a_key_written_over_another_one_loses_no_request_either(world: World) -> None:
    """K5: as a rotated secret of Kubernetes does it."""
    browser = signed_in(world)
    [old] = published(world)
    with Load(browser) as load:
        load.go_on()
        (world.folder / "new.pem").rename(world.folder / "key.pem")
        wait_for(lambda: len(published(world)) == 2)
        load.go_on(50)
    assert set(load.answers) == {200}
    assert published(world)[0] == old
