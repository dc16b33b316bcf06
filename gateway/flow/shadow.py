"""What the other world would have said: while the application alone decides, we decide beside it and compare.

A response is only noted, which takes no time; what was noted is compared afterwards, a bounded number each second. So
no store of ours, no key and no application that is asked can delay or change an answer.
"""

from collections import deque
from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple
from urllib.parse import urlsplit

from gateway.core.credentials import Site, find_sessions
from gateway.core.phases import Posture
from gateway.errors import GatewayError
from gateway.facts import Comparison
from gateway.flow.access import AccessTokens
from gateway.flow.grants import TokenPolicy
from gateway.headers import Pairs, encode_value
from gateway.model import Anonymous, LegacySession, Permit, Phase, RequestHead, SessionCookie, Verdict
from gateway.ports import Facts, SessionStore
from gateway.records import Family

_NOTED = 256
"""Responses that wait to be compared; further ones are counted as skipped."""
_AT_ONCE = 50
"""Responses that are compared in one round, and in one second."""
_ASKED = 2
"""Of those, how many the application is asked about."""
_REDIRECTS = frozenset({301, 302, 303, 307, 308})


class _Noted(NamedTuple):
    route: str
    shown: SessionCookie
    is_turned_away: bool


class Trial:
    """Makes a token for a session as an exchange would, verifies it, and gives it to nobody."""

    def __init__(self, policy: TokenPolicy, access: AccessTokens) -> None:
        self._policy = policy
        self._access = access

    async def is_passed(self, session: LegacySession, now: float) -> bool:
        """Whether there would be a token, and a good one."""
        if not session.is_bound and not self._policy.trust_store_alone:
            return False
        ends = now + self._policy.refresh
        family = Family("shadow", session.subject, "shadow", session.site, b"", session.claims, 0, now, ends, ends)
        try:
            encode_value(session.subject)
            text, _ = await self._access.issue(family, 0, now)
            return self._access.read(text.encode("ascii"), now).subject == session.subject
        except GatewayError:
            return False


class Shadow:
    """Notes responses and compares them. `theirs` asks the application itself who a session is, by the site's name."""

    def __init__(
        self,
        *,
        posture: Callable[[], Posture],
        sites: Sequence[Site],
        sessions: Mapping[str, SessionStore],
        theirs: Mapping[str, SessionStore],
        trial: Trial,
        facts: Facts,
    ) -> None:
        self._posture = posture
        self._sites = {site.name: site for site in sites}
        self._upstreams = {site.upstream: tuple(s for s in sites if s.upstream == site.upstream) for site in sites}
        self._login_paths = {site.name: urlsplit(site.login_url).path for site in sites}
        self._sessions = sessions
        self._theirs = theirs
        self._trial = trial
        self._facts = facts
        self._noted: deque[_Noted] = deque()

    def note(self, permit: Permit, head: RequestHead, status: int, fields: Pairs) -> None:
        """Remember what the application made of a request, if that showed a session which it leaves as it is."""
        if self._posture().phase is not Phase.SHADOW or head.cookie is None:
            return
        try:
            shown = find_sessions(head.cookie, self._upstreams.get(permit.upstream, ()))
        except GatewayError:  # counted, and refused in later phases
            return
        if shown is None or self._is_changed(shown.site, head, fields):
            return
        if len(self._noted) >= _NOTED:
            self._facts.compare(permit.route, Comparison.SKIPPED)
            return
        self._noted.append(_Noted(permit.route, shown, self._is_turned_away(shown.site, status, fields)))

    async def compare(self, now: float) -> None:
        """Compare what was noted; to be called about once a second.

        A round ends with a session that nobody can read: the next one may wait as long for the same store.
        """
        asked = 0
        for _ in range(min(_AT_ONCE, len(self._noted))):
            noted = self._noted.popleft()
            theirs = self._theirs.get(noted.shown.site) if asked < _ASKED else None
            asked += theirs is not None
            outcome = await self._compare(noted, theirs, now)
            self._facts.compare(noted.route, outcome)
            if outcome is Comparison.UNDETERMINED:
                return

    async def _compare(self, noted: _Noted, theirs: SessionStore | None, now: float) -> Comparison:
        ours = await self._sessions[noted.shown.site].resolve(noted.shown, now)
        said = await theirs.resolve(noted.shown, now) if theirs is not None else None
        if isinstance(ours, Anonymous):
            return Comparison.USER_MISSED if isinstance(said, LegacySession) else Comparison.AGREED
        if not isinstance(ours, LegacySession):
            return Comparison.UNDETERMINED
        if noted.is_turned_away:
            return Comparison.TURNED_AWAY
        if said is not None and (found := _find_difference(ours, said)) is not None:
            return found
        return Comparison.AGREED if await self._trial.is_passed(ours, now) else Comparison.NO_TOKEN

    def _is_changed(self, name: str, head: RequestHead, fields: Pairs) -> bool:
        """Whether the request or its answer changes the session, so that a later look would see another one."""
        site = self._sites[name]
        if head.path.decode("latin-1") in (*site.logout_paths, self._login_paths[name]):
            return True
        changes = (value for field, value in fields if field.lower() == b"set-cookie")
        return any(value.partition(b"=")[0].strip() in site.cookies for value in changes)

    def _is_turned_away(self, name: str, status: int, fields: Pairs) -> bool:
        """Whether the application answers as it does to nobody: 401, or the way to its login."""
        if status == 401:
            return True
        login = self._login_paths[name]
        if not login or status not in _REDIRECTS:
            return False
        return any(_path_of(value) == login for field, value in fields if field.lower() == b"location")


def _path_of(location: bytes) -> str:
    try:
        return urlsplit(location.decode("latin-1")).path
    except ValueError:  # no address at all
        return ""


def _find_difference(ours: LegacySession, theirs: Verdict) -> Comparison | None:
    if isinstance(theirs, Anonymous):
        return Comparison.TURNED_AWAY
    if isinstance(theirs, LegacySession) and theirs.subject != ours.subject:
        return Comparison.OTHER_USER
    return None
