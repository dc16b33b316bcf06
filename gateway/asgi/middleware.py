"""The gateway in the application's own process: around any ASGI application, without another hop."""

from asgiref.compatibility import guarantee_single_callable
from starlette.types import ASGIApp, Message, Receive, Send

from gateway.asgi.answers import UNAUTHENTICATED
from gateway.asgi.exchange import Exchange, Sending
from gateway.asgi.gateway import Build
from gateway.asgi.scope import fields_sent
from gateway.asgi.shell import Shell
from gateway.core.trust import transport_lines


class Middleware(Shell):
    """Protects `app`. `build` puts the gateway together when the server starts, or with the first request.

    The application's scope holds what the wire would send it: identity headers of ours and none of the client's,
    the cookies of the session behind a token, `scope["auth"]` with the Identity or None.
    """

    def __init__(self, app: ASGIApp, build: Build) -> None:
        # Applications of the older, two-callable ASGI form are legacy applications too.
        app = guarantee_single_callable(app)  # type: ignore[no-untyped-call]
        super().__init__(build, self._call, app)
        self._app = app

    async def _call(self, exchange: Exchange, receive: Receive, send: Send) -> None:
        head, permit = exchange.head, exchange.permit
        transport = transport_lines(head, exchange.peer, exchange.request_id, exchange.gateway.proxies)
        scope = {
            **exchange.scope,
            "query_string": head.target.partition(b"?")[2],  # a ticket is not for the application
            "headers": fields_sent(head, permit, transport),
            "auth": permit.identity,
        }
        sending = Sending(exchange, send)
        was_ended = await exchange.run(self._app(scope, receive, sending))
        if was_ended:
            await send(_end_of(exchange))


def _end_of(exchange: Exchange) -> Message:
    """An event stream ends in order, so that its client comes again and is asked who it is."""
    if exchange.scope["type"] == "websocket":
        return {"type": "websocket.close", "code": UNAUTHENTICATED, "reason": "session_ended"}
    return {"type": "http.response.body", "body": b"", "more_body": False}
