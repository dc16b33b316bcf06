"""When a form protection is satisfied: for a Bearer and an unsafe method, with the session's own secret."""

from dataclasses import dataclass, field

import pytest

from gateway.bridge.csrf import CsrfPairs
from gateway.core.credentials import Site
from gateway.core.csrf import CsrfCheck, plain
from gateway.core.translate import NO_SUPPLEMENT
from gateway.flow.forms import FormProtection
from gateway.model import (
    Anonymous,
    Credential,
    LegacySession,
    RequestHead,
    SessionCookie,
    Undetermined,
    VaultedSession,
    Verdict,
)

SITES = (
    Site("main", "app", (b"sid",)),
    Site("told", "other", (b"id",), bridge="headers"),
    Site("bare", "bare", (b"b",)),
)
CHECKS = {"main": CsrfCheck(b"X-CSRF-TOKEN", plain), "told": CsrfCheck(b"X-CSRFToken", plain, b"csrftoken")}
VAULTED = VaultedSession("f", "ada", "main", ((b"sid", b"s1"),), "s1")


def session(csrf: str) -> LegacySession:
    return LegacySession("main", "s1", "ada", csrf=csrf)


@dataclass
class Sessions:
    """A store that remembers what it said first; a fresh look says the second."""

    remembered: Verdict
    fresh: Verdict
    asked: list[bool] = field(default_factory=list)

    async def resolve(self, shown: SessionCookie, now: float, *, fresh: bool = False) -> Verdict:
        assert shown == SessionCookie("main", VAULTED.cookies)
        self.asked.append(fresh)
        return self.fresh if fresh else self.remembered

    def forget(self, session: LegacySession) -> None: ...


def head(method: str = "POST") -> RequestHead:
    return RequestHead(method.encode(), b"/orders/", 1, [], b"www.example.com")


def protection(sessions: Sessions) -> FormProtection:
    pairs = CsrfPairs(public_origin="https://www.example.com", entropy=lambda n: b"\xab" * n, checks=CHECKS)
    return FormProtection(pairs, SITES, {"main": sessions})


async def test_what_is_remembered_of_the_session_is_enough() -> None:
    sessions = Sessions(session("secret"), session("other"))
    given = await protection(sessions).supplement(head(), "app", VAULTED, Credential.BEARER, 0.0)
    assert dict(given.add)[b"X-CSRF-TOKEN"] == b"secret"
    assert sessions.asked == [False]


async def test_a_secret_that_a_page_has_made_since_is_looked_for() -> None:
    sessions = Sessions(session(""), session("made"))
    given = await protection(sessions).supplement(head(), "app", VAULTED, Credential.BEARER, 0.0)
    assert dict(given.add)[b"X-CSRF-TOKEN"] == b"made"
    assert sessions.asked == [False, True]


@pytest.mark.parametrize("verdict", [session(""), Anonymous("gone"), Undetermined("timeout")])
async def test_without_one_nothing_is_given(verdict: Verdict) -> None:
    sessions = Sessions(session(""), verdict)
    assert await protection(sessions).supplement(head(), "app", VAULTED, Credential.BEARER, 0.0) is NO_SUPPLEMENT


@pytest.mark.parametrize("credential", [Credential.TOKEN_COOKIE, Credential.SESSION, Credential.NONE])
async def test_a_cookie_never_gets_the_secret_of_a_session(credential: Credential) -> None:
    sessions = Sessions(session("secret"), session("secret"))
    assert await protection(sessions).supplement(head(), "app", VAULTED, credential, 0.0) is NO_SUPPLEMENT
    assert sessions.asked == []


@pytest.mark.parametrize("method", ["GET", "HEAD", "OPTIONS"])
async def test_what_changes_nothing_needs_none(method: str) -> None:
    sessions = Sessions(session("secret"), session("secret"))
    given = await protection(sessions).supplement(head(method), "app", VAULTED, Credential.BEARER, 0.0)
    assert given is NO_SUPPLEMENT


async def test_an_application_that_is_told_by_headers_gets_a_pair_of_its_own() -> None:
    sessions = Sessions(session("secret"), session("secret"))
    given = await protection(sessions).supplement(head(), "other", None, Credential.BEARER, 0.0)
    assert given.cookies == ((b"csrftoken", b"ab" * 16),)
    assert dict(given.add)[b"X-CSRFToken"] == b"ab" * 16
    assert sessions.asked == []


@pytest.mark.parametrize("upstream", ["app", "bare", "nothing"])
async def test_without_a_session_and_without_headers_there_is_nothing_to_give(upstream: str) -> None:
    sessions = Sessions(session("secret"), session("secret"))
    given = await protection(sessions).supplement(head(), upstream, None, Credential.BEARER, 0.0)
    assert given is NO_SUPPLEMENT
