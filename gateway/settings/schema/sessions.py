"""The legacy sessions: a format, the place where they lie, and what may be done with them."""

from collections.abc import Mapping
from typing import Annotated, Literal, Self
from zoneinfo import available_timezones

from pydantic import BeforeValidator, Field, PlainValidator, WithJsonSchema, model_validator

from gateway.settings.addresses import Url
from gateway.settings.schema.section import Section, not_yet, planned
from gateway.settings.secrets import SomeSecrets
from gateway.settings.values import (
    ColumnName,
    CookieName,
    Duration,
    DurationOrZero,
    FieldName,
    File,
    Flag,
    Name,
    SitePath,
    Text,
    wrong,
)

FORMATS = ("django", "flask", "whoami")
"""The formats that this version reads."""
_PLANNED_FORMATS = ("starlette", "express", "laravel", "php", "rails", "spring", "columns", "json_record")


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


class SQLiteFile(Section):
    """A SQLite file of the application, only ever read."""

    file: File
    """The file."""


class InCookie(Section):
    """The session is the cookie itself; there is nothing else to say."""


class WhoamiAddress(Section):
    """An address of the application that tells who is signed in."""

    url: Url
    """It is asked with the user's own cookies."""
    timeout: Duration = 2.0
    """How long it may take; after that nobody knows who it is."""
    positive_ttl: DurationOrZero = 10.0
    """How long an answer that names a user counts; one that names nobody is never kept."""


class DjangoPlace(Place):
    """Where Django sessions lie."""

    kinds = ("sqlite", "cookie")
    planned = ("postgres", "mysql", "redis", "file")

    sqlite: SQLiteFile | None = None
    """The database of the application."""
    cookie: InCookie | None = None
    """The signed cookie."""


class FlaskPlace(Place):
    """Where Flask sessions lie."""

    kinds = ("cookie",)
    planned = ("redis", "sqlite", "postgres", "mysql", "file")

    cookie: InCookie | None = None
    """The signed cookie."""


class WhoamiPlace(Place):
    """Who is asked."""

    kinds = ("whoami",)

    whoami: WhoamiAddress | None = None
    """The address."""


class DjangoBinding(Section):
    """Where the user's password hash is, against which Django itself checks each session."""

    table: ColumnName = "auth_user"
    """The table of users."""
    key: ColumnName = "id"
    """Its primary key."""
    password: ColumnName = "password"  # noqa: S105 - a column
    """The column of the password hash."""
    active: ColumnName | Literal[""] = "is_active"
    """The column that says whether the user may sign in; empty where there is none."""
    hex_keys: Flag = False
    """The primary key is a UUID, written as 32 hexadecimal digits (SQLite, MySQL)."""


def _as_binding(value: object) -> object:
    return {True: {}, False: None}[value] if isinstance(value, bool) else value


def _read_zone(value: object) -> str:
    if value != "UTC" and (not isinstance(value, str) or value not in available_timezones()):
        raise wrong("a time zone like UTC or Europe/Berlin")
    return str(value)


class DjangoOptions(Section):
    """Settings of the Django application that differ from Django's own defaults."""

    backend: Literal["db", "signed_cookies"] | None = None
    """SESSION_ENGINE; `db` stands for `cached_db` too. Without it, what fits the place."""
    cookie_age: Duration = 1_209_600.0
    """SESSION_COOKIE_AGE, for `signed_cookies`."""
    table: ColumnName = "django_session"
    """The table of sessions."""
    salt: Text | None = None
    """The dotted name of the session store class, where it is one of your own."""
    time_zone: Annotated[str, PlainValidator(_read_zone), WithJsonSchema({"type": "string"})] = "UTC"
    """TIME_ZONE, where USE_TZ is off."""
    is_sliding: Flag = False
    """SESSION_SAVE_EVERY_REQUEST, for `signed_cookies`."""
    binding: Annotated[
        DjangoBinding | None, BeforeValidator(_as_binding), Field(json_schema_extra={"x-short": {"type": "boolean"}})
    ] = Field(default_factory=DjangoBinding)
    """The check against the user's present password; `false` leaves it out."""


class FlaskOptions(Section):
    """Settings of the Flask application that differ from the defaults."""

    lifetime: Duration = 31 * 86400.0
    """PERMANENT_SESSION_LIFETIME."""
    salt: Text = "cookie-session"
    """The salt of the session interface, where it is one of your own."""
    remember: CookieName | None = None
    """REMEMBER_COOKIE_NAME of Flask-Login; without it, `remember_token` where that stands in `cookies`."""


