"""The admin port: probes and metrics over TCP; whatever changes state only over the local socket."""

from collections.abc import Mapping, Sequence
from ipaddress import ip_address
from typing import Protocol

import orjson
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send

from gateway.core.rescue import answer_error
from gateway.errors import Forbidden, GatewayError, InvalidRequest, NotFound
from gateway.model import Phase, RevocationKind
from gateway.observe.exposition import Exposition
from gateway.web.readiness import Readiness
from gateway.web.visit import respond

_LONGEST_BODY = 16_384
_LONGEST_REASON = 500
_LONGEST_KID = 128
_LONGEST_NAME = 1000


class AdminState(Protocol):
    """What the admin port shows and does. `by` says who, `reason` why, both for the audit trail.

    The actions raise GatewayError when they cannot be done: StoreUnavailable, Conflict.
    """

    def readiness(self) -> Readiness:
        """Say whether requests may come. Asks nothing: what is known is kept up to date in the background."""
        ...

    async def phase(self) -> Mapping[str, object]:
        """Return the phase in force, which level decided it, and the newest changes."""
        ...

    async def set_phase(
        self, phase: Phase, *, by: str, reason: str, rollout: float | None = None
    ) -> Mapping[str, object]:
        """Store a phase, and for which part of the users (percent), if that changes; returns what `phase` does."""
        ...

    async def advance(self, *, by: str, reason: str, rollout: float | None, is_forced: bool) -> Mapping[str, object]:
        """Go one step further; or say in `unmet` why not, with `has_advanced` false. Returns what `phase` does besides.

        With `rollout` (percent) the step is a larger part of the users, where some are left out.
        """
        ...

    async def pause(self, *, by: str, reason: str, is_paused: bool) -> Mapping[str, object]:
        """Keep the phase where it is, or let it go on; returns what `phase` does."""
        ...

    async def panic(self, *, by: str, reason: str) -> Mapping[str, object]:
        """Switch tokens off in this process at once, without any store."""
        ...

    async def roll_back(self, *, by: str, reason: str, is_rehearsal: bool) -> Mapping[str, object]:
        """Go back, or only say how many would be signed out, by client."""
        ...

    async def explain(self, *, subject: str, session_id: str) -> Mapping[str, object]:
        """Return `lines` that tell what happened to the tokens of a subject, or of one family."""
        ...

    async def revoke(
        self, kind: RevocationKind, name: str, *, by: str, reason: str, is_rehearsal: bool
    ) -> Mapping[str, object]:
        """Revoke by name, or only say how many families would end."""
        ...

    async def status(self) -> Mapping[str, object]:
        """Return what an operator wants to see first."""
        ...

    async def keys(self) -> Mapping[str, object]:
        """Return the signing keys with their states, and the public key set."""
        ...

    async def rotate_keys(self, *, by: str, reason: str, is_emergency: bool) -> Mapping[str, object]:
        """Publish the next key; returns what `keys` does."""
        ...

    async def compromise_key(self, kid: str, *, by: str, reason: str) -> Mapping[str, object]:
        """Refuse a key on every gateway; returns what `keys` does."""
        ...


def create_admin_app(
    *,
    state: AdminState,
    exposition: Exposition,
    allows_actions: bool,
    hosts: Sequence[str] = (),
) -> ASGIApp:
    """Return the admin port's application.

    With `allows_actions`, for the local socket, there is more: whatever changes state or shows subjects. Without it,
    for TCP, those addresses do not exist, and the Host of each request must be an IP address, localhost or one of
    `hosts`: a page on the web can make a browser reach this port under a name of its own (DNS rebinding), but not under
    these.
    """
    endpoints = _Endpoints(state, exposition)
    routes = [
        Route("/livez", endpoints.live, methods=["GET"]),
        Route("/readyz", endpoints.ready, methods=["GET"]),
        Route("/metrics", endpoints.metrics, methods=["GET"]),
    ]
    if allows_actions:
        routes += [
            Route("/status", endpoints.status, methods=["GET"]),
            Route("/sessions/explain", endpoints.explain, methods=["POST"]),
            Route("/phase", endpoints.phase, methods=["GET"]),
            Route("/phase", endpoints.set_phase, methods=["POST"]),
            Route("/phase/advance", endpoints.advance, methods=["POST"]),
            Route("/phase/pause", endpoints.pause, methods=["POST"]),
            Route("/phase/panic", endpoints.panic, methods=["POST"]),
            Route("/phase/rollback", endpoints.roll_back, methods=["POST"]),
            Route("/keys", endpoints.keys, methods=["GET"]),
            Route("/keys/rotate", endpoints.rotate_keys, methods=["POST"]),
            Route("/keys/compromise", endpoints.compromise_key, methods=["POST"]),
            Route("/revoke", endpoints.revoke, methods=["POST"]),
        ]
    app = Starlette(routes=routes, exception_handlers={GatewayError: _answer, 404: _not_found, 405: _not_found})
    app.router.redirect_slashes = False  # an address of ours is written in one way
    return app if allows_actions else HostGuard(app, hosts)


