"""From the configuration to what each consumer is told."""

import ssl
from collections.abc import Iterable, Mapping
from pathlib import Path

from gateway.core.brownout import Brownout, Window
from gateway.core.cors import CrossOrigin
from gateway.core.credentials import Ours, Site
from gateway.core.criteria import Criteria
from gateway.core.own_cookies import OwnCookies
from gateway.core.rollout import Rollout
from gateway.core.rotation import RotationPolicy
from gateway.core.routes import Access, RouteTable, Rule
from gateway.errors import ConfigurationError
from gateway.flow.clients import Client, GrantType
from gateway.flow.prove import ProverPolicy
from gateway.flow.rates import RatePolicy
from gateway.flow.request import RequestPolicy
from gateway.flow.tokens import TokenPolicy
from gateway.http1.limits import Limits
from gateway.settings.certificates import open_trust
from gateway.settings.schema.limits import Limits as Bounds
from gateway.settings.schema.phase import PhaseBrownout, PhaseCriteria
from gateway.settings.schema.root import Settings
from gateway.settings.schema.routes import IdentityHeaders, Route
from gateway.settings.schema.sessions import Session
from gateway.settings.schema.tokens import Tokens
from gateway.settings.schema.upstreams import Upstream
from gateway.web.app import endpoints_under
from gateway.wire.policy import UpstreamPolicy, WirePolicy
from gateway.wiring.share import ALONE, Share

_GRANTS = {
    "token_exchange": GrantType.TOKEN_EXCHANGE,
    "refresh_token": GrantType.REFRESH_TOKEN,
    "password": GrantType.PASSWORD,
}


def limits_of(limits: Bounds) -> Limits:
    """How much of a message is read."""
    return Limits(
        request_line=limits.request_line,
        head=limits.head,
        fields=limits.fields,
        body=limits.body,
        chunk_extensions=limits.chunk_extensions,
        trailers=limits.trailers,
        response_head=limits.response_head,
        response_fields=limits.response_fields,
        interim_responses=limits.interim_responses,
    )


def wire_policy_of(limits: Bounds, share: Share = ALONE) -> WirePolicy:
    """How clients are served by a process with its share."""
    return WirePolicy(
        limits=limits_of(limits),
        head_timeout=limits.head_timeout,
        idle_timeout=limits.idle_timeout,
        body_timeout=limits.body_timeout,
        minimum_rate=limits.minimum_rate,
        write_timeout=limits.write_timeout,
        linger=limits.linger,
        tunnel_idle=limits.tunnel_idle,
        connections=share.part_of(limits.connections),
    )


def upstreams_of(upstreams: Mapping[str, Upstream], share: Share = ALONE) -> dict[str, UpstreamPolicy]:
    """How each application is reached by a process with its share, by the application's name.

    Raises:
        ConfigurationError: the certificates of one cannot be read.
    """
    return {name: upstream_policy_of(name, upstream, share) for name, upstream in upstreams.items()}


def upstream_policy_of(name: str, upstream: Upstream, share: Share) -> UpstreamPolicy:
    """How an application is reached.

    Raises:
        ConfigurationError: its certificates cannot be read.
    """
    return UpstreamPolicy(
        name=name,
        host=upstream.url.host,
        port=upstream.url.port,
        preserve_host=upstream.host == "preserve",
        tls=_tls_of(name, upstream.ca) if upstream.url.scheme == "https" else None,
        connect_timeout=upstream.connect_timeout,
        response_timeout=upstream.response_timeout,
        idle_timeout=upstream.idle_timeout,
        stream_timeout=upstream.stream_timeout,
        pool_idle=upstream.pool_idle,
        max_connections=share.part_of(upstream.max_connections),
    )


def _tls_of(name: str, ca: Path | None) -> ssl.SSLContext:
    try:
        context = open_trust(ca)
    except ConfigurationError as error:
        raise ConfigurationError(f"upstreams.{name}.ca: {error}") from None
    context.set_alpn_protocols(["http/1.1"])
    return context


def site_of(session: Session, default_upstream: str) -> Site:
    """What the decisions know of one entry of `sessions`."""
    return Site(
        name=session.name,
        upstream=session.upstream or default_upstream,
        cookies=tuple(name.encode() for name in session.cookies),
        pick=session.picks,
        login_url=session.login_url or "",
        logout_paths=session.logout_paths,
        on_undetermined=session.on_undetermined,
        bridge=session.bridge,
    )


def sites_of(settings: Settings) -> tuple[Site, ...]:
    """All sites, in the order of the configuration."""
    return tuple(site_of(session, settings.default_upstream) for session in settings.sessions)


