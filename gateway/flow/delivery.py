"""Tokens as cookies, for browsers whose pages ask for none: given on navigations, renewed within requests."""

from collections.abc import Callable, Coroutine
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from typing import Any, NamedTuple, Protocol

from gateway.core.credentials import find_cookie, without_cookies
from gateway.core.navigation import is_from_elsewhere, is_from_own_page, is_loaded_by_another_site, is_navigation
from gateway.core.own_cookies import NAMES, OwnCookies
from gateway.core.phases import Posture
from gateway.errors import GatewayError, InvalidGrant
from gateway.facts import Event
from gateway.flow.clients import Client
from gateway.flow.ready import SAFE
from gateway.flow.tokens import Grant, TokenFlow
from gateway.headers import Pairs
from gateway.lately import Lately
from gateway.model import LegacySession, Permit, RequestHead
from gateway.ports import Facts

_PAGE_WAIT = 0.25
"""Seconds that a page waits for tokens which it does not need; they come with the next one then."""

_REQUEST_WAIT = 3.0
"""Seconds that a request waits for the renewal of the token that it is admitted by."""

_REST = 600.0
"""Seconds for which a session is given nothing, after tokens that were too large, or that nobody kept."""

_MOST_TIMES = 3
"""How often a session is given tokens within a rest: a program that keeps no cookies would fill its cap of families."""

_REMEMBERED = 4 << 20  # bytes
_OVERHEAD = 256  # what an entry costs beside its key, at most


class Flights(Protocol):
    """One flight for all who want the same, each a task of its own: it goes on when nobody waits for it any more."""

    async def join(self, key: str, begin: Callable[[], Coroutine[Any, Any, Grant]], *, wait: float) -> Grant:
        """Return what the flight of this key brings, or raise what it raises; one takes off where none is under way.

        Raises:
            StoreUnavailable: it takes longer than `wait` seconds.
            Overloaded: too many are under way.
        """
        ...


class _Given(NamedTuple):
    """How often a session was given tokens, and until when that counts."""

    until: float
    times: int


@dataclass(frozen=True, slots=True)
class DeliveryPolicy:
    """What the configuration says of tokens as cookies.

    `client` is whom they are issued to. `public_origin` is the origin of the public URL. `grace` is in seconds: as long
    as that, all navigations of one session get the same refresh token, whichever process they come to.
    """

    client: Client
    cookies: OwnCookies
    public_origin: bytes
    grace: float


