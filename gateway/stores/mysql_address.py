"""Where a MySQL or MariaDB is and how to enter it, from a `mysql://` or `mariadb://` URL."""

import ssl
from dataclasses import dataclass, field
from urllib.parse import parse_qsl, unquote, urlsplit

from gateway.errors import ConfigurationError

_HELP = "Write mysql://user:password@host:3306/database, and ?ssl_ca=file for TLS."
_OPTIONS = frozenset({"ssl_ca", "unix_socket"})


@dataclass(frozen=True, slots=True)
class MySQLAddress:
    """One server. `socket` is a Unix socket and empty for TCP; `ca_file` is PEM and empty without TLS."""

    host: str
    port: int
    database: str
    user: str = ""
    password: str = field(default="", repr=False)
    socket: str = ""
    ca_file: str = ""

    def __str__(self) -> str:
        return f"{self.socket or f'{self.host}:{self.port}'}/{self.database}"

    def tls(self) -> ssl.SSLContext | None:
        """Return the TLS context, which verifies the server's certificate and name; None without TLS.

        Raises:
            ConfigurationError: the file cannot be read.
        """
        if not self.ca_file:
            return None
        try:
            return ssl.create_default_context(cafile=self.ca_file)
        except (OSError, ssl.SSLError):
            raise ConfigurationError(f"The certificates for the MySQL at {self} cannot be read.") from None


def parse_mysql_url(url: str) -> MySQLAddress:
    """Read a URL. Neither the URL nor its password is ever part of the error.

    Raises:
        ConfigurationError: it is not a MySQL URL, names no host or database, or has an option that we do not know.
    """
    try:
        parts = urlsplit(url)
        port = parts.port or 3306
        options = dict(parse_qsl(parts.query, strict_parsing=True)) if parts.query else {}
    except ValueError:
        raise ConfigurationError(f"The MySQL URL cannot be read. {_HELP}") from None
    if parts.scheme not in ("mysql", "mariadb"):
        raise ConfigurationError(f"The MySQL URL has another scheme than mysql or mariadb. {_HELP}")
    if unknown := sorted(set(options) - _OPTIONS):
        raise ConfigurationError(f"The MySQL URL has the unknown option {unknown[0]}. {_HELP}")
    database, socket = unquote(parts.path.lstrip("/")), options.get("unix_socket", "")
    if not database or not (parts.hostname or socket):
        raise ConfigurationError(f"The MySQL URL names no {'host' if database else 'database'}. {_HELP}")
    return MySQLAddress(
        host=parts.hostname or "",
        port=port,
        database=database,
        user=unquote(parts.username or ""),
        password=unquote(parts.password or ""),
        socket=socket,
        ca_file=options.get("ssl_ca", ""),
    )
