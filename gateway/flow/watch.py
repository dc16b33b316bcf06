"""What a response tells about the legacy session: a login, a rotation, a logout seen in the application.

A header alone proves nothing: frameworks re-sign cookies without reason, and some end a session without a word.
So a signal only starts a look, which resolves the session before and after. A family ends at once on an explicit
sign (a cookie deleted, the record gone from a store that we read), never because something could not be read.
"""

from collections.abc import Mapping, Sequence

from gateway.core.cors import CrossOrigin
from gateway.core.credentials import Site
from gateway.core.response import (
    with_private_caching,
    with_vary_on_origin,
    without_cookies_named,
    without_reserved,
)
from gateway.errors import SessionEnded, Unavailable
from gateway.facts import Event
from gateway.flow.tokens import TokenFlow
from gateway.headers import Pairs, SetCookie, read_set_cookie, split_cookies
from gateway.model import (
    Anonymous,
    LegacySession,
    Permit,
    RequestHead,
    SessionCookie,
    Verdict,
)
from gateway.ports import Facts, SessionStore, Vault


class ResponseWatch:
    """Looks at responses before the client sees them."""

    def __init__(
        self,
        *,
        sites: Sequence[Site],
        own_cookies: frozenset[bytes],
        cross_origin: CrossOrigin,
        tokens: TokenFlow,
        vault: Vault,
        sessions: Mapping[str, SessionStore],
        facts: Facts,
    ) -> None:
        self._sites = {site.name: site for site in sites}
        self._site_of_cookie = {name: site for site in sites for name in site.cookies}
        self._logout_paths = {path.encode(): site for site in sites for path in site.logout_paths}
        self._own = own_cookies
        self._cross_origin = cross_origin
        self._tokens = tokens
        self._vault = vault
        self._sessions = sessions
        self._facts = facts
        self._unfinished: list[tuple[LegacySession, str]] = []

    # --- cheap, for every response ---

    def edit(self, permit: Permit, head: RequestHead, status: int, fields: Pairs) -> Pairs:
        """Return the fields as the client gets them: cache rules, CORS, our cookies, nothing that only we may say."""
        fields = without_reserved(fields, self._own)
        if permit.is_private:
            fields = with_private_caching(fields)
        cross_origin = self._cross_origin.response_fields(head)
        if cross_origin:
            names = {name for name, _ in cross_origin}
            fields = [pair for pair in fields if pair[0].lower() not in names]
            fields = with_vary_on_origin([*fields, *cross_origin])
        return [*fields, *permit.answer] if permit.answer else fields

    def needs_look(self, permit: Permit, head: RequestHead, status: int, fields: Pairs) -> bool:
        """Whether the response speaks of a session cookie, or answers a request to log out."""
        for name, value in fields:
            if name.lower() == b"set-cookie" and value.partition(b"=")[0].strip() in self._site_of_cookie:
                return True
        return bool(self._logout_paths) and head.path in self._logout_paths

    # --- the look ---

    async def look(self, permit: Permit, head: RequestHead, status: int, fields: Pairs, now: float) -> Pairs:
        """Find out what happened to the session and act on it; returns the fields for the client.

        The response is held until this returns, so that a logout is complete when the client learns of it. A store of
        ours that is away does not hold it back: what is left to do is remembered and done by `finish`.
        """
        set_cookies = [read_set_cookie(value, now) for name, value in fields if name.lower() == b"set-cookie"]
        for site in self._concerned(head, set_cookies):
            changes = [cookie for cookie in set_cookies if cookie.name in site.cookies]
            await self._look_at(site, permit, changes, now)
            if permit.vaulted is not None and not self._showed_family(permit, site):
                fields = without_cookies_named(fields, site.cookies)
        return fields

    async def finish(self, now: float) -> None:
        """Try again to end the families of sessions whose logout was seen while the store was away."""
        waiting, self._unfinished = self._unfinished, []
        for session, reason in waiting:
            await self._end(session, reason, now)

    def _concerned(self, head: RequestHead, set_cookies: Sequence[SetCookie]) -> list[Site]:
        sites = {
            site.name: site for cookie in set_cookies if (site := self._site_of_cookie.get(cookie.name)) is not None
        }
        by_path = self._logout_paths.get(head.path)
        if by_path is not None:
            sites[by_path.name] = by_path
        return list(sites.values())

    async def _look_at(self, site: Site, permit: Permit, changes: Sequence[SetCookie], now: float) -> None:
        before = _session_before(permit, site)
        if before is None:
            return
        store = self._sessions[site.name]
        store.forget(before)
        sent = dict(_cookies_sent(permit, site))
        received = _applied(sent, changes)
        after = await store.resolve(SessionCookie(site.name, tuple(received.items())), now, fresh=True)
        if isinstance(after, LegacySession) and after.subject == before.subject:
            await self._follow(before, after, permit, received, now)
        elif isinstance(after, LegacySession):
            await self._end(before, "switched", now)
        elif _is_replaced(after, site, changes) or await self._is_over(before, changes, sent, store, now):
            self._facts.count(Event.LOGOUT_SEEN)
            await self._end(before, "legacy_logout", now)

    async def _follow(
        self,
        before: LegacySession,
        after: LegacySession,
        permit: Permit,
        cookies: Mapping[bytes, bytes],
        now: float,
    ) -> None:
        """The same user goes on: the vault takes the new cookies, the families follow a new session id."""
        try:
            if after.key != before.key:
                self._facts.count(Event.ROTATION_SEEN)
                await self._tokens.move_session(before, after, cookies=cookies, now=now)
            elif permit.vaulted is not None and not await self._vault.update(permit.vaulted, cookies, after.key):
                self._facts.count(Event.VAULT_CONFLICT)
        except (Unavailable, SessionEnded):
            # The new cookie still reaches a client that shows one; the family is looked at again at its next refresh.
            self._facts.count(Event.VAULT_CONFLICT)

    async def _is_over(
        self,
        before: LegacySession,
        changes: Sequence[SetCookie],
        sent: Mapping[bytes, bytes],
        store: SessionStore,
        now: float,
    ) -> bool:
        """An explicit sign only: the session cookie was deleted, or what was sent does not resolve any more."""
        name = self._sites[before.site].cookies[0]
        if any(cookie.name == name and cookie.is_deletion for cookie in changes):
            return True
        verdict = await store.resolve(SessionCookie(before.site, tuple(sent.items())), now, fresh=True)
        return isinstance(verdict, Anonymous) and verdict.reason in {"gone", "no_user", "not_bound"}

    async def _end(self, session: LegacySession, reason: str, now: float) -> None:
        try:
            await self._tokens.end_session(session, reason, now=now)
        except Unavailable:
            self._unfinished.append((session, reason))

    def _showed_family(self, permit: Permit, site: Site) -> bool:
        """Whether the client itself holds the session cookie of the token's family, and so must hear of changes."""
        shown, vaulted = permit.shown, permit.vaulted
        if shown is None or vaulted is None or shown.site != site.name:
            return False
        name = site.cookies[0]
        return dict(shown.cookies).get(name) == dict(vaulted.cookies).get(name)


def _is_replaced(after: Verdict, site: Site, changes: Sequence[SetCookie]) -> bool:
    """Whether the application put a session without a user in the place of the user's: Flask-Login and passport do."""
    is_set = any(cookie.name == site.cookies[0] and not cookie.is_deletion for cookie in changes)
    return is_set and isinstance(after, Anonymous) and after.reason == "no_user"


def _session_before(permit: Permit, site: Site) -> LegacySession | None:
    if permit.session is not None and permit.session.site == site.name:
        return permit.session
    vaulted = permit.vaulted
    if vaulted is not None and vaulted.site == site.name:
        return LegacySession(vaulted.site, vaulted.session_key, vaulted.subject)
    return None


def _cookies_sent(permit: Permit, site: Site) -> Pairs:
    return [pair for pair in split_cookies(permit.cookie or b"") if pair[0] in site.cookies]


def _applied(sent: Mapping[bytes, bytes], changes: Sequence[SetCookie]) -> dict[bytes, bytes]:
    cookies = dict(sent)
    for change in changes:
        cookies.pop(change.name, None)
        if not change.is_deletion:
            cookies[change.name] = change.value
    return cookies
