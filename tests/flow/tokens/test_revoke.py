"""Revocation (RFC 7009), introspection (RFC 7662), and who is asking."""

from collections.abc import Sequence

import pytest

from gateway.core.credentials import Shown
from gateway.errors import (
    ClientNotAllowed,
    GatewayError,
    InvalidGrant,
    InvalidToken,
    RevocationUnavailable,
    SessionEnded,
    SessionUndetermined,
    StoreUnavailable,
    Unavailable,
    VaultUnavailable,
)
from gateway.model import (
    BearerToken,
    Credential,
    ForeignAuthorization,
    Permit,
    Revocation,
    TokenCookie,
    Undetermined,
    VerifiedToken,
)
from tests.flow.tokens.world import MOBILE, START, WEB, World, new_keys, shown


@pytest.mark.parametrize("hint", ["", "refresh_token", "access_token", "nonsense"])
async def test_n46_a_refresh_token_ends_its_family_whatever_the_hint(world: World, hint: str) -> None:
    grant = await world.exchange()
    await world.tokens.revoke(grant.refresh_token, hint, WEB, now=world.now)
    assert not await world.accepts(grant)
    with pytest.raises(InvalidGrant):
        await world.refresh(grant.refresh_token)


@pytest.mark.parametrize("hint", ["", "refresh_token", "access_token", "nonsense"])
async def test_n46_an_access_token_is_revoked_alone(world: World, hint: str) -> None:
    grant = await world.exchange()
    ended: list[str] = []
    world.live.add(Permit("app", "/*", token=await world.verified(grant)), lambda: ended.append("stream"))
    await world.tokens.revoke(grant.access_token, hint, WEB, now=world.now)
    assert not await world.accepts(grant)
    assert ended == ["stream"]
    world.pass_time(60)
    assert await world.accepts(await world.refresh(grant.refresh_token))


@pytest.mark.parametrize("token", ["", "junk", "a.b.c", "rt1.AAAA.BBBB", "é" * 10])
async def test_n46_an_unknown_token_is_none_to_revoke(world: World, token: str) -> None:
    await world.tokens.revoke(token, "", WEB, now=world.now)
    assert await world.log.sequence() == 0


async def test_a_well_formed_token_of_nobody_is_none_to_revoke(world: World) -> None:
    foreign = await world.exchange()
    other = await World().start()
    await other.tokens.revoke(foreign.refresh_token, "", WEB, now=world.now)
    assert await other.log.sequence() == 0


async def test_a_client_revokes_only_its_own_tokens(world: World) -> None:
    grant = await world.exchange()
    for token in (grant.refresh_token, grant.access_token):
        with pytest.raises(ClientNotAllowed):
            await world.tokens.revoke(token, "", MOBILE, now=world.now)
    assert await world.accepts(grant)


async def test_n48_a_revocation_outlives_every_token_that_it_concerns(world: World) -> None:
    grant = await world.exchange()
    await world.tokens.revoke(grant.refresh_token, "", WEB, now=world.now)
    (revocation,) = await world.log.live(world.now)
    token = await world.tokens.introspect(grant.access_token, now=world.now)
    assert token == {"active": False}
    assert revocation.expires_at >= START + world.policy.refresh + world.policy.leeway


async def test_n48_a_revoked_access_token_stays_revoked_to_the_end_of_the_leeway(world: World) -> None:
    grant = await world.exchange()
    await world.tokens.revoke(grant.access_token, "", WEB, now=world.now)
    (revocation,) = await world.log.live(world.now)
    assert revocation.expires_at == START + world.policy.access + world.policy.leeway


async def test_whoever_revokes_a_token_over_and_over_fills_no_table(world: World) -> None:
    grant, other = await world.exchange(), await world.exchange()
    for _ in range(50):
        await world.tokens.revoke(grant.access_token, "", WEB, now=world.now)
    assert await world.log.sequence() == 1
    await world.tokens.revoke(other.access_token, "", WEB, now=world.now)
    assert await world.log.sequence() == 2
    assert not await world.accepts(grant)


async def test_a_token_that_was_revoked_a_while_ago_is_recorded_again(world: World) -> None:
    """Its record may have been lost since: with a fail-over, or with a backup that was played back."""
    grant = await world.exchange()
    await world.tokens.revoke(grant.access_token, "", WEB, now=world.now)
    world.pass_time(60)
    await world.tokens.revoke(grant.access_token, "", WEB, now=world.now)
    assert await world.log.sequence() == 2


