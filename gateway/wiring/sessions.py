"""Legacy sessions: format × place, with their cache, and how they end."""

import re
from collections.abc import Callable, Mapping
from contextlib import AsyncExitStack

import httpx

from gateway.bridge.csrf import CsrfPairs
from gateway.bridge.logout import FormLogout, LogoutForm
from gateway.bridge.mint import Mint, MintedLogout
from gateway.codec import UserMapping
from gateway.core.credentials import Site
from gateway.legacy.whoami import WhoamiRules
from gateway.ports import Clock, SessionEnder, SessionStore
from gateway.settings.addresses import origin_of
from gateway.settings.schema.places import Asked
from gateway.settings.schema.root import Settings
from gateway.settings.schema.session import WhoamiFallback, WhoamiOptions
from gateway.settings.schema.sessions import Session, WhoamiSession
from gateway.stores.sessions import CodecSessions, LocatableSessions
from gateway.stores.sessions_cached import CachedSessions
from gateway.stores.sessions_fallback import FallbackSessions
from gateway.stores.sessions_realm import RealmSessions
from gateway.stores.sessions_stale import StaleCodecGuard
from gateway.stores.sessions_whoami import WhoamiQuestion, WhoamiSessions
from gateway.wire.policy import UpstreamPolicy
from gateway.wiring.codecs import codec_of, mapping_of
from gateway.wiring.places import open_place

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
    upstream = upstreams[session.upstream or settings.default_upstream]
    if isinstance(session, WhoamiSession):
        address = session.place.whoami
        assert address is not None
        asked = _whoami(session, address, session.options, mapping_of(session), settings, upstream)
        return CachedSessions(_in_realm(asked, session), ttl=address.positive_ttl, timeout=address.timeout + 1.0)
    place = open_place(session, session.place, environ)
    store = CodecSessions(codec_of(session, environ), place, StaleCodecGuard(alert=alert))
    fallback = session.whoami
    if fallback is None:
        return CachedSessions(_in_realm(store, session))
    either = FallbackSessions(store, _second(session, fallback, settings, upstream))
    return CachedSessions(_in_realm(either, session), timeout=fallback.timeout + 3.0)


def find_whoami(
    session: Session, settings: Settings, upstreams: Mapping[str, UpstreamPolicy]
) -> LocatableSessions | None:
    """Return what asks the application itself who a session is, beside what is read; None where nothing says how."""
    if isinstance(session, WhoamiSession) or session.whoami is None:
        return None
    upstream = upstreams[session.upstream or settings.default_upstream]
    return _in_realm(_second(session, session.whoami, settings, upstream), session)


def _second(
    session: Session, fallback: WhoamiFallback, settings: Settings, upstream: UpstreamPolicy
) -> LocatableSessions:
    return _whoami(session, fallback, fallback, UserMapping(session.name, fallback.user, {}), settings, upstream)


def _in_realm(store: LocatableSessions, session: Session) -> LocatableSessions:
    return store if session.realm is None else RealmSessions(store, session.realm)


def open_transport(upstream: UpstreamPolicy, connections: int = 32) -> httpx.AsyncHTTPTransport:
    """Return a way to ask an application ourselves, which believes the same certificates as the data path does."""
    limits = httpx.Limits(max_connections=connections, max_keepalive_connections=connections)
    return httpx.AsyncHTTPTransport(verify=upstream.tls or True, trust_env=False, limits=limits)


def open_transports(
    upstreams: Mapping[str, UpstreamPolicy], opened: AsyncExitStack
) -> dict[str, httpx.AsyncBaseTransport]:
    """Return a way to ask each application, by the names of the upstreams; `opened` closes them."""
    transports: dict[str, httpx.AsyncBaseTransport] = {}
    for name, upstream in upstreams.items():
        transports[name] = transport = open_transport(upstream)
        opened.push_async_callback(transport.aclose)
    return transports


def open_enders(
    settings: Settings,
    *,
    sites: Mapping[str, Site],
    stores: Mapping[str, SessionStore],
    csrf: CsrfPairs,
    clock: Clock,
    upstreams: Mapping[str, UpstreamPolicy],
    transports: Mapping[str, httpx.AsyncBaseTransport],
    mints: Mapping[str, Mint],
) -> dict[str, SessionEnder]:
    """Return how each application is asked to log out, for those whose logout path is known.

    Where sessions may be written, the record is deleted if the application cannot be asked or does not do it.
    """
    enders: dict[str, SessionEnder] = {}
    for session in settings.sessions:
        if not session.logout_paths:
            continue
        name = session.upstream or settings.default_upstream
        form = LogoutForm(
            f"{settings.upstreams[name].url}{session.logout_paths[0]}",
            str(settings.public_url),
            host=host_for(upstreams[name], settings),
        )
        enders[session.name] = FormLogout(
            site=sites[session.name],
            form=form,
            transport=transports[name],
            csrf=csrf,
            sessions=stores[session.name],
            clock=clock,
        )
    return enders | {name: MintedLogout(mint, enders.get(name)) for name, mint in mints.items()}


def host_for(upstream: UpstreamPolicy, settings: Settings) -> str:
    """Return the Host that an application gets: what a browser behind us would have sent, or its own."""
    return settings.public_url.authority if upstream.preserve_host else upstream.authority.decode("ascii")


def _whoami(
    session: Session,
    address: Asked,
    options: WhoamiOptions,
    mapping: UserMapping,
    settings: Settings,
    upstream: UpstreamPolicy,
) -> LocatableSessions:
    public = settings.public_url
    # A service that stands elsewhere is no upstream of ours, so that `upstreams.*.ca` says nothing about it.
    is_upstream = origin_of(address.url) == settings.upstreams[upstream.name].url
    host = host_for(upstream, settings) if is_upstream else public.authority
    question = WhoamiQuestion(
        url=str(address.url),
        fields=(("Host", host), ("X-Forwarded-Proto", public.scheme), ("X-Forwarded-Host", public.authority)),
        timeout=address.timeout,
    )
    rules = WhoamiRules(
        mapping,
        header=(options.header or "").lower().encode(),
        pattern=None if options.pattern is None else re.compile(options.pattern.encode()),
        login_url=session.login_url or "",
        missing_is_anonymous=options.missing_is_anonymous,
    )
    transport = open_transport(upstream, question.connections) if is_upstream else None
    return WhoamiSessions(question, rules, transport=transport)
