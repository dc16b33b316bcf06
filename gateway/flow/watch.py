"""What a response tells about the legacy session: a login, a rotation, a logout seen in the application.

A header alone proves nothing: frameworks re-sign cookies without reason, and some end a session without a word.
So a signal only starts a look, which resolves the session before and after. A family ends at once on an explicit
sign (a cookie deleted, the record gone from a store that we read), never because something could not be read.
"""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace

from gateway.core.cors import CrossOrigin
from gateway.core.credentials import Site
from gateway.core.own_cookies import NAMES, OwnCookies
from gateway.core.response import (
    Looked,
    may_carry_tokens,
    with_cookies_named,
    with_private_caching,
    with_vary_on_origin,
    without_cookies_named,
    without_mark,
    without_reserved,
)
from gateway.core.session_changes import Seen, applied, cookies_sent, is_replaced, last_change, session_before
from gateway.core.verdicts import is_over
from gateway.errors import SessionEnded, Unavailable
from gateway.facts import Event
from gateway.flow.delivery import Delivery
from gateway.flow.inference import Inference
from gateway.flow.shadow import Shadow
from gateway.flow.tokens import TokenFlow
from gateway.flow.unfinished import Unfinished
from gateway.headers import Pairs, SetCookie, join_fields, read_set_cookie
from gateway.http1.response import ResponseHead
from gateway.model import Anonymous, Credential, LegacySession, Permit, RequestHead, SessionCookie, Verdict
from gateway.ports import Facts, SessionStore, Vault

Pause = Callable[[float], Awaitable[object]]
"""Waits for so many seconds."""

_SETTLING = (0.02, 0.08, 0.2)
"""Seconds between looks at a session whose cookie a response has just set.

Express and PHP send the head of an answer, and then write the record that its cookie leads to.
"""


