"""Where the gateway keeps what it must not lose, and the fast copy of what was revoked."""

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, ClassVar, Literal, Self

from pydantic import BeforeValidator, Field, PlainValidator, WithJsonSchema, model_validator

from gateway.errors import ConfigurationError
from gateway.settings.schema.section import Section
from gateway.settings.secrets import Secret
from gateway.settings.values import Count, Duration, File, Flag, Text, Variable, wrong
from gateway.stores.postgres_address import parse_postgres_url
from gateway.stores.redis_address import parse_redis_url


class Embedded(Section):
    """A SQLite file beside the gateway, for one process."""

    file: File = Field(default=Path("run/crossfade.db"), validate_default=True)
    """The database file; it is made when it is not there."""
    single_instance: Flag = False
    """Says that no second gateway serves the same users; needed to listen on other addresses than loopback."""


def _read_redis_url(value: object) -> str:
    try:
        address = parse_redis_url(value if isinstance(value, str) and len(value) <= 1000 else "")
    except ConfigurationError:
        raise wrong("an address like redis://127.0.0.1:6379/0") from None
    if address.password or address.username:
        raise wrong("", says="an address with a password belongs into an environment variable or a file")
    return str(value)


class Server(Section):
    """A server, by address or by a secret that holds the address."""

    url: str | None = None
    env: Variable | None = None
    """The environment variable that holds the address."""
    file: File | None = None
    """The file that holds the address."""

    example: ClassVar[str] = ""

    @model_validator(mode="before")
    @classmethod
    def _ensure_mapping(cls, value: object) -> object:
        if not isinstance(value, Mapping):
            raise wrong("", says=f"expected {{url: {cls.example}}}, {{env: NAME}} or {{file: path}}")
        return value

    @model_validator(mode="after")
    def _ensure_one(self) -> Self:
        if sum(source is not None for source in (self.url, self.env, self.file)) != 1:
            raise wrong(f"one of {{url: {self.example}}}, {{env: NAME}} or {{file: path}}")
        return self

    @property
    def secret(self) -> Secret | None:
        """Where the address is, None where it stands in the configuration."""
        return None if self.url is not None else Secret(env=self.env, file=self.file)

    def read(self, environ: Mapping[str, str]) -> str:
        """Return the address with all that is secret in it.

        Raises:
            ConfigurationError: its variable or file cannot be read.
        """
        secret = self.secret
        return self.url or "" if secret is None else secret.read(environ).decode("utf-8", "replace")


class Redis(Server):
    """A Redis server, by address or by a secret that holds the address."""

    example = "redis://…"

    url: (
        Annotated[
            str, PlainValidator(_read_redis_url), WithJsonSchema({"type": "string", "pattern": "^(rediss?|unix)://"})
        ]
        | None
    ) = None
    """An address without a password: `redis://127.0.0.1:6379/0`."""


def _read_postgres_url(value: object) -> str:
    try:
        address = parse_postgres_url(value if isinstance(value, str) and len(value) <= 1000 else "")
    except ConfigurationError:
        raise wrong("an address like postgresql://crossfade@127.0.0.1:5432/crossfade") from None
    if address.has_password:
        raise wrong("", says="an address with a password belongs into an environment variable or a file")
    return str(value)


class Postgres(Server):
    """A PostgreSQL server, by address or by a secret that holds the address."""

    example = "postgresql://…"

    url: (
        Annotated[
            str, PlainValidator(_read_postgres_url), WithJsonSchema({"type": "string", "pattern": "^postgres(ql)?://"})
        ]
        | None
    ) = None
    """An address without a password: `postgresql://crossfade@127.0.0.1:5432/crossfade`."""
    statement_cache: Literal["on", "off"] = "on"
    """`off` behind a pooler that shares connections between transactions, such as PgBouncer."""
    connections: Annotated[Count, Field(le=1000)] = 10
    """How many connections each process of a gateway opens at most."""


def _short(value: object) -> object:
    return {"file": value} if isinstance(value, str) else value


class Stores(Section):
    """Families, revocations, the vault and the phase in a durable store; Redis as the fast copy."""

    embedded: Annotated[
        Embedded,
        BeforeValidator(_short),
        Field(json_schema_extra={"x-short": {"type": "string", "minLength": 1}}),
    ] = Field(default_factory=Embedded)
    """The database file, or `{file: …, single_instance: true}`."""
    postgres: Postgres | None = None
    """The database that several gateways share, instead of `embedded`; `crossfade migrate up` makes its tables."""
    redis: Redis | None = None
    """The blacklist that every gateway shares; without it, it lives in this process."""
    secret: Secret | None = None
    """What seals the vault and the successors of refresh tokens, kept outside the database; without it, a file beside
    the embedded database is made once."""


class Revocation(Section):
    """How fresh the answer to "was it revoked?" must be."""

    mode: Literal["strict", "mirror"] = "strict"
    """`strict` asks Redis for every request, `mirror` a copy in each process that a stream in Redis keeps current."""
    max_staleness: Duration = 5.0
    """For how long the copy in the process is good after it was known to be complete: in `mirror` always, in `strict`
    while Redis is away."""
    also_check: Annotated[tuple[Text, ...], Field(max_length=8)] = ()
    """Key templates of blacklists that others keep in the same Redis, like `blacklist:{jti}`."""
