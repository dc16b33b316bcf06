"""Where a PostgreSQL is and how to enter it, from a `postgresql://` URL as libpq reads it."""

from dataclasses import dataclass, field
from urllib.parse import parse_qs, unquote, urlsplit

from gateway.errors import ConfigurationError

_HELP = "Write postgresql://user:password@host:5432/database, and ?sslmode=verify-full for TLS."


@dataclass(frozen=True, slots=True)
class PostgresAddress:
    """One PostgreSQL, or several of which one takes writes. `place` names it without user and password."""

    url: str = field(repr=False)
    place: str
    has_password: bool = False

    def __str__(self) -> str:
        return self.place


def parse_postgres_url(url: str) -> PostgresAddress:
    """Read a URL. Neither the URL nor its password is ever part of the error.

    Raises:
        ConfigurationError: it is not a PostgreSQL URL, or names neither host nor socket.
    """
    try:
        parts = urlsplit(url)
        options = parse_qs(parts.query, strict_parsing=True) if parts.query else {}
    except ValueError:
        raise ConfigurationError(f"The PostgreSQL URL cannot be read. {_HELP}") from None
    if parts.scheme not in ("postgres", "postgresql"):
        raise ConfigurationError(f"The PostgreSQL URL has another scheme than postgresql. {_HELP}")
    user, _, hosts = parts.netloc.rpartition("@")
    place = unquote(hosts) or options.get("host", [""])[0]
    if not place:
        raise ConfigurationError(f"The PostgreSQL URL names no host. {_HELP}")
    database = unquote(parts.path.lstrip("/")) or options.get("dbname", options.get("database", [""]))[0]
    return PostgresAddress(url, f"{place}/{database}", has_password=":" in user or "password" in options)
