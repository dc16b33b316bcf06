"""Which address serves what, bound before anything is started and closed in good order."""

import asyncio
import socket
from collections.abc import Sequence
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


@dataclass(frozen=True, slots=True)
class Listener:
    """A server with the sockets that it listens on."""

    server: WireServer
    accepting: Sequence[asyncio.Server]

    def close(self) -> None:
        """Accept no more; what is connected goes on."""
        for one in self.accepting:
            one.close()


async def listen(server: WireServer, sockets: Sequence[socket.socket]) -> Listener:
    """Begin to accept.

    Raises:
        StartError: another process has begun to listen meanwhile.
    """
    loop = asyncio.get_running_loop()
    await server.start()
    try:
        accepting = [await _accept(loop, server, one) for one in sockets]
    except OSError as error:
        raise StartError(f"Cannot listen: {error.strerror}.") from error
    return Listener(server, accepting)


async def _accept(loop: asyncio.AbstractEventLoop, server: WireServer, one: socket.socket) -> asyncio.Server:
    if one.family == socket.AF_UNIX:
        return await loop.create_unix_server(server, sock=one, backlog=BACKLOG)
    return await loop.create_server(server, sock=one, backlog=BACKLOG)
