"""A ticket is good once, for a while, for one target."""

from dataclasses import replace

import pytest

from gateway.core.routes import Access, Rule
from gateway.errors import BadRequest, InvalidToken, RevocationUnavailable
from gateway.flow.tickets import LIFE, SKEW, Tickets
from gateway.model import Credential, Permit, Phase, RequestHead
from tests.flow.door import Door, request
from tests.flow.tokens.world import World

EVENTS = "/events/?since=5"


@pytest.fixture
async def door() -> Door:
    world = await World().start()
    world.app.log_in(b"s1", "ada")
    return Door(world)


async def ticket_for(door: Door, target: str = EVENTS) -> bytes:
    grant = await door.world.exchange()
    return door.world.tickets.make(grant.access_token.encode(), target.encode(), door.world.now).encode()


def with_ticket(ticket: bytes, target: str = EVENTS, **more: object) -> RequestHead:
    return replace(request(target, **more), ticket=ticket)  # type: ignore[arg-type]


async def test_it_is_the_user_of_its_token_with_the_session_of_the_vault(door: Door) -> None:
    permit = await door.permit(with_ticket(await ticket_for(door), cookie=b"sessionid=other"))
    assert permit.identity is not None
    assert (permit.identity.subject, permit.credential) == ("ada", Credential.BEARER)
    assert permit.cookie == b"sessionid=s1"
    assert permit.is_private


async def test_it_counts_once(door: Door) -> None:
    ticket = await ticket_for(door)
    assert isinstance(await door.admit(with_ticket(ticket)), Permit)
    with pytest.raises(InvalidToken):
        await door.admit(with_ticket(ticket))
    assert isinstance(await door.admit(with_ticket(await ticket_for(door))), Permit)


async def test_it_is_remembered_until_it_is_over_by_a_clock_that_is_behind_too(door: Door) -> None:
    ticket = await ticket_for(door)
    asked: list[float] = []

    class Watched:
        async def is_first(self, name: str, until: float, now: float) -> bool:
            asked.append(until - now)
            return True

    tickets = Tickets(b"t" * 32, Watched(), door.world.entropy)
    await tickets.spend(tickets.open(with_ticket(ticket), door.world.now), door.world.now)
    assert asked == [LIFE + SKEW]


async def test_another_spelling_of_it_is_the_same(door: Door) -> None:
    ticket = await ticket_for(door)
    await door.admit(with_ticket(ticket))
    for spelling in (ticket + b"=", ticket + b"==", ticket[:-1] + bytes([ticket[-1] + 1])):
        with pytest.raises(InvalidToken):
            await door.admit(with_ticket(spelling))


async def test_it_is_over_after_half_a_minute(door: Door) -> None:
    ticket = await ticket_for(door)
    door.world.pass_time(30)
    with pytest.raises(InvalidToken):
        await door.admit(with_ticket(ticket))


@pytest.mark.parametrize("target", ["/events/", "/events/?since=6", "/events/?since=5&", "/Events/?since=5"])
async def test_it_is_bound_to_one_target(door: Door, target: str) -> None:
    ticket = await ticket_for(door)
    with pytest.raises(InvalidToken):
        await door.admit(with_ticket(ticket, target))
    assert isinstance(await door.admit(with_ticket(ticket)), Permit), "it was not spent"


@pytest.mark.parametrize("method", ["POST", "HEAD", "DELETE", "PUT"])
async def test_it_is_for_reading(door: Door, method: str) -> None:
    with pytest.raises(InvalidToken):
        await door.admit(with_ticket(await ticket_for(door), method=method))


@pytest.mark.parametrize("junk", [b"", b"a", b"%41", b"AAAA" * 30, b"A" * 9000, b"\xff" * 40])
async def test_what_is_no_ticket_is_no_token(door: Door, junk: bytes) -> None:
    with pytest.raises(InvalidToken):
        await door.admit(with_ticket(junk))


async def test_it_never_counts_beside_an_authorization(door: Door) -> None:
    ticket = await ticket_for(door)
    with pytest.raises(BadRequest):
        await door.admit(with_ticket(ticket, authorization=b"Basic YTpi"))


async def test_its_token_may_have_been_revoked(door: Door) -> None:
    grant = await door.world.exchange()
    ticket = door.world.tickets.make(grant.access_token.encode(), EVENTS.encode(), door.world.now).encode()
    token = await door.world.verified(grant)
    await door.flow._standing._end_family(token, door.world.now)
    await door.world.revocation.catch_up()
    with pytest.raises(InvalidToken):
        await door.admit(with_ticket(ticket))


async def test_an_outage_spends_nothing(door: Door, monkeypatch: pytest.MonkeyPatch) -> None:
    ticket = await ticket_for(door)

    async def away(*_: object) -> None:
        raise RevocationUnavailable

    with monkeypatch.context() as patch:
        patch.setattr(type(door.flow._standing), "ensure_good", away)
        with pytest.raises(RevocationUnavailable):
            await door.admit(with_ticket(ticket))
    assert isinstance(await door.admit(with_ticket(ticket)), Permit)


async def test_it_is_nothing_where_nobody_is_asked_who_he_is(door: Door) -> None:
    ticket = await ticket_for(door)
    open_door = Door(door.world, rules=(Rule("/*", auth=Access.PUBLIC),))
    off = Door(door.world, phase=Phase.OFF)
    for other in (open_door, off):
        permit = await other.permit(with_ticket(ticket))
        assert permit.identity is None
        assert permit.cookie is None


SET = [(b"Set-Cookie", b"sessionid=s1; Path=/"), (b"set-cookie", b"csrftoken=planted; Path=/"), (b"x-other", b"1")]


@pytest.mark.parametrize(
    ("shown", "kept"), [(None, []), (b"sessionid=other", []), (b"sessionid=s1", [b"sessionid=s1; Path=/"])]
)
async def test_whoever_opens_somebody_elses_address_gets_none_of_his_cookies(
    door: Door, shown: bytes | None, kept: list[bytes]
) -> None:
    head = with_ticket(await ticket_for(door), cookie=shown)
    permit = await door.permit(head)
    assert door.watch.needs_look(permit, head, 200, SET)
    left = door.watch.edit(permit, head, 200, *await door.watch.look(permit, head, 200, SET, door.world.now))
    assert [value for name, value in left if name.lower() == b"set-cookie"] == kept
    assert (b"x-other", b"1") in left


async def test_an_application_without_vaulted_sessions_signs_nobody_in_by_an_address(door: Door) -> None:
    head = with_ticket(await ticket_for(door))
    permit = replace(await door.permit(head), vaulted=None)
    left = door.watch.edit(permit, head, 200, *await door.watch.look(permit, head, 200, SET, door.world.now))
    assert [name for name, _ in left if name.lower() == b"set-cookie"] == []
