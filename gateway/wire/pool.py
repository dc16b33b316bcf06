"""The connections to one application: the youngest idle one first, new ones when none is idle, and a bound."""

import asyncio
from typing import NamedTuple, Protocol

from gateway.errors import GatewayError, InternalError, Overloaded, UpstreamTimeout, UpstreamUnreachable
from gateway.http1.limits import Limits
from gateway.http1.response import ResponseTable
from gateway.model import RequestHead
from gateway.wire.outbox import Outbox
from gateway.wire.policy import UpstreamPolicy
from gateway.wire.transport import has_news, report
from gateway.wire.upstream import Spans, UpstreamConnection
from gateway.wire.wheel import Wheel


class Waiter(Protocol):
    """Who needs a connection. Exactly one of the two is called, unless it cancels."""

    def connected(self, connection: UpstreamConnection) -> None:
        """Here it is."""
        ...

    def not_connected(self, error: GatewayError) -> None:
        """There is none: unreachable, too slow, or too many already."""
        ...


class _Place(NamedTuple):
    """A place in the line, with what `acquire` was asked for."""

    timer: asyncio.TimerHandle
    fresh: bool
    sure: bool


class Pool:
    """Connections to one application.

    `max_connections` bounds idle and busy ones together; a tunnel that was taken out (`detach`) does not count.
    Who comes when all are busy waits in line, not longer than a connect may take.
    """

    def __init__(self, policy: UpstreamPolicy, limits: Limits, wheel: Wheel) -> None:
        self.policy = policy
        self.limits = limits
        self.wheel = wheel
        self.spans = Spans(policy, wheel)
        self.outbox = Outbox()
        self.table = ResponseTable()
        """What the lines of responses mean."""
        self._connections: set[UpstreamConnection] = set()
        self._idle: dict[UpstreamConnection, None] = {}
        self._opening: dict[asyncio.Task[UpstreamConnection], Waiter | None] = {}
        self._line: dict[Waiter, _Place] = {}

    def host_for(self, head: RequestHead) -> bytes | None:
        """Return the Host to send in place of the client's; None where the client's goes through.

        HTTP/1.0 knows requests without one, and HTTP/1.1, in which we speak, does not (RFC 9112 section 3.2).
        """
        return None if self.policy.preserve_host and head.host else self.policy.authority

    def __repr__(self) -> str:
        return (
            f"<Pool {self.policy.name}: {len(self._connections)} open, {len(self._idle)} idle, "
            f"{len(self._opening)} opening, {len(self._line)} waiting>"
        )

    @property
    def open_count(self) -> int:
        """Connections that are open, idle ones included."""
        return len(self._connections)

    @property
    def idle_count(self) -> int:
        """Connections that wait for a request."""
        return len(self._idle)

    def acquire(self, waiter: Waiter, *, fresh: bool = False, sure: bool = False) -> None:
        """Find a connection for `waiter`, now or later.

        `fresh`: one that nobody has used. `sure`: for a request that cannot be sent a second time, so that an idle
        connection is asked first whether the application has just closed it.
        """
        while self._idle and not fresh:
            connection, _ = self._idle.popitem()
            transport = connection.transport
            if transport is None or transport.is_closing():
                continue
            if sure and has_news(transport):
                connection.abort()
                continue
            waiter.connected(connection)
            return
        if len(self._connections) + len(self._opening) < self.policy.max_connections:
            self._open(waiter)
        else:
            timer = asyncio.get_running_loop().call_later(self.policy.connect_timeout, self._give_up, waiter)
            self._line[waiter] = _Place(timer, fresh, sure)

    def cancel(self, waiter: Waiter) -> None:
        """Forget a waiter. A connection that is being opened for it becomes an idle one."""
        place = self._line.pop(waiter, None)
        if place is not None:
            place.timer.cancel()
        for task, other in self._opening.items():
            if other is waiter:
                self._opening[task] = None

    def release(self, connection: UpstreamConnection) -> None:
        """Take back a connection that has nothing left over from its last exchange."""
        connection.has_waited = True
        if not self._line:
            self._idle[connection] = None
            self.wheel.arm(connection, self.spans.unused)
        elif self._is_for_next(connection):
            _tell(self._next_in_line(), connection)
        else:
            connection.abort()  # a new one is opened in its place

    def keep(self, connection: UpstreamConnection) -> None:
        """Count a connection that has opened."""
        self._connections.add(connection)

    def forget(self, connection: UpstreamConnection) -> None:
        """Let go of a connection that is lost or has become a tunnel; whoever waits may open another."""
        if connection in self._connections:
            self._connections.discard(connection)
            self._idle.pop(connection, None)
            self._open_for_line()

    async def close(self) -> None:
        """Close every connection and whatever is being opened."""
        for waiter in list(self._line):
            self._give_up(waiter)
        tasks = list(self._opening)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        for connection in list(self._connections):
            connection.abort()

    # --- who waits ---

    def _is_for_next(self, connection: UpstreamConnection) -> bool:
        place, transport = next(iter(self._line.values())), connection.transport
        return not place.fresh and not (place.sure and (transport is None or has_news(transport)))

    def _next_in_line(self) -> Waiter:
        waiter = next(iter(self._line))
        self._line.pop(waiter).timer.cancel()
        return waiter

    def _open_for_line(self) -> None:
        if self._line and len(self._connections) + len(self._opening) < self.policy.max_connections:
            self._open(self._next_in_line())

    def _give_up(self, waiter: Waiter) -> None:
        self._line.pop(waiter).timer.cancel()
        _tell(waiter, Overloaded("Too many requests wait for the application."))

    # --- opening ---

    def _open(self, waiter: Waiter) -> None:
        task = asyncio.get_running_loop().create_task(self._connect())
        self._opening[task] = waiter
        task.add_done_callback(self._opened)

    async def _connect(self) -> UpstreamConnection:
        """Open one connection. The name is resolved anew each time, in a thread of the loop's own."""
        policy = self.policy
        loop = asyncio.get_running_loop()
        async with asyncio.timeout(policy.connect_timeout):
            _, connection = await loop.create_connection(
                lambda: UpstreamConnection(self), policy.host, policy.port, ssl=policy.tls
            )
        return connection

    def _opened(self, task: asyncio.Task[UpstreamConnection]) -> None:
        waiter = self._opening.pop(task)
        outcome = _outcome(task)
        if waiter is not None:
            _tell(waiter, outcome)
        elif isinstance(outcome, UpstreamConnection):
            self.release(outcome)
        if not isinstance(outcome, UpstreamConnection):
            self._open_for_line()


def _outcome(task: asyncio.Task[UpstreamConnection]) -> UpstreamConnection | GatewayError:
    """Rename what a connect can end with."""
    try:
        connection = task.result()
    except TimeoutError:
        return UpstreamTimeout()
    except (OSError, asyncio.CancelledError):
        return UpstreamUnreachable()
    except Exception as error:
        report(error)
        return UpstreamUnreachable()
    return connection if connection.is_usable else UpstreamUnreachable()


def _tell(waiter: Waiter, outcome: UpstreamConnection | GatewayError) -> None:
    try:
        if isinstance(outcome, UpstreamConnection):
            waiter.connected(outcome)
        else:
            waiter.not_connected(outcome)
    except GatewayError as error:
        waiter.not_connected(error)
    except Exception as error:
        report(error)
        waiter.not_connected(InternalError())
