"""A login with a name and a password, typed into the application's own login for a client that has no pages."""

import asyncio
import re
from dataclasses import dataclass
from typing import Literal
from urllib.parse import unquote_to_bytes, urlencode, urljoin, urlsplit

import httpx
import orjson

from gateway.bridge.login_page import find_login_form
from gateway.core.credentials import Site, find_sessions
from gateway.errors import LoginChanged, LoginUnavailable, Refusal, TooMany
from gateway.headers import Pairs, join_cookies, read_set_cookie
from gateway.login_ports import Password, Replayed
from gateway.model import LegacySession, SessionCookie
from gateway.ports import Clock, SessionStore

MAX_PAGE = 256 * 1024
"""Bytes of an answer that are read."""

MAX_COOKIES = 50
"""Cookies that one conversation keeps."""

_LONGEST_WAIT = 3600
_VALUE = re.compile(rb"[\x21-\x7e]{1,4096}")
_REFUSED_JSON = frozenset({400, 401, 403, 422})

_Jar = dict[bytes, bytes]


@dataclass(frozen=True, slots=True)
class LoginForm:
    """The application's login.

    `url` is the absolute address on the upstream that takes the password; `page`, where it is not empty, the address
    that is fetched before, for `csrf_field` (an input of its form) or for `csrf_cookie` (whose value is sent back in
    the header field `csrf_header`). `fields` are sent beside name and password as they are. `public_origin` and `host`
    are as in `LogoutForm`. `timeout` bounds the whole conversation, in seconds.
    """

    url: str
    public_origin: str
    host: str
    kind: Literal["form", "json"] = "form"
    username_field: str = "username"
    password_field: str = "password"  # noqa: S105 - the name of a field
    fields: tuple[tuple[str, str], ...] = ()
    page: str = ""
    csrf_field: str = ""
    csrf_cookie: bytes = b""
    csrf_header: bytes = b""
    timeout: float = 5.0


@dataclass(frozen=True, slots=True)
class _Answer:
    status: int
    location: str
    retry_after: int
    page: bytes


