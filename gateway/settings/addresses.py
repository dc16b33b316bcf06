"""Where something listens and where something is: `127.0.0.1:8080`, `https://www.example.com`."""

import re
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address, ip_address
from typing import Annotated
from urllib.parse import SplitResult, urlsplit

from pydantic import PlainSerializer, PlainValidator, WithJsonSchema

from gateway.settings.values import wrong

_DEFAULT_PORTS = {"http": 80, "https": 443}
_HOST_NAME = re.compile(r"(?=.{1,253}\Z)[a-z0-9_]([a-z0-9_\-]{0,62})(\.[a-z0-9_]([a-z0-9_\-]{0,62}))*\Z")
_LISTEN = re.compile(r"(?:\[(?P<six>[0-9A-Fa-f:.]{2,45})\]|(?P<host>[^\[\]:\s]{1,253})):(?P<port>[0-9]{1,5})\Z")
_PLAIN_URL = re.compile(r"[\x21-\x7e]{1,2000}\Z")


def _is_loopback(host: str) -> bool:
    address = _find_address(host)
    return host == "localhost" or (address is not None and address.is_loopback)


def _find_address(host: str) -> IPv4Address | IPv6Address | None:
    try:
        return ip_address(host)
    except ValueError:
        return None


def _joined(host: str, port: int) -> str:
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def is_ip_address(host: str) -> bool:
    """Whether a host is an IP address and no name."""
    return _find_address(host) is not None


def is_host_name(host: str) -> bool:
    """Whether a text is a host name in lower case."""
    return _HOST_NAME.match(host) is not None


@dataclass(frozen=True, slots=True)
class Address:
    """Where a socket listens. `host` is an IP address without brackets, or localhost; port 0 lets the system choose."""

    host: str
    port: int

    def __str__(self) -> str:
        return _joined(self.host, self.port)

    @property
    def is_loopback(self) -> bool:
        """Whether only this machine can connect."""
        return _is_loopback(self.host)


@dataclass(frozen=True, slots=True)
class Origin:
    """Scheme, host and port of a site (RFC 6454); `str` writes it as browsers do, without a default port."""

    scheme: str
    host: str
    port: int

    def __str__(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{self.scheme}://{host}" + ("" if self.port == _DEFAULT_PORTS[self.scheme] else f":{self.port}")

    @property
    def authority(self) -> str:
        """Host and port as they stand in a Host header (RFC 9110 section 7.2)."""
        return str(self).partition("://")[2]

    @property
    def is_loopback(self) -> bool:
        """Whether it is this machine: localhost, a name below it (RFC 6761 section 6.3), or a loopback address."""
        return _is_loopback(self.host) or self.host.endswith(".localhost")


def read_address(value: object) -> Address:
    """Read `127.0.0.1:8080`, `[::1]:8080` or `localhost:8080`."""
    match = _LISTEN.match(value) if isinstance(value, str) else None
    if match is None or int(match["port"]) > 65535:
        raise wrong("an address like 127.0.0.1:8080", _guess_address(value))
    host = match["six"] or match["host"]
    if host != "localhost" and _find_address(host) is None:
        raise wrong("an IP address or localhost before the port")
    return Address(host, int(match["port"]))


def _guess_address(value: object) -> str:
    port = str(value).removeprefix(":").removeprefix("*:")
    if isinstance(value, bool) or not (port.isascii() and port.isdigit()) or int(port[:6]) > 65535:
        return ""
    return f"0.0.0.0:{port}" if str(value) != port else f"127.0.0.1:{port}"


def _split(value: object) -> SplitResult | None:
    if not isinstance(value, str) or _PLAIN_URL.match(value) is None or "\\" in value:
        return None
    try:
        parts = urlsplit(value)
        _ = parts.port  # raises for a port that is no number up to 65535
    except ValueError:
        return None
    host = parts.hostname or ""
    if parts.scheme not in _DEFAULT_PORTS or "@" in parts.netloc or parts.netloc.endswith(":") or parts.port == 0:
        return None
    return parts if _find_address(host) is not None or _HOST_NAME.match(host) else None


def _origin_of(parts: SplitResult) -> Origin:
    return Origin(parts.scheme, parts.hostname or "", parts.port or _DEFAULT_PORTS[parts.scheme])


def read_origin(value: object) -> Origin:
    """Read `https://www.example.com` or `http://127.0.0.1:8000`: a scheme, a host, perhaps a port, nothing else."""
    parts = _split(value)
    if parts is None:
        raise wrong("an address like https://www.example.com", _guess_origin(value))
    if parts.path or "?" in str(value) or "#" in str(value):
        raise wrong("an address without a path", _origin_of(parts))
    return _origin_of(parts)


def _guess_origin(value: object) -> str:
    parts = _split(f"http://{value}") if isinstance(value, str) and "/" not in value and "@" not in value else None
    return "" if parts is None else str(_origin_of(parts))


def read_url(value: object) -> str:
    """Read a full http or https address, with a path, without user, password or fragment."""
    parts = _split(value)
    if parts is None or "#" in str(value):
        raise wrong("an address like http://127.0.0.1:8000/api/me")
    return parts.geturl()


def origin_of(url: str) -> Origin:
    """Return where an address lies that `read_url` has read."""
    return _origin_of(urlsplit(url))


Listen = Annotated[
    Address,
    PlainValidator(read_address),
    PlainSerializer(str, return_type=str, when_used="json"),
    WithJsonSchema({"type": "string", "pattern": ":[0-9]{1,5}$", "examples": ["127.0.0.1:8080"]}),
]
Site = Annotated[
    Origin,
    PlainValidator(read_origin),
    PlainSerializer(str, return_type=str, when_used="json"),
    WithJsonSchema({"type": "string", "pattern": "^https?://[^/]+$", "examples": ["https://www.example.com"]}),
]
Url = Annotated[
    str,
    PlainValidator(read_url),
    WithJsonSchema({"type": "string", "pattern": "^https?://", "examples": ["http://127.0.0.1:8000/api/me"]}),
]