async def test_a_revocation_that_could_not_be_recorded_is_tried_again(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def away(*_: object) -> Sequence[Revocation]:
        raise StoreUnavailable

    grant = await world.exchange()
    with monkeypatch.context() as outage:
        outage.setattr(world.log, "record", away)
        with pytest.raises(StoreUnavailable):
            await world.tokens.revoke(grant.access_token, "", WEB, now=world.now)
    await world.tokens.revoke(grant.access_token, "", WEB, now=world.now)
    assert not await world.accepts(grant)


# --- introspection ---


async def test_a_good_access_token_is_described_by_its_own_claims(world: World) -> None:
    grant = await world.exchange()
    answer = await world.tokens.introspect(grant.access_token, now=world.now)
    assert answer["active"] is True
    assert answer["token_type"] == "Bearer"
    assert (answer["sub"], answer["sid"], answer["aud"]) == ("ada", grant.family.id, "app")
    assert (answer["iat"], answer["exp"]) == (START, START + 3600)


@pytest.mark.parametrize("kind", ["refresh", "expired", "revoked", "junk", "foreign"])
async def test_n47_anything_else_is_only_said_to_be_inactive(world: World, kind: str) -> None:
    grant = await world.exchange()
    token = {"refresh": grant.refresh_token, "junk": "x"}.get(kind, grant.access_token)
    if kind == "expired":
        world.pass_time(3600 + 30)
    if kind == "revoked":
        await world.tokens.revoke(grant.access_token, "", WEB, now=world.now)
    if kind == "foreign":
        token = (await (await _another_world()).exchange()).access_token
    assert await world.tokens.introspect(token, now=world.now) == {"active": False}


async def test_when_nobody_can_say_introspection_does_not_guess() -> None:
    world = World()  # its revocation store has read nothing yet
    world.app.log_in(b"s1", "ada")
    grant = await world.exchange()
    with pytest.raises(RevocationUnavailable):
        await world.tokens.introspect(grant.access_token, now=world.now)


# --- who is asking ---


async def test_the_credential_that_counts_is_named(world: World) -> None:
    grant = await world.exchange()
    text = grant.access_token.encode()
    rows: list[tuple[Shown, Credential, str]] = [
        (None, Credential.NONE, ""),
        (shown(b"s1"), Credential.SESSION, "ada"),
        (shown(b"unknown"), Credential.NONE, ""),
        (BearerToken(text), Credential.BEARER, "ada"),
        (TokenCookie(text, shown(b"unknown")), Credential.TOKEN_COOKIE, "ada"),
        (TokenCookie(b"junk", shown(b"s1")), Credential.SESSION, "ada"),
        (TokenCookie(b"junk"), Credential.NONE, ""),
        (ForeignAuthorization(b"Basic x", shown(b"s1")), Credential.SESSION, "ada"),
    ]
    for credential, kind, subject in rows:
        found = await world.tokens.identify(credential, now=world.now)
        assert (found.credential, found.subject) == (kind, subject), credential


async def test_a_bad_bearer_never_leaves_the_word_to_a_cookie(world: World) -> None:
    with pytest.raises(InvalidToken):
        await world.tokens.identify(BearerToken(b"junk"), now=world.now)


async def test_an_unreadable_session_is_not_said_to_be_nobody(world: World) -> None:
    world.app.verdicts[b"s1"] = Undetermined("unreachable")
    with pytest.raises(SessionUndetermined):
        await world.tokens.identify(shown(b"s1"), now=world.now)


# --- asked before a token is accepted ---


class _Doubt:
    """Says of each token what a test wants to hear, and keeps which it was asked about."""

    def __init__(self, error: GatewayError | None = None) -> None:
        self.error = error
        self.asked: list[str] = []

    async def __call__(self, token: VerifiedToken, now: float) -> None:
        self.asked.append(token.session_id)
        if self.error is not None:
            raise self.error


async def test_each_token_that_is_checked_must_belong_to_a_family_that_is_alive(world: World) -> None:
    grant = await world.exchange()
    doubt = _Doubt()
    world.tokens.ask_before_accepting(doubt)
    text = grant.access_token
    await world.tokens.verify(text.encode(), now=world.now)
    await world.tokens.introspect(text, now=world.now)
    await world.tokens.identify(BearerToken(text.encode()), now=world.now)
    await world.tokens.identify(TokenCookie(text.encode()), now=world.now)
    assert doubt.asked == [grant.family.id] * 4


async def test_a_token_that_is_not_good_is_asked_about_by_nobody(world: World) -> None:
    grant = await world.exchange()
    doubt = _Doubt()
    world.tokens.ask_before_accepting(doubt)
    await world.tokens.revoke(grant.access_token, "", WEB, now=world.now)
    assert not await world.accepts(grant)
    assert doubt.asked == []


async def test_a_token_whose_session_turns_out_to_be_over_is_worth_nothing(world: World) -> None:
    text = (await world.exchange()).access_token
    world.tokens.ask_before_accepting(_Doubt(SessionEnded()))
    with pytest.raises(SessionEnded):
        await world.tokens.verify(text.encode(), now=world.now)
    with pytest.raises(SessionEnded):
        await world.tokens.identify(BearerToken(text.encode()), now=world.now)
    assert await world.tokens.introspect(text, now=world.now) == {"active": False}
    found = await world.tokens.identify(TokenCookie(text.encode(), shown(b"s1")), now=world.now)
    assert found.credential is Credential.SESSION


@pytest.mark.parametrize("error", [SessionUndetermined, VaultUnavailable])
async def test_a_token_of_which_nobody_can_say_is_not_said_to_be_bad(world: World, error: type[Unavailable]) -> None:
    text = (await world.exchange()).access_token
    world.tokens.ask_before_accepting(_Doubt(error()))
    with pytest.raises(error):
        await world.tokens.introspect(text, now=world.now)
    with pytest.raises(error):
        await world.tokens.identify(TokenCookie(text.encode(), shown(b"s1")), now=world.now)


async def _another_world() -> World:
    world = World(keys=new_keys())
    world.app.log_in(b"s1", "ada")
    return world
