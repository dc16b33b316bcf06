"""Starts the demo application and the gateway, prints where they are as JSON, and takes commands line by line.

`python backend.py '{"front": "http://localhost:1234", "extra": "tokens: { access: 4s }"}'`
"""

import json
import sys
import tempfile
import time
from pathlib import Path

import httpx

ROOT = Path(__file__).parents[3]
sys.path.insert(0, str(ROOT))

from tests.e2e.world import World  # noqa: E402


def say(**words: object) -> None:
    print(json.dumps(words), flush=True)


def wait_for_phase(world: World, phase: str) -> None:
    deadline = time.monotonic() + 10
    wanted = f'crossfade_migration_phase{{phase="{phase}"}} 1.0'
    while wanted not in httpx.get(f"{world.admin}/metrics", trust_env=False).text:
        if time.monotonic() > deadline:
            raise TimeoutError(phase)
        time.sleep(0.05)


def events(world: World) -> dict[str, float]:
    """How often each event was counted."""
    lines = httpx.get(f"{world.admin}/metrics", trust_env=False).text.splitlines()
    found = (line.split('"') for line in lines if line.startswith("crossfade_events_total{"))
    return {parts[1]: float(parts[-1].split()[-1]) for parts in found}


def obey(world: World, command: str, word: str) -> dict[str, object]:
    if command == "phase":
        override = world.folder / "phase"
        override.write_text(word)
        wait_for_phase(world, word)
    elif command == "stop":
        world.gateway.stop()
    elif command == "start":
        world.start_gateway()
    elif command == "events":
        return {"events": events(world)}
    else:
        raise ValueError(command)
    return {}


def main() -> None:
    options = json.loads(sys.argv[1])
    with tempfile.TemporaryDirectory() as folder:
        world = World(Path(folder), extra=options.get("extra", ""))
        world.base = options.get("issuer", options["front"])  # what browsers call the site
        try:
            world.start()
            say(gateway=world.port, app=world.app_port)
            for line in sys.stdin:
                command, _, word = line.strip().partition(" ")
                try:
                    say(**obey(world, command, word))
                except Exception as error:  # the test that asked is to fail, not the backend
                    say(error=f"{command}: {error!r}")
        finally:
            world.stop()


if __name__ == "__main__":
    main()