class ResponseWatch:
    """Looks at responses before the client sees them. `pause` is how it waits for a record that is being written."""

    def __init__(
        self,
        *,
        sites: Sequence[Site],
        cookies: OwnCookies,
        cross_origin: CrossOrigin,
        tokens: TokenFlow,
        vault: Vault,
        sessions: Mapping[str, SessionStore],
        facts: Facts,
        inference: Inference,
        pause: Pause,
        delivery: Delivery | None = None,
        shadow: Shadow | None = None,
    ) -> None:
        self._shadow = shadow
        self._pause = pause
        self._delivery = delivery
        self._inference = inference
        self._sites = {site.name: site for site in sites}
        self._site_of_cookie = {name: site for site in sites for name in site.cookies}
        self._logout_paths = {path.encode(): site for site in sites for path in site.logout_paths}
        self._login_paths = {site.login_url.encode(): site for site in sites if site.login_url}
        self._cookies = cookies
        self._cross_origin = cross_origin
        self._tokens = tokens
        self._vault = vault
        self._sessions = sessions
        self._facts = facts
        self._unfinished = Unfinished(tokens)

    # --- cheap, for every response ---

    def find_lines(self, permit: Permit, head: RequestHead, response: ResponseHead) -> bytes | None:
        """Return the fields as the client gets them, as lines; the way of most responses.

        None where more is to be done than to keep shared caches away: then `needs_look` and `edit` are asked.
        """
        if response.is_notable or permit.answer or head.origin is not None:
            return None
        if (self._logout_paths and self.awaits_logout(permit, head)) or self._awaits_login(permit, head):
            return None
        if permit.session is not None and self._is_delivery_due(permit, head):
            return None
        if not permit.is_private:
            if permit.is_transparent:
                self._note(permit, head, response.status, response.fields)
            return response.lines
        if response.private is None:
            response.private = join_fields(with_private_caching(response.fields))
        return response.private

    def edit(self, permit: Permit, head: RequestHead, status: int, fields: Pairs, ours: Pairs | None = None) -> Pairs:
        """Return the fields as the client gets them: cache rules, CORS, our cookies, nothing that only we may say.

        `ours` are cookies that the look has found to be set or deleted; they replace those of the permit.
        """
        if permit.is_transparent:
            self._note(permit, head, status, fields)
            fields = without_mark(fields)
        else:
            fields = without_reserved(fields, NAMES)
            gives_cookies = bool(permit.answer or ours)
            if permit.is_private or gives_cookies:
                fields = with_private_caching(fields, is_strict=gives_cookies)
            if _is_by_ticket(permit, head):
                fields = with_cookies_named(fields, self._site_of_cookie)  # of which `look` has left what is theirs
        cross_origin = self._cross_origin.response_fields(head)
        if cross_origin:
            names = {name for name, _ in cross_origin}
            fields = [pair for pair in fields if pair[0].lower() not in names]
            fields = with_vary_on_origin([*fields, *cross_origin])
        answer = permit.answer if ours is None else (*without_reserved(list(permit.answer), NAMES), *ours)
        return [*fields, *answer]

    def _note(self, permit: Permit, head: RequestHead, status: int, fields: Pairs) -> None:
        if self._shadow is not None:
            self._shadow.note(permit, head, status, fields)

    def needs_look(self, permit: Permit, head: RequestHead, status: int, fields: Pairs) -> bool:
        """Whether the response speaks of a session cookie, or answers a request to log out."""
        if permit.is_transparent:
            return False
        for name, value in fields:
            if name.lower() == b"set-cookie" and value.partition(b"=")[0].strip() in self._site_of_cookie:
                return True
        if self.awaits_logout(permit, head) or self._awaits_login(permit, head):
            return True
        return self._is_delivery_due(permit, head) and may_carry_tokens(status, fields)

    def _is_delivery_due(self, permit: Permit, head: RequestHead) -> bool:
        return self._delivery is not None and self._delivery.is_due(permit, head)

    def _awaits_login(self, permit: Permit, head: RequestHead) -> bool:
        """Whether the request may log somebody in, perhaps into a session that keeps its id."""
        return permit.is_stranger and head.method == b"POST" and head.path in self._login_paths

    def awaits_logout(self, permit: Permit, head: RequestHead) -> bool:
        """Whether the request may log somebody out whom we know: even if nobody sees the answer."""
        if not self._logout_paths or head.path not in self._logout_paths:
            return False
        return permit.session is not None or permit.vaulted is not None

    # --- the look ---

    async def look(self, permit: Permit, head: RequestHead, status: int, fields: Pairs, now: float) -> Looked:
        """Find out what happened to the session and act on it; returns the fields for the client.

        The response is held until this returns, so that a logout is complete when the client learns of it. A store of
        ours that is away does not hold it back: what is left to do is remembered and done by `finish`.
        """
        set_cookies = [read_set_cookie(value, now) for name, value in fields if name.lower() == b"set-cookie"]
        has_ended = False
        going_on = permit
        for site in self._concerned(permit, head, set_cookies):
            changes = [cookie for cookie in set_cookies if cookie.name in site.cookies]
            # A session that an application opens because of our headers is not the one behind the token.
            is_theirs = permit.token is None or site.upstream != permit.upstream
            is_theirs = is_theirs or await self._shows_family(permit, site, now)
            self._cookies.follow([cookie for cookie in changes if cookie.name == site.cookies[0]])
            seen = await self._look_at(site, permit, head, changes, now)
            has_ended |= seen.is_over
            if permit.session is not None and permit.session.site == site.name:
                going_on = replace(permit, session=seen.session, shown=seen.shown)
            if not is_theirs:
                fields = without_cookies_named(fields, site.cookies)
        if has_ended:
            is_left_over = self._cookies.are_shown(head.cookie) and not _is_by_ticket(permit, head)
            return Looked(fields, self._cookies.deleting() if is_left_over else None)
        if self._delivery is None or going_on.session is None:
            return Looked(fields)
        if not self._is_delivery_due(permit, head) or not may_carry_tokens(status, fields):
            return Looked(fields)
        return Looked(fields, await self._delivery.deliver(going_on, head, now))

    async def look_after(self, permit: Permit, head: RequestHead, now: float) -> None:
        """Look at the session although the response was never seen: the client or the application was gone."""
        site = self._logout_paths.get(head.path)
        if site is not None:
            await self._look_at(site, permit, head, [], now)

    async def finish(self, now: float) -> None:
        """Try again what could not be written while a store was away; compare what was noted for that."""
        await self._unfinished.finish(now)
        if self._shadow is not None:
            await self._shadow.compare(now)

    def _concerned(self, permit: Permit, head: RequestHead, set_cookies: Sequence[SetCookie]) -> list[Site]:
        sites = {
            site.name: site for cookie in set_cookies if (site := self._site_of_cookie.get(cookie.name)) is not None
        }
        by_path = [self._logout_paths.get(head.path)]
        if self._awaits_login(permit, head):
            by_path.append(self._login_paths[head.path])
        sites |= {site.name: site for site in by_path if site is not None}
        return list(sites.values())

    async def _look_at(
        self, site: Site, permit: Permit, head: RequestHead, changes: Sequence[SetCookie], now: float
    ) -> Seen:
        """Act on what became of the session of a site, and say what that was."""
        before = session_before(permit, site)
        if before is None:
            await self._look_for_login(site, permit, head, changes, now)
            return Seen()
        store = self._sessions[site.name]
        store.forget(before)
        is_asked = self._logout_paths.get(head.path) is site  # what a user asks for is no inference
        sent = dict(cookies_sent(permit, site))
        received = applied(sent, changes)
        shown = SessionCookie(site.name, tuple(received.items()))
        after = await store.resolve(shown, now, fresh=True)
        if not is_asked and last_change(changes, site.cookies[0]) == "set":
            after = await self._settled(after, shown, store, now)
        if not is_asked:
            after = self._inference.judge(site.name, before.key, after, now)
        if isinstance(after, LegacySession) and after.subject == before.subject:
            await self._follow(before, after, permit, received, now)
            return Seen(session=after, shown=shown)
        if isinstance(after, LegacySession):
            await self._unfinished.end(before, "switched", now)
            return Seen(is_over=True)
        if is_replaced(after, site, changes) or await self._is_over(before, changes, sent, now, is_asked=is_asked):
            if not is_asked and await self._has_moved(before, now):
                return Seen()
            self._facts.count(Event.LOGOUT_SEEN)
            await self._unfinished.end(before, "legacy_logout", now)
            return Seen(is_over=True)
        return Seen()

    async def _settled(self, verdict: Verdict, shown: SessionCookie, store: SessionStore, now: float) -> Verdict:
        """Return the verdict about a session that was just set, as soon as its record is there."""
        for seconds in _SETTLING:
            if not isinstance(verdict, Anonymous) or verdict.reason not in {"gone", "no_user"}:
                break
            await self._pause(seconds)
            verdict = await store.resolve(shown, now, fresh=True)
        return verdict

    async def _has_moved(self, before: LegacySession, now: float) -> bool:
        """Whether the tokens of a session follow it to another id meanwhile.

        To a request that still had the old one, the application answers as to a stranger; what it answered to the one
        that changed it may come later.
        """
        with suppress(Unavailable):
            if not await self._tokens.has_families(before, now=now):
                return False
            for seconds in _SETTLING:
                await self._pause(seconds)
                if not await self._tokens.has_families(before, now=now):
                    return True
        return False

    async def _look_for_login(
        self, site: Site, permit: Permit, head: RequestHead, changes: Sequence[SetCookie], now: float
    ) -> None:
        """A session that begins for a stranger began with a login, unless it was another cookie that opened it.

        What cannot be written now is not written later: by then it could seem to have come after a revocation.
        """
        if not permit.is_stranger or (permit.shown is not None and permit.shown.site != site.name):
            return
        sent = dict(cookies_sent(permit, site))
        if not sent.keys() <= {site.cookies[0]}:
            return
        shown = SessionCookie(site.name, tuple(applied(sent, changes).items()))
        store = self._sessions[site.name]
        session = await store.resolve(shown, now, fresh=True)
        if self._awaits_login(permit, head):
            session = await self._settled(session, shown, store, now)
        if isinstance(session, LegacySession):
            self._facts.count(Event.LOGIN_SEEN)
            with suppress(Unavailable):
                await self._tokens.note_login(session, now=now)

    async def _follow(
        self,
        before: LegacySession,
        after: LegacySession,
        permit: Permit,
        cookies: Mapping[bytes, bytes],
        now: float,
    ) -> None:
        """The same user goes on: the vault takes the new cookies, the families follow a new session id."""
        if after.key != before.key:
            self._facts.count(Event.ROTATION_SEEN)
            await self._unfinished.move(before, after, cookies, now)
        elif permit.vaulted is not None:
            try:
                is_kept = await self._vault.update(permit.vaulted, cookies, after.key)
            except (Unavailable, SessionEnded):
                is_kept = False  # the cookie from before is still good: it names the same session
            if not is_kept:
                self._facts.count(Event.VAULT_CONFLICT)

    async def _is_over(
        self,
        before: LegacySession,
        changes: Sequence[SetCookie],
        sent: Mapping[bytes, bytes],
        now: float,
        *,
        is_asked: bool,
    ) -> bool:
        """An explicit sign only: the session cookie was deleted, or a store has read that what was sent is over."""
        if last_change(changes, self._sites[before.site].cookies[0]) == "deleted":
            return is_asked or not self._inference.is_stopped(before.site, now)
        shown = SessionCookie(before.site, tuple(sent.items()))
        verdict = await self._sessions[before.site].resolve(shown, now, fresh=True)
        return is_over(verdict if is_asked else self._inference.judge(before.site, before.key, verdict, now))

    async def _shows_family(self, permit: Permit, site: Site, now: float) -> bool:
        """Whether the client itself holds the session of the token's family, and so must hear of changes."""
        shown, vaulted = permit.shown, permit.vaulted
        if permit.credential is Credential.TOKEN_COOKIE:
            return vaulted is not None
        if shown is None or vaulted is None or shown.site != site.name:
            return False
        name = site.cookies[0]
        if dict(shown.cookies).get(name) == dict(vaulted.cookies).get(name):
            return True
        # A cookie that is signed anew with each response differs in its bytes and is the same session.
        verdict = await self._sessions[site.name].resolve(shown, now)
        return isinstance(verdict, LegacySession) and verdict.key == vaulted.session_key


def _is_by_ticket(permit: Permit, head: RequestHead) -> bool:
    """Whether an address was all that was shown: somebody else's, perhaps, whose cookies are planted here then."""
    return head.ticket is not None and permit.token is not None
