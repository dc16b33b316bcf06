"""Sessions that only the application can read: it is asked, over HTTP."""

import asyncio
from dataclasses import dataclass

import httpx

from gateway.codec import UnreadableSession, fingerprint_of
from gateway.headers import Pairs, join_cookies
from gateway.legacy.whoami import WhoamiRules
from gateway.model import Anonymous, LegacySession, SessionCookie, Undetermined, Verdict
from gateway.stores.sessions import Tell, say_nothing


@dataclass(frozen=True, slots=True)
class WhoamiQuestion:
    """Where and how the application is asked.

    `fields` are sent with every question, for instance `Host` and `X-Forwarded-Proto`. `timeout` is in seconds for
    the whole question, `largest` in bytes of the answer's body, `connections` how many are open at once.
    """

    url: str
    method: str = "GET"
    fields: tuple[tuple[str, str], ...] = ()
    timeout: float = 2.0
    largest: int = 65536
    connections: int = 32


class WhoamiSessions:
    """One entry of `sessions` with the format `whoami`.

    Only the configured cookies are sent. It works on httpx's transport, not on its client, because a client follows
    redirects, reads proxies from the environment and would send one user's `Set-Cookie` with the next user's question.
    A question keeps the session alive as any visit does, so it is asked only when the user does something.
    """

    def __init__(
        self, question: WhoamiQuestion, rules: WhoamiRules, *, transport: httpx.AsyncBaseTransport | None = None
    ) -> None:
        limits = httpx.Limits(max_connections=question.connections, max_keepalive_connections=question.connections)
        self._question = question
        self._rules = rules
        self._transport = transport or httpx.AsyncHTTPTransport(trust_env=False, limits=limits)
        self._tasks: set[asyncio.Task[Verdict]] = set()

    def locate(self, shown: SessionCookie) -> str:
        """Return the fingerprint of all cookies: each of them may decide."""
        return fingerprint_of(shown) if shown.cookies else ""

    async def resolve(self, shown: SessionCookie, now: float, *, fresh: bool = False) -> Verdict:
        """See `SessionStore`. The question goes on when the one who awaits it leaves; it ends by its time-out."""
        return await asyncio.shield(self._start(shown, say_nothing))

    async def explain(self, shown: SessionCookie, now: float, tell: Tell) -> Verdict:
        """See `ExplainableSessions`."""
        tell(f"The application itself is asked: {self._question.method} {self._question.url}.")
        return await self._start(shown, tell)

    def forget(self, session: LegacySession) -> None:
        """See `SessionStore`."""

    async def close(self) -> None:
        """See `ExplainableSessions`."""
        await self._transport.aclose()

    def _start(self, shown: SessionCookie, tell: Tell) -> asyncio.Task[Verdict]:
        task = asyncio.get_running_loop().create_task(self._ask(shown, tell))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    async def _ask(self, shown: SessionCookie, tell: Tell) -> Verdict:
        if not shown.cookies:
            return Anonymous("absent")
        try:
            async with asyncio.timeout(self._question.timeout):
                status, fields, body = await self._exchange(shown)
        except (TimeoutError, httpx.TimeoutException):
            tell("It did not answer in time.")
            return Undetermined("timeout")
        except (httpx.HTTPError, httpx.StreamError):
            tell("It could not be reached, or its answer was not valid HTTP.")
            return Undetermined("unreachable")
        except UnreadableSession:
            tell("Its answer was too large or compressed.")
            return Undetermined("unreadable")
        tell(f"It answered {status}.")
        return self._rules.judge(status, fields, body, fingerprint_of(shown))

    async def _exchange(self, shown: SessionCookie) -> tuple[int, Pairs, bytes]:
        """Ask and read the answer.

        Raises:
            UnreadableSession: its body is too large, or coded although nobody asked for that.
        """
        question = self._question
        request = httpx.Request(
            question.method,
            question.url,
            headers=[
                *((name.encode(), value.encode()) for name, value in question.fields),
                (b"Accept-Encoding", b"identity"),  # a compressed body could be larger than it looks
                (b"Cookie", join_cookies(shown.cookies)),
            ],
            extensions={"timeout": httpx.Timeout(question.timeout).as_dict()},
        )
        response = await self._transport.handle_async_request(request)
        try:
            body = await self._read(response)
        finally:
            await response.aclose()
        return response.status_code, list(response.headers.raw), body

    async def _read(self, response: httpx.Response) -> bytes:
        if response.headers.get("content-encoding", "identity") != "identity":
            raise UnreadableSession
        body = bytearray()
        async for chunk in response.aiter_raw():
            body += chunk
            if len(body) > self._question.largest:
                raise UnreadableSession
        return bytes(body)
