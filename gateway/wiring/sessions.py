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
from gateway.legacy.flask import FlaskCookie
from gateway.legacy.whoami import WhoamiRules
from gateway.ports import Clock, SessionEnder, SessionStore
from gateway.settings.schema.root import Settings
from gateway.settings.schema.sessions import DjangoSession, FlaskSession, Session, WhoamiSession
from gateway.settings.secrets import Secrets
from gateway.stores.sessions import CodecSessions, LocatableSessions, Place
from gateway.stores.sessions_cached import CachedSessions
from gateway.stores.sessions_cookie import NoPlace
from gateway.stores.sessions_sqlite import SQLitePlace
from gateway.stores.sessions_stale import StaleCodecGuard
from gateway.stores.sessions_whoami import WhoamiQuestion, WhoamiSessions

Environ = Mapping[str, str]
Alert = Callable[[], None] | None
"""Hears when the codec of a site was declared stale."""


def open_sessions(settings: Settings, environ: Environ, alert: Alert = None) -> dict[str, CachedSessions]:
    """Return the session stores by the names of their sites.

    Raises:
        ConfigurationError: a secret cannot be read.
    """
    return {session.name: open_session(session, settings, environ, alert) for session in settings.sessions}


def open_session(session: Session, settings: Settings, environ: Environ, alert: Alert = None) -> CachedSessions:
    """Return the store of one entry of `sessions`, with its cache in front. `alert` hears when its codec gets stale."""
    match session:
        case WhoamiSession():
            place = session.place.whoami
            assert place is not None
            return CachedSessions(_whoami(session, settings), ttl=place.positive_ttl, timeout=place.timeout + 1.0)
        case DjangoSession():
            return CachedSessions(
                CodecSessions(_django(session, environ), _place(session), StaleCodecGuard(alert=alert))
            )
        case FlaskSession():
            return CachedSessions(CodecSessions(_flask(session, environ), NoPlace(), StaleCodecGuard(alert=alert)))


def open_enders(
    settings: Settings,
    sites: Mapping[str, Site],
    stores: Mapping[str, SessionStore],
    csrf: CsrfPairs,
    clock: Clock,
    transport: httpx.AsyncBaseTransport,
) -> dict[str, SessionEnder]:
    """Return how each application is asked to log out, for those whose logout path is known."""
    enders: dict[str, SessionEnder] = {}
    for session in settings.sessions:
        if not session.logout_paths:
            continue
        upstream = settings.upstreams[session.upstream or settings.default_upstream]
        form = LogoutForm(f"{upstream.url}{session.logout_paths[0]}", str(settings.public_url))
        enders[session.name] = FormLogout(
            site=sites[session.name],
            form=form,
            transport=transport,
            csrf=csrf,
            sessions=stores[session.name],
            clock=clock,
        )
    return enders


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
    return FlaskCookie(
        _mapping(session),
        _read_all(session.secrets, environ),
        cookie=session.cookies[0].encode(),
        remember=session.remember.encode(),
        max_age=session.options.lifetime,
        salt=session.options.salt.encode(),
    )


def _whoami(session: WhoamiSession, settings: Settings) -> LocatableSessions:
    place, options = session.place.whoami, session.options
    assert place is not None
    host = settings.public_url.authority
    question = WhoamiQuestion(
        url=str(place.url),
        fields=(("Host", host), ("X-Forwarded-Proto", settings.public_url.scheme), ("X-Forwarded-Host", host)),
        timeout=place.timeout,
    )
    rules = WhoamiRules(
        _mapping(session),
        header=(options.header or "").lower().encode(),
        pattern=None if options.pattern is None else re.compile(options.pattern.encode()),
        login_url=session.login_url or "",
        missing_is_anonymous=options.missing_is_anonymous,
    )
    return WhoamiSessions(question, rules)
