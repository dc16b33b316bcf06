"""Where a Redis is and how to enter it, from a `redis://`, `rediss://` or `unix://` URL."""

import re
import ssl
from dataclasses import dataclass, field
from urllib.parse import parse_qsl, unquote, urlsplit

from gateway.errors import ConfigurationError

_HELP = "Write redis://[user:password@]host[:port][/database], rediss:// for TLS, or unix:///path/to/socket?db=0."
_OPTIONS = frozenset({"db", "ssl_ca_certs", "ssl_certfile", "ssl_keyfile"})
_DATABASE = re.compile(r"[0-9]{1,5}\Z")


@dataclass(frozen=True, slots=True)
class RedisAddress:
    """One Redis. `path` is a Unix socket and empty for TCP. The files are PEM, for TLS only."""

    host: str = ""
    port: int = 6379
    path: str = ""
    database: int = 0
    username: str = ""
    password: str = field(default="", repr=False)
    is_tls: bool = False
    ca_file: str | None = None
    certificate_file: str | None = None
    key_file: str | None = None

    def __str__(self) -> str:
        place = self.path or f"{self.host}:{self.port}"
        return f"{place}/{self.database}"

    def tls(self) -> ssl.SSLContext | None:
        """Return the TLS context, which always verifies the server's certificate and name; None without TLS.

        Raises:
            ConfigurationError: one of the files cannot be read.
        """
        if not self.is_tls:
            return None
        try:
            context = ssl.create_default_context(cafile=self.ca_file)
            if self.certificate_file is not None:
                context.load_cert_chain(self.certificate_file, self.key_file)
        except (OSError, ssl.SSLError) as error:
            raise ConfigurationError(
                f"The TLS files of the Redis at {self} cannot be used: {error.strerror or 'not PEM'}. "
                "Check ssl_ca_certs, ssl_certfile and ssl_keyfile in its URL."
            ) from None
        return context

    def greeting(self) -> tuple[tuple[str, ...], ...]:
        """Return the commands that a new connection begins with: AUTH and SELECT, as far as they are needed."""
        commands: list[tuple[str, ...]] = []
        if self.password:
            commands.append(("AUTH", *([self.username] if self.username else []), self.password))
        if self.database:
            commands.append(("SELECT", str(self.database)))
        return tuple(commands)


def parse_redis_url(url: str) -> RedisAddress:
    """Read a URL. Neither the URL nor its password is ever part of the error.

    Raises:
        ConfigurationError: it is not a Redis URL, or has an option that we do not know.
    """
    try:
        parts = urlsplit(url)
        port = parts.port or 6379
        options = dict(parse_qsl(parts.query, strict_parsing=True)) if parts.query else {}
    except ValueError:
        raise ConfigurationError(f"The Redis URL cannot be read. {_HELP}") from None
    if parts.scheme not in ("redis", "rediss", "unix"):
        raise ConfigurationError(f"The Redis URL has another scheme than redis, rediss or unix. {_HELP}")
    if unknown := sorted(set(options) - _OPTIONS):
        raise ConfigurationError(f"The Redis URL has the unknown option {unknown[0]}. {_HELP}")
    is_unix = parts.scheme == "unix"
    database = options.get("db", "0" if is_unix else parts.path.strip("/") or "0")
    if _DATABASE.match(database) is None:
        raise ConfigurationError(f"The database of the Redis URL is not a number. {_HELP}")
    if not (parts.path if is_unix else parts.hostname):
        raise ConfigurationError(f"The Redis URL names no {'socket' if is_unix else 'host'}. {_HELP}")
    return RedisAddress(
        host="" if is_unix else parts.hostname or "",
        port=port,
        path=unquote(parts.path) if is_unix else "",
        database=int(database),
        username=unquote(parts.username or ""),
        password=unquote(parts.password or ""),
        is_tls=parts.scheme == "rediss",
        ca_file=options.get("ssl_ca_certs"),
        certificate_file=options.get("ssl_certfile"),
        key_file=options.get("ssl_keyfile"),
    )
