"""Sessions of Express, Laravel, PHP, Rails and Spring."""

from typing import Annotated, Literal

from pydantic import BeforeValidator, Field

from gateway.settings.schema.places import ExpressPlace, LaravelPlace, PhpPlace, RailsPlace, RecordPlace
from gateway.settings.schema.section import Section
from gateway.settings.schema.session import CodecSession, Cookies
from gateway.settings.schema.sessions_python import TimeZone, as_binding
from gateway.settings.secrets import Secrets, SomeSecrets
from gateway.settings.values import ColumnName, Duration, Flag, Name, Text


class ExpressOptions(Section):
    """Settings of the stores that differ from their defaults."""

    prefix: Text = "sess:"
    """prefix of connect-redis."""
    table: ColumnName = "session"
    """tableName of connect-pg-simple."""
    time_zone: TimeZone = "UTC"
    """The time zone of the application's connections, in which connect-pg-simple writes dates."""
    allow_unrevocable: Flag = False
    """Accepts that a session of cookie-session can be shown again after a logout: nothing in it tells it from the
    next one."""


class ExpressSession(CodecSession):
    """Sessions of Express."""

    format: Literal["express"]
    """How sessions are written."""
    place: ExpressPlace
    """Where they lie."""
    cookies: Cookies = ("connect.sid",)
    """The session cookie, then all cookies that travel with it; for cookie-session `[session, session.sig]`."""
    secrets: SomeSecrets
    """secret of express-session or keys of cookie-session, in the order that they have there."""
    user: Text = "passport.user"
    """Where in a session the user stands, as a dotted path."""
    options: ExpressOptions = Field(default_factory=ExpressOptions)
    """What differs from the defaults."""


class LaravelOptions(Section):
    """Settings of the Laravel application that differ from its defaults."""

    guard: Name = "web"
    """The guard that signs users in."""
    table: ColumnName = "sessions"
    """SESSION_TABLE."""
    prefix: Text = "laravel-database-laravel-cache-"
    """What stands before the session id in Redis: the prefix of the connection, then that of the cache."""
    lifetime: Duration = 7200.0
    """SESSION_LIFETIME, which Laravel gives in minutes."""


class LaravelSession(CodecSession):
    """Sessions of Laravel."""

    format: Literal["laravel"]
    """How sessions are written."""
    place: LaravelPlace
    """Where they lie."""
    cookies: Cookies = ("laravel_session",)
    """The session cookie, then all cookies that travel with it."""
    secrets: SomeSecrets
    """APP_KEY, then APP_PREVIOUS_KEYS, each as it stands there (`base64:…`)."""
    user: Text = ""
    """Where in a session the user stands, as a dotted path; without it, where the guard has put him."""
    options: LaravelOptions = Field(default_factory=LaravelOptions)
    """What differs from the defaults."""


class PhpOptions(Section):
    """Settings of PHP that differ from its defaults."""

    handler: Literal["php", "php_serialize"] = "php"
    """session.serialize_handler."""
    prefix: Text | None = None
    """What stands before the session id: `sess_` for files, `PHPREDIS_SESSION:` for Redis."""


class PhpSession(CodecSession):
    """Sessions of PHP itself."""

    format: Literal["php"]
    """How sessions are written."""
    place: PhpPlace
    """Where they lie."""
    cookies: Cookies = ("PHPSESSID",)
    """The session cookie, then all cookies that travel with it."""
    user: Text = "user_id"
    """Where in a session the user stands, as a dotted path."""
    options: PhpOptions = Field(default_factory=PhpOptions)
    """What differs from the defaults."""

    @property
    def prefix(self) -> str:
        """What stands before the session id."""
        return self.options.prefix or ("sess_" if self.place.kind == "file" else "PHPREDIS_SESSION:")


class DeviseBinding(Section):
    """Where the user's password hash is, against which Devise itself checks each session."""

    table: ColumnName = "users"
    """The table of users."""
    key: ColumnName = "id"
    """Its primary key."""
    password: ColumnName = "encrypted_password"  # noqa: S105 - a column
    """The column of the password hash."""
    salt: Text = "warden.user.user.key.1"
    """Where in a session the beginning of the hash stands, as a dotted path."""


RailsStore = Literal["cookie", "active_record", "redis", "authentication"]


class RailsOptions(Section):
    """Settings of the Rails application that differ from its defaults."""

    store: RailsStore | None = None
    """Who keeps the session; `authentication` is what Rails 8 generates. Without it, what fits the place."""
    prefix: Text = "session:"
    """key_prefix of redis-session-store."""
    digest: Literal["SHA256", "SHA1"] = "SHA256"
    """key_generator_hash_digest_class, for sessions that are made here: SHA1 before Rails 7.0. When sessions are read,
    both are tried."""
    table: ColumnName = "sessions"
    """The table of sessions."""
    binding: Annotated[
        DeviseBinding | None, BeforeValidator(as_binding), Field(json_schema_extra={"x-short": {"type": "boolean"}})
    ] = None
    """The check that Devise makes, against the user's present password; without it, none."""


class RailsSession(CodecSession):
    """Sessions of Rails."""

    format: Literal["rails"]
    """How sessions are written."""
    place: RailsPlace
    """Where they lie."""
    cookies: Cookies
    """The session cookie, such as `_app_session`, then all cookies that travel with it."""
    secrets: Secrets = ()
    """secret_key_base, then those that it was before; needed for cookies that Rails encrypts or signs."""
    user: Text = ""
    """Where in a session the user stands, as a dotted path; without it, where Devise has put him, and for
    `authentication` the column `user_id`."""
    options: RailsOptions = Field(default_factory=RailsOptions)
    """What differs from the defaults."""

    @property
    def store(self) -> RailsStore:
        """Who keeps the session, given or by the place."""
        by_place: dict[str, RailsStore] = {"redis": "redis", "cookie": "cookie"}
        return self.options.store or by_place.get(self.place.kind, "active_record")


class SpringOptions(Section):
    """Settings of Spring Session that differ from its defaults."""

    table: ColumnName = "spring_session"
    """spring.session.jdbc.table-name, as the database spells it."""
    prefix: Text = "spring:session:sessions:"
    """What stands before the session id in Redis."""
    suffix: Annotated[str, Field(strict=True, max_length=100)] = ""
    """The route that a load balancer adds to session ids (jvmRoute)."""


class SpringSession(CodecSession):
    """Sessions of Spring Session."""

    format: Literal["spring"]
    """How sessions are written."""
    place: RecordPlace
    """Where they lie."""
    cookies: Cookies = ("SESSION",)
    """The session cookie, then all cookies that travel with it."""
    user: Text = "name"
    """Where the user stands: `name`, or for a principal of your own class a path such as `principal.email`."""
    options: SpringOptions = Field(default_factory=SpringOptions)
    """What differs from the defaults."""
