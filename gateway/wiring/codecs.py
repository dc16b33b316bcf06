"""The codec of each configured session, from the literal registry below."""

import base64
from collections.abc import Mapping
from dataclasses import replace
from zoneinfo import ZoneInfo

from gateway.codec import SessionCodec, UserMapping
from gateway.errors import ConfigurationError
from gateway.formats.django import Binding
from gateway.formats.rails import DeviseBinding, derive_keys
from gateway.legacy.columns import ColumnRecords, JsonRecords
from gateway.legacy.django import DjangoDatabase, DjangoSignedCookies
from gateway.legacy.django_entries import DjangoCache, DjangoFile
from gateway.legacy.express import ExpressCookie, ExpressRecords
from gateway.legacy.laravel import LaravelRecords, login_key
from gateway.legacy.php import PhpRecords
from gateway.legacy.rails import RailsCookie
from gateway.legacy.rails_records import RailsAuthentication, RailsRecords
from gateway.legacy.spring import SpringDatabase, SpringRedis
from gateway.legacy.users import WithUsers
from gateway.settings.schema.sessions import (
    CodecSession,
    ColumnSession,
    DjangoSession,
    ExpressSession,
    FlaskSession,
    JsonSession,
    LaravelSession,
    PhpSession,
    RailsSession,
    Session,
    SpringSession,
    StarletteSession,
)
from gateway.settings.secrets import Secrets
from gateway.wiring.csrf import csrf_of
from gateway.wiring.extras import ensure_installed

Environ = Mapping[str, str]
_BINDS_ITSELF = (DjangoSession, RailsSession)
"""Frameworks that hold a session against the user's password, so that a row of the user alone does not suffice."""
_DEVISE_USER = "warden.user.user.key.0.0"


def mapping_of(session: Session, user: str = "") -> UserMapping:
    """Return what is read of a session; `user` is the framework's own place for the user."""
    return UserMapping(session.name, session.user or user, dict(session.claims), csrf_of(session).session or "")


def read_all(secrets: Secrets, environ: Environ) -> tuple[bytes, ...]:
    """Return the secrets.

    Raises:
        ConfigurationError: one of them cannot be read.
    """
    return tuple(secret.read(environ) for secret in secrets)


def codec_of(session: CodecSession, environ: Environ) -> SessionCodec:
    """Return the codec of a session, which also looks up the user where that is configured.

    Raises:
        ConfigurationError: a secret cannot be read or is none, or a package is missing.
    """
    codec = _codec_of(session, environ)
    users = session.users
    if users is None or users.table is None:
        return codec
    return WithUsers(
        codec,
        session.name,
        users.table,
        key=users.key,
        active=users.active or "",
        subject=users.subject or "",
        claims=dict(users.claims),
        is_binding=not isinstance(session, _BINDS_ITSELF),
    )


def _codec_of(session: CodecSession, environ: Environ) -> SessionCodec:
    match session:
        case DjangoSession():
            return _django(session, environ)
        case FlaskSession():
            return _flask(session, environ)
        case StarletteSession():
            return _starlette(session, environ)
        case ExpressSession():
            return _express(session, environ)
        case LaravelSession():
            return _laravel(session, environ)
        case PhpSession():
            options = session.options
            return PhpRecords(mapping_of(session), session.cookies[0].encode(), session.prefix, options.handler)
        case RailsSession():
            return _rails(session, environ)
        case SpringSession():
            return _spring(session)
        case ColumnSession():
            return _columns(session)
        case JsonSession():
            form = session.options.key_form
            return JsonRecords(mapping_of(session), session.cookies[0].encode(), session.options.prefix, form)
    raise AssertionError(session.name)


def _django(session: DjangoSession, environ: Environ) -> SessionCodec:
    mapping, secrets, options = mapping_of(session), read_all(session.secrets, environ), session.options
    cookie = session.cookies[0].encode()
    binding = None if session.binding is None else Binding(**session.binding.model_dump())
    if session.backend == "cache":
        if options.serializer == "msgpack":
            ensure_installed("msgpack", extra="msgpack", wanted_by=f"sessions.{session.name}.options.serializer")
        return DjangoCache(mapping, secrets, cookie, session.prefix, options.serializer, binding)
    codec: DjangoFile | DjangoSignedCookies | DjangoDatabase
    if session.backend == "file":
        codec = DjangoFile(mapping, secrets, cookie, session.prefix, options.cookie_age, binding=binding)
    elif session.backend == "signed_cookies":
        codec = DjangoSignedCookies(
            mapping, secrets, cookie, options.cookie_age, is_sliding=options.is_sliding, binding=binding
        )
    else:
        zone = ZoneInfo(options.time_zone)
        codec = DjangoDatabase(mapping, secrets, cookie, options.table, zone=zone, binding=binding)
    return codec if options.salt is None else replace(codec, salt=options.salt.encode())


