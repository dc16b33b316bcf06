"""Sessions that the gateway makes itself."""

from typing import Annotated, Any, ClassVar

from pydantic import Field, PlainValidator, WithJsonSchema

from gateway.formats.minting import find_fault
from gateway.settings.schema.places import MySQL, Place, SQLiteFile
from gateway.settings.schema.section import Section
from gateway.settings.schema.stores import Postgres, Redis
from gateway.settings.values import Duration, wrong

_MOST_FIELDS = 100


def _read_template(value: object) -> dict[str, Any]:
    if (
        not isinstance(value, dict)
        or not 0 < len(value) <= _MOST_FIELDS
        or any(type(name) is not str for name in value)
    ):
        raise wrong("", says='expected what is in a session, like { user_id: "{subject}" }')
    fault = find_fault(value)
    if fault:
        raise wrong("", says=f"this is no template of a session: {fault}")
    return value


Template = Annotated[dict[str, Any], PlainValidator(_read_template), WithJsonSchema({"type": "object"})]
"""What is in a session, with placeholders."""


class MintPlace(Place):
    """Where new sessions are written, by a user of its own who has the rights to add and to delete them."""

    kinds: ClassVar[tuple[str, ...]] = ("sqlite", "postgres", "mysql", "redis")

    sqlite: SQLiteFile | None = None
    """A SQLite file."""
    postgres: Postgres | None = None
    """A PostgreSQL server. Its user needs INSERT, SELECT and DELETE on the table of sessions, and USAGE on the sequence
    of its key where it has one."""
    mysql: MySQL | None = None
    """A MySQL or MariaDB server. Its user needs INSERT, SELECT and DELETE on the table of sessions."""
    redis: Redis | None = None
    """A Redis server. Its user needs SET and DEL."""


class Mint(Section):
    """How a session is made that follows one whose time is over."""

    session: Template = Field(default_factory=dict)
    """What is in it, with placeholders: `{subject}`, `{now}`, `{expires}`, `{random}`, `{claim.NAME}`, `{column.NAME}`
    of `users`, and for Django `{password_hash}`; with `:number` behind the name a number."""
    lifetime: Duration = 86_400.0
    """How long it lasts, where its record says so."""
    place: MintPlace | None = None
    """Where it is written, where the cookie itself is not the session."""
