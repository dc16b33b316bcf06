"""Large bodies over blocking sockets, as cheaply as Python sends and takes them; `python -m bench.bulk PORT` is the application.

`GET /<bytes>` is answered with a body of that size, chunked where the path ends with `/chunked`; any body that is sent is
counted and its size answered.
"""

import socket
import socketserver
import sys

PIECE = 64 * 1024
"""Bytes of a chunk."""
_BLOCK = memoryview(bytes(16 * PIECE))
_CHUNKS = memoryview((b"%x\r\n%b\r\n" % (PIECE, bytes(PIECE))) * 16)


def send_body(connection: socket.socket, size: int, *, chunked: bool) -> None:
    """Send so many bytes, with the last chunk behind them where they are chunked."""
    block = _CHUNKS if chunked else _BLOCK
    for _ in range(size // len(_BLOCK)):
        connection.sendall(block)
    rest = size % len(_BLOCK)
    if chunked:
        pieces = [PIECE] * (rest // PIECE) + [rest % PIECE] * bool(rest % PIECE)
        connection.sendall(b"".join(b"%x\r\n%b\r\n" % (piece, bytes(piece)) for piece in pieces) + b"0\r\n\r\n")
    else:
        connection.sendall(_BLOCK[:rest])


class Taker:
    """Reads messages of one connection: heads as bytes, bodies as nothing but their size."""

    __slots__ = ("_buffer", "_connection", "_held")

    def __init__(self, connection: socket.socket) -> None:
        self._connection = connection
        self._buffer = bytearray(1 << 20)
        self._held = b""

    def take_head(self) -> bytes:
        """Return the next head in lower case, without the empty line; empty when the other side has closed before it."""
        while (end := self._held.find(b"\r\n\r\n")) < 0:
            data = self._connection.recv(PIECE)
            if not data:
                return b""
            self._held += data
        head, self._held = self._held[:end], self._held[end + 4 :]
        return head.lower()

    def take_body(self, head: bytes) -> int:
        """Take the body that follows such a head and return its size, framing not counted.

        Raises:
            ConnectionError: the other side closed before the end.
        """
        if b"\r\ntransfer-encoding: chunked" in head:
            return self._take_chunks()
        _, found, rest = head.partition(b"\r\ncontent-length:")
        size = int(rest.partition(b"\r\n")[0]) if found else 0
        self._skip(size)
        return size

    def _take_chunks(self) -> int:
        total = 0
        while True:
            while (end := self._held.find(b"\r\n")) < 0:
                self._held += self._received()
            size, self._held = int(self._held[:end], 16), self._held[end + 2 :]
            self._skip(size + 2)
            if not size:
                return total
            total += size

    def _skip(self, count: int) -> None:
        """Drop so many bytes; what came behind them is kept, and is little where they are many."""
        skipped = min(count, len(self._held))
        self._held = self._held[skipped:]
        missing = count - skipped
        while missing > 0:
            taken = self._connection.recv_into(self._buffer, min(missing, len(self._buffer)))
            if not taken:
                raise ConnectionResetError
            missing -= taken

    def _received(self) -> bytes:
        data = self._connection.recv(64)
        if not data:
            raise ConnectionResetError
        return data


class Application(socketserver.BaseRequestHandler):
    """One connection."""

    request: socket.socket

    def handle(self) -> None:
        self.request.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        taker = Taker(self.request)
        while head := taker.take_head():
            method, target = head.split(b" ", 2)[:2]
            if method == b"get":
                self._give(int(target.split(b"/")[1]), chunked=target.endswith(b"/chunked"))
            else:
                told = b"%d" % taker.take_body(head)
                self.request.sendall(b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n%b" % (len(told), told))

    def _give(self, size: int, *, chunked: bool) -> None:
        framing = b"transfer-encoding: chunked" if chunked else b"content-length: %d" % size
        self.request.sendall(b"HTTP/1.1 200 OK\r\ncontent-type: application/octet-stream\r\n%b\r\n\r\n" % framing)
        send_body(self.request, size, chunked=chunked)


class Server(socketserver.ThreadingTCPServer):
    allow_reuse_address = True
    daemon_threads = True


if __name__ == "__main__":
    Server(("127.0.0.1", int(sys.argv[1])), Application).serve_forever()
