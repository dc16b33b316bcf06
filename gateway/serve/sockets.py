"""Sockets to listen on, and plain sentences when one cannot be had.

A TCP socket is bound first and listens only when its server starts, so that a successor on a shared port takes no
connection before it can answer.
"""

import errno
import os
import socket
import stat
from dataclasses import dataclass, replace
from pathlib import Path

from gateway.errors import ConfigurationError, StartError
from gateway.settings.addresses import Address

BACKLOG = 2048
"""Connections that may wait to be accepted; the kernel caps it at net.core.somaxconn."""

_LONGEST_PATH = 107  # bytes of sun_path in Linux, less the final NUL


def bind_tcp(address: Address, *, name: str, is_shared: bool = False) -> list[socket.socket]:
    """Bind. `name` is the setting, for the message; `localhost` may give an IPv4 and an IPv6 socket.

    With `is_shared` several processes of one user may listen on the same port and share its connections
    (SO_REUSEPORT), so that a restart can start the successor first.

    Raises:
        StartError: the port is in use.
        ConfigurationError: the address does not exist here, or the port needs a privilege.
    """
    bound: list[socket.socket] = []
    try:
        for family, host in _resolve(address, name):
            port = bound[0].getsockname()[1] if bound else address.port
            bound.append(_bind(family, host, port, is_shared=is_shared))
    except OSError as error:
        _close(bound)
        raise _explain(error, address, name) from error
    return bound


def _resolve(address: Address, name: str) -> list[tuple[socket.AddressFamily, str]]:
    try:
        found = socket.getaddrinfo(address.host, address.port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    except socket.gaierror as error:
        raise ConfigurationError(f"{name}: {address.host} cannot be resolved ({error.strerror}).") from error
    return list(dict.fromkeys((family, str(where[0])) for family, _, _, _, where in found))


def _bind(family: socket.AddressFamily, host: str, port: int, *, is_shared: bool) -> socket.socket:
    listener = socket.socket(family, socket.SOCK_STREAM)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if is_shared:
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        if family == socket.AF_INET6:
            listener.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        listener.setblocking(False)
        listener.bind((host, port))
    except OSError:
        listener.close()
        raise
    return listener


def _explain(error: OSError, address: Address, name: str) -> StartError:
    match error.errno:
        case errno.EADDRINUSE:
            return ConfigurationError(
                f"{name}: port {address.port} on {address.host} is in use by another process; choose another."
            )
        case errno.EACCES:
            return ConfigurationError(
                f"{name}: port {address.port} needs a privilege (CAP_NET_BIND_SERVICE); choose one above 1023."
            )
        case errno.EADDRNOTAVAIL:
            return ConfigurationError(f"{name}: this machine has no address {address.host}.")
        case _:
            return StartError(f"{name}: cannot listen on {address}: {error.strerror}.")


def _close(sockets: list[socket.socket]) -> None:
    for one in sockets:
        one.close()


@dataclass(frozen=True, slots=True)
class LocalSocket:
    """A listening Unix socket and the file that belongs to it."""

    listener: socket.socket
    path: Path
    inode: int

    def lent(self) -> "LocalSocket":
        """Return it for another process, whose end leaves the file."""
        return replace(self, inode=-1)

    def close(self) -> None:
        """Stop listening and delete the file, unless another process has put its own there meanwhile."""
        self.listener.close()
        try:
            if self.path.stat().st_ino == self.inode:
                self.path.unlink()
        except OSError:
            pass


def bind_local(path: Path, *, name: str) -> LocalSocket:
    """Bind and listen on a Unix socket that only this user may open (0600). Its folder is made if missing (0700).

    A file that a dead process left behind is replaced; one that somebody answers on is not.

    Raises:
        StartError: another process answers on it, or the folder cannot be used.
        ConfigurationError: the path is too long, or something that is no socket lies there.
    """
    if len(os.fsencode(path)) > _LONGEST_PATH:
        raise ConfigurationError(f"{name}: the path of a socket may have {_LONGEST_PATH} bytes: {path}")
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        _clear_stale(path, name)
        listener.setblocking(False)
        listener.bind(os.fsencode(path))
        path.chmod(0o600)  # before `listen`: nobody can have connected
        listener.listen(BACKLOG)
    except OSError as error:
        listener.close()
        raise StartError(f"{name}: cannot listen on {path}: {error.strerror}.") from error
    except StartError:
        listener.close()
        raise
    return LocalSocket(listener, path, path.stat().st_ino)


def _clear_stale(path: Path, name: str) -> None:
    try:
        mode = path.lstat().st_mode
    except FileNotFoundError:
        return
    if not stat.S_ISSOCK(mode):
        raise ConfigurationError(f"{name}: {path} exists and is not a socket.")
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        probe.settimeout(1.0)
        try:
            probe.connect(os.fsencode(path))
        except ConnectionRefusedError:
            path.unlink()
            return
    raise StartError(f"{name}: another process answers on {path}.")
