"""Our own endpoints on the data port, as one ASGI application."""

from collections.abc import Mapping, Sequence

from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.routing import Route

from gateway.core.cors import CrossOrigin
from gateway.core.credentials import Ours, Site
from gateway.core.own_cookies import OwnCookies
from gateway.core.trust import NOBODY, TrustedProxies
from gateway.flow.clients import Client
from gateway.flow.login import PasswordLogin
from gateway.flow.possession import Possession
from gateway.flow.tickets import Tickets
from gateway.flow.tokens import TokenFlow, TokenPolicy
from gateway.ports import Clock, KeySource
from gateway.web.guard import Guard
from gateway.web.reception import Crash, Gate, Reception, not_found, wrong_method
from gateway.web.tokens import TokenEndpoints
from gateway.web.wellknown import WellKnown

PREFIX = "/.crossfade"
JWKS_PATH = "/.well-known/jwks.json"
METADATA_PATH = "/.well-known/oauth-authorization-server"


def endpoints_under(prefix: str = PREFIX) -> dict[bytes, str]:
    """Return our own paths with their names, for the flow to know what is ours."""
    names = ("token", "revoke", "introspect", "logout", "session", "ticket")
    paths = {f"{prefix}/{name}": name for name in names}
    paths |= {JWKS_PATH: "jwks", METADATA_PATH: "metadata"}
    return {path.encode(): name for path, name in paths.items()}


def create_token_app(
    *,
    tokens: TokenFlow,
    flow: Gate,
    clients: Mapping[str, Client],
    public_origin: str,
    keys: KeySource,
    policy: TokenPolicy,
    sites: Sequence[Site],
    clock: Clock,
    prefix: str = PREFIX,
    cookies: OwnCookies | None = None,
    cross_origin: CrossOrigin | None = None,
    remote_issuers: frozenset[str] = frozenset(),
    proxies: TrustedProxies = NOBODY,
    possession: Possession | None = None,
    login: PasswordLogin | None = None,
    tickets: Tickets,
) -> Starlette:
    """Return the application. Its scope must hold `extensions.crossfade` with `head`, `peer` and `request_id`.

    `flow` is the RequestFlow: it knows the phase and makes answers of errors. `public_origin` is the origin of the
    public URL as browsers write it.
    """
    cookies = cookies or OwnCookies()
    possession = Possession() if possession is None else possession
    endpoints = TokenEndpoints(
        tokens=tokens,
        gate=flow,
        clients=clients,
        guard=Guard(public_origin.encode("ascii")),
        cookies=cookies,
        ours=Ours(policy.issuer, cookies.access, cookies.refresh, remote_issuers),
        sites=sites,
        audience=policy.audience,
        clock=clock,
        possession=possession,
        proxies=proxies,
        login=login,
        tickets=tickets,
    )
    well_known = WellKnown(
        keys=keys,
        clock=clock,
        issuer=policy.issuer,
        public_origin=public_origin,
        prefix=prefix,
        offers_dpop=possession.is_offered,
        offers_password=login is not None and login.is_offered,
    )
    app = Starlette(
        routes=_routes(prefix, endpoints, well_known),
        middleware=[Middleware(Reception, gate=flow, cross_origin=cross_origin or CrossOrigin())],
        exception_handlers={404: not_found, 405: wrong_method, Exception: Crash(flow)},
    )
    app.router.redirect_slashes = False  # the flow lets exactly our own paths in
    return app


def _routes(prefix: str, endpoints: TokenEndpoints, well_known: WellKnown) -> list[Route]:
    return [
        Route(f"{prefix}/token", endpoints.token, methods=["POST"]),
        Route(f"{prefix}/revoke", endpoints.revoke, methods=["POST"]),
        Route(f"{prefix}/introspect", endpoints.introspect, methods=["POST"]),
        Route(f"{prefix}/logout", endpoints.logout, methods=["POST"]),
        Route(f"{prefix}/session", endpoints.session, methods=["GET"]),
        Route(f"{prefix}/ticket", endpoints.ticket, methods=["POST"]),
        Route(JWKS_PATH, well_known.jwks, methods=["GET"]),
        Route(METADATA_PATH, well_known.metadata, methods=["GET"]),
    ]
