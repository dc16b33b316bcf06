"""What the wire is told by the configuration. Durations in seconds, sizes in bytes."""

import ssl
from dataclasses import dataclass, field

from gateway.http1.limits import Limits


@dataclass(frozen=True, slots=True)
class WirePolicy:
    """How clients are served."""

    limits: Limits = field(default_factory=Limits)
    head_timeout: float = 10.0
    """From the connect, and for later requests from the first byte, to the end of the head."""
    idle_timeout: float = 75.0
    """Between two requests of one connection."""
    body_timeout: float = 30.0
    """The window in which `minimum_rate` is measured; the first one is the grace."""
    minimum_rate: int = 200
    """Bytes per second that a sending or a reading client must keep up over each window."""
    write_timeout: float = 60.0
    """The window for clients that read."""
    linger: float = 2.0
    """How long bytes of a client are discarded after the last answer, so that it can read that answer."""
    own_timeout: float = 60.0
    """For our own endpoints."""
    read_ahead: int = 65536
    """How much of the next request is taken while one is answered."""
    own_body: int = 65536
    """The longest body that our own endpoints take."""
    tunnel_idle: float = 3600.0
    """For WebSockets without a byte in either direction."""
    connections: int = 20_000
    """How many clients may be connected; who comes then is told to come back."""
    scheme: str = "http"


@dataclass(frozen=True, slots=True)
class UpstreamPolicy:
    """How an application is reached."""

    name: str
    host: str
    port: int
    preserve_host: bool = True
    """Send the client's Host; otherwise that of the upstream."""
    tls: ssl.SSLContext | None = None
    connect_timeout: float = 2.0
    response_timeout: float = 60.0
    """From the last byte of the request to the head of the response."""
    idle_timeout: float = 300.0
    """Between two reads of a response body."""
    stream_timeout: float = 3600.0
    """The same for event streams."""
    pool_idle: float = 50.0
    """How long an unused connection is kept; less than the application's own keep-alive time-out."""
    max_connections: int = 1024

    @property
    def authority(self) -> bytes:
        """Host and port as a Host header says them (RFC 9110 section 7.2)."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        default = 443 if self.tls is not None else 80
        return (host if self.port == default else f"{host}:{self.port}").encode("ascii")
