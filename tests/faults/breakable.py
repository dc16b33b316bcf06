"""The gateway, which asks before every step that one of our endpoints takes in PostgreSQL or Redis whether to go on.

`CROSSFADE_BREAKPOINTS` names the Unix socket that is asked; without it, this is `python -m gateway` and nothing else.
The gateway itself knows nothing of all this: its adapters are replaced here, before it starts.
"""

import asyncio
import os
from collections.abc import Awaitable
from contextvars import ContextVar
from typing import Any

import redis.asyncio.client

import gateway.stores.postgres
from gateway.cli import main
from gateway.errors import Unavailable
from gateway.stores.postgres import PostgresDatabase, Result, Work
from gateway.stores.postgres_connection import Connection
from gateway.wire.host import Hosting

_is_asked_for = ContextVar("is_asked_for", default=False)
"""Whether the task works for a request; what the gateway does by itself is not stopped."""


async def step(name: str) -> None:
    """Say what comes next, and wait until somebody lets it happen."""
    if not _is_asked_for.get():
        return
    reader, writer = await asyncio.open_unix_connection(os.environ["CROSSFADE_BREAKPOINTS"])
    try:
        writer.write(f"{name}\n".encode())
        await reader.readline()
    finally:
        writer.close()


class SteppingConnection:
    """A connection that asks before each statement."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def __getattr__(self, name: str) -> Any:
        method = getattr(self._connection, name)

        async def stepping(query: str, *arguments: object) -> object:
            await step(query.split(maxsplit=1)[0])
            return await method(query, *arguments)

        return stepping


class SteppingDatabase(PostgresDatabase):
    """Asks before each statement, before each COMMIT, and before each result is handed on."""

    def _begin_work(
        self, work: Work[Result], unavailable: type[Unavailable], carry_out: Any
    ) -> "asyncio.Future[Result]":
        is_transaction = carry_out == self._transact

        async def stepping(connection: Connection) -> Result:
            result = await work(SteppingConnection(connection))
            if is_transaction:
                await step("COMMIT")
            return result

        async def handing_on(answer: Awaitable[Result]) -> Result:
            result = await answer
            await step("committed" if is_transaction else "read")
            return result

        return asyncio.ensure_future(handing_on(super()._begin_work(stepping, unavailable, carry_out)))


def put_breakpoints() -> None:
    """Replace what the wiring is about to use."""
    gateway.stores.postgres.PostgresDatabase = SteppingDatabase  # type: ignore[misc]
    run = Hosting._run

    async def asked_for(self: Hosting) -> None:
        _is_asked_for.set(True)
        await run(self)

    Hosting._run = asked_for  # type: ignore[method-assign]
    for kind, method in ((redis.asyncio.client.Redis, "execute_command"), (redis.asyncio.client.Pipeline, "execute")):
        setattr(kind, method, _stepping(getattr(kind, method)))


def _stepping(method: Any) -> Any:
    async def stepping(self: Any, *arguments: Any, **options: Any) -> Any:
        await step("Redis")
        return await method(self, *arguments, **options)

    return stepping


if __name__ == "__main__":
    if "CROSSFADE_BREAKPOINTS" in os.environ:
        put_breakpoints()
    main()
