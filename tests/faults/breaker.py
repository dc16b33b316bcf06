"""Who answers the gateway of `breakable.py`: lets it take its steps, and strikes at one of them."""

import asyncio
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Self


class Breaker:
    """Notes the names of all steps. At the one with the number `at`, `strike` is carried out before the gateway may go
    on, if it still can."""

    def __init__(self, socket: Path) -> None:
        self.socket = socket
        self.steps: list[str] = []
        self._at = -1
        self._strike: Callable[[], None] = lambda: None

    def arm(self, at: int = -1, strike: Callable[[], None] = lambda: None) -> None:
        self.steps, self._at, self._strike = [], at, strike

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_unix_server(self._answer, self.socket)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.close()

    async def _answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            name = (await reader.readline()).decode().strip()
            self.steps.append(name)
            if len(self.steps) - 1 == self._at:
                self._strike()  # blocks: nothing else happens meanwhile
            writer.write(b"go\n")
            await writer.drain()
        except ConnectionError:
            pass  # it was the gateway that was struck
        finally:
            writer.close()
