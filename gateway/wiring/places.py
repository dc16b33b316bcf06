"""Where the records of legacy sessions and of their users lie, from the literal registry below."""

from collections.abc import Mapping

from gateway.settings.schema.places import (
    Folder,
    MySQL,
    Place,
    SQLiteFile,
)
from gateway.settings.schema.sessions import CodecSession, DjangoSession, RailsSession
from gateway.settings.schema.stores import Postgres, Redis
from gateway.stores.mysql_address import parse_mysql_url
from gateway.stores.postgres_address import parse_postgres_url
from gateway.stores.redis_address import parse_redis_url
from gateway.stores.sessions import Place as OpenPlace
from gateway.stores.sessions_cookie import NoPlace
from gateway.stores.sessions_file import FilePlace
from gateway.stores.sessions_split import SplitPlace
from gateway.stores.sessions_sqlite import SQLitePlace
from gateway.wiring.extras import ensure_installed

Environ = Mapping[str, str]


def open_place(session: CodecSession, place: Place, environ: Environ) -> OpenPlace:
    """Prepare the place of a session's records, and that of its users where it is another one.

    Raises:
        ConfigurationError: an address, or the package for it, is missing.
    """
    name = f"sessions.{session.name}"
    records = _open(getattr(place, place.kind), environ, f"{name}.place")
    users = session.users
    if users is None or users.place is None:
        return records
    tables = {users.table} - {None}
    binding = session.options.binding if isinstance(session, (DjangoSession, RailsSession)) else None
    if binding is not None:
        tables.add(binding.table)
    opened = _open(getattr(users.place, users.place.kind), environ, f"{name}.users.place")
    return SplitPlace(records, opened, frozenset(filter(None, tables)))


def _open(place: object, environ: Environ, wanted_by: str) -> OpenPlace:
    match place:
        case SQLiteFile():
            return SQLitePlace(place.file)
        case Folder():
            return FilePlace(place.directory, levels=place.levels)
        case Redis():
            return _open_redis(place, environ, wanted_by)
        case Postgres():
            return _open_postgres(place, environ, wanted_by)
        case MySQL():
            return _open_mysql(place, environ, wanted_by)
    return NoPlace()


def _open_redis(redis: Redis, environ: Environ, wanted_by: str) -> OpenPlace:
    ensure_installed("redis", "hiredis", extra="redis", wanted_by=wanted_by)
    from gateway.stores.sessions_redis import RedisPlace

    return RedisPlace(parse_redis_url(redis.read(environ)))


def _open_postgres(postgres: Postgres, environ: Environ, wanted_by: str) -> OpenPlace:
    ensure_installed("asyncpg", extra="postgres", wanted_by=wanted_by)
    from gateway.stores.sessions_postgres import PostgresPlace, PostgresPlacePolicy

    policy = PostgresPlacePolicy(connections=postgres.connections, has_statement_cache=postgres.statement_cache == "on")
    return PostgresPlace(parse_postgres_url(postgres.read(environ)), policy)


def _open_mysql(mysql: MySQL, environ: Environ, wanted_by: str) -> OpenPlace:
    ensure_installed("aiomysql", extra="mysql", wanted_by=wanted_by)
    from gateway.stores.sessions_mysql import MySQLPlace

    return MySQLPlace(parse_mysql_url(mysql.read(environ)))
