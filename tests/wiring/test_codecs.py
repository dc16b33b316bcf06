"""What a configured session is read with: the codec of its format, the place of its records and of its users."""

import base64

import pytest

from gateway.errors import ConfigurationError
from gateway.legacy.users import WithUsers
from gateway.settings.schema.sessions import CodecSession
from gateway.stores.sessions_fallback import FallbackSessions
from gateway.wiring.codecs import codec_of
from gateway.wiring.places import open_place
from gateway.wiring.policies import upstreams_of
from gateway.wiring.sessions import open_session
from tests.settings.samples import MINIMAL, settings_of

ENVIRON = {
    "S": "a secret",
    "KEY": "base64:" + base64.b64encode(b"k" * 32).decode(),
    "RAW": "k" * 32,
    "R": "redis://127.0.0.1/0",
    "P": "postgresql://a@127.0.0.1/b",
    "M": "mysql://a@127.0.0.1/b",
}
SQLITE, POSTGRES, MYSQL = "sqlite: { file: a.db }", "postgres: { env: P }", "mysql: { env: M }"
REDIS, FILE, COOKIE = "redis: { env: R }", "file: { directory: d }", "cookie: {}"
S, A = "secrets: { env: S }", "cookies: [a]"
TRUST = "tokens: { trust_store_alone: true }\n"


def session_of(text: str) -> CodecSession:
    (session,) = settings_of(f"{MINIMAL}{TRUST}sessions: [{{ name: main, {text} }}]\n").sessions
    assert isinstance(session, CodecSession)
    return session


@pytest.mark.parametrize(
    ("text", "codec", "place"),
    [
        (f"format: django, {S}, place: {{ {SQLITE} }}", "DjangoDatabase", "SQLitePlace"),
        (f"format: django, {S}, place: {{ {POSTGRES} }}", "DjangoDatabase", "PostgresPlace"),
        (f"format: django, {S}, place: {{ {MYSQL} }}", "DjangoDatabase", "MySQLPlace"),
        (f"format: django, {S}, place: {{ {REDIS} }}", "DjangoCache", "RedisPlace"),
        (f"format: django, {S}, place: {{ {REDIS} }}, options: {{ serializer: msgpack }}", "DjangoCache", "RedisPlace"),
        (f"format: django, {S}, place: {{ {FILE} }}", "DjangoFile", "FilePlace"),
        (f"format: django, {S}, place: {{ {COOKIE} }}, options: {{ salt: a.B }}", "DjangoSignedCookies", "NoPlace"),
        (f"format: flask, {S}, place: {{ {COOKIE} }}", "FlaskCookie", "NoPlace"),
        (f"format: flask, {S}, place: {{ {REDIS} }}", "FlaskSessionRecords", "RedisPlace"),
        (f"format: flask, {S}, place: {{ {SQLITE} }}", "FlaskSessionRecords", "SQLitePlace"),
        (f"format: starlette, {S}, place: {{ {COOKIE} }}", "StarletteCookie", "NoPlace"),
        (f"format: express, {S}, place: {{ {REDIS} }}", "ExpressRecords", "RedisPlace"),
        (f"format: express, {S}, place: {{ {POSTGRES} }}", "ExpressRecords", "PostgresPlace"),
        (
            f"format: express, {S}, place: {{ {COOKIE} }}, cookies: [a, a.sig], options: {{ allow_unrevocable: true }}",
            "ExpressCookie",
            "NoPlace",
        ),
        (f"format: laravel, secrets: {{ env: KEY }}, place: {{ {MYSQL} }}", "LaravelRecords", "MySQLPlace"),
        (f"format: laravel, secrets: {{ env: RAW }}, place: {{ {REDIS} }}", "LaravelRecords", "RedisPlace"),
        (f"format: laravel, secrets: {{ env: RAW }}, place: {{ {FILE} }}", "LaravelRecords", "FilePlace"),
        (f"format: php, place: {{ {FILE} }}", "PhpRecords", "FilePlace"),
        (f"format: php, place: {{ {REDIS} }}", "PhpRecords", "RedisPlace"),
        (f"format: rails, {S}, cookies: [_a], place: {{ {COOKIE} }}", "RailsCookie", "NoPlace"),
        (f"format: rails, cookies: [_a], place: {{ {REDIS} }}", "RailsRecords", "RedisPlace"),
        (f"format: rails, cookies: [_a], place: {{ {MYSQL} }}", "RailsRecords", "MySQLPlace"),
        (
            f"format: rails, {S}, cookies: [_a], place: {{ {POSTGRES} }}, options: {{ store: authentication }}",
            "RailsAuthentication",
            "PostgresPlace",
        ),
        (f"format: spring, place: {{ {REDIS} }}", "SpringRedis", "RedisPlace"),
        (f"format: spring, place: {{ {POSTGRES} }}", "SpringDatabase", "PostgresPlace"),
        (
            f"format: columns, cookies: [a], place: {{ {SQLITE} }}, options: {{ table: t }}",
            "ColumnRecords",
            "SQLitePlace",
        ),
        (
            f"format: json_record, cookies: [a], place: {{ {REDIS} }}, options: {{ prefix: p }}",
            "JsonRecords",
            "RedisPlace",
        ),
    ],
)
async def test_format_and_place_make_codec_and_place(text: str, codec: str, place: str) -> None:
    session = session_of(text)
    made = codec_of(session, ENVIRON)
    opened = open_place(session, session.place, ENVIRON)
    assert (type(made).__name__, type(opened).__name__) == (codec, place)
    assert made.description.endswith(".")
    assert "a secret" not in repr(made)
    await opened.aclose()


