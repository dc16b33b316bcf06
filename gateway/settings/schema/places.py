"""Where legacy sessions and their users lie; nothing there is ever written."""

from collections.abc import Mapping
from typing import Annotated, ClassVar, Self

from pydantic import Field, PlainValidator, WithJsonSchema, model_validator

from gateway.errors import ConfigurationError
from gateway.settings.addresses import Url
from gateway.settings.schema.section import Section
from gateway.settings.schema.stores import Postgres, Redis, Server
from gateway.settings.values import Duration, DurationOrZero, File, Flag, wrong
from gateway.stores.mysql_address import parse_mysql_url


class Place(Section):
    """Where sessions lie: a mapping with exactly one key."""

    @model_validator(mode="before")
    @classmethod
    def _ensure_one(cls, value: object) -> object:
        if not isinstance(value, Mapping) or len(value) != 1:
            raise wrong("", says=f"expected a mapping with one key of: {', '.join(cls.kinds)}")
        return value

    @model_validator(mode="after")
    def _ensure_mapping(self) -> Self:
        if all(getattr(self, kind) is None for kind in self.kinds):
            raise wrong("", says="expected a mapping behind the place, {} where there is nothing to say")
        return self

    @property
    def kind(self) -> str:
        """The one key that is given."""
        return next(kind for kind in self.kinds if getattr(self, kind) is not None)

    @property
    def has_rows(self) -> bool:
        """Whether it is a database with tables."""
        return self.kind in {"sqlite", "postgres", "mysql"}


class SQLiteFile(Section):
    """A SQLite file of the application, only ever read."""

    file: File
    """The file."""


class InCookie(Section):
    """The session is the cookie itself; there is nothing else to say."""


class Folder(Section):
    """A folder with a file for each session."""

    directory: File
    """The folder. The gateway's user must be able to read the files in it."""
    levels: Annotated[int, Field(ge=0, le=4, strict=True)] = 0
    """Under how many folders a file lies, as `N` in PHP's `session.save_path`."""


def _read_mysql_url(value: object) -> str:
    try:
        address = parse_mysql_url(value if isinstance(value, str) and len(value) <= 1000 else "")
    except ConfigurationError:
        raise wrong("an address like mysql://reader@127.0.0.1:3306/app") from None
    if address.password:
        raise wrong("", says="an address with a password belongs into an environment variable or a file")
    return str(value)


class MySQL(Server):
    """A MySQL or MariaDB server, by address or by a secret that holds the address."""

    example = "mysql://…"

    url: (
        Annotated[
            str, PlainValidator(_read_mysql_url), WithJsonSchema({"type": "string", "pattern": "^(mysql|mariadb)://"})
        ]
        | None
    ) = None
    """An address without a password: `mysql://reader@127.0.0.1:3306/app`."""


class SessionRedis(Redis):
    """The Redis server of the application, by address or by a secret that holds the address."""

    events: Flag = False
    """Hears of removed sessions at once, from keyspace events (`notify-keyspace-events Egx`)."""


class Asked(Section):
    """An address of the application that tells who is signed in."""

    url: Url
    """It is asked with the user's own cookies."""
    timeout: Duration = 2.0
    """How long it may take; after that nobody knows who it is."""


class WhoamiAddress(Asked):
    """An address of the application that tells who is signed in."""

    positive_ttl: DurationOrZero = 10.0
    """How long an answer that names a user counts; one that names nobody is never kept."""


class DatabasePlace(Place):
    """A database of the application. Its user needs the right to SELECT and no other."""

    kinds: ClassVar[tuple[str, ...]] = ("sqlite", "postgres", "mysql")

    sqlite: SQLiteFile | None = None
    """A file."""
    postgres: Postgres | None = None
    """A PostgreSQL server."""
    mysql: MySQL | None = None
    """A MySQL or MariaDB server."""


class RecordPlace(DatabasePlace):
    """A database or a Redis of the application."""

    kinds: ClassVar[tuple[str, ...]] = ("sqlite", "postgres", "mysql", "redis")

    redis: SessionRedis | None = None
    """A Redis server. Its user needs the right to GET, for Spring to HMGET, and no other."""


class DjangoPlace(RecordPlace):
    """Where Django sessions lie."""

    kinds: ClassVar[tuple[str, ...]] = ("sqlite", "postgres", "mysql", "redis", "file", "cookie")

    file: Folder | None = None
    """SESSION_FILE_PATH."""
    cookie: InCookie | None = None
    """The signed cookie."""


class FlaskPlace(RecordPlace):
    """Where Flask sessions lie: in the signed cookie, or with Flask-Session in a server."""

    kinds: ClassVar[tuple[str, ...]] = ("cookie", "redis", "sqlite", "postgres", "mysql")
    planned = ("file",)

    cookie: InCookie | None = None
    """The signed cookie."""


class StarlettePlace(Place):
    """Where sessions of Starlette and FastAPI lie."""

    kinds: ClassVar[tuple[str, ...]] = ("cookie",)

    cookie: InCookie | None = None
    """The signed cookie."""


class ExpressPlace(Place):
    """Where Express sessions lie."""

    kinds: ClassVar[tuple[str, ...]] = ("redis", "postgres", "cookie")

    redis: SessionRedis | None = None
    """express-session with connect-redis. Its user needs the right to GET and no other."""
    postgres: Postgres | None = None
    """express-session with connect-pg-simple. Its user needs the right to SELECT and no other."""
    cookie: InCookie | None = None
    """cookie-session."""


class LaravelPlace(RecordPlace):
    """Where Laravel sessions lie."""

    kinds: ClassVar[tuple[str, ...]] = ("sqlite", "postgres", "mysql", "redis", "file")

    file: Folder | None = None
    """`storage/framework/sessions`."""


class PhpPlace(Place):
    """Where sessions of PHP itself lie."""

    kinds: ClassVar[tuple[str, ...]] = ("file", "redis")

    file: Folder | None = None
    """`session.save_path`."""
    redis: SessionRedis | None = None
    """A Redis server. Its user needs the right to GET and no other."""


class RailsPlace(RecordPlace):
    """Where Rails sessions lie."""

    kinds: ClassVar[tuple[str, ...]] = ("cookie", "sqlite", "postgres", "mysql", "redis")

    cookie: InCookie | None = None
    """The encrypted cookie."""


class JsonPlace(Place):
    """Where records of JSON lie."""

    kinds: ClassVar[tuple[str, ...]] = ("redis", "file")

    redis: SessionRedis | None = None
    """A Redis server. Its user needs the right to GET and no other."""
    file: Folder | None = None
    """A folder."""


class WhoamiPlace(Place):
    """Who is asked."""

    kinds: ClassVar[tuple[str, ...]] = ("whoami",)

    whoami: WhoamiAddress | None = None
    """The address."""
