"""Legacy sessions: format × place, from the literal registry below."""

import re
from collections.abc import Callable, Mapping
from dataclasses import replace
from zoneinfo import ZoneInfo

import httpx

from gateway.bridge.csrf import CsrfPairs
from gateway.bridge.logout import FormLogout, LogoutForm
from gateway.codec import SessionCodec, UserMapping
from gateway.core.credentials import Site
from gateway.legacy.django import Binding, DjangoDatabase, DjangoSignedCookies
from gateway.legacy.whoami import WhoamiRules
from gateway.ports import Clock, SessionEnder, SessionStore
from gateway.settings.addresses import origin_of
from gateway.settings.schema.root import Settings
from gateway.settings.schema.sessions import DjangoSession, FlaskSession, Session, WhoamiSession
from gateway.settings.secrets import Secrets
from gateway.stores.sessions import CodecSessions, LocatableSessions, Place
from gateway.stores.sessions_cached import CachedSessions
from gateway.stores.sessions_cookie import NoPlace
from gateway.stores.sessions_sqlite import SQLitePlace
from gateway.stores.sessions_stale import StaleCodecGuard
from gateway.stores.sessions_whoami import WhoamiQuestion, WhoamiSessions
from gateway.wire.policy import UpstreamPolicy
from gateway.wiring.extras import ensure_installed

Environ = Mapping[str, str]
Alert = Callable[[], None] | None
"""Hears when the codec of a site was declared stale."""


def open_sessions(
    settings: Settings, environ: Environ, upstreams: Mapping[str, UpstreamPolicy], alert: Alert = None
) -> dict[str, CachedSessions]:
    """Return the session stores by the names of their sites.

    Raises:
        ConfigurationError: a secret cannot be read, or a package is missing.
    """
    return {session.name: open_session(session, settings, environ, upstreams, alert) for session in settings.sessions}


def open_session(
    session: Session,
    settings: Settings,
    environ: Environ,
    upstreams: Mapping[str, UpstreamPolicy],
    alert: Alert = None,
) -> CachedSessions:
    """Return the store of one entry of `sessions`, with its cache in front. `alert` hears when its codec gets stale.

    Raises:
        ConfigurationError: a secret cannot be read, or a package is missing.
    """
    match session:
        case WhoamiSession():
            place = session.place.whoami
            assert place is not None
            store = _whoami(session, settings, upstreams[session.upstream or settings.default_upstream])
            return CachedSessions(store, ttl=place.positive_ttl, timeout=place.timeout + 1.0)
        case DjangoSession():
            return CachedSessions(
                CodecSessions(_django(session, environ), _place(session), StaleCodecGuard(alert=alert))
            )
        case FlaskSession():
            return CachedSessions(CodecSessions(_flask(session, environ), NoPlace(), StaleCodecGuard(alert=alert)))


def open_transport(upstream: UpstreamPolicy, connections: int = 32) -> httpx.AsyncHTTPTransport:
    """Return a way to ask an application ourselves, which believes the same certificates as the data path does."""
    limits = httpx.Limits(max_connections=connections, max_keepalive_connections=connections)
    return httpx.AsyncHTTPTransport(verify=upstream.tls or True, trust_env=False, limits=limits)


def open_enders(
    settings: Settings,
    *,
    sites: Mapping[str, Site],
    stores: Mapping[str, SessionStore],
    csrf: CsrfPairs,
    clock: Clock,
    upstreams: Mapping[str, UpstreamPolicy],
    transports: Mapping[str, httpx.AsyncBaseTransport],
) -> dict[str, SessionEnder]:
    """Return how each application is asked to log out, for those whose logout path is known."""
    enders: dict[str, SessionEnder] = {}
    for session in settings.sessions:
        if not session.logout_paths:
            continue
        name = session.upstream or settings.default_upstream
        form = LogoutForm(
            f"{settings.upstreams[name].url}{session.logout_paths[0]}",
            str(settings.public_url),
            host=_host_for(upstreams[name], settings),
        )
        enders[session.name] = FormLogout(
            site=sites[session.name],
            form=form,
            transport=transports[name],
            csrf=csrf,
            sessions=stores[session.name],
            clock=clock,
        )
    return enders


def _host_for(upstream: UpstreamPolicy, settings: Settings) -> str:
    """Return the Host that an application gets: what a browser behind us would have sent, or its own."""
    return settings.public_url.authority if upstream.preserve_host else upstream.authority.decode("ascii")


def _mapping(session: Session) -> UserMapping:
    return UserMapping(session.name, session.user, dict(session.claims))


def _read_all(secrets: Secrets, environ: Environ) -> tuple[bytes, ...]:
    return tuple(secret.read(environ) for secret in secrets)


def _place(session: DjangoSession) -> Place:
    if session.place.sqlite is not None:
        return SQLitePlace(session.place.sqlite.file)
    return NoPlace()


def _django(session: DjangoSession, environ: Environ) -> SessionCodec:
    secrets, options = _read_all(session.secrets, environ), session.options
    cookie = session.cookies[0].encode()
    binding = None if session.binding is None else Binding(**session.binding.model_dump())
    if session.backend == "signed_cookies":
        codec: DjangoSignedCookies | DjangoDatabase = DjangoSignedCookies(
            _mapping(session),
            secrets,
            cookie=cookie,
            max_age=options.cookie_age,
            is_sliding=options.is_sliding,
            binding=binding,
        )
    else:
        zone = ZoneInfo(options.time_zone)
        codec = DjangoDatabase(
            _mapping(session), secrets, cookie=cookie, table=options.table, zone=zone, binding=binding
        )
    return codec if options.salt is None else replace(codec, salt=options.salt.encode())


def _flask(session: FlaskSession, environ: Environ) -> SessionCodec:
    ensure_installed("itsdangerous", extra="flask", wanted_by=f"The format flask of the session {session.name}")
    from gateway.legacy.flask import FlaskCookie

    return FlaskCookie(
        _mapping(session),
        _read_all(session.secrets, environ),
        cookie=session.cookies[0].encode(),
        remember=session.remember.encode(),
        max_age=session.options.lifetime,
        salt=session.options.salt.encode(),
    )


def _whoami(session: WhoamiSession, settings: Settings, upstream: UpstreamPolicy) -> LocatableSessions:
    place, options = session.place.whoami, session.options
    assert place is not None
    public = settings.public_url
    # A service that stands elsewhere is no upstream of ours, so that `upstreams.*.ca` says nothing about it.
    is_upstream = origin_of(place.url) == settings.upstreams[upstream.name].url
    host = _host_for(upstream, settings) if is_upstream else public.authority
    question = WhoamiQuestion(
        url=str(place.url),
        fields=(("Host", host), ("X-Forwarded-Proto", public.scheme), ("X-Forwarded-Host", public.authority)),
        timeout=place.timeout,
    )
    rules = WhoamiRules(
        _mapping(session),
        header=(options.header or "").lower().encode(),
        pattern=None if options.pattern is None else re.compile(options.pattern.encode()),
        login_url=session.login_url or "",
        missing_is_anonymous=options.missing_is_anonymous,
    )
    transport = open_transport(upstream, question.connections) if is_upstream else None
    return WhoamiSessions(question, rules, transport=transport)
