"""A vault whose sessions do not end by their age alone: one of our own making follows, while its family lives."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from typing import Protocol

from gateway.bridge.mint import Mint, Minted
from gateway.core.verdicts import has_ended_by_age
from gateway.errors import VaultUnavailable
from gateway.facts import Event
from gateway.family_ports import RefreshStore
from gateway.formats.minting import MintRefused
from gateway.model import LegacySession, SessionCookie, VaultedSession, VerifiedToken
from gateway.ports import Clock, Facts, SessionStore, Vault
from gateway.records import Family, SealedSession

_NEAR = 1.0
"""Seconds before its end at which a session counts as over, so that no request of ours comes too late for it."""

_PUTTING = 0.3
"""Seconds in which another gateway that has moved the families puts the cookies into their vaults."""


class Following(Protocol):
    """Who knows the families of a session."""

    async def move_session(
        self, old: LegacySession, new: LegacySession, *, cookies: Mapping[bytes, bytes], now: float
    ) -> None:
        """Let the families of a session follow another, with their entries in the vault. Raises Unavailable."""
        ...

    async def has_families(self, session: LegacySession, *, now: float) -> bool:
        """Whether tokens that live have this session now. Raises Unavailable."""
        ...

    def session_hash(self, site: str, key: str) -> bytes:
        """Return the hash by which families find their session."""
        ...


class MintingVault:
    """The port `Vault`, for those who want a session that is alive.

    A session whose store says that its time is over is followed by a new one. One that is gone, that has no user or
    another, was logged out or taken away: none follows. What cannot be made for lack of a user is left as it is found,
    so that whoever asked sees that it is over, and ends the family.
    """

    def __init__(
        self,
        vault: Vault,
        *,
        mints: Mapping[str, Mint],
        sessions: Mapping[str, SessionStore],
        families: RefreshStore,
        following: Callable[[], Following],
        clock: Clock,
        facts: Facts,
        pause: Callable[[float], Awaitable[object]],
    ) -> None:
        self._vault = vault
        self._mints = mints
        self._sessions = sessions
        self._families = families
        self._following = following
        self._clock = clock
        self._facts = facts
        self._pause = pause
        self._making: dict[tuple[str, str], asyncio.Task[None]] = {}

    def glance(self, token: VerifiedToken) -> VaultedSession | None:
        """See `ports.Vault`. Where sessions are made, a store is asked first whether the time of this one is over."""
        session = self._vault.glance(token)
        return None if session is None or session.site in self._mints else session

    async def open(self, token: VerifiedToken) -> VaultedSession:
        """Return the session that a token stands for. See `ports.Vault`."""
        session = await self._vault.open(token)
        return await self._vault.open(token) if await self._is_followed(session) else session

    async def open_family(self, family: Family) -> VaultedSession:
        """Return the session behind a family. See `ports.Vault`."""
        session = await self._vault.open_family(family)
        is_followed = await self._is_followed(session, fresh=True)  # who asks here looks past the cache as well
        return await self._vault.open_family(family) if is_followed else session

    async def seal(self, session: VaultedSession, expires_at: float) -> SealedSession:
        """See `ports.Vault`."""
        return await self._vault.seal(session, expires_at)

    async def update(self, session: VaultedSession, cookies: Mapping[bytes, bytes], session_key: str) -> bool:
        """See `ports.Vault`."""
        return await self._vault.update(session, cookies, session_key)

    async def _is_followed(self, session: VaultedSession, *, fresh: bool = False) -> bool:
        """Whether another session was put in the place of one that has ended by its age.

        Raises:
            VaultUnavailable: it should be, and cannot now.
        """
        if session.site not in self._mints:
            return False
        shown = session.as_shown
        now = self._clock.wall()
        verdict = await self._sessions[session.site].resolve(shown, now, fresh=fresh)
        if not has_ended_by_age(verdict, now + _NEAR):
            return False
        # One flight for all who ask about the same session, which outlives each of them.
        name = (session.site, session.session_key)
        flight = self._making.get(name)
        if flight is None:
            flight = self._making[name] = asyncio.get_running_loop().create_task(self._make(session))
            flight.add_done_callback(lambda flight: self._land(name, flight))
        await asyncio.shield(flight)
        return True

    def _land(self, name: tuple[str, str], flight: "asyncio.Task[None]") -> None:
        self._making.pop(name, None)
        if not flight.cancelled():
            flight.exception()  # an error that nobody waits for any more is no reason for asyncio to complain

    async def _make(self, before: VaultedSession) -> None:
        family = await self._families.find_family(before.session_id)
        now = self._clock.wall()
        if family is None or family.ended_at is not None or family.absolute_expires_at <= now + _NEAR:
            return
        if not await self._is_next(before, family, now):
            return
        mint = self._mints[before.site]
        try:
            minted = await mint.make(
                family.subject, family.claims, bound_to=before.bound_to, until=family.absolute_expires_at, now=now
            )
        except MintRefused:
            self._facts.count(Event.MINT_REFUSED)
            return
        after = await self._ensure_theirs(mint, minted, family, now)
        old, following = LegacySession(before.site, before.session_key, before.subject), self._following()
        await following.move_session(old, after, cookies=dict(minted.cookies), now=now)
        if await following.has_families(after, now=now):
            self._facts.count(Event.SESSION_MINTED)
            return
        # Another gateway was quicker, or the user has logged out meanwhile: nobody was given it, and nobody will be.
        with suppress(VaultUnavailable):
            await mint.undo(minted)

    async def _is_next(self, before: VaultedSession, family: Family, now: float) -> bool:
        """Whether it is for us to make the session that follows.

        A family that has another session already than its vault is one whose vault is just being written, or could not
        be, for a fault of the store. Then it goes back to the session that its vault has, and follows anew: a fault of
        ours ends nobody's tokens.
        """
        its_own = self._following().session_hash(before.site, before.session_key)
        if family.session_hash == its_own:
            return True
        await self._pause(_PUTTING)
        current = await self._vault.open_family(family)
        if current.session_key != before.session_key:
            return False
        await self._families.move_families(family.session_hash, its_own, now)
        return True

    async def _ensure_theirs(self, mint: Mint, minted: Minted, family: Family, now: float) -> LegacySession:
        """Return the session as its store sees it. One that is not the user's is never given to anybody.

        Raises:
            VaultUnavailable: the store cannot say, or the template makes no session that the application would accept.
        """
        shown = SessionCookie(family.site, minted.cookies)
        verdict = await self._sessions[family.site].resolve(shown, now, fresh=True)
        if isinstance(verdict, LegacySession) and verdict.subject == family.subject:
            return verdict
        self._facts.count(Event.MINT_FAILED)
        with suppress(VaultUnavailable):
            await mint.undo(minted)
        raise VaultUnavailable("A session that was made here is not read as its user's.")
