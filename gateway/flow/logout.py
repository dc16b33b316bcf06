"""Logging out: tokens and the application's own session end together, whoever was asked."""

import asyncio
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from gateway.core.rotation import ensure_well_formed, hash_token
from gateway.errors import InvalidGrant, SessionEnded, VaultUnavailable
from gateway.facts import Event
from gateway.family_ports import RefreshStore
from gateway.flow.endings import COOKIE_LIFE, Endings
from gateway.flow.grants import LogoutResult, TokenSecrets
from gateway.flow.live import Live
from gateway.model import Anonymous, LegacySession, SessionCookie, VaultedSession, VerifiedToken
from gateway.ports import Facts, SessionEnder, SessionStore, Vault
from gateway.records import Family

REASON = "logout"

EXCHANGE_TIME = 10.0
"""Seconds that an exchange may be under way: one that began before the application logged out finds itself barred.

Not longer for a session that is gone, because some applications use a session id again for the next login.
"""

SIGNED_LATELY = 60.0
"""Seconds before a logout in which a cookie of its user may seem to have been signed that the next login gives: the
application's clock may be behind ours, and it counts in whole seconds."""

APP_LOGOUTS = 20
"""How many sessions of one user are logged out in the application at once; the others only lose their tokens."""


@dataclass(slots=True)
class _Ending:
    """What a logout is about to end: families by id, and legacy sessions.

    `ends` maps the hash of each session to when its cookie is worth nothing any more. `signed` are those whose cookie
    tells when it was signed, `gone` those that the application is known to have ended.
    """

    families: dict[str, Family] = field(default_factory=dict)
    ends: dict[bytes, float] = field(default_factory=dict)
    signed: set[bytes] = field(default_factory=set)
    gone: set[bytes] = field(default_factory=set)
    sessions: dict[tuple[str, str], VaultedSession] = field(default_factory=dict)
    subjects: set[str] = field(default_factory=set)

    def add_families(self, families: Iterable[Family]) -> None:
        self.families.update((family.id, family) for family in families)
        self.subjects.update(family.subject for family in self.families.values())

    def users(self) -> set[tuple[str, str]]:
        """Return the sites and the subjects of all of them."""
        sessions = {(session.site, session.subject) for session in self.sessions.values() if session.subject}
        return sessions | {(family.site, family.subject) for family in self.families.values()}

    def add_session(self, vaulted: VaultedSession) -> None:
        self.sessions.setdefault((vaulted.site, vaulted.session_key), vaulted)


