"""What every visit passes first: preflights, the phase, and at the end the one place that turns errors into answers."""

from collections.abc import MutableMapping
from typing import Any, Protocol

from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from gateway.core.cors import CrossOrigin
from gateway.core.phases import Posture
from gateway.errors import GatewayError, InternalError, NotFound, PhaseOff, WrongMethod
from gateway.headers import Pairs
from gateway.model import Answer, RequestHead
from gateway.web.visit import respond, visitor_of


class Gate(Protocol):
    """What the endpoints need of the request flow."""

    @property
    def posture(self) -> Posture:
        """The phase in force."""
        ...

    def refuse(self, error: GatewayError, head: RequestHead | None, request_id: str) -> Answer:
        """Make the answer of an error."""
        ...


class Refused(Exception):
    """An error of the house whose answer carries `Set-Cookie` fields too."""

    def __init__(self, error: GatewayError, cookies: Pairs) -> None:
        super().__init__(str(error))
        self.error = error
        self.cookies = cookies


class Reception:
    """ASGI middleware around the endpoints."""

    def __init__(self, app: ASGIApp, *, gate: Gate, cross_origin: CrossOrigin) -> None:
        self._app = app
        self._gate = gate
        self._cross_origin = cross_origin

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer, or hand on to an endpoint."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        visitor = visitor_of(scope)
        if self._cross_origin.is_preflight(visitor.head):
            await respond(self._cross_origin.answer_preflight(visitor.head))(scope, receive, send)
            return
        try:
            if self._gate.posture.is_transparent:
                raise PhaseOff(phase=self._gate.posture.phase)
            await self._app(scope, receive, self._with_cross_origin(send, visitor.head))
        except (GatewayError, Refused) as raised:
            refused = raised if isinstance(raised, Refused) else Refused(raised, [])
            answer = self._gate.refuse(refused.error, visitor.head, visitor.request_id)
            await respond(answer, refused.cookies)(scope, receive, send)
        except ClientDisconnect:
            return  # nobody is there to hear an answer

    def _with_cross_origin(self, send: Send, head: RequestHead) -> Send:
        """Add to each answer of an endpoint what a listed origin must find in it; the gate's own has it already."""
        fields = self._cross_origin.response_fields(head)
        if not fields:
            return send

        async def sending(message: MutableMapping[str, Any]) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [*message["headers"], *fields, (b"vary", b"Origin")]
            await send(message)

        return sending


class Crash:
    """Answers what nobody foresaw: the client learns the request id and nothing else. The error is raised on."""

    def __init__(self, gate: Gate) -> None:
        self._gate = gate

    def __call__(self, request: Request, _error: Exception) -> Response:
        """Return the answer."""
        visitor = visitor_of(request.scope)
        return respond(self._gate.refuse(InternalError(), visitor.head, visitor.request_id))


def not_found(_request: Request, error: Exception) -> Response:
    """Refuse an address that does not exist, as an error of the house."""
    raise NotFound from error


def wrong_method(request: Request, error: Exception) -> Response:
    """Say which methods an address has: to `OPTIONS` as an answer, to any other as an error of the house."""
    assert isinstance(error, HTTPException)
    allow = ", ".join(sorted({*(error.headers or {}).get("Allow", "").split(", "), "OPTIONS"} - {""}))
    if request.method == "OPTIONS":
        return Response(status_code=204, headers={"allow": allow, "cache-control": "no-store", "x-crossfade": "1"})
    raise WrongMethod(allow) from error
