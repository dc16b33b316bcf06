"""An application that records every byte it is sent."""

import asyncio
from dataclasses import dataclass, field
from typing import cast

import h11


@dataclass(frozen=True, slots=True)
class Arrival:
    """A request that the application has received whole."""

    method: str
    target: str
    fields: tuple[tuple[str, str], ...]
    body: bytes

    def values(self, name: str) -> list[str]:
        return [value for key, value in self.fields if key == name]


@dataclass
class Recorder:
    """The application. `answer` is what it answers with, whatever it is asked; empty for a plain 200.

    Behind an `answer` it closes the connection, unless it `keeps_open`.
    """

    received: bytearray = field(default_factory=bytearray)
    arrivals: list[Arrival] = field(default_factory=list)
    faults: list[str] = field(default_factory=list)
    unfinished: set["Application"] = field(default_factory=set)
    """Connections on which a request has begun and not ended."""
    settled: asyncio.Event = field(default_factory=asyncio.Event)
    """Set while there is none."""
    answer: bytes = b""
    keeps_open: bool = False
    requests: list[bytes] = field(default_factory=list)
    """The bytes of each arrival; the gateway sends none before the last one was answered."""
    is_cut_short: bool = False
    """A connection ended within a request."""
    connections: set["Application"] = field(default_factory=set)
    """All that are open."""
    deserted: asyncio.Event = field(default_factory=asyncio.Event)
    """Set while there is none."""

    def __post_init__(self) -> None:
        self.settled.set()

    def clear(self) -> None:
        self.received.clear()
        self.arrivals.clear()
        self.faults.clear()
        self.answer = b""
        self.keeps_open = False
        self.requests.clear()
        self.is_cut_short = False

    def speak(self, data: bytes) -> None:
        """Send on every open connection, whether somebody asked or not."""
        for connection in self.connections:
            connection.transport.write(data)

    def begin(self, connection: "Application") -> None:
        self.unfinished.add(connection)
        self.settled.clear()

    def end(self, connection: "Application") -> None:
        self.unfinished.discard(connection)
        if not self.unfinished:
            self.settled.set()


class Application(asyncio.Protocol):
    """One connection of the application, read by h11 and not by us."""

    def __init__(self, recorder: Recorder) -> None:
        self.recorder = recorder
        self.parser = h11.Connection(h11.SERVER)
        self.request: h11.Request | None = None
        self.body = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast("asyncio.Transport", transport)
        self.recorder.connections.add(self)
        self.recorder.deserted.clear()

    def data_received(self, data: bytes) -> None:
        self.recorder.received += data
        if self.transport.is_closing():
            return
        try:
            self.parser.receive_data(data)
            self._read()
        except h11.RemoteProtocolError as error:
            self.recorder.faults.append(str(error))
            self.transport.abort()

    def connection_lost(self, _error: Exception | None) -> None:
        self.recorder.is_cut_short |= self in self.recorder.unfinished
        self.recorder.end(self)
        self.recorder.connections.discard(self)
        if not self.recorder.connections:
            self.recorder.deserted.set()

    def _read(self) -> None:
        while True:
            match self.parser.next_event():
                case h11.Request() as request:
                    self.request, self.body = request, b""
                    self.recorder.begin(self)
                case h11.Data() as data:
                    self.body += bytes(data.data)
                case h11.EndOfMessage():
                    self._arrive()
                case _:
                    return

    def _arrive(self) -> None:
        assert self.request is not None
        fields = tuple((name.decode(), value.decode("latin-1")) for name, value in self.request.headers)
        arrival = Arrival(self.request.method.decode(), self.request.target.decode(), fields, self.body)
        self.recorder.end(self)
        self.recorder.arrivals.append(arrival)
        self.recorder.requests.append(bytes(self.recorder.received[sum(map(len, self.recorder.requests)) :]))
        if self.recorder.answer:
            self.transport.write(self.recorder.answer)
            if self.recorder.keeps_open:
                self.parser = h11.Connection(h11.SERVER)
            else:
                self.transport.close()
        elif "websocket" in arrival.values("upgrade"):
            self.transport.write(
                b"HTTP/1.1 101 Switching Protocols\r\nupgrade: websocket\r\nconnection: upgrade\r\n\r\n"
            )
            self.transport.close()
        else:
            target = arrival.target.encode()
            self.transport.write(b"HTTP/1.1 200 OK\r\nx-target: %b\r\ncontent-length: 0\r\n\r\n" % target)
            self.parser.send(h11.Response(status_code=200, headers=[("content-length", "0")]))
            self.parser.send(h11.EndOfMessage())
            self.parser.start_next_cycle()
