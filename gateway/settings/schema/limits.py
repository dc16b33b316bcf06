"""How much and how long: every size and every wait of the data port has a bound."""

from gateway.settings.schema.section import Section
from gateway.settings.values import Count, Duration, DurationOrZero, Size


class Limits(Section):
    """Bounds on requests, answers and waits."""

    request_line: Size = 8 << 10
    """Bytes of method, target and version."""
    head: Size = 64 << 10
    """Bytes of a request's header fields."""
    fields: Count = 100
    """Number of a request's header fields."""
    body: Size = 1 << 30
    """Bytes of a request's body."""
    chunk_extensions: Size = 4 << 10
    """Bytes of chunk extensions in one body."""
    trailers: Size = 8 << 10
    """Bytes of trailers after a body."""
    response_head: Size = 64 << 10
    """Bytes of an answer's header fields."""
    response_fields: Count = 200
    """Number of an answer's header fields."""
    interim_responses: Count = 20
    """Number of 1xx answers before the real one."""
    head_timeout: Duration = 10.0
    """How long a request's head may take to arrive."""
    idle_timeout: Duration = 75.0
    """How long a connection may lie unused; longer than that of a load balancer in front."""
    body_timeout: Duration = 30.0
    """The window in which `minimum_rate` is measured while a body arrives; the first one is a grace."""
    minimum_rate: Size = 200
    """Bytes a second that a client must keep up, sending or reading."""
    write_timeout: Duration = 60.0
    """The window in which it is measured while a client reads its answer."""
    linger: DurationOrZero = 2.0
    """How long a refused client's bytes are still read, so that it sees the answer."""
    tunnel_idle: Duration = 3600.0
    """How long a WebSocket may carry nothing in either direction."""
    connections: Count = 20_000
    """How many clients may be connected at a time; who comes then is told to come back."""
