"""Which address serves what, bound before anything is started and closed in good order."""

import asyncio
import socket
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from gateway.errors import StartError
from gateway.serve.sockets import BACKLOG, LocalSocket, bind_local, bind_tcp
from gateway.settings.addresses import Address
from gateway.settings.schema.listeners import Admin
from gateway.settings.schema.listeners import Metrics as MetricsPort
from gateway.wire.server import WireServer


@dataclass(frozen=True, slots=True)
class Sockets:
    """Everything that a process listens on. `faults` are sentences about what it does without."""

    data: Sequence[socket.socket]
    admin: Sequence[socket.socket]
    local: LocalSocket | None
    faults: Sequence[str] = ()

    def close(self) -> None:
        """Close what no server has taken over."""
        for one in (*self.data, *self.admin):
            one.close()
        if self.local is not None:
            self.local.close()


def bind_all(
    listen: Address, admin: Admin, metrics: MetricsPort, *, needs_admin: bool, is_shared: bool = False
) -> Sockets:
    """Bind the data port, which may be shared, then the admin port, the metrics port and the socket.

    Raises:
        StartError: one cannot be had. Without `needs_admin` only the data port is worth that: the way back must not
            depend on anything else.
    """
    data = bind_tcp(listen, name="listen", is_shared=is_shared)
    tcp: list[socket.socket] = []
    local: LocalSocket | None = None
    faults: list[str] = []
    try:
        tcp += bind_tcp(admin.listen, name="admin.listen")
        if metrics.listen is not None:
            tcp += bind_tcp(metrics.listen, name="metrics.listen")
        local = bind_local(admin.socket, name="admin.socket")
    except StartError as error:
        if needs_admin:
            Sockets(data, tcp, local).close()
            raise
        faults.append(str(error))
    return Sockets(data, tcp, local, faults)


Capacity = Callable[[], int]
"""How many clients there is room for at the moment."""


class Listener:
    """A server with the sockets that it listens on.

    While there are as many clients as `capacity` says, it accepts nobody: who comes waits in the kernel's queue, which
    the socket keeps, instead of being accepted and closed for want of a file descriptor.
    """

    def __init__(self, server: WireServer, sockets: Sequence[socket.socket], capacity: Capacity | None = None) -> None:
        self.server = server
        self.is_full = False
        """Whether nobody is accepted at the moment."""
        self._sockets = sockets
        self._capacity = capacity
        self._accepting: list[asyncio.Server] = []
        self._is_closed = False

    def __call__(self) -> asyncio.Protocol:
        """Return the protocol of a new connection."""
        if not self._has_room and not self.is_full:
            self.is_full = True
            asyncio.get_running_loop().call_soon(self._stop)  # not in the middle of accepting
        return self.server()

    async def open(self) -> None:
        """Begin to accept.

        Raises:
            StartError: another process has begun to listen meanwhile.
        """
        await self.server.start()
        try:
            for one in self._sockets:
                one.listen(BACKLOG)  # uvloop would keep a failure to itself
            self._accepting = [await self._accept(one) for one in self._sockets]
        except OSError as error:
            raise StartError(f"Cannot listen: {error.strerror}.") from error

    async def look(self) -> None:
        """Accept again where there is room again; and no more where the system has taken away room."""
        if self._is_closed or self.is_full is not self._has_room:
            return
        if self.is_full:
            self._accepting = [await self._accept(one) for one in self._sockets]
        else:
            self._stop()
        self.is_full = not self.is_full

    def close(self) -> None:
        """Accept no more, for good; what is connected goes on."""
        self._is_closed = True
        self._stop()
        for one in self._sockets:
            one.close()

    @property
    def _has_room(self) -> bool:
        return self._capacity is None or self.server.connection_count < self._capacity()

    def _stop(self) -> None:
        for one in self._accepting:
            one.close()
        self._accepting = []

    async def _accept(self, one: socket.socket) -> asyncio.Server:
        """Accept on a duplicate, whose end leaves the socket and its queue as they are."""
        loop = asyncio.get_running_loop()
        if one.family == socket.AF_UNIX:
            return await loop.create_unix_server(self, sock=one.dup(), backlog=BACKLOG)
        return await loop.create_server(self, sock=one.dup(), backlog=BACKLOG)


async def listen(server: WireServer, sockets: Sequence[socket.socket], capacity: Capacity | None = None) -> Listener:
    """Begin to accept, as many clients as `capacity` says where it is given.

    Raises:
        StartError: another process has begun to listen meanwhile.
    """
    listener = Listener(server, sockets, capacity)
    await listener.open()
    return listener