@pytest.mark.parametrize(
    ("text", "path"),
    [
        (
            f"format: laravel, secrets: {{ env: KEY }}, place: {{ {FILE} }}",
            "login_web_59ba36addc2b2f9401580f014c7f58ea4e30989d",
        ),
        (f"format: laravel, secrets: {{ env: KEY }}, place: {{ {FILE} }}, user: uid", "uid"),
        (f"format: rails, {S}, cookies: [_a], place: {{ {COOKIE} }}", "warden.user.user.key.0.0"),
        (
            f"format: rails, {S}, cookies: [_a], place: {{ {POSTGRES} }}, options: {{ store: authentication }}",
            "user_id",
        ),
        (f"format: express, {S}, place: {{ {REDIS} }}", "passport.user"),
    ],
)
def test_where_a_framework_has_its_user(text: str, path: str) -> None:
    assert codec_of(session_of(text), ENVIRON).mapping.user == path  # type: ignore[attr-defined]


async def test_users_may_lie_elsewhere() -> None:
    session = session_of(f"format: php, place: {{ {FILE} }}, users: {{ table: users, place: {{ {SQLITE} }} }}")
    codec = codec_of(session, ENVIRON)
    assert isinstance(codec, WithUsers)
    assert codec.is_binding
    opened = open_place(session, session.place, ENVIRON)
    assert type(opened).__name__ == "SplitPlace"
    await opened.aclose()


@pytest.mark.parametrize(
    "text",
    [
        f"format: django, {S}, place: {{ {SQLITE} }}, users: {{ table: users }}",
        f"format: rails, cookies: [_a], place: {{ {SQLITE} }}, users: {{ table: users }}",
    ],
)
def test_a_row_does_not_bind_where_the_framework_looks_at_the_password(text: str) -> None:
    codec = codec_of(session_of(text), ENVIRON)
    assert isinstance(codec, WithUsers)
    assert not codec.is_binding


async def test_who_cannot_be_read_is_asked_for() -> None:
    text = f"format: php, place: {{ {FILE} }}, whoami: {{ url: 'http://127.0.0.1:8000/me' }}"
    settings = settings_of(f"{MINIMAL}{TRUST}sessions: [{{ name: main, {text} }}]\n")
    cached = open_session(settings.sessions[0], settings, ENVIRON, upstreams_of(settings.upstreams))
    assert isinstance(cached._sessions, FallbackSessions)
    await cached.close()


@pytest.mark.parametrize("secret", ["S", "BAD"])
def test_a_key_that_laravel_would_refuse_is_refused(secret: str) -> None:
    session = session_of(f"format: laravel, secrets: {{ env: {secret} }}, place: {{ {FILE} }}")
    with pytest.raises(ConfigurationError, match=r"sessions\.main is no APP_KEY"):
        codec_of(session, ENVIRON | {"BAD": "base64:x"})
