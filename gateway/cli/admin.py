"""Talking to the running gateway: HTTP over its local socket."""

import getpass
import json
import socket
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import click
import httpx

from gateway.errors import DependencyError, StartError
from gateway.settings.addresses import Address
from gateway.settings.faults import printable

_TIMEOUT = 10.0


def tcp_address(listen: Address) -> Address:
    """Return where to connect to a listener of this machine."""
    host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(listen.host, listen.host)  # noqa: S104 - replaced, not bound
    return Address(host, listen.port)


def ask(
    local: Path, method: str, path: str, order: Mapping[str, object] | None = None, *, patience: float = _TIMEOUT
) -> Mapping[str, Any]:
    """Send an order to the gateway and return its answer, which may take `patience` seconds.

    Raises:
        DependencyError: nobody answers on the socket.
        StartError: the gateway refuses; its reason is the message.
        UsageError: a word of the order is not UTF-8.
    """
    body = None if order is None else _written({**order, "by": _user()})
    try:
        _knock(local)  # httpx leaves its socket open where nobody answers
        transport = httpx.HTTPTransport(uds=str(local))
        with httpx.Client(
            transport=transport, base_url="http://localhost", timeout=patience, trust_env=False
        ) as client:
            response = client.request(method, path, content=body, headers={"content-type": "application/json"})
    except (httpx.HTTPError, OSError):
        raise DependencyError(
            f"No gateway answers on {local}. Is it running, and are you its user? To switch tokens off without it,"
            " write `off` into the file that phase.override_file names, or start it with ENABLE_JWT_AUTH=false."
        ) from None
    try:
        answer = response.json()
    except ValueError:
        answer = None
    if not isinstance(answer, dict):
        raise StartError(f"The gateway gave an answer that nobody understands ({response.status_code}).")
    if response.is_error:
        reason = answer.get("detail") or answer.get("title") or "it gives no reason"
        raise StartError(f"The gateway refuses: {printable(str(reason), 500)}")
    return answer


def _written(order: Mapping[str, object]) -> bytes:
    try:
        return json.dumps(order, ensure_ascii=False).encode()
    except UnicodeEncodeError:  # as Python keeps the bytes of an argument that it could not decode
        raise click.UsageError("What was typed is not UTF-8, as names and reasons are.") from None


def _knock(local: Path) -> None:
    with socket.socket(socket.AF_UNIX) as probe:
        probe.settimeout(_TIMEOUT)
        probe.connect(str(local))


def _user() -> str:
    try:
        return getpass.getuser()
    except (OSError, KeyError):  # a container's user often has no name
        return "unknown"