def _flask(session: FlaskSession, environ: Environ) -> SessionCodec:
    wanted_by = f"The format flask of the session {session.name}"
    ensure_installed("itsdangerous", extra="flask", wanted_by=wanted_by)
    mapping, secrets, options = mapping_of(session), read_all(session.secrets, environ), session.options
    cookie, remember = session.cookies[0].encode(), session.remember.encode()
    if session.place.cookie is not None:
        from gateway.legacy.flask import FlaskCookie

        return FlaskCookie(mapping, secrets, cookie, remember, options.lifetime, options.salt.encode())
    ensure_installed("msgpack", extra="msgpack", wanted_by=wanted_by)
    from gateway.legacy.flask_session import FlaskSessionRecords

    table = options.table if session.place.has_rows else ""
    return FlaskSessionRecords(mapping, secrets, cookie, remember, options.prefix, table, options.is_signed)


def _starlette(session: StarletteSession, environ: Environ) -> SessionCodec:
    ensure_installed("itsdangerous", extra="flask", wanted_by=f"The format starlette of the session {session.name}")
    from gateway.legacy.starlette import StarletteCookie

    secrets, options = read_all(session.secrets, environ), session.options
    return StarletteCookie(
        mapping_of(session), secrets, session.cookies[0].encode(), options.max_age, options.is_sliding
    )


def _express(session: ExpressSession, environ: Environ) -> SessionCodec:
    mapping, secrets, options = mapping_of(session), read_all(session.secrets, environ), session.options
    cookie = session.cookies[0].encode()
    if session.place.cookie is not None:
        return ExpressCookie(mapping, secrets, cookie)
    table = options.table if session.place.postgres is not None else ""
    return ExpressRecords(mapping, secrets, cookie, options.prefix, table, ZoneInfo(options.time_zone))


def _laravel(session: LaravelSession, environ: Environ) -> SessionCodec:
    options = session.options
    keys = laravel_keys(session, environ)
    prefix = options.prefix if session.place.redis is not None else ""
    return LaravelRecords(
        mapping_of(session, login_key(options.guard)),
        keys,
        session.cookies[0].encode(),
        table=options.table if session.place.has_rows else "",
        prefix=prefix,
        lifetime=options.lifetime,
    )


def laravel_keys(session: LaravelSession, environ: Environ) -> tuple[bytes, ...]:
    """Return APP_KEY and APP_PREVIOUS_KEYS, decoded.

    Raises:
        ConfigurationError: one of them cannot be read, or is none.
    """
    return tuple(_laravel_key(secret, session.name) for secret in read_all(session.secrets, environ))


def _laravel_key(secret: bytes, name: str) -> bytes:
    try:
        key = base64.b64decode(secret.removeprefix(b"base64:")) if secret.startswith(b"base64:") else secret
    except ValueError:
        key = b""
    if len(key) not in {16, 32}:
        raise ConfigurationError(f"A secret of sessions.{name} is no APP_KEY: it has neither 16 nor 32 bytes.")
    return key


def _rails(session: RailsSession, environ: Environ) -> SessionCodec:
    cookie, options = session.cookies[0].encode(), session.options
    binding = None if options.binding is None else DeviseBinding(**options.binding.model_dump())
    if session.store == "cookie":
        keys = derive_keys(read_all(session.secrets, environ))
        return RailsCookie(mapping_of(session, _DEVISE_USER), keys, cookie, binding)
    if session.store == "authentication":
        keys = derive_keys(read_all(session.secrets, environ))
        return RailsAuthentication(mapping_of(session, "user_id"), keys, cookie, options.table)
    mapping = mapping_of(session, _DEVISE_USER)
    if session.store == "redis":
        return RailsRecords(mapping, cookie, prefix=options.prefix, binding=binding)
    return RailsRecords(mapping, cookie, table=options.table, binding=binding)


def _spring(session: SpringSession) -> SessionCodec:
    mapping, cookie, options = mapping_of(session), session.cookies[0].encode(), session.options
    if session.place.redis is not None:
        return SpringRedis(mapping, cookie, options.prefix, options.suffix)
    return SpringDatabase(mapping, cookie, options.table, options.suffix)


def _columns(session: ColumnSession) -> SessionCodec:
    options = session.options
    return ColumnRecords(
        mapping_of(session),
        session.cookies[0].encode(),
        options.table,
        options.key,
        options.key_form,
        options.expires or "",
        options.date_form,
        ZoneInfo(options.time_zone),
    )
