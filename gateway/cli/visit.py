"""A look at an application from outside: which cookies it sets, and where its login page is."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from urllib.parse import urlsplit

import httpx
from pydantic_core import PydanticCustomError

from gateway.errors import DependencyError
from gateway.headers import read_set_cookie
from gateway.settings.addresses import Origin
from gateway.settings.values import read_path

_TIMEOUT = 5.0
_COOKIE = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]{1,100}")
_LOGIN_PATHS = ("/login/", "/login", "/accounts/login/", "/users/sign_in", "/auth/login", "/signin", "/admin/login/")


@dataclass(slots=True)
class Seen:
    """What an application showed. `cookies` maps names to values; `login_path` is empty where no page was found."""

    cookies: dict[str, str] = field(default_factory=dict)
    login_path: str = ""


def visit(upstream: Origin, *, login_path: str = "", transport: httpx.BaseTransport | None = None) -> Seen:
    """Ask for the front page and, until one answers, for the usual login pages. Follows no redirect, keeps no cookie.

    Raises:
        DependencyError: the application cannot be reached.
    """
    seen = Seen()
    transport = transport or httpx.HTTPTransport()
    with httpx.Client(base_url=str(upstream), transport=transport, timeout=_TIMEOUT, trust_env=False) as client:
        try:
            front = _get(client, "/")
        except httpx.HTTPError:
            raise DependencyError(
                f"No application answers at {upstream}; start it, or correct the address after --upstream."
            ) from None
        seen.cookies |= _cookies_of(front)
        for path in _login_paths(login_path, front):
            try:
                page = _get(client, path)
            except httpx.HTTPError:
                continue
            seen.cookies |= _cookies_of(page)
            if page.is_success:
                seen.login_path = path
                break
    return seen


def _get(client: httpx.Client, path: str) -> httpx.Response:
    """Ask for the head of an answer only: its body may be endless."""
    client.cookies.clear()
    with client.stream("GET", path, headers={"accept": "text/html"}) as response:
        return response


def _login_paths(given: str, front: httpx.Response) -> Iterator[str]:
    if given:
        yield given
        return
    if front.is_redirect:
        try:
            yield read_path(urlsplit(front.headers.get("location", "")).path)
        except (PydanticCustomError, ValueError):
            pass  # it leads to another site, or nowhere
    yield from _LOGIN_PATHS


def _cookies_of(response: httpx.Response) -> Mapping[str, str]:
    sent = [read_set_cookie(value, now=0.0) for name, value in response.headers.raw if name.lower() == b"set-cookie"]
    named = {cookie.name.decode("latin-1"): cookie.value.decode("latin-1") for cookie in sent}
    return {name: value for name, value in named.items() if _COOKIE.fullmatch(name)}
