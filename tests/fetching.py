"""One plain request, without all that a client library makes anew for each."""

from collections.abc import Mapping
from http.client import HTTPConnection
from urllib.parse import urlsplit


def fetch(url: str, headers: Mapping[str, str] | None = None, timeout: float = 40.0) -> tuple[int, str]:
    """Send a GET on a connection of its own; return status and body. Raises OSError where nobody answers."""
    parts = urlsplit(url)
    assert parts.hostname is not None
    connection = HTTPConnection(parts.hostname, parts.port, timeout=timeout)
    try:
        connection.request("GET", parts.path or "/", headers=dict(headers or {}))
        response = connection.getresponse()
        return response.status, response.read().decode()
    finally:
        connection.close()
