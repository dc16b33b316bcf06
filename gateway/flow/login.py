"""A name and a password become a session of the application, for a client that has no pages to log in on."""

from collections.abc import Awaitable, Callable, Mapping

from gateway.errors import (
    GatewayError,
    InvalidGrant,
    InvalidRequest,
    LoginChanged,
    LoginIncomplete,
    SessionUndetermined,
    TooMany,
)
from gateway.facts import Event
from gateway.flow.rates import TokenRates
from gateway.flow.tokens import TokenFlow
from gateway.headers import Pairs
from gateway.login_ports import LoginReplay, Password, Replayed
from gateway.model import Anonymous, LegacySession, SessionCookie, Undetermined, Verdict
from gateway.ports import Facts, SessionStore

Pause = Callable[[float], Awaitable[object]]
"""Waits for so many seconds."""

MAX_TYPED = 1024
"""Characters of a name and of a password."""

_SETTLING = (0.02, 0.08, 0.2)
"""Seconds between looks at a session that was just opened: its record may be written behind the answer."""


class PasswordLogin:
    """Logs in where the application's login is known. `replays` are those logins, by the names of their sites."""

    def __init__(
        self,
        replays: Mapping[str, LoginReplay],
        sessions: Mapping[str, SessionStore],
        tokens: TokenFlow,
        rates: TokenRates,
        facts: Facts,
        pause: Pause,
    ) -> None:
        self._replays = replays
        self._sessions = sessions
        self._tokens = tokens
        self._rates = rates
        self._facts = facts
        self._pause = pause

    @property
    def is_offered(self) -> bool:
        """Whether anybody can log in."""
        return bool(self._replays)

    def site_named(self, name: str) -> str:
        """Return the site to log in to: the one that is named, or the only one.

        Raises:
            InvalidRequest: there are several and none of them is named, or one that does not exist.
        """
        if not name and len(self._replays) > 1:
            raise InvalidRequest("The parameter site says where to log in.")
        if name and name not in self._replays:
            raise InvalidRequest("There is no login of this site.")
        return name or next(iter(self._replays))

    async def sign_in(self, site: str, typed: Password, *, address: str, told: Pairs, now: float) -> SessionCookie:
        """Return the session that the application opened for the user.

        Whether it is one is asked of the session itself: a status says what an application makes of it.

        Raises:
            InvalidGrant: the application refused the name or the password.
            LoginIncomplete: it asks for more than a password.
            LoginChanged: it answered what no login of the configured kind answers.
            LoginUnavailable, SessionUndetermined: nobody can say.
            TooMany: this name was tried, or this address has tried, too often lately.
        """
        if len(typed.username) > MAX_TYPED or len(typed.password) > MAX_TYPED:
            raise InvalidRequest("The name or the password is too long.")
        await self._rates.ensure_login_may(site, typed.username, address, now)
        try:
            shown = await self._replay(site, typed, told, now)
        except InvalidGrant:
            self._facts.count(Event.LOGIN_REFUSED)
            raise
        except TooMany:
            raise
        except GatewayError:
            self._facts.count(Event.LOGIN_FAILED)
            raise
        self._facts.count(Event.LOGIN_REPLAYED)
        return shown

    async def _replay(self, site: str, typed: Password, told: Pairs, now: float) -> SessionCookie:
        replayed = await self._replays[site].replay(typed, told)
        if replayed.shown is not None:
            verdict = await self._resolve(replayed.shown, replayed, now)
            if isinstance(verdict, LegacySession):
                # It began just now: a revocation from before does not bar it.
                await self._tokens.note_login(verdict, now=now)
                return replayed.shown
            if isinstance(verdict, Undetermined):
                raise SessionUndetermined
        match replayed.means:
            case "refused":
                raise InvalidGrant("password")
            case "incomplete":
                raise LoginIncomplete
            case "changed":
                raise LoginChanged

    async def _resolve(self, shown: SessionCookie, replayed: Replayed, now: float) -> Verdict:
        store = self._sessions[shown.site]
        verdict = await store.resolve(shown, now, fresh=True)
        for seconds in _SETTLING if replayed.means != "refused" else ():
            if not isinstance(verdict, Anonymous) or verdict.reason not in {"gone", "no_user"}:
                break
            await self._pause(seconds)
            verdict = await store.resolve(shown, now, fresh=True)
        return verdict