class WhoamiOptions(Section):
    """How the answer names the user: by JSON (`user`), by a header field, or by a pattern."""

    header: FieldName | None = None
    """The header field of the answer that holds the user."""
    pattern: Text | None = None
    """A regular expression whose first group is the user, for applications that only have pages."""
    missing_is_anonymous: Flag = False
    """An answer without a user says that nobody is signed in; otherwise it says nothing."""


class SessionBase(Section):
    """What all sessions have in common."""

    name: Name
    """A short name of yours for messages and metrics."""
    upstream: Name | None = None
    """Which application they belong to; without it, `app` or the only one there is."""
    user: Text = "id"
    """Where in a session the user stands, as a dotted path."""
    claims: dict[Name, Text] = Field(default_factory=dict)
    """Further claims of tokens and where in a session they stand, as dotted paths."""
    login_url: SitePath | None = None
    """The login page of the application."""
    logout_paths: Annotated[tuple[SitePath, ...], Field(max_length=20)] = ()
    """Where the application logs out; the first one is what our own logout calls."""
    on_undetermined: Literal["forward", "refuse"] = "forward"
    """What happens while nobody can say whose session it is: the application decides, or 503."""
    bridge: Annotated[Literal["vault", "headers"], not_yet("mint", available=("vault", "headers"))] = "vault"
    """What the application gets for a token: the user's own cookies, or identity headers."""
    pick: Literal["first", "last"] | None = None
    """Which of two cookies of one name counts; without it, what the framework does."""


class DjangoSession(SessionBase):
    """Sessions of Django."""

    format: Literal["django"]
    """How sessions are written."""
    place: DjangoPlace
    """Where they lie."""
    cookies: Annotated[tuple[CookieName, ...], Field(min_length=1, max_length=10)] = ("sessionid",)
    """The session cookie, then all cookies that travel with it."""
    secrets: SomeSecrets
    """SECRET_KEY, then SECRET_KEY_FALLBACKS."""
    user: Text = "_auth_user_id"
    """Where in a session the user stands, as a dotted path."""
    options: DjangoOptions = Field(default_factory=DjangoOptions)
    """What differs from Django's own defaults."""

    @property
    def backend(self) -> Literal["db", "signed_cookies"]:
        """The session engine, given or by the place."""
        return self.options.backend or ("signed_cookies" if self.place.sqlite is None else "db")

    @property
    def binding(self) -> DjangoBinding | None:
        """The binding check, None where it is switched off or there is no database to ask."""
        return None if self.place.sqlite is None else self.options.binding

    @property
    def picks(self) -> Literal["first", "last"]:
        """Which of two cookies of one name counts."""
        return self.pick or "last"


class FlaskSession(SessionBase):
    """Sessions of Flask."""

    format: Literal["flask"]
    """How sessions are written."""
    place: FlaskPlace
    """Where they lie."""
    cookies: Annotated[tuple[CookieName, ...], Field(min_length=1, max_length=10)] = ("session", "remember_token")
    """The session cookie, then all cookies that travel with it."""
    secrets: SomeSecrets
    """SECRET_KEY, then SECRET_KEY_FALLBACKS."""
    user: Text = "_user_id"
    """Where in a session the user stands, as a dotted path."""
    options: FlaskOptions = Field(default_factory=FlaskOptions)
    """What differs from the defaults."""

    @property
    def remember(self) -> str:
        """The cookie of Flask-Login that remembers a user; empty where it is not used."""
        return self.options.remember or ("remember_token" if "remember_token" in self.cookies else "")

    @property
    def picks(self) -> Literal["first", "last"]:
        """Which of two cookies of one name counts."""
        return self.pick or "first"


class WhoamiSession(SessionBase):
    """Sessions of any framework: the application itself is asked."""

    format: Literal["whoami"]
    """How sessions are written."""
    place: WhoamiPlace
    """Who is asked."""
    cookies: Annotated[tuple[CookieName, ...], Field(min_length=1, max_length=10)]
    """The session cookie, then all cookies that travel with it."""
    options: WhoamiOptions = Field(default_factory=WhoamiOptions)
    """How the answer is read."""

    @property
    def picks(self) -> Literal["first", "last"]:
        """Which of two cookies of one name counts."""
        return self.pick or "first"


def _refuse_planned(value: object) -> object:
    name = value.get("format") if isinstance(value, Mapping) else None
    if name in _PLANNED_FORMATS:
        raise planned(str(name), FORMATS, at="format")
    return value


Session = Annotated[
    DjangoSession | FlaskSession | WhoamiSession, Field(discriminator="format"), BeforeValidator(_refuse_planned)
]
