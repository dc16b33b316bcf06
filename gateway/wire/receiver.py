"""What a connection to the application needs from whoever sent a request on it; see `wire.upstream`."""

from typing import Protocol

from gateway.errors import GatewayError
from gateway.http1.response import ResponseHead


class Receiver(Protocol):
    """Who sent a request, and hears of its response. Exactly one of `is_last` and `failed` comes, once, as the last."""

    @property
    def takes_chunks(self) -> bool:
        """Whether the body of a chunked response is told in chunks, as it came."""
        ...

    def response_started(self, response: ResponseHead, payload: bytes, is_last: bool) -> None:
        """The head has come, with the first bytes of the body.

        After a 101 the payload is whatever the application sent behind it; the driver calls `detach` and talks on.
        """
        ...

    def response_continued(self, payload: bytes, is_last: bool) -> None:
        """More of the body has come; never empty unless `is_last`."""
        ...

    def failed(self, error: GatewayError, may_retry: bool) -> None:
        """There will be no more. `may_retry`: a used connection was closed before a byte of a response came."""
        ...

    def pause_sending(self) -> None:
        """The application does not read: call `send_more` no more for now. What was sent is kept."""
        ...

    def resume_sending(self) -> None:
        """Go on sending."""
        ...
