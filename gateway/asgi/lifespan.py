"""The server's start and stop, shared with an application that may or may not want to hear of them."""

import structlog
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from gateway.asgi.gateway import Life
from gateway.errors import StartError

_log = structlog.get_logger()


class Lifespan:
    """Starts the gateway before the application and stops it after it (ASGI lifespan protocol)."""

    def __init__(self, life: Life, app: ASGIApp | None) -> None:
        self._life = life
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve the whole life of the server."""
        message = await receive()
        fault = await self._start()
        if fault:
            await send({"type": "lifespan.startup.failed", "message": fault})
            return
        try:
            await self._run_application(scope, message, receive, send)
        finally:
            await self._life.stop()

    async def _start(self) -> str:
        """Start, or return why that was not possible. An exception would only tell the server to go on without us."""
        try:
            await self._life.start()
        except StartError as error:
            return str(error)
        except Exception:
            _log.exception("the gateway did not start because of a bug")
            return "A fault of the gateway itself; the log says more."
        return ""

    async def _run_application(self, scope: Scope, first: Message, receive: Receive, send: Send) -> None:
        pending = [first]
        has_answered = False

        async def receiving() -> Message:
            return pending.pop() if pending else await receive()

        async def sending(message: Message) -> None:
            nonlocal has_answered
            if not message["type"].startswith("lifespan."):
                raise RuntimeError("the application answers its lifespan like a request")
            has_answered = True
            if message["type"] in {"lifespan.shutdown.complete", "lifespan.shutdown.failed"}:
                await self._life.stop()
            await send(message)

        if self._app is not None:
            try:
                await self._app(scope, receiving, sending)
            except Exception:
                # The ASGI specification: raising means that the application does not support lifespan.
                if has_answered:
                    raise
        if not has_answered:
            await _live_alone(send, receive)


async def _live_alone(send: Send, receive: Receive) -> None:
    await send({"type": "lifespan.startup.complete"})
    await receive()
    await send({"type": "lifespan.shutdown.complete"})
