"""The applications behind the gateway."""

from typing import Literal

from gateway.settings.addresses import Site
from gateway.settings.schema.section import Section
from gateway.settings.values import Count, Duration, File


class Upstream(Section):
    """One application."""

    url: Site
    """Where it listens: scheme, host and port."""
    host: Literal["preserve", "upstream"] = "preserve"
    """Which Host header it gets: the client's own (`preserve`), or that of `url`."""
    ca: File | None = None
    """The certificates (PEM) that an https application is checked against; without it, those of the system."""
    connect_timeout: Duration = 2.0
    """How long a connection may take to open."""
    response_timeout: Duration = 60.0
    """How long the application may take to begin its answer."""
    idle_timeout: Duration = 300.0
    """How long a begun answer may pause."""
    stream_timeout: Duration = 3600.0
    """The same for event streams."""
    pool_idle: Duration = 50.0
    """How long an unused connection is kept; shorter than the application's own keep-alive time."""
    max_connections: Count = 1024
    """How many connections may be open at a time."""
