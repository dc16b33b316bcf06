"""A gateway whose memory and tasks can be judged within minutes; otherwise `python -m gateway` and nothing else.

It writes down how many tasks each of its processes has, and what it remembers of earlier requests has a sixteenth of
the room that it has elsewhere, so that all of it is full within the warm-up and what grows behind that is a leak. The
gateway itself knows nothing of this: its parts are changed here, before it starts.
"""

import asyncio
import os
from pathlib import Path
from typing import Any

from gateway.cli import main
from gateway.http1.lines import LineTable
from gateway.lately import Lately
from gateway.wiring.gateway import Gateway

_PART = 16


def count_tasks(folder: Path) -> None:
    """Let each process keep a file of its name with the number of its tasks."""
    tick = Gateway.tick

    async def counting(self: Gateway, now: float) -> None:
        try:
            await tick(self, now)
        finally:
            (folder / str(os.getpid())).write_text(str(len(asyncio.all_tasks())))

    Gateway.tick = counting  # type: ignore[method-assign]


def shrink(kind: Any) -> None:
    """Give a kind of map that is bounded in bytes a part of its room."""
    make = kind.__init__

    def smaller(self: Any, *arguments: Any, **options: Any) -> None:
        make(self, *arguments, **options)
        self._half //= _PART

    kind.__init__ = smaller


if __name__ == "__main__":
    count_tasks(Path(os.environ["CROSSFADE_TASKS"]))
    shrink(Lately)
    shrink(LineTable)
    main()
