"""A gateway that writes down how many tasks each of its processes has; otherwise `python -m gateway` and nothing else.

The gateway itself knows nothing of this: what it does each second is wrapped here, before it starts.
"""

import asyncio
import os
from pathlib import Path

from gateway.cli import main
from gateway.wiring.gateway import Gateway


def count_tasks(folder: Path) -> None:
    """Let each process keep a file of its name with the number of its tasks."""
    tick = Gateway.tick

    async def counting(self: Gateway, now: float) -> None:
        try:
            await tick(self, now)
        finally:
            (folder / str(os.getpid())).write_text(str(len(asyncio.all_tasks())))

    Gateway.tick = counting  # type: ignore[method-assign]


if __name__ == "__main__":
    count_tasks(Path(os.environ["CROSSFADE_TASKS"]))
    main()
