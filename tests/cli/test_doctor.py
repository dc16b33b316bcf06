"""`crossfade doctor`: what the gateway depends on, looked at without changing anything."""

import json
from pathlib import Path

from tests.cli.checking import load
from tests.cli.commands import crossfade
from tests.servers import free_port

SECRET = "canary-" + "0123456789abcdef" * 3


def test_a_sound_gateway_has_nothing_to_mend(examined: Path) -> None:
    before = sorted(path.name for path in examined.parent.iterdir())
    ended = crossfade("doctor", "-c", examined, env={"APP_KEY": "k", "MASTER": SECRET})
    assert (ended.code, ended.err) == (0, ""), ended.out
    assert all(line.startswith("ok    ") for line in ended.out.splitlines())
    assert [line.split(": ")[0][6:] for line in ended.out.splitlines()] == [
        "configuration",
        "gateway",
        "sessions.main.secrets[0]",
        "keys",
        "stores.secret",
        "stores.embedded",
        "sessions.main.place",
        "upstreams.app",
        "upstreams.app clock",
        "upstreams.app paths",
    ]
    assert SECRET not in ended.out
    assert sorted(path.name for path in examined.parent.iterdir()) == before


def test_what_should_be_mended_is_an_exit_code(examined: Path) -> None:
    ended = crossfade("doctor", "-c", examined, env={"APP_KEY": None, "MASTER": "short"})
    assert ended.code == 1
    assert [line for line in ended.out.splitlines() if not line.startswith("ok")] == [
        "MEND  sessions.main.secrets[0]: The environment variable APP_KEY is not set; it must hold a secret.",
        "MEND  stores.secret: The master secret from the environment variable MASTER has 5 bytes and needs 32. "
        "Make one: openssl rand -hex 32",
    ]


def test_what_cannot_be_reached_is_another(examined: Path) -> None:
    load(examined, f"upstreams: {{ app: {{ url: http://127.0.0.1:{(port := free_port())} }} }}")
    ended = crossfade("doctor", "--json", "-c", examined, env={"APP_KEY": None, "MASTER": SECRET})
    assert ended.code == 69
    assert json.loads(ended.out)[-1] == {
        "what": "upstreams.app",
        "state": "unreachable",
        "sentence": f"no answer from http://127.0.0.1:{port}: it cannot be reached. "
        "Start it, or correct upstreams.app.url.",
    }


def test_a_faulty_configuration_comes_first(examined: Path) -> None:
    examined.write_text("listen: x\n")
    ended = crossfade("doctor", "-c", examined)
    assert (ended.code, ended.out) == (78, "")
    assert f"{examined}:1:9: error: listen" in ended.err
