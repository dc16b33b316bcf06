"""The root of all errors and whose fault they are."""

from enum import StrEnum
from typing import ClassVar


class Source(StrEnum):
    """Whose fault an error is."""

    CLIENT = "client"
    GATEWAY = "gateway"
    STORE = "store"
    UPSTREAM = "upstream"


class GatewayError(Exception):
    """The root: an HTTP status, a stable code, a public sentence and whose fault it is.

    `detail` is a constant sentence of ours, shown to the client. `retry_after` is in seconds.
    """

    status: ClassVar[int] = 500
    code: ClassVar[str] = "internal_error"
    source: ClassVar[Source] = Source.GATEWAY
    title: ClassVar[str] = "Something went wrong in the gateway."

    def __init__(self, detail: str = "", *, retry_after: int | None = None) -> None:
        super().__init__(detail or self.title)
        self.detail = detail
        self.retry_after = retry_after


class InternalError(GatewayError):
    """A bug of ours. The client learns nothing but the request id."""


class StartError(GatewayError):
    """Ends a command. `str(error)` is the whole message for the terminal; `exit_code` follows sysexits."""

    exit_code: ClassVar[int] = 1


class ConfigurationError(StartError):
    """The configuration, a key or a database file cannot be used: what, where, and what to do."""

    exit_code = 78


class DependencyError(StartError):
    """Something that must be reached cannot be reached."""

    exit_code = 69