class Logout:
    """Ends what a client shows: its families, those of the same session, and the session itself."""

    def __init__(
        self,
        *,
        secrets: TokenSecrets,
        endings: Endings,
        families: RefreshStore,
        vault: Vault,
        sessions: Mapping[str, SessionStore],
        enders: Mapping[str, SessionEnder],
        live: Live,
        facts: Facts,
    ) -> None:
        self._secrets = secrets
        self._endings = endings
        self._families = families
        self._vault = vault
        self._sessions = sessions
        self._enders = enders
        self._live = live
        self._facts = facts

    # --- asked of us ---

    async def end(
        self,
        *,
        token: VerifiedToken | None,
        refresh_token: str | None,
        shown: SessionCookie | None,
        everywhere: bool,
        now: float,
    ) -> LogoutResult:
        """Log out. See `TokenFlow.logout`."""
        ending = _Ending()
        ending.add_families(await self._named(token, refresh_token, now))
        if shown is not None:
            await self._add_shown(ending, shown, now)
        if everywhere:
            for subject in sorted(ending.subjects):
                ending.add_families(await self._families.families_of_subject(subject, now))
        await self._bar_and_collect(ending, now)
        await self._open_vaults(ending)  # before the families end, and their entries with them
        count = await self._end_tokens(ending, everywhere=everywhere, now=now)
        gone = await self._end_in_application(ending)
        count += await self._bar_what_goes_on(ending, now)
        self._facts.count(Event.LOGOUT_HERE)
        return LogoutResult(count, tuple(name for name, _ in shown.cookies) if shown is not None else (), gone)

    async def _named(self, token: VerifiedToken | None, refresh_token: str | None, now: float) -> list[Family]:
        """Return the families that the credentials name, as far as they are live.

        A credential of a family that has ended ends nothing: whoever kept it must not log its user out again.
        """
        found = [
            await self._families.find_family(token.session_id) if token is not None else None,
            await self._find_by_refresh_token(refresh_token) if refresh_token is not None else None,
        ]
        return [family for family in found if family is not None and _is_live(family, now)]

    async def _find_by_refresh_token(self, token: str) -> Family | None:
        try:
            ensure_well_formed(token)
        except InvalidGrant:
            return None
        return await self._families.find_family_of_token(hash_token(token))

    async def _add_shown(self, ending: _Ending, shown: SessionCookie, now: float) -> None:
        """Add the session of the client's own cookies. When nobody knows whose it is, the application is told still."""
        verdict = await self._sessions[shown.site].resolve(shown, now, fresh=True)
        if isinstance(verdict, Anonymous):
            return
        if isinstance(verdict, LegacySession):
            session_hash = self._secrets.session_hash(verdict.site, verdict.key)
            ending.ends[session_hash] = _cookie_end(verdict, now)
            if verdict.signed_at is not None:
                ending.signed.add(session_hash)
            ending.subjects.add(verdict.subject)
            ending.add_session(
                VaultedSession("", verdict.subject, shown.site, shown.cookies, verdict.key, 0, verdict.expires_at)
            )
        else:
            ending.add_session(VaultedSession("", "", shown.site, shown.cookies, ""))

    async def _bar_and_collect(self, ending: _Ending, now: float) -> None:
        """Bar the sessions first and list their families then: an exchange that is under way does the reverse.

        A cookie that tells when it was signed is barred for good, since that of the next login is another. Any other
        may be the same after the next login, and is barred for good only if its session turns out to go on.
        """
        for family in ending.families.values():
            if family.session_hash:
                ending.ends.setdefault(family.session_hash, now + COOKIE_LIFE)
        for site, subject in sorted(ending.users()):
            await self._bar_copies(site, subject, now)
        for session_hash, end in ending.ends.items():
            until = end if session_hash in ending.signed else now + EXCHANGE_TIME
            await self._families.bar_session(session_hash, until, now)
            ending.add_families(await self._families.families_of_session(session_hash, now))

    async def _bar_what_goes_on(self, ending: _Ending, now: float) -> int:
        """Bar the sessions that the application did not end; end what was opened if the first bar fell meanwhile."""
        count = 0
        for session_hash in ending.ends.keys() - ending.signed - ending.gone:
            await self._families.bar_session(session_hash, ending.ends[session_hash], now)
            opened = await self._families.families_of_session(session_hash, now)
            count += await self._endings.end_families([family.id for family in opened], REASON, now)
        return count

    async def _open_vaults(self, ending: _Ending) -> None:
        """Open one entry of each session, so that the application can be asked to end it."""
        opened: set[bytes] = set()
        for family in ending.families.values():
            if family.session_hash and family.session_hash in opened:
                continue
            try:
                ending.add_session(await self._vault.open_family(family))
            except (VaultUnavailable, SessionEnded):
                continue  # its tokens end in any case; another family of the session may have its entry
            opened.add(family.session_hash)

    async def _end_tokens(self, ending: _Ending, *, everywhere: bool, now: float) -> int:
        count = await self._endings.end_families(tuple(ending.families), REASON, now)
        if everywhere:
            for subject in sorted(ending.subjects):
                await self._endings.end_subject(subject, REASON, now)
        return count

    async def _end_in_application(self, ending: _Ending) -> bool | None:
        sessions = list(ending.sessions.values())
        if not sessions and not ending.ends:
            return None
        asked = sessions[:APP_LOGOUTS]
        answers = await asyncio.gather(*(self._end_one(session) for session in asked))
        for session, is_gone in zip(asked, answers, strict=True):
            if is_gone:
                ending.gone.add(self._secrets.session_hash(session.site, session.session_key))
        is_complete = len(sessions) >= len(ending.ends) and len(sessions) <= APP_LOGOUTS
        return is_complete and all(answers)

    async def _end_one(self, vaulted: VaultedSession) -> bool:
        ender = self._enders.get(vaulted.site)
        is_gone = await ender.end(vaulted) if ender is not None else False
        self._forget(LegacySession(vaulted.site, vaulted.session_key, vaulted.subject))
        return is_gone

    # --- seen in the application ---

    async def follow(self, session: LegacySession, reason: str, now: float) -> int:
        """End the families of a session that the application has ended. See `TokenFlow.end_session`."""
        session_hash = self._secrets.session_hash(session.site, session.key)
        is_cookie = session.signed_at is not None or session.site in self._endings.policy.in_cookie
        until = _cookie_end(session, now) if is_cookie else now + EXCHANGE_TIME
        await self._bar_copies(session.site, session.subject, now)
        await self._families.bar_session(session_hash, until, now)
        families = await self._families.families_of_session(session_hash, now)
        count = await self._endings.end_families([family.id for family in families], reason, now)
        self._forget(session)
        return count

    async def _bar_copies(self, site: str, subject: str, now: float) -> None:
        """Where the session is its cookie, leave a tombstone: older copies of it have other keys and are still good."""
        if site in self._endings.policy.in_cookie:
            tombstone = self._secrets.tombstone(site, subject)
            await self._families.bar_session(tombstone, now + COOKIE_LIFE, now - SIGNED_LATELY)

    def _forget(self, session: LegacySession) -> None:
        store = self._sessions.get(session.site)
        if store is not None:
            store.forget(session)
        self._live.end_session(session.site, session.key)


def _cookie_end(session: LegacySession, now: float) -> float:
    return session.expires_at or now + COOKIE_LIFE


def _is_live(family: Family, now: float) -> bool:
    return family.ended_at is None and family.absolute_expires_at > now
