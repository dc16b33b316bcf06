"""Commands as real processes: the demo, and the gateway with everything that talks to it."""

import contextlib
import os
import shutil
import signal
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import httpx
import pytest

from tests.cli.commands import MINIMAL, ROOT, crossfade, start
from tests.servers import free_port

PATIENCE = 40.0


def wait_until(condition: Callable[[], bool], process: subprocess.Popen[str]) -> None:
    end = time.monotonic() + PATIENCE
    while not condition():
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < end
        time.sleep(0.05)


def answers(url: str) -> bool:
    try:
        return httpx.get(url, timeout=2.0, trust_env=False).is_success
    except httpx.HTTPError:
        return False


@contextlib.contextmanager
def ending(process: subprocess.Popen[str]) -> Iterator[subprocess.Popen[str]]:
    """Nothing is left running, whatever the test says."""
    try:
        yield process
    finally:
        if process.poll() is None:
            process.send_signal(signal.SIGTERM)
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(PATIENCE)
        if process.poll() is None:
            process.kill()
        process.communicate()


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """A checkout: the configuration of the demo, the demo application, and the page of the browser client."""
    shutil.copy(ROOT / "gateway.yaml", tmp_path)
    (tmp_path / "config").mkdir()
    shutil.copytree(ROOT / "config" / "demo", tmp_path / "config" / "demo")
    shutil.copytree(ROOT / "frontend" / "demo", tmp_path / "frontend" / "demo")
    return tmp_path


def ports() -> Mapping[str, str]:
    public = free_port()
    return {
        "CROSSFADE_LISTEN": f"127.0.0.1:{public}",
        "CROSSFADE_PUBLIC_URL": f"http://localhost:{public}",
        "CROSSFADE_UPSTREAM": f"http://127.0.0.1:{free_port()}",
        "CROSSFADE_ADMIN": f"127.0.0.1:{free_port()}",
    }


def test_the_demo_starts_both_and_ends_both(place: Path) -> None:
    environ = dict(ports())
    config = place / "gateway.yaml"
    with ending(start("demo", "--config", config, env=environ, cwd=place)) as process:
        assert process.stdout is not None
        printed = ""
        while "Ctrl-C" not in printed:
            line = process.stdout.readline()
            assert line, process.communicate()
            printed += line
        assert environ["CROSSFADE_PUBLIC_URL"] in printed
        assert "ada, lovelace-1843" in printed
        assert answers(f"{environ['CROSSFADE_PUBLIC_URL']}/login/")
        assert f"{environ['CROSSFADE_PUBLIC_URL']}/client/" in printed
        for name in ("", "page.js", "crossfade.js"):
            assert answers(f"{environ['CROSSFADE_PUBLIC_URL']}/client/{name}")
        environ["DJANGO_SECRET_KEY"] = (place / "run" / "django-secret-key").read_text()

        ended = crossfade("doctor", "-c", config, env=environ)
        assert ended.code == 0, ended.out
        assert "it runs and answers" in ended.out
        assert "is held by the gateway that runs" in ended.out
        assert crossfade("health", "ready", "-c", config, env=environ).code == 0
        assert crossfade("phase", "status", "-c", config, env=environ).out.startswith("phase: parallel\n")
        assert crossfade("phase", "set", "handback", "--reason", "test", "-c", config, env=environ).code == 0
        assert crossfade("phase", "rollback", "--dry-run", "-c", config, env=environ).code == 0
        ended = crossfade("phase", "panic", "-c", config, env=environ)
        assert "phase: off\ndecided by: panic\n" in ended.out
        assert "handback" in ended.out
        assert crossfade("keys", "jwks", "-c", config, env=environ).code == 0

        process.send_signal(signal.SIGINT)
        assert process.wait(PATIENCE) == 0
        assert process.stderr is not None
        assert process.stderr.read().endswith("The demo has ended.\n")
    assert not answers(f"{environ['CROSSFADE_PUBLIC_URL']}/login/")
    assert not answers(f"{environ['CROSSFADE_UPSTREAM']}/login/")


def test_the_demo_names_a_port_that_is_taken(place: Path) -> None:
    environ = dict(ports())
    environ["CROSSFADE_LISTEN"] = environ["CROSSFADE_ADMIN"].replace("127.0.0.1", "localhost")
    with ending(start("demo", "-c", place / "gateway.yaml", env=environ, cwd=place)) as process:
        _, err = process.communicate(timeout=PATIENCE)
    assert process.returncode == 1
    assert err.splitlines()[-1] == "The gateway ended (exit code 1); what it printed above may tell why."
    assert not answers(f"{environ['CROSSFADE_UPSTREAM']}/login/")


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (lambda place: shutil.rmtree(place / "config"), "The demo application is not at PLACE/config/demo/serve.py;"),
        (
            lambda place: (place / "gateway.yaml").write_text(MINIMAL),
            "The demo needs a session with `format: django` and `place: { sqlite: { file: … } }`.",
        ),
        (
            lambda place: (place / "run").write_text(""),
            "PLACE/run is not a folder; the demo keeps its files there.",
        ),
    ],
)
def test_the_demo_says_what_is_missing(place: Path, change: Callable[[Path], object], sentence: str) -> None:
    change(place)
    ended = crossfade("demo", "-c", place / "gateway.yaml", env={"DJANGO_SECRET_KEY": None})
    assert ended.code == 78
    assert ended.err.replace(str(place), "PLACE").startswith(sentence)


def test_the_demo_says_what_to_install(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gateway.cli.demo.find_spec", lambda name: None)
    ended = crossfade("demo", "-c", place / "gateway.yaml")
    assert (ended.code, ended.err) == (
        78, "The demo needs django and uvicorn: pip install -r requirements/demo.txt\n"
    )  # fmt: skip


def test_a_faulty_configuration_never_starts(tmp_path: Path) -> None:
    config = tmp_path / "gateway.yaml"
    config.write_text(MINIMAL + "lisen: 127.0.0.1:1\n")
    with ending(start("run", "-c", config)) as process:
        out, err = process.communicate(timeout=PATIENCE)
    assert (process.returncode, out) == (78, "")
    assert err == f"{config}:3:1: error: lisen: unknown key (did you mean listen?)\n"


def test_the_way_back_starts_with_a_broken_configuration(tmp_path: Path) -> None:
    port, admin = free_port(), free_port()
    config = tmp_path / "gateway.yaml"
    config.write_text(
        f"listen: 127.0.0.1:{port}\nupstreams: {{ app: {{ url: http://127.0.0.1:{free_port()} }} }}\n"
        f"admin: {{ listen: 127.0.0.1:{admin} }}\ndrain: {{ delay: 0s }}\nsessions: nonsense\nkeys: 'x\n"
    )
    with ending(start("run", "-c", config, env={"ENABLE_JWT_AUTH": "false"})) as process:
        wait_until(lambda: answers(f"http://127.0.0.1:{admin}/readyz"), process)
        assert httpx.get(f"http://127.0.0.1:{port}/", trust_env=False).status_code == 502
        ended = crossfade("phase", "status", "-c", config)
        assert "phase: off\ndecided by: environment\n" in ended.out
        os.kill(process.pid, signal.SIGTERM)
        assert process.wait(PATIENCE) == 0
