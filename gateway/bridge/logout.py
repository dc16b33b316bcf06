"""A logout of ours, carried into the application: its own logout form, sent with the user's own cookie."""

import asyncio
from contextlib import suppress
from dataclasses import dataclass

import httpx

from gateway.bridge.csrf import CsrfPairs
from gateway.core.credentials import Site
from gateway.core.verdicts import is_over
from gateway.headers import Pairs, join_cookies
from gateway.model import LegacySession, SessionCookie, VaultedSession
from gateway.ports import Clock, SessionStore

_NOT_THIS_METHOD = frozenset({404, 405})  # Rails and Express know no address apart from its method

_FOR_THE_APPLICATION = 0.8  # of the time; the rest is for the look at the session's store


@dataclass(frozen=True, slots=True)
class LogoutForm:
    """Where the application logs out.

    `url` is the absolute address of its logout form on the upstream; `public_origin` is what the application believes
    to be, as a browser would write it; `host` is what is sent as Host where that is not the host of the public origin.
    `timeout` bounds everything, in seconds: the request, and the look at the session after it.
    """

    url: str
    public_origin: str
    timeout: float = 5.0
    host: str = ""


class FormLogout:
    """The port `SessionEnder` for an application with a logout form.

    `transport` is a bare transport of httpx, which trusts what the site's upstream is trusted by: it has no cookie jar
    and follows no redirect, so nothing of one user can reach another. `sessions` says afterwards whether the session
    is gone.
    """

    def __init__(
        self,
        *,
        site: Site,
        form: LogoutForm,
        transport: httpx.AsyncBaseTransport,
        csrf: CsrfPairs,
        sessions: SessionStore,
        clock: Clock,
    ) -> None:
        self._site = site
        self._form = form
        self._transport = transport
        self._csrf = csrf
        self._sessions = sessions
        self._clock = clock
        self._running: set[asyncio.Task[bool]] = set()

    async def end(self, vaulted: VaultedSession) -> bool:
        """Ask the application to log out; True when the session is known to be gone. Never raises."""
        # In a task of its own: a caller that is stepped by hand has none, and a client that leaves does not stop it.
        task = asyncio.get_running_loop().create_task(self._end(vaulted))
        self._running.add(task)  # the loop itself holds tasks only weakly
        task.add_done_callback(self._running.discard)
        return await asyncio.shield(task)

    async def _end(self, vaulted: VaultedSession) -> bool:
        try:
            async with asyncio.timeout(self._form.timeout):
                return await self._end_and_look(vaulted)
        except TimeoutError:
            return False

    async def _end_and_look(self, vaulted: VaultedSession) -> bool:
        with suppress(httpx.HTTPError, TimeoutError, OSError):  # whether it worked is asked of the store in any case
            async with asyncio.timeout(self._form.timeout * _FOR_THE_APPLICATION):
                if await self._send(vaulted):
                    return True
        return await self._is_over(vaulted)

    async def _is_over(self, vaulted: VaultedSession) -> bool:
        shown = SessionCookie(vaulted.site, vaulted.cookies)
        return is_over(await self._sessions.resolve(shown, self._clock.wall(), fresh=True))

    async def _send(self, vaulted: VaultedSession) -> bool:
        """Post the form, then try the other ways that there are; True when the session is known to be gone by that."""
        fields = await self._fields(vaulted)
        posted = await self._status("POST", fields)
        if posted not in _NOT_THIS_METHOD and await self._is_over(vaulted):
            return True
        # Rails logs out by DELETE, and POST of the same address may be its login.
        deleted = await self._status("DELETE", fields)
        if {posted, deleted} <= _NOT_THIS_METHOD:  # many applications log out on a plain link
            await self._status("GET", fields)
        return False

    async def _status(self, method: str, fields: Pairs) -> int:
        request = httpx.Request(
            method,
            self._form.url,
            headers=fields,
            content=b"",
            extensions={"timeout": httpx.Timeout(self._form.timeout).as_dict()},
        )
        response = await self._transport.handle_async_request(request)
        await response.aclose()  # the answer's body is a page for somebody else
        return response.status_code

    async def _fields(self, vaulted: VaultedSession) -> Pairs:
        """Return what a browser behind the gateway would send, so that hosts and schemes match in the application."""
        scheme, _, host = self._form.public_origin.partition("://")
        cookies, extra = vaulted.cookies, self._csrf.provenance()
        check = self._csrf.find_check(self._site.name)
        if check is not None:
            verdict = await self._sessions.resolve(SessionCookie(vaulted.site, cookies), self._clock.wall(), fresh=True)
            secret = verdict.csrf if isinstance(verdict, LegacySession) else ""
            added, pair = self._csrf.pair(check, cookies, secret, self._clock.wall())
            cookies, extra = (*cookies, *added), [*pair, *extra]
        return [
            (b"Host", (self._form.host or host).encode("ascii")),
            (b"X-Forwarded-Host", host.encode("ascii")),
            (b"X-Forwarded-Proto", scheme.encode("ascii")),
            (b"Accept", b"*/*"),
            (b"Content-Type", b"application/x-www-form-urlencoded"),
            (b"Cookie", join_cookies(cookies)),
            *extra,
        ]
