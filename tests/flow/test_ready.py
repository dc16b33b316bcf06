"""A permit that was built before is given only where the same would be built now."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Literal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.core.phases import posture_of
from gateway.core.routes import Access, RouteTable, Rule
from gateway.errors import GatewayError, InvalidToken, RevocationUnavailable
from gateway.facts import Event
from gateway.flow.inquiry import Inquiry
from gateway.flow.ready import Ready
from gateway.keys.files import KeyPlace, load_key
from gateway.keys.generated import generate_pem
from gateway.keys.ring import KeyRing, RingKey
from gateway.model import (
    CLEAR,
    Anonymous,
    Answer,
    Credential,
    LegacySession,
    Permit,
    Phase,
    RequestHead,
    SessionCookie,
    Standing,
    Undetermined,
    VaultedSession,
    VerifiedToken,
    Visit,
)
from gateway.stores.revocation_memory import MemoryRevocationStore
from tests.flow.door import ACCESS, PEER, REFRESH, RULES, Door, admitted, request
from tests.flow.tokens.world import MOBILE, SITE, World

_OF_VERIFICATION = {Event.TOKEN_VERIFIED, Event.TOKEN_REFUSED}  # a token that is remembered is not verified again
Bridge = Literal["vault", "headers"]
OTHER_RULES = (Rule("/admin/*", upstream="other"), Rule("/page", Access.REQUIRED), Rule("/*"))


def new_key() -> RingKey:
    return load_key(KeyPlace("ES256", env="KEY"), {"KEY": generate_pem("ES256").decode()})


OLD, NEW = new_key(), new_key()


def _without_refresh_deletion(outcome: Permit | Visit | Answer) -> Permit | Visit | Answer:
    """Of the two flows, the first finds that a session is over and deletes both cookies; the second finds the token
    revoked, which says nothing of the refresh token.
    """
    if not isinstance(outcome, Permit):
        return outcome
    kept = tuple(line for line in outcome.answer if not line[1].startswith(REFRESH + b"=;"))
    return replace(outcome, answer=kept)


def be_asked(store: MemoryRevocationStore) -> None:
    """Let a store say nothing at once, but by a message, as one does that asks Redis."""

    def inquire(token: VerifiedToken, settle: Callable[[Standing | None], None]) -> bool:
        asyncio.get_running_loop().call_soon(lambda: settle(store.recall(token)))
        return True

    store.glance = lambda token: None  # type: ignore[method-assign]
    store.inquire = inquire  # type: ignore[method-assign]


class Site:
    """A world that two flows look at: one that has seen every request before, and one that has seen none."""

    def __init__(self, bridge: Bridge = "vault", *, remembers: bool = False, asks: bool = False) -> None:
        """With `remembers` the vault does, so that nobody is waited for; with `asks` the blacklist is elsewhere."""
        self.world = World(keys=KeyRing([OLD]))
        self.world.vault._cache_age = 600.0 if remembers else 0.0
        self.asks = asks
        self.site = replace(SITE, bridge=bridge)
        self.phase = Phase.PARALLEL
        self.rules: tuple[Rule, ...] = RULES
        self.tokens: list[str] = []

    async def open(self) -> "Site":
        await self.world.start()
        if self.asks:
            be_asked(self.world.revocation)
        for cookie, user in ((b"s1", "ada"), (b"s2", "bob")):
            self.world.app.log_in(cookie, user)
            self.tokens.append((await self.world.exchange(cookie, MOBILE)).access_token)
        self.world.entropy = bytes  # type: ignore[assignment]  # CSRF pairs would differ by chance otherwise
        self.warm = Door(self.world, site=self.site).flow
        return self

    def heads(self) -> list[RequestHead]:
        ada, bob = self.tokens
        cookies = [None, b"a=1", b"sessionid=s1", b"b=2; sessionid=s2", b"sessionid=s1; sessionid=s2"]
        cookies += [ACCESS + b"=" + ada.encode() + beside for beside in (b"", b"; sessionid=s1", b"; sessionid=s2")]
        shows: list[dict[str, object]] = [{"cookie": cookie} for cookie in cookies]
        shows += [{"bearer": token, "cookie": cookie} for token in (ada, bob) for cookie in cookies[:3]]
        shows += [{"authorization": b"Basic x"}, {"authorization": b"DPoP " + ada.encode()}, {"bearer": ada + "x"}]
        asked = [
            ("/logout/", "GET"),
            ("/page", "GET"),
            ("/admin/", "GET"),
            ("/page", "POST"),
            ("/hooks/1", "GET"),
            ("/static/a", "GET"),
        ]
        return [request(path, method=method, **show) for show in shows for path, method in asked]  # type: ignore[arg-type]

    async def ensure_same(self) -> None:
        """Let both flows decide about every request."""
        for head in self.heads():
            seen, noted = await self._outcome(admitted(self.warm, head, self.world.now))
            fresh = Door(self.world, site=self.site, phase=self.phase, rules=self.rules).flow
            expected, expected_noted = await self._outcome(admitted(fresh, head, self.world.now))
            assert (seen, noted) == (expected, expected_noted), head

    async def _outcome(self, admitted: Awaitable[Permit | Visit | Answer]) -> tuple[object, list[object]]:
        facts = self.world.facts
        before, dependants = len(facts.events), len(facts.dependants)
        try:
            outcome: object = _without_refresh_deletion(await admitted)
        except GatewayError as error:
            outcome = error.status  # what the first of the two finds ended, the second finds revoked
        events = [event for event in facts.events[before:] if event not in _OF_VERIFICATION]
        return outcome, [*events, *facts.dependants[dependants:]]

    # --- what may happen in between ---

    async def nothing(self) -> None: ...

    async def log_out_ada(self) -> None:
        self.world.app.log_out(b"s1")

    async def log_in_bob_with_adas_cookie(self) -> None:
        self.world.app.log_in(b"s1", "bob")

    async def change_adas_roles(self) -> None:
        session = self.world.app.verdicts[b"s1"]
        if not isinstance(session, Anonymous | Undetermined):
            self.world.app.verdicts[b"s1"] = replace(session, claims={"roles": ["boss"]})

    async def lose_the_store(self) -> None:
        self.world.app.verdicts[b"s2"] = Undetermined("unreachable")

    async def revoke_ada(self) -> None:
        await self.world.tokens.revoke(self.tokens[0], "", MOBILE, now=self.world.now)

    async def vault_another_cookie(self) -> None:
        try:
            token = await self.world.tokens.verify(self.tokens[1].encode(), now=self.world.now)
        except InvalidToken:
            return
        vaulted = await self.world.vault.open(token)
        await self.world.vault.update(vaulted, {b"sessionid": b"s2", b"remember": b"me"}, vaulted.session_key)

    async def let_tokens_expire(self) -> None:
        self.world.pass_time(3700)

    async def let_time_pass(self) -> None:
        self.world.pass_time(100)

    async def change_the_key(self) -> None:
        self.world.keys.replace([NEW])

    async def change_the_phase(self) -> None:
        self.phase = PHASES[(PHASES.index(self.phase) + 1) % len(PHASES)]
        self.warm.posture = posture_of(self.phase, "initial")

    async def change_the_rules(self) -> None:
        self.rules = OTHER_RULES if self.rules is RULES else RULES
        self.warm.routes = RouteTable(self.rules)


BRIDGES: tuple[Bridge, ...] = ("vault", "headers")
PHASES = (Phase.PARALLEL, Phase.HANDBACK, Phase.PREFER_TOKENS, Phase.TOKENS_ONLY)

HAPPENINGS: list[Callable[[Site], Awaitable[None]]] = [
    Site.nothing,
    Site.log_out_ada,
    Site.log_in_bob_with_adas_cookie,
    Site.change_adas_roles,
    Site.lose_the_store,
    Site.revoke_ada,
    Site.vault_another_cookie,
    Site.let_tokens_expire,
    Site.let_time_pass,
    Site.change_the_key,
    Site.change_the_phase,
    Site.change_the_rules,
]


@settings(max_examples=40, deadline=None)
@given(
    happenings=st.lists(st.sampled_from(HAPPENINGS), min_size=1, max_size=4),
    bridge=st.sampled_from(BRIDGES),
    remembers=st.booleans(),
    asks=st.booleans(),
)
def test_a_flow_that_has_seen_everything_decides_as_one_that_has_seen_nothing(
    happenings: list[Callable[[Site], Awaitable[None]]],
    bridge: Literal["vault", "headers"],
    remembers: bool,
    asks: bool,
) -> None:
    async def story() -> None:
        site = await Site(bridge, remembers=remembers, asks=asks).open()
        await site.ensure_same()
        for happening in happenings:
            await happening(site)
            await site.ensure_same()

    asyncio.run(story())


async def test_the_second_request_is_given_the_same_permit() -> None:
    site = await Site().open()
    token = ACCESS + b"=" + site.tokens[0].encode()
    cookies = (b"sessionid=s1", b"a=1", token, token + b"; sessionid=s1")
    for head in (request(bearer=site.tokens[0]), *(request(cookie=cookie) for cookie in cookies)):
        first = await admitted(site.warm, head, site.world.now)
        assert await admitted(site.warm, head, site.world.now) is first


async def asking() -> tuple[Site, Inquiry]:
    """A site, and what its flow asks about the first token once it is known."""
    site = await Site(remembers=True, asks=True).open()
    head = request(bearer=site.tokens[0])
    await admitted(site.warm, head, site.world.now)
    inquiry = site.warm.begin(head, PEER, site.world.now)
    assert isinstance(inquiry, Inquiry)
    return site, inquiry


async def test_what_the_blacklist_answers_decides_without_a_story() -> None:
    _, inquiry = await asking()
    assert isinstance(inquiry.decide(CLEAR), Permit)
    for bad in (
        Standing(token_revoked=True),
        Standing(family_revoked=True),
        Standing(subject_epoch=9),
        Standing(global_epoch=9),
    ):
        with pytest.raises(InvalidToken):
            inquiry.decide(bad)


async def test_where_the_blacklist_cannot_answer_the_story_asks_in_full(monkeypatch: pytest.MonkeyPatch) -> None:
    site, inquiry = await asking()
    assert isinstance(await inquiry, Permit)

    async def look_up(token: VerifiedToken) -> Standing:
        raise RevocationUnavailable

    monkeypatch.setattr(site.world.revocation, "look_up", look_up)
    story = inquiry.decide(None)
    assert not isinstance(story, Permit)
    with pytest.raises(RevocationUnavailable):
        await story


async def test_an_inquiry_about_a_token_that_expired_is_not_made() -> None:
    site, _ = await asking()
    with pytest.raises(InvalidToken):
        site.warm.begin(request(bearer=site.tokens[0]), PEER, site.world.now + 3700)


async def test_a_key_that_is_given_up_while_a_store_is_asked_proves_nothing_later(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    site = await Site().open()
    head, look_up = request(bearer=site.tokens[0]), site.world.revocation.look_up

    async def look_up_slowly(token: VerifiedToken) -> Standing:
        site.world.keys.replace([NEW])
        return await look_up(token)

    with monkeypatch.context() as patched:
        patched.setattr(site.world.revocation, "look_up", look_up_slowly)
        assert isinstance(await admitted(site.warm, head, site.world.now), Permit)
    with pytest.raises(InvalidToken):
        await admitted(site.warm, head, site.world.now)


RULE, POSTURE = Rule("/*"), posture_of(Phase.PARALLEL, "initial")
TOKEN = VerifiedToken("ada", "f", "t", "web", 0, 0.0, 0.0, 4e9, {})
SHOWN = SessionCookie("main", ((b"sessionid", b"x"),))
ADA = LegacySession("main", "x", "ada")


@pytest.mark.parametrize(
    "permit",
    [
        Permit("app", "/*", credential=Credential.FOREIGN),
        Permit("app", "/*", credential=Credential.TOKEN_COOKIE, token=replace(TOKEN, bound_key="key")),
        Permit("app", "/*", credential=Credential.BEARER),
        Permit("app", "/*", credential=Credential.BEARER, token=replace(TOKEN, bound_key="key")),
        Permit("app", "/*", credential=Credential.BEARER, token=TOKEN, answer=((b"set-cookie", b"a=1"),)),
        Permit("app", "/*", credential=Credential.BEARER, token=TOKEN, without=frozenset({b"referer"})),
        Permit("app", "/*", credential=Credential.SESSION, shown=replace(SHOWN, duplicated=True), session=ADA),
        Permit("app", "/*", credential=Credential.SESSION, shown=SHOWN),
        Permit("app", "/*", shown=SHOWN),
    ],
)
def test_what_differs_or_is_counted_each_time_is_not_kept(permit: Permit) -> None:
    ready = Ready()
    ready.keep(request(), RULE, POSTURE, 1, permit)
    assert ready.find(request(), RULE, POSTURE, 1) is None


def test_what_may_hand_a_session_back_is_looked_at_each_time() -> None:
    ready, handback = Ready(), posture_of(Phase.HANDBACK, "initial")
    ready.keep(request(), RULE, handback, 1, Permit("app", "/*", credential=Credential.TOKEN_COOKIE, token=TOKEN))
    assert ready.find(request(), RULE, handback, 1) is None


def test_a_permit_is_found_under_the_same_keys_phase_and_rule_only() -> None:
    """CVE-2021-32701: what was found for one rule is asked again for another."""
    ready, permit = Ready(), Permit("app", "/*", credential=Credential.BEARER, token=TOKEN)
    ready.keep(request(), RULE, POSTURE, 1, permit)
    assert ready.find(request(), RULE, POSTURE, 1) is permit
    assert ready.find(request(cookie=b"a=1"), RULE, POSTURE, 1) is None
    assert ready.find(request(), RULE, POSTURE, 2) is None
    assert ready.find(request(), Rule("/*"), POSTURE, 1) is None
    assert ready.find(request(), RULE, replace(POSTURE), 1) is None


def test_a_permit_with_a_vaulted_session_is_not_for_methods_that_need_a_pair() -> None:
    vaulted = VaultedSession("f", "ada", "main", ((b"sessionid", b"x"),), "x")
    ready, permit = Ready(), Permit("app", "/*", credential=Credential.BEARER, token=TOKEN, vaulted=vaulted)
    ready.keep(request(method="POST"), RULE, POSTURE, 1, permit)
    assert ready.find(request(), RULE, POSTURE, 1) is None
    ready.keep(request(), RULE, POSTURE, 1, permit)
    assert ready.find(request(), RULE, POSTURE, 1) is permit
    assert ready.find(request(method="POST"), RULE, POSTURE, 1) is None