class FormLogin:
    """The port `LoginReplay` for an application with a login form, or with a login that takes JSON.

    `transport` is a bare transport of httpx: no cookie jar, no redirects. Each conversation has cookies of its own, and
    begins with none, so that neither a session that somebody planted nor another user's can become the one that is
    logged in. `sessions` says whose session the login page itself opens: nobody's, or a password would prove nothing.
    """

    def __init__(
        self, *, site: Site, form: LoginForm, transport: httpx.AsyncBaseTransport, sessions: SessionStore, clock: Clock
    ) -> None:
        self._site = site
        self._form = form
        self._transport = transport
        self._sessions = sessions
        self._clock = clock

    async def replay(self, typed: Password, told: Pairs) -> Replayed:
        """Log in. See `LoginReplay`."""
        try:
            async with asyncio.timeout(self._form.timeout):
                return await self._converse(typed, told)
        except (httpx.HTTPError, httpx.StreamError, TimeoutError, OSError):
            # Not chained: what failed knows the request, and with it the password.
            raise LoginUnavailable from None

    async def _converse(self, typed: Password, told: Pairs) -> Replayed:
        form, jar = self._form, _Jar()
        content = {**dict(form.fields), form.username_field: typed.username, form.password_field: typed.password}
        extra: Pairs = []
        if form.page:
            content_of_page, extra = await self._fetch(jar, told)
            content |= content_of_page
        if form.kind == "json":
            body, content_type = orjson.dumps(content), b"application/json"
        else:
            body, content_type = urlencode(content).encode("ascii"), b"application/x-www-form-urlencoded"
        fields = [(b"Content-Type", content_type), *self._provenance(), *extra, *told]
        answer = await self._ask("POST", form.url, body, fields, jar)
        if answer.status == 429:
            raise TooMany("The application takes no more logins for now.", retry_after=answer.retry_after)
        shown = self._shown(jar) if answer.status < 400 else None
        return Replayed(shown, await self._meaning(answer))

    # --- before ---

    async def _fetch(self, jar: _Jar, told: Pairs) -> tuple[dict[str, str], Pairs]:
        """Fetch the login page; returns what it adds to the content and to the header fields of the login."""
        form = self._form
        answer = await self._ask("GET", form.page, b"", told, jar)
        if answer.status >= 300:
            raise LoginChanged
        opened = self._shown(jar)
        if opened is not None:
            verdict = await self._sessions.resolve(opened, self._clock.wall(), fresh=True)
            if isinstance(verdict, LegacySession):
                raise LoginChanged("The application signs somebody in before a password was sent.")
        if form.csrf_field:
            typed_into = (form.username_field, form.password_field) if form.kind == "form" else ()
            found = await asyncio.to_thread(find_login_form, answer.page, form.csrf_field, *typed_into)
            if found is None:
                raise LoginChanged
            return {form.csrf_field: found.inputs[form.csrf_field]}, []
        value = unquote_to_bytes(jar.get(form.csrf_cookie, b""))  # as scripts in browsers read it
        if _VALUE.fullmatch(value) is None:
            raise LoginChanged
        return {}, [(form.csrf_header, value)]

    # --- after ---

    async def _meaning(self, answer: _Answer) -> Literal["refused", "incomplete", "changed"]:
        form, status = self._form, answer.status
        if form.kind == "json":
            is_protected = status == 403 and form.page  # then it is the check for forged requests that refuses
            if status in _REFUSED_JSON and not is_protected:
                return "refused"
            return "incomplete" if status < 300 else "changed"
        if 300 <= status < 400:
            return "refused" if self._leads_back(answer.location) else "incomplete"
        if status == 401 or await asyncio.to_thread(find_login_form, answer.page, form.password_field) is not None:
            return "refused"
        return "incomplete" if status < 300 else "changed"

    def _leads_back(self, location: str) -> bool:
        form = self._form
        try:
            path = urlsplit(urljoin(form.url, location)).path
        except ValueError:
            return False
        return bool(location) and path in {urlsplit(form.url).path, urlsplit(form.page or form.url).path}

    def _shown(self, jar: _Jar) -> SessionCookie | None:
        """Return the session's cookies, read as those of any client are."""
        try:
            return find_sessions(join_cookies(jar.items()), (self._site,)) if jar else None
        except Refusal:
            raise LoginChanged from None

    # --- one question ---

    def _provenance(self) -> Pairs:
        origin = self._form.public_origin
        page = urlsplit(self._form.page or self._form.url).path
        return [(b"Origin", origin.encode("ascii")), (b"Referer", f"{origin}{page}".encode("ascii"))]

    async def _ask(self, method: str, url: str, body: bytes, fields: Pairs, jar: _Jar) -> _Answer:
        """Ask once; cookies of the answer go into the jar.

        Raises:
            LoginUnavailable: the application fails.
        """
        scheme, _, public_host = self._form.public_origin.partition("://")
        accepted = b"application/json" if self._form.kind == "json" and method == "POST" else b"text/html, */*;q=0.1"
        headers = [
            (b"Host", self._form.host.encode("ascii")),
            (b"X-Forwarded-Host", public_host.encode("ascii")),
            (b"X-Forwarded-Proto", scheme.encode("ascii")),
            (b"Accept", accepted),
            (b"Accept-Encoding", b"identity"),  # a compressed body could be larger than it looks
            *([(b"Cookie", join_cookies(jar.items()))] if jar else []),
            *fields,
        ]
        limits = httpx.Timeout(self._form.timeout).as_dict()
        request = httpx.Request(method, url, headers=headers, content=body, extensions={"timeout": limits})
        response = await self._transport.handle_async_request(request)
        try:
            page = await _read(response)
        finally:
            await response.aclose()
        if response.status_code >= 500:
            raise LoginUnavailable
        self._keep(jar, response)
        return _Answer(
            response.status_code,
            response.headers.get("location", ""),
            _seconds(response.headers.get("retry-after", "")),
            page,
        )

    def _keep(self, jar: _Jar, response: httpx.Response) -> None:
        now = self._clock.wall()
        for name, value in response.headers.raw:
            if name.lower() != b"set-cookie":
                continue
            cookie = read_set_cookie(value, now)
            jar.pop(cookie.name, None)
            if not cookie.is_deletion:
                jar[cookie.name] = cookie.value
        if len(jar) > MAX_COOKIES:
            raise LoginChanged


async def _read(response: httpx.Response) -> bytes:
    """Return the beginning of the body; nothing of one that is coded although nobody asked for that."""
    if response.headers.get("content-encoding", "identity") != "identity":
        return b""
    page = b""
    async for chunk in response.aiter_raw():
        page += chunk
        if len(page) >= MAX_PAGE:
            break
    return page[:MAX_PAGE]


def _seconds(retry_after: str) -> int:
    return min(int(retry_after), _LONGEST_WAIT) if retry_after.isascii() and retry_after.isdigit() else 1
