"""Sessions of Django, Flask and Starlette."""

from typing import Annotated, Literal
from zoneinfo import available_timezones

from pydantic import BeforeValidator, Field, PlainValidator, WithJsonSchema

from gateway.settings.schema.places import DjangoPlace, FlaskPlace, StarlettePlace
from gateway.settings.schema.section import Section
from gateway.settings.schema.session import CodecSession, Cookies
from gateway.settings.secrets import SomeSecrets
from gateway.settings.values import ColumnName, CookieName, Duration, Flag, Text, wrong


def _read_zone(value: object) -> str:
    if value != "UTC" and (not isinstance(value, str) or value not in available_timezones()):
        raise wrong("a time zone like UTC or Europe/Berlin")
    return str(value)


TimeZone = Annotated[str, PlainValidator(_read_zone), WithJsonSchema({"type": "string"})]
"""The name of a time zone."""
DjangoBackend = Literal["db", "cache", "file", "signed_cookies"]


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


def as_binding(value: object) -> object:
    """Take `true` for a binding with nothing to say, and `false` for none."""
    return {True: {}, False: None}[value] if isinstance(value, bool) else value


class DjangoOptions(Section):
    """Settings of the Django application that differ from Django's own defaults."""

    backend: DjangoBackend | None = None
    """SESSION_ENGINE; `db` stands for `cached_db` too. Without it, what fits the place."""
    cookie_age: Duration = 1_209_600.0
    """SESSION_COOKIE_AGE, for `signed_cookies` and `file`."""
    prefix: Text | None = None
    """What stands before the session key: in the cache KEY_PREFIX, VERSION and backend
    (`:1:django.contrib.sessions.cache`), in the name of a file SESSION_COOKIE_NAME."""
    serializer: Literal["pickle", "json", "msgpack"] = "pickle"
    """How the cache writes values: Django itself pickles, django-redis can do all three."""
    table: ColumnName = "django_session"
    """The table of sessions."""
    salt: Text | None = None
    """The dotted name of the session store class, where it is one of your own."""
    time_zone: TimeZone = "UTC"
    """TIME_ZONE, where USE_TZ is off."""
    is_sliding: Flag = False
    """SESSION_SAVE_EVERY_REQUEST, for `signed_cookies`."""
    binding: Annotated[
        DjangoBinding | None, BeforeValidator(as_binding), Field(json_schema_extra={"x-short": {"type": "boolean"}})
    ] = Field(default_factory=DjangoBinding)
    """The check against the user's present password; `false` leaves it out."""


class FlaskOptions(Section):
    """Settings of the Flask application that differ from the defaults."""

    lifetime: Duration = 31 * 86400.0
    """PERMANENT_SESSION_LIFETIME."""
    salt: Text = "cookie-session"
    """The salt of the session interface, where it is one of your own."""
    prefix: Text = "session:"
    """SESSION_KEY_PREFIX of Flask-Session."""
    table: ColumnName = "sessions"
    """SESSION_SQLALCHEMY_TABLE of Flask-Session."""
    is_signed: Flag = False
    """SESSION_USE_SIGNER of Flask-Session."""
    remember: CookieName | None = None
    """REMEMBER_COOKIE_NAME of Flask-Login; without it, `remember_token` where that stands in `cookies`."""


class StarletteOptions(Section):
    """Arguments of SessionMiddleware that differ from the defaults."""

    max_age: Duration = 1_209_600.0
    """max_age."""
    is_sliding: Flag = True
    """Each response signs the session anew, as older versions of Starlette do."""


class DjangoSession(CodecSession):
    """Sessions of Django."""

    format: Literal["django"]
    """How sessions are written."""
    place: DjangoPlace
    """Where they lie."""
    cookies: Cookies = ("sessionid",)
    """The session cookie, then all cookies that travel with it."""
    secrets: SomeSecrets
    """SECRET_KEY, then SECRET_KEY_FALLBACKS."""
    user: Text = "_auth_user_id"
    """Where in a session the user stands, as a dotted path."""
    options: DjangoOptions = Field(default_factory=DjangoOptions)
    """What differs from Django's own defaults."""

    @property
    def backend(self) -> DjangoBackend:
        """The session engine, given or by the place."""
        by_place: dict[str, DjangoBackend] = {"redis": "cache", "file": "file", "cookie": "signed_cookies"}
        return self.options.backend or by_place.get(self.place.kind, "db")

    @property
    def prefix(self) -> str:
        """What stands before the session key."""
        return self.options.prefix or (":1:django.contrib.sessions.cache" if self.backend == "cache" else "sessionid")

    @property
    def binding(self) -> DjangoBinding | None:
        """The binding check, None where it is switched off or there is no database to ask."""
        return None if self.users_place is None else self.options.binding

    @property
    def picks(self) -> Literal["first", "last"]:
        """Which of two cookies of one name counts."""
        return self.pick or "last"


class FlaskSession(CodecSession):
    """Sessions of Flask."""

    format: Literal["flask"]
    """How sessions are written."""
    place: FlaskPlace
    """Where they lie."""
    cookies: Cookies = ("session", "remember_token")
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


class StarletteSession(CodecSession):
    """Sessions of Starlette and FastAPI."""

    format: Literal["starlette"]
    """How sessions are written."""
    place: StarlettePlace
    """Where they lie."""
    cookies: Cookies = ("session",)
    """The session cookie, then all cookies that travel with it."""
    secrets: SomeSecrets
    """secret_key, then those that it was before."""
    user: Text = "user_id"
    """Where in a session the user stands, as a dotted path."""
    options: StarletteOptions = Field(default_factory=StarletteOptions)
    """What differs from the defaults."""

    @property
    def picks(self) -> Literal["first", "last"]:
        """Which of two cookies of one name counts."""
        return self.pick or "last"
