"""Where the gateway listens besides its data port, and how it ends."""

from pathlib import Path
from typing import Annotated

from pydantic import Field

from gateway.settings.addresses import Address, Listen
from gateway.settings.schema.section import Section
from gateway.settings.values import DurationOrZero, File, Text


class Admin(Section):
    """The admin port and the socket that the command line uses."""

    listen: Listen = Address("127.0.0.1", 9901)
    """Liveness, readiness and metrics, over TCP; nothing there changes anything."""
    socket: File = Field(default=Path("run/admin.sock"), validate_default=True)
    """The Unix socket for whatever changes state; only the user of the gateway can open it."""
    hosts: Annotated[tuple[Text, ...], Field(max_length=100)] = ()
    """Names under which the admin port may be asked besides localhost and IP addresses, against DNS rebinding."""


class Metrics(Section):
    """A port of its own for metrics; without it they are on the admin port."""

    listen: Listen | None = None
    """Where Prometheus scrapes."""


class Drain(Section):
    """What happens between SIGTERM and the end."""

    delay: DurationOrZero = 5.0
    """How long the gateway goes on serving while it reports that it is not ready."""
    timeout: DurationOrZero = 30.0
    """How long requests in flight may take after that."""