def routes_of(routes: Iterable[Route], default_upstream: str) -> RouteTable:
    """The rules."""
    return RouteTable(
        [
            Rule(
                path=route.path,
                auth=Access(route.auth),
                in_off=route.in_off,
                forward_credentials=route.forward_credentials,
                upstream=route.upstream or default_upstream,
                relaxed=frozenset(route.relaxed),
            )
            for route in routes
        ]
    )


def token_policy_of(settings: Settings) -> TokenPolicy:
    """What tokens are issued like."""
    tokens = settings.tokens
    return TokenPolicy(
        issuer=settings.issuer,
        audience=tokens.audience,
        access=tokens.access,
        refresh=tokens.refresh,
        leeway=tokens.leeway,
        rotation=_rotation_of(tokens),
        family_cap=tokens.families,
        trust_store_alone=tokens.trust_store_alone,
        minted=frozenset(session.name for session in settings.sessions if session.bridge == "mint"),
        in_cookie=frozenset(session.name for session in settings.sessions if _lies_in_cookie(session)),
    )


def _lies_in_cookie(session: Session) -> bool:
    """Whether the session is its cookie; but for cookie-session, where nothing tells it from the next login's."""
    return session.place.kind == "cookie" and session.format != "express"


def _rotation_of(tokens: Tokens) -> RotationPolicy:
    """How refresh tokens follow each other. A grace of 0 asks for a rotation with each use."""
    idle = tokens.idle or tokens.refresh
    rest = min(tokens.access, idle) / 2 if tokens.grace else 0.0  # not so long that it seems idle
    return RotationPolicy(grace=tokens.grace, idle=idle, rest=rest)


def rate_policy_of(settings: Settings) -> RatePolicy:
    """How often tokens may be asked for."""
    rates = settings.rates
    return RatePolicy(
        session=rates.session,
        family=rates.family,
        account=rates.account,
        address=rates.address,
        login=rates.login,
        login_name=rates.login_name,
        login_address=rates.login_address,
    )


def criteria_of(criteria: PhaseCriteria) -> Criteria:
    """What must be so before the next phase."""
    return Criteria(**criteria.model_dump())


def brownout_of(brownout: PhaseBrownout, rollout_key: bytes) -> Brownout:
    """In which windows session cookies are refused, and whose."""
    windows = brownout.windows
    return Brownout(tuple(Window(window.begin, window.end, Rollout(window.share, rollout_key)) for window in windows))


def request_policy_of(settings: Settings, cookies: OwnCookies) -> RequestPolicy:
    """What the story of a request is told."""
    endpoints = endpoints_under(settings.prefix)
    if not settings.well_known:
        endpoints = {path: name for path, name in endpoints.items() if name not in {"jwks", "metadata"}}
    return RequestPolicy(
        ours=Ours(settings.issuer, cookies.access, cookies.refresh, remote_issuers_of(settings)),
        sites=sites_of(settings),
        endpoints=endpoints,
        browsers=frozenset(client.id for client in settings.clients if client.delivery == "cookie"),
        cross_origin=cross_origin_of(settings),
        is_secure=settings.public_url.scheme == "https",
        cookies=cookies,
    )


def prover_policy_of(settings: Settings) -> ProverPolicy:
    """How tokens of ours are proved."""
    return ProverPolicy(
        issuer=settings.issuer,
        audience=settings.tokens.audience,
        leeway=settings.tokens.leeway,
        reserved=tuple(f"{issuer.alias}|" for issuer in settings.issuers),
    )


def remote_issuers_of(settings: Settings) -> frozenset[str]:
    """The other issuers whose tokens are believed."""
    return frozenset(issuer.issuer for issuer in settings.issuers)


def cross_origin_of(settings: Settings) -> CrossOrigin:
    """Which other origins may call."""
    return CrossOrigin(frozenset(str(origin).encode() for origin in settings.cors.origins))


def clients_of(settings: Settings) -> dict[str, Client]:
    """The clients by their ids."""
    delivered = _delivered_to(settings)
    return {
        client.id: Client(
            id=client.id,
            delivery=client.delivery,
            grants=frozenset(_GRANTS[grant] for grant in client.grants),
            audiences=client.audiences,
            secret_hash=(client.secret_hash or "").removeprefix("sha256:"),
            gets_access_cookie=client.id == delivered,
            is_bound=client.dpop == "required",
        )
        for client in settings.clients
    }


def _delivered_to(settings: Settings) -> str:
    """The id of the client that browsers get tokens for by themselves; empty where none does."""
    if not settings.delivery.automatic:
        return ""
    browsers = [client.id for client in settings.clients if client.delivery == "cookie"]
    return settings.delivery.client or browsers[0]


def identity_names(headers: IdentityHeaders) -> Iterable[str]:
    """The names of the identity headers, which a client may never send."""
    return (headers.subject, headers.credential, headers.session, headers.scope, headers.roles)