class HostGuard:
    """Refuses requests whose Host is a name that is not on the list."""

    def __init__(self, app: ASGIApp, hosts: Sequence[str]) -> None:
        self._app = app
        self._hosts = frozenset(host.lower() for host in (*hosts, "localhost"))

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer 403, or hand the request on."""
        if scope["type"] != "http" or self._is_known(dict(scope["headers"]).get(b"host", b"").decode("latin-1")):
            await self._app(scope, receive, send)
        else:
            error = Forbidden("The Host is not on the list of the admin port (admin.hosts).")
            await respond(answer_error(error, head=None, request_id=""))(scope, receive, send)

    def _is_known(self, authority: str) -> bool:
        host = _host_of(authority).lower()
        return host in self._hosts or _is_address(host)


class _Endpoints:
    """One method per address."""

    def __init__(self, state: AdminState, exposition: Exposition) -> None:
        self._state = state
        self._exposition = exposition

    async def live(self, _request: Request) -> Response:
        """The event loop turns; nothing else is asked, so that no outage elsewhere restarts us."""
        return PlainTextResponse("ok\n", headers={"cache-control": "no-store"})

    async def ready(self, _request: Request) -> Response:
        readiness = self._state.readiness()
        return _json(readiness.body(), 200 if readiness.is_ready else 503)

    async def metrics(self, request: Request) -> Response:
        accept = request.headers.get("accept", "")
        body, media_type = await run_in_threadpool(self._exposition.render, accept)
        return Response(body, headers={"content-type": media_type, "cache-control": "no-store"})

    async def status(self, _request: Request) -> Response:
        return _json(await self._state.status())

    async def explain(self, request: Request) -> Response:
        order = await _read_order(request)
        subject, session_id = order.get("subject", ""), order.get("sid", "")
        if not isinstance(subject, str) or not isinstance(session_id, str):
            raise InvalidRequest("`subject` and `sid` are text.")
        return _json(await self._state.explain(subject=subject, session_id=session_id))

    async def phase(self, _request: Request) -> Response:
        return _json(await self._state.phase())

    async def set_phase(self, request: Request) -> Response:
        order = await _read_order(request)
        try:
            phase = Phase(str(order.get("phase")))
        except ValueError:
            raise InvalidRequest(f"`phase` must be one of: {', '.join(Phase)}.") from None
        state, rollout = self._state, _rollout(order)
        return _json(await state.set_phase(phase, by=_by(order), reason=_reason(order), rollout=rollout))

    async def advance(self, request: Request) -> Response:
        order = await _read_order(request)
        state, rollout, is_forced = self._state, _rollout(order), _flag(order, "force", default=False)
        return _json(await state.advance(by=_by(order), reason=_reason(order), rollout=rollout, is_forced=is_forced))

    async def pause(self, request: Request) -> Response:
        order = await _read_order(request)
        is_paused = _flag(order, "paused", default=True)
        return _json(await self._state.pause(by=_by(order), reason=_reason(order), is_paused=is_paused))

    async def panic(self, request: Request) -> Response:
        order = await _read_order(request)
        return _json(await self._state.panic(by=_by(order), reason=_reason(order)))

    async def roll_back(self, request: Request) -> Response:
        order = await _read_order(request)
        is_rehearsal = _is_rehearsal(order)
        reason = "" if is_rehearsal else _reason(order)
        return _json(await self._state.roll_back(by=_by(order), reason=reason, is_rehearsal=is_rehearsal))

    async def keys(self, _request: Request) -> Response:
        return _json(await self._state.keys())

    async def rotate_keys(self, request: Request) -> Response:
        order = await _read_order(request)
        is_emergency = _flag(order, "emergency", default=False)
        return _json(await self._state.rotate_keys(by=_by(order), reason=_reason(order), is_emergency=is_emergency))

    async def compromise_key(self, request: Request) -> Response:
        order = await _read_order(request)
        kid = order.get("kid")
        if not isinstance(kid, str) or not 0 < len(kid) <= _LONGEST_KID:
            raise InvalidRequest("`kid` is missing: name the key.")
        return _json(await self._state.compromise_key(kid, by=_by(order), reason=_reason(order)))

    async def revoke(self, request: Request) -> Response:
        order = await _read_order(request)
        try:
            kind = RevocationKind(str(order.get("kind")))
        except ValueError:
            raise InvalidRequest(f"`kind` must be one of: {', '.join(RevocationKind)}.") from None
        name = _name(order, is_needed=kind is not RevocationKind.EVERYTHING)
        is_rehearsal = _is_rehearsal(order)
        reason = "" if is_rehearsal else _reason(order)
        state = self._state
        return _json(await state.revoke(kind, name, by=_by(order), reason=reason, is_rehearsal=is_rehearsal))


async def _read_order(request: Request) -> Mapping[str, object]:
    body = b""
    async for piece in request.stream():
        body += piece
        if len(body) > _LONGEST_BODY:
            raise InvalidRequest("The order is too long.")
    try:
        order = orjson.loads(body)
    except orjson.JSONDecodeError:
        order = None
    if not isinstance(order, dict):
        raise InvalidRequest("The order must be a JSON object.")
    for key, value in order.items():
        if isinstance(value, str) and "\0" in value:
            raise InvalidRequest(f"`{key[:_LONGEST_KID]}` holds a NUL, which no name and no reason has.")
    return order


def _rollout(order: Mapping[str, object]) -> float | None:
    rollout = order.get("rollout")
    if rollout is None:
        return None
    if isinstance(rollout, bool) or not isinstance(rollout, (int, float)) or not 0 <= rollout <= 100:
        raise InvalidRequest("`rollout` must be a number from 0 to 100.")
    return float(rollout)


def _is_rehearsal(order: Mapping[str, object]) -> bool:
    return _flag(order, "dry_run", default=False)


def _flag(order: Mapping[str, object], name: str, *, default: bool) -> bool:
    value = order.get(name, default)
    if not isinstance(value, bool):
        raise InvalidRequest(f"`{name}` must be true or false.")
    return value


def _name(order: Mapping[str, object], *, is_needed: bool) -> str:
    name = order.get("name", "")
    if not isinstance(name, str) or bool(name) is not is_needed or len(name) > _LONGEST_NAME:
        raise InvalidRequest("`name` must say which token, family or subject, and nothing for `all`.")
    return name


def _reason(order: Mapping[str, object]) -> str:
    reason = order.get("reason")
    if not isinstance(reason, str) or not reason.strip() or len(reason) > _LONGEST_REASON:
        raise InvalidRequest(f"`reason` is missing: say why, in up to {_LONGEST_REASON} characters.")
    return reason.strip()


def _by(order: Mapping[str, object]) -> str:
    by = order.get("by")
    return by[:100] if isinstance(by, str) and by else "local socket"


def _host_of(authority: str) -> str:
    if authority.startswith("["):
        return authority[1:].partition("]")[0]
    return authority.partition(":")[0]


def _is_address(host: str) -> bool:
    try:
        ip_address(host)
    except ValueError:
        return False
    return True


def _json(body: Mapping[str, object], status: int = 200) -> Response:
    headers = {"content-type": "application/json", "cache-control": "no-store"}
    return Response(orjson.dumps(body), status, headers)


async def _answer(_request: Request, error: Exception) -> Response:
    assert isinstance(error, GatewayError)
    return respond(answer_error(error, head=None, request_id=""))


async def _not_found(_request: Request, _error: Exception) -> Response:
    return respond(answer_error(NotFound(), head=None, request_id=""))
