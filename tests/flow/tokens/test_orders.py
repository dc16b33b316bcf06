"""What an operator revokes, and what it takes to get tokens again afterwards."""

import pytest

from gateway.errors import InvalidGrant, SessionUnverifiable
from gateway.model import LegacySession, Permit, RevocationKind
from tests.flow.tokens.world import World, shown


async def revoke(world: World, kind: RevocationKind, name: str = "") -> int:
    return await world.tokens.orders.revoke(kind, name, "stolen (ops)", world.now)


async def session_of(world: World, cookie: bytes) -> LegacySession:
    session = await world.app.resolve(shown(cookie), world.now)
    assert isinstance(session, LegacySession)
    return session


async def test_one_access_token_by_its_jti(world: World) -> None:
    grant, other = await world.exchange(), await world.exchange()
    assert await revoke(world, RevocationKind.TOKEN, (await world.verified(grant)).token_id) == 0
    assert not await world.accepts(grant)
    assert await world.accepts(other)
    world.pass_time(60)
    assert await world.accepts(await world.refresh(grant.refresh_token))


async def test_one_family_by_its_sid_with_what_is_open(world: World) -> None:
    grant, other = await world.exchange(), await world.exchange()
    token, ended = await world.verified(grant), list[str]()
    world.live.add(Permit("app", "/*", token=token), lambda: ended.append("stream"))
    assert await revoke(world, RevocationKind.FAMILY, token.session_id) == 1
    assert ended == ["stream"]
    assert not await world.accepts(grant)
    assert await world.accepts(other)
    with pytest.raises(InvalidGrant):
        await world.refresh(grant.refresh_token)
    assert await world.accepts(await world.exchange())


async def test_a_family_that_nobody_knows_is_revoked_all_the_same(world: World) -> None:
    """As after the database was restored from a backup that is older than the token."""
    grant = await world.exchange()
    token = await world.verified(grant)
    del world.families._families[token.session_id]
    assert await revoke(world, RevocationKind.FAMILY, token.session_id) == 0
    assert not await world.accepts(grant)


@pytest.mark.parametrize("kind", [RevocationKind.SUBJECT, RevocationKind.EVERYTHING])
async def test_n42_a_session_from_before_yields_no_tokens_until_the_next_login(
    world: World, kind: RevocationKind
) -> None:
    world.app.log_in(b"s9", "ada")
    grants = [await world.exchange(), await world.exchange(b"s9")]
    name = "ada" if kind is RevocationKind.SUBJECT else ""
    assert await world.tokens.orders.count_concerned(kind, name, world.now) == 2
    assert await revoke(world, kind, name) == 2
    for grant in grants:
        assert not await world.accepts(grant)
        with pytest.raises(InvalidGrant):
            await world.refresh(grant.refresh_token)
    for cookie in (b"s1", b"s9"):
        with pytest.raises(SessionUnverifiable):
            await world.exchange(cookie)
    world.app.log_in(b"s2", "ada")
    await world.tokens.note_login(await session_of(world, b"s2"), now=world.now)
    fresh = await world.exchange(b"s2")
    assert await world.accepts(fresh)
    with pytest.raises(SessionUnverifiable):
        await world.exchange(b"s1")
    assert await revoke(world, kind, name) == 1
    assert not await world.accepts(fresh)
    with pytest.raises(SessionUnverifiable):
        await world.exchange(b"s2")


async def test_revoking_one_subject_leaves_the_others_alone(world: World) -> None:
    world.app.log_in(b"b1", "bob")
    bob = await world.exchange(b"b1")
    await world.exchange()
    assert await revoke(world, RevocationKind.SUBJECT, "ada") == 1
    assert await world.accepts(bob)
    assert await world.accepts(await world.exchange(b"b1"))


async def test_a_logout_everywhere_bars_only_the_sessions_that_are_known(world: World) -> None:
    """Who logs out everywhere is not locked out where we do not see the login."""
    grant = await world.exchange()
    await world.tokens.logout(
        token=await world.verified(grant), refresh_token=None, shown=None, everywhere=True, now=world.now
    )
    world.app.log_in(b"s2", "ada")
    assert await world.accepts(await world.exchange(b"s2"))


async def test_revoking_everything_ends_many_families(world: World) -> None:
    for number in range(60):
        cookie = b"c%d" % number
        world.app.log_in(cookie, f"user{number}")
        for _ in range(10):
            await world.exchange(cookie)
    assert await revoke(world, RevocationKind.EVERYTHING) == 600
    assert await world.families.count_live(world.now) == {}
    assert [entry.kind for entry in await world.log.live(world.now)] == [RevocationKind.EVERYTHING] * 2
