"""A session that is gone may have got another id: the answer that says so is waited for before anybody's tokens end."""

import contextlib

import pytest

from gateway.errors import InvalidGrant, SessionEnded
from gateway.facts import Event
from gateway.flow.tokens import Grant
from gateway.model import Anonymous, LegacySession, Undetermined, Verdict
from tests.flow.door import Door, request
from tests.flow.tokens.world import MOBILE, World

DELETED = b'sessionid=""; expires=Thu, 01 Jan 1970 00:00:00 GMT; Max-Age=0; Path=/'
OLD = LegacySession("main", "s1", "ada")


async def rotating(world: World, at: int, to: str = "ada") -> Grant:
    """Open a family; its session gets another id, and at the pause of this number the answer has come that says so."""
    await world.start()
    world.app.log_in(b"s1", "ada")
    grant = await world.exchange(b"s1", MOBILE)
    world.app.log_out(b"s1")
    world.app.log_in(b"s2", to)
    new = LegacySession("main", "s2", to)

    async def meanwhile() -> None:
        if len(world.paused) == at:
            await world.tokens.move_session(OLD, new, cookies={b"sessionid": b"s2"}, now=world.now)

    world.meanwhile = meanwhile
    return grant


@pytest.mark.parametrize("at", [1, 2, 3])
async def test_a_refresh_and_a_request_find_the_session_under_its_new_id(at: int) -> None:
    for what in ("refresh", "request"):
        world = World()
        grant = await rotating(world, at)
        if what == "refresh":
            grant = await world.refresh(grant.refresh_token, MOBILE)
        else:
            permit = await Door(world).permit(request(bearer=grant.access_token))
            assert permit.vaulted is not None
            assert dict(permit.vaulted.cookies) == {b"sessionid": b"s2"}
        assert await world.accepts(grant)
        assert len(world.paused) == at


async def test_a_session_that_stays_gone_ends_the_tokens_after_a_third_of_a_second() -> None:
    for what in ("refresh", "request"):
        world = World()
        grant = await rotating(world, at=0)
        used = (
            world.refresh(grant.refresh_token, MOBILE)
            if what == "refresh"
            else Door(world).permit(request(bearer=grant.access_token))
        )
        with pytest.raises((InvalidGrant, SessionEnded)):
            await used
        assert not await world.accepts(grant)
        assert sum(world.paused) < 0.5


async def test_what_comes_after_the_end_is_nobodys_rotation() -> None:
    """Somebody logged out while the look waited: his family is not looked for again."""
    world = World()
    grant = await rotating(world, at=0)

    async def meanwhile() -> None:
        await world.tokens.end_session(OLD, "legacy_logout", now=world.now)

    world.meanwhile = meanwhile
    with pytest.raises(InvalidGrant):
        await world.refresh(grant.refresh_token, MOBILE)
    assert not await world.accepts(grant)


@pytest.mark.parametrize("verdict", [Anonymous("expired"), Anonymous("not_bound"), Undetermined("timeout")])
async def test_only_a_record_that_is_gone_is_waited_for(verdict: Verdict) -> None:
    world = World()
    grant = await rotating(world, at=0)
    world.app.verdicts[b"s1"] = verdict
    with contextlib.suppress(SessionEnded):
        await Door(world).permit(request(bearer=grant.access_token))
    assert not world.paused


# --- an answer to whoever still had the old id ---


async def opened() -> Door:
    world = await World().start()
    world.app.log_in(b"s1", "ada")
    return Door(world)


@pytest.mark.parametrize("answer", [(DELETED,), (b"sessionid=fresh; Path=/",), ()])
@pytest.mark.parametrize("at", [1, 3])
async def test_a_stranger_who_was_a_user_when_he_asked_takes_nobodys_tokens(answer: tuple[bytes, ...], at: int) -> None:
    """A request with the old id is answered as a stranger's, before the answer that gives the session its new one."""
    door = await opened()
    world = door.world
    world.app.verdicts[b"fresh"] = Anonymous("no_user")
    grant, head = await world.exchange(), request(cookie=b"sessionid=s1")
    permit = await door.permit(head)
    world.app.log_out(b"s1")
    world.app.log_in(b"s2", "ada")
    pauses, end = door.watch._pause, len(door.paused) + at

    async def pause(seconds: float) -> None:
        await pauses(seconds)
        if len(door.paused) >= end:
            new = LegacySession("main", "s2", "ada")
            await world.tokens.move_session(OLD, new, cookies={b"sessionid": b"s2"}, now=world.now)

    door.watch._pause = pause
    await door.look(permit, head, *answer)
    assert await world.accepts(grant)


async def test_a_session_without_tokens_is_not_waited_for() -> None:
    door = await opened()
    head = request(cookie=b"sessionid=s1")
    permit = await door.permit(head)
    door.world.app.log_out(b"s1")
    await door.look(permit, head, DELETED)
    assert Event.LOGOUT_SEEN in door.world.facts.events
    assert not door.paused