class Delivery:
    """Gives and renews token cookies. `posture` returns the phase in force."""

    def __init__(
        self,
        *,
        policy: DeliveryPolicy,
        posture: Callable[[], Posture],
        tokens: TokenFlow,
        exchanges: Flights,
        renewals: Flights,
        facts: Facts,
    ) -> None:
        self._policy = policy
        self._cookies = policy.cookies
        self._posture = posture
        self._tokens = tokens
        self._exchanges = exchanges
        self._renewals = renewals
        self._facts = facts
        self._lately: Lately[_Given] = Lately(_REMEMBERED)

    # --- given on navigations ---

    def is_due(self, permit: Permit, head: RequestHead) -> bool:
        """Whether a browser that was admitted by its session is to get tokens with this page.

        Not for a page that another site led to: nothing is lost when the next one brings them. Where the session alone
        is refused, waiting for that would lose the user.
        """
        shown, posture = permit.shown, self._posture()
        if permit.session is None or shown is None or shown.duplicated or not posture.issues:
            return False
        if not posture.rollout.includes(permit.session.subject):
            return False
        if not permit.answer and head.cookie is not None and self._cookies.access in head.cookie:
            return False  # what it has could not be renewed for now, and is not given up for that
        return is_navigation(head) and (posture.may_retire or not is_from_elsewhere(head))

    async def deliver(self, permit: Permit, head: RequestHead, now: float) -> Pairs | None:
        """Return the cookies with tokens for the session of the permit; None where there are none to give now.

        Whatever goes wrong is no fault of the page, which goes on without them.
        """
        session = permit.session
        lately = None if session is None else self._lately[session.site, session.key]
        if session is None or (lately is not None and lately.times >= _MOST_TIMES and now < lately.until):
            return None
        try:
            grant = await self._grant(session, permit, head, now, self._wait())
            given = self.find_cookies(grant, head)
            # Another page may just have been given the tokens of a family that was there before: only a fresh one ends.
            if given is None and lately is None and grant.outcome is None and grant.family.created_at == now:
                await self._tokens.revoke(grant.refresh_token, "refresh_token", self._policy.client, now=now)
        except GatewayError:
            self._facts.count(Event.DELIVERY_FAILED)
            return None
        self._remember(session, lately, now, times=1 if given is not None else _MOST_TIMES)
        if given is not None:
            self._facts.count(Event.DELIVERED)
        return given

    def _remember(self, session: LegacySession, lately: _Given | None, now: float, *, times: int) -> None:
        if lately is None or now >= lately.until:
            lately = _Given(now + _REST, 0)
        entry = _Given(lately.until, lately.times + times)
        self._lately.keep((session.site, session.key), entry, len(session.key) + _OVERHEAD)

    def find_cookies(self, grant: Grant, head: RequestHead, *, is_renewal: bool = False) -> Pairs | None:
        """Return the cookies with the tokens of a grant; None where they are more than a browser keeps or may send.

        Those of a renewal take the place of others that came through with all that the browser shows beside them, and
        it may have nothing else to be known by.
        """
        given = self._cookies.giving(grant.access_token, grant.refresh_token, grant.refresh_expires_in)
        beside = None if is_renewal else without_cookies(head.cookie, NAMES)
        if not self._cookies.is_too_large(given, beside):
            return given
        self._facts.count(Event.DELIVERY_TOO_LARGE)
        return None

    def _wait(self) -> float:
        """Where its session alone does not count, what a page loads would be refused."""
        return _REQUEST_WAIT if self._posture().may_retire else _PAGE_WAIT

    async def _grant(self, session: LegacySession, permit: Permit, head: RequestHead, now: float, wait: float) -> Grant:
        """Go on with the family whose refresh token the browser shows, where it is this session's user's; or open one.

        Raises:
            GatewayError: neither is possible now.
        """
        refresh = None if permit.answer else find_cookie(head.cookie, self._cookies.refresh)
        if refresh is not None:
            with suppress(InvalidGrant):
                grant = await self.renew(refresh, now, wait=wait)
                if (grant.family.site, grant.family.subject) == (session.site, session.subject):
                    return grant
        shown = permit.shown
        assert shown is not None
        # Navigations of one session that race in several processes open one family. No client can send a key with a
        # space, so that none is taken for this one.
        key = f"navigation {now // self._policy.grace:.0f}"
        client, exchange = self._policy.client, self._tokens.exchange
        begin = partial(exchange, shown, client, now=now, idempotency_key=key, is_asked=False)
        # By the user too: an application may keep the id of a session when somebody else signs in.
        name = "\0".join((session.site, session.subject, session.key))
        return await self._exchanges.join(name, begin, wait=wait)

    # --- renewed within requests ---

    def may_renew(self, head: RequestHead) -> bool:
        """Whether a request may renew the token that it shows.

        One that changes something comes from a page of ours. What a page of another site loads is sent cookies with
        `SameSite=None` only, and a browser may well drop those of the answer: its next refresh would be a replay.
        """
        if head.method not in SAFE:
            return is_from_own_page(head, self._policy.public_origin)
        return not is_loaded_by_another_site(head)

    async def renew(self, refresh: bytes, now: float, *, wait: float = _REQUEST_WAIT, has_cookie: bool = True) -> Grant:
        """Return fresh tokens for a refresh token: the same ones for all requests that show it at about the same time.

        `has_cookie`: the browser shows a session too, so that it loses nothing where its user is not in the rollout.

        Raises:
            PhaseOff: he is not.
            InvalidGrant, ProofRefused, SessionUndetermined, TooMany, Unavailable: as `TokenFlow.refresh`.
        """
        text = refresh.decode("latin-1")
        begin = partial(self._tokens.refresh, text, self._policy.client, now=now, has_cookie=has_cookie)
        return await self._renewals.join(text, begin, wait=wait)
