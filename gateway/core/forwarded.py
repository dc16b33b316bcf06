"""What a proxy in front of us says of a request: `X-Forwarded-*`, `X-Real-IP` and `Forwarded` (RFC 7239)."""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from ipaddress import ip_address
from typing import TypeVar

from gateway.model import RequestHead

MAX_HOPS = 64
"""Entries that are read, from the right; nobody has more proxies."""

_SAID_BY_PROXIES = (b"x-forwarded-for", b"x-forwarded-proto", b"x-forwarded-host")
_SCHEMES = {b"http": "http", b"https": "https", b"ws": "http", b"wss": "https"}  # Traefik names WebSockets so
_HOST = re.compile(rb"(?:[A-Za-z0-9._-]{1,253}|\[[0-9A-Fa-f:.]{2,45}\])(?::[0-9]{1,5})?")
_PORT = re.compile(rb"[1-9][0-9]{0,4}")
_IPV4 = re.compile(rb"(?:(?:25[0-5]|2[0-4][0-9]|1[0-9]{2}|[1-9]?[0-9])(?:\.(?!\Z)|\Z)){4}")
_WITH_PORT = re.compile(rb"\[([0-9A-Fa-f:.]+)\](?::[0-9]{1,5})?|([0-9.]+):[0-9]{1,5}")
_PARAMETER = rb"""([A-Za-z]+)=([!#$%&'*+\-.^_`|~0-9A-Za-z:\[\]]+|"[^"\\\x00-\x1f\x7f-\xff]*")"""
_PARAMETERS = re.compile(_PARAMETER)
_ELEMENT = re.compile(rb"%b(?: *; *%b)*" % (_PARAMETER, _PARAMETER))

_Readable = TypeVar("_Readable", str, bytes)


@dataclass(frozen=True, slots=True)
class Forwarding:
    """What was said, as far as it can be read; empty where it was not, or cannot be.

    `hops` are addresses, the nearest proxy's report last; reading ends at the first entry, from the right, that is no
    address. Of scheme, host and port the last counts, which is the nearest proxy's. `elements` are those of
    `Forwarded` that can be passed on.
    """

    hops: tuple[str, ...]
    scheme: str
    host: bytes
    port: bytes
    elements: tuple[bytes, ...]


def read_forwarding(head: RequestHead) -> Forwarding:
    """Read the transport fields of a request; to be believed of trusted peers only.

    Where a proxy writes `X-Forwarded-*`, a `Forwarded` beside them may be its client's and does not count; `X-Real-IP`
    counts only where nothing else names an address. Only the spelling with hyphens is read: a proxy that appends to
    that one may pass its client's other spellings through.
    """
    said = _joined(head)
    elements = _readable_tail(_members(said, b"forwarded"), _read_element) if b"forwarded" in said else ()
    nearest = elements[-1] if elements and said.keys().isdisjoint(_SAID_BY_PROXIES) else b""
    if b"x-forwarded-for" in said:
        entries = _members(said, b"x-forwarded-for")
    elif nearest:
        entries = [_parameter(element, b"for") for element in elements]
    else:
        entries = _members(said, b"x-real-ip")
    scheme = _last(said, b"x-forwarded-proto") or _parameter(nearest, b"proto")
    host = _last(said, b"x-forwarded-host") or _parameter(nearest, b"host")
    port = _last(said, b"x-forwarded-port")
    return Forwarding(
        hops=_readable_tail(entries, _read_address),
        scheme=_SCHEMES.get(scheme.lower(), ""),
        host=host if host and _HOST.fullmatch(host) else b"",
        port=port if port and _PORT.fullmatch(port) and int(port) < 65536 else b"",
        elements=elements,
    )


def _joined(head: RequestHead) -> Mapping[bytes, bytes]:
    said: dict[bytes, bytes] = {}
    for key, value in head.transport:
        name = key.lower()
        said[name] = said[name] + b"," + value if name in said else value
    return said


def _members(said: Mapping[bytes, bytes], name: bytes) -> list[bytes]:
    value = said.get(name)
    return [member.strip(b" \t") for member in value.split(b",")[-MAX_HOPS:]] if value is not None else []


def _last(said: Mapping[bytes, bytes], name: bytes) -> bytes:
    return said.get(name, b"").rpartition(b",")[2].strip(b" \t")


def _readable_tail(entries: Sequence[bytes], read: Callable[[bytes], _Readable | None]) -> tuple[_Readable, ...]:
    tail: list[_Readable] = []
    for entry in reversed(entries):
        readable = read(entry)
        if readable is None:
            break
        tail.append(readable)
    return tuple(reversed(tail))


def _read_address(entry: bytes) -> str | None:
    """Read an address, with or without a port, as the text that the standard library writes for it."""
    if _IPV4.fullmatch(entry) is not None:
        return entry.decode("ascii")
    with_port = _WITH_PORT.fullmatch(entry)
    if with_port is not None:
        entry = with_port[1] or with_port[2]
    try:
        return str(ip_address(entry.decode("ascii")))
    except ValueError:
        return None


def _read_element(entry: bytes) -> bytes | None:
    return entry if _ELEMENT.fullmatch(entry) else None


def _parameter(element: bytes, name: bytes) -> bytes:
    for key, value in _PARAMETERS.findall(element):
        if key.lower() == name:
            return bytes(value).strip(b'"')
    return b""
