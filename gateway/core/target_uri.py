"""One spelling for the address of a request, so that two can be compared (RFC 3986 section 6.2)."""

import re
from urllib.parse import urlsplit

_PORTS = {"http": 80, "https": 443}
_VISIBLE = re.compile(r"[!-~]{1,8192}")
_ESCAPE = re.compile(r"%([0-9A-Fa-f]{2})")
_BAD_ESCAPE = re.compile(r"%(?![0-9A-Fa-f]{2})")
_UNRESERVED = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~")


def find_normal_uri(uri: str) -> str | None:
    """Return scheme, host, port and path in their normal form, without query and fragment; None for no such address.

    Scheme and host are written small, a default port is left out, escapes of unreserved characters are undone and the
    others written large, dot segments are resolved.
    """
    if _VISIBLE.fullmatch(uri) is None:
        return None
    try:
        parts = urlsplit(uri)
        port = parts.port
    except ValueError:
        return None
    host = parts.hostname
    if parts.scheme not in _PORTS or not host or "@" in parts.netloc or _BAD_ESCAPE.search(parts.path):
        return None
    name = f"[{host}]" if ":" in host else host
    place = name if port in (None, _PORTS[parts.scheme]) else f"{name}:{port}"
    return f"{parts.scheme}://{place}{_normal_path(parts.path)}"


def _normal_path(path: str) -> str:
    segments: list[str] = []
    parts = _ESCAPE.sub(_normal_escape, path or "/").split("/")[1:]
    for number, segment in enumerate(parts, 1):
        if segment not in {".", ".."}:
            segments.append(segment)
            continue
        if segment == ".." and segments:
            segments.pop()
        if number == len(parts):
            segments.append("")
    return "/" + "/".join(segments)


def _normal_escape(escape: re.Match[str]) -> str:
    character = chr(int(escape[1], 16))
    return character if character in _UNRESERVED else escape[0].upper()
