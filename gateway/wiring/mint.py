"""Who makes sessions, for the sites where that is configured: the literal registry below."""

import secrets as randomness
from collections.abc import Callable, Mapping
from zoneinfo import ZoneInfo

from gateway.bridge.mint import Mint, UserRow
from gateway.formats.django import SALT, Binding
from gateway.formats.minting import SessionMint, Template, names_in
from gateway.formats.rails import derive_keys
from gateway.formats.written import plain_json
from gateway.legacy.django_mint import COOKIE_SALT, DjangoContent, DjangoCookieMint, DjangoEntryMint, DjangoRowMint
from gateway.legacy.express_mint import ExpressCookieMint, ExpressRecordMint
from gateway.legacy.laravel_mint import LaravelMint
from gateway.legacy.rails_mint import RailsAuthenticationMint, RailsCookieMint
from gateway.mint_ports import MintPlace
from gateway.settings.schema import mint as schema
from gateway.settings.schema.root import Settings
from gateway.settings.schema.sessions import (
    CodecSession,
    DjangoSession,
    ExpressSession,
    FlaskSession,
    LaravelSession,
    RailsSession,
    StarletteSession,
)
from gateway.stores.mint_sqlite import SQLiteMintPlace
from gateway.stores.mint_users import PlacedUsers
from gateway.stores.mysql_address import parse_mysql_url
from gateway.stores.postgres_address import parse_postgres_url
from gateway.stores.redis_address import parse_redis_url
from gateway.wiring.codecs import laravel_keys
from gateway.wiring.places import open_place

Environ = Mapping[str, str]
Dumps = Callable[[dict[str, object]], bytes]


def open_mints(settings: Settings, environ: Environ) -> dict[str, Mint]:
    """Return who makes the sessions of each site that is configured so.

    Raises:
        ConfigurationError: a secret or an address cannot be read.
    """
    return {
        session.name: open_mint(session, environ)
        for session in settings.sessions
        if session.mint is not None and isinstance(session, CodecSession)
    }


def open_mint(session: CodecSession, environ: Environ) -> Mint:
    """Return who makes the sessions of an entry that has `mint`.

    Raises:
        ConfigurationError: a secret or an address cannot be read.
    """
    mint = session.mint
    assert mint is not None
    return Mint(
        form=_form_of(session, Template(mint.session), environ),
        realm=session.realm or "",
        life=mint.lifetime,
        users=_users_of(session, mint),
        rows=PlacedUsers(open_place(session, session.place, environ)),
        place=None if mint.place is None else _open_place(mint.place, environ),
        entropy=randomness.token_bytes,
    )


def _users_of(session: CodecSession, mint: schema.Mint) -> UserRow | None:
    """Return where the user's row is: Django's own check says it, elsewhere `users` does."""
    columns = tuple(name.removeprefix("column.") for name in names_in(mint.session) if name.startswith("column."))
    if isinstance(session, DjangoSession) and session.binding is not None:
        binding = session.binding
        subject = None if session.users is None else session.users.subject
        key, needed = subject or binding.key, (binding.key, binding.password, *columns)
        return UserRow(binding.table, key, needed, binding.active or "", binding.hex_keys and subject is None)
    users = session.users
    if users is None or users.table is None:
        return None
    return UserRow(users.table, users.subject or users.key, (users.key, *columns), users.active or "")


def _open_place(place: schema.MintPlace, environ: Environ) -> MintPlace:
    if place.sqlite is not None:
        return SQLiteMintPlace(place.sqlite.file)
    if place.postgres is not None:
        from gateway.stores.mint_postgres import PostgresMintPlace  # its package was asked for with the sessions' place

        has_cache = place.postgres.statement_cache == "on"
        return PostgresMintPlace(parse_postgres_url(place.postgres.read(environ)), has_statement_cache=has_cache)
    if place.mysql is not None:
        from gateway.stores.mint_mysql import MySQLMintPlace

        return MySQLMintPlace(parse_mysql_url(place.mysql.read(environ)))
    from gateway.stores.mint_redis import RedisMintPlace

    assert place.redis is not None
    return RedisMintPlace(parse_redis_url(place.redis.read(environ)))


def _form_of(session: CodecSession, template: Template, environ: Environ) -> SessionMint:
    match session:
        case DjangoSession():
            return _django(session, template, environ)
        case FlaskSession() | StarletteSession():
            return _flask(session, template, environ)
        case ExpressSession():
            secret, cookie, options = session.secrets[0].read(environ), session.cookies[0].encode(), session.options
            if session.place.cookie is not None:
                return ExpressCookieMint(template, secret, cookie)
            table = options.table if session.place.postgres is not None else ""
            return ExpressRecordMint(template, secret, cookie, options.prefix, table, ZoneInfo(options.time_zone))
        case LaravelSession():
            table = session.options.table if session.place.has_rows else ""
            (key, *_), cookie = laravel_keys(session, environ), session.cookies[0].encode()
            return LaravelMint(template, key, cookie, table, session.options.prefix)
        case RailsSession():
            return _rails(session, template, environ)
    raise AssertionError(session.name)


def _rails(session: RailsSession, template: Template, environ: Environ) -> SessionMint:
    by_sha256, by_sha1 = derive_keys((session.secrets[0].read(environ),))
    keys, cookie = by_sha256 if session.options.digest == "SHA256" else by_sha1, session.cookies[0].encode()
    if session.store == "cookie":
        return RailsCookieMint(template, keys, cookie)
    return RailsAuthenticationMint(template, keys, cookie, session.options.table)


def _django(session: DjangoSession, template: Template, environ: Environ) -> SessionMint:
    assert session.binding is not None  # the configuration was refused otherwise
    secrets, options = tuple(secret.read(environ) for secret in session.secrets), session.options
    content = DjangoContent(template, secrets, Binding(**session.binding.model_dump()))
    cookie, salt = session.cookies[0].encode(), None if options.salt is None else options.salt.encode()
    if session.backend == "cache":
        return DjangoEntryMint(content, cookie, session.prefix, *_django_dumps(options.serializer))
    if session.backend == "signed_cookies":
        return DjangoCookieMint(content, cookie, salt or COOKIE_SALT)
    return DjangoRowMint(content, cookie, options.table, salt or SALT, ZoneInfo(options.time_zone))


def _django_dumps(serializer: str) -> tuple[Dumps, ...]:
    if serializer == "msgpack":
        from gateway.formats.packed import dump_msgpack

        return (dump_msgpack,)
    return (plain_json,) if serializer == "json" else ()


def _flask(session: FlaskSession | StarletteSession, template: Template, environ: Environ) -> SessionMint:
    from gateway.legacy.flask_mint import FlaskCookieMint, FlaskSessionMint, StarletteCookieMint

    secret, cookie = session.secrets[0].read(environ), session.cookies[0].encode()
    if isinstance(session, StarletteSession):
        return StarletteCookieMint(template, secret, cookie)
    options = session.options
    if session.place.cookie is not None:
        return FlaskCookieMint(template, secret, cookie, options.salt.encode())
    from gateway.formats.packed import dump_msgpack

    table = options.table if session.place.has_rows else ""
    signing = secret if options.is_signed else b""
    return FlaskSessionMint(template, signing, cookie, options.prefix, table, dump_msgpack)
