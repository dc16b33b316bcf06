"""The server of one worker: makes a connection of each accepted socket, and ends them in good order."""

import asyncio
from collections.abc import Mapping

from starlette.types import ASGIApp

from gateway.core.trust import TrustedProxies
from gateway.http1.fields import FieldTable
from gateway.ports import Clock, Facts
from gateway.wire.client import ClientConnection
from gateway.wire.policy import WirePolicy
from gateway.wire.pool import Pool
from gateway.wire.ports import Flow, LiveIndex, Watch
from gateway.wire.shared import Wire
from gateway.wire.wheel import Wheel


class WireServer:
    """The protocol factory of the data port: `loop.create_server(server, sock=…)`.

    `pools` maps the names in `Permit.upstream` to connections. `wheel` is the one that the pools use too.
    `request_prefix` begins the ids of requests that came without one; random for each process.
    """

    def __init__(
        self,
        *,
        flow: Flow,
        watch: Watch,
        live: LiveIndex,
        pools: Mapping[str, Pool],
        own: ASGIApp,
        table: FieldTable,
        proxies: TrustedProxies,
        policy: WirePolicy,
        facts: Facts,
        clock: Clock,
        wheel: Wheel,
        request_prefix: str,
    ) -> None:
        self._wire = Wire(
            flow=flow,
            watch=watch,
            live=live,
            pools=pools,
            own=own,
            table=table,
            proxies=proxies,
            policy=policy,
            facts=facts,
            clock=clock,
            wheel=wheel,
            request_prefix=request_prefix,
        )

    def __call__(self) -> asyncio.Protocol:
        """Return the protocol of a new connection."""
        return ClientConnection(self._wire)

    @property
    def connection_count(self) -> int:
        """Open connections of clients, tunnels included."""
        return len(self._wire.connections)

    @property
    def request_count(self) -> int:
        """Requests that are being answered, tunnels included."""
        return sum(connection.is_busy for connection in self._wire.connections)

    @property
    def is_only_endless(self) -> bool:
        """Whether nothing goes on but tunnels and event streams, which no wait would see the end of."""
        wire = self._wire
        return not (wire.tasks or wire.stories) and all(one.is_endless or not one.is_busy for one in wire.connections)

    async def start(self) -> None:
        """Begin to measure time; call it in the loop that accepts."""
        self._wire.wheel.start()

    def drain(self) -> None:
        """Let every connection end with the answer that it waits for; idle ones end now. New ones are still served."""
        self._wire.is_draining = True
        for connection in list(self._wire.connections):
            connection.drain()

    async def wait_idle(self, timeout: float) -> bool:  # noqa: ASYNC109 - a bound of the wait, whose passing is an answer
        """Wait up to `timeout` seconds until nothing is going on any more; says whether that came."""
        wire = self._wire
        try:
            async with asyncio.timeout(timeout):
                while not wire.is_idle:
                    wire.empty.clear()
                    await wire.empty.wait()
        except TimeoutError:
            return False
        return True

    def abort(self) -> None:
        """End everything at once. Nothing unfinished looks complete; WebSockets are told to come back."""
        for connection in list(self._wire.connections):
            connection.abort()

    async def close(self) -> None:
        """Abort what is left, close the pools, and stop the wheel."""
        self.abort()
        for task in list(self._wire.tasks):
            task.cancel()
        for pool in self._wire.pools.values():
            await pool.close()
        await self.wait_idle(self._wire.policy.linger)
        self._wire.wheel.stop()
