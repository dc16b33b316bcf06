"""Who is not in the rollout is as if tokens were off, and keeps what he has."""

import pytest

from gateway.core.phases import Posture, posture_of
from gateway.core.rollout import Rollout
from gateway.errors import PhaseOff, RevocationUnavailable
from gateway.facts import Event
from gateway.model import Credential, Permit, Phase, Standing, VerifiedToken
from tests.flow.door import ACCESS, REFRESH, Door, request
from tests.flow.tokens.world import MOBILE, World

NOBODY = Rollout(0.0)
PAGE = [(b"Sec-Fetch-Dest", b"document"), (b"Sec-Fetch-Mode", b"navigate")]


class Part(World):
    """A world in which tokens are given to whom `rollout` says."""

    rollout = Rollout()

    def takes_part(self, subject: str) -> bool:
        return self.rollout.includes(subject)


@pytest.fixture
async def world() -> Part:
    world = Part()
    await world.start()
    world.app.log_in(b"s1", "ada")
    return world


def leave_out(world: Part, *doors: Door) -> None:
    world.rollout = NOBODY
    for door in doors:
        door.flow.posture = outside()


def outside() -> Posture:
    return posture_of(Phase.PARALLEL, "store", NOBODY)


async def test_nothing_new_is_given_to_who_is_left_out(world: Part) -> None:
    grant = await world.exchange()
    leave_out(world)
    with pytest.raises(PhaseOff):
        await world.exchange()
    with pytest.raises(PhaseOff):
        await world.refresh(grant.refresh_token)
    world.rollout = Rollout()
    assert (await world.refresh(grant.refresh_token)).refresh_token == grant.refresh_token, "nothing was ended"


async def test_a_program_that_holds_no_cookie_goes_on(world: Part) -> None:
    grant = await world.exchange(client=MOBILE)
    leave_out(world)
    assert (await world.refresh(grant.refresh_token, MOBILE)).access_token


async def test_a_token_stays_good_and_a_browser_gets_its_cookie_back_beside_it(world: Part) -> None:
    grant, door = await world.exchange(), Door(world)
    head = request(bearer=grant.access_token)
    assert (await door.permit(head)).answer == ()
    leave_out(world, door)
    for _ in range(2):
        permit = await door.permit(head)
        assert permit.credential is Credential.BEARER
        assert permit.answer[0][1].startswith(b"sessionid=s1;")


async def test_pages_bring_no_tokens_to_who_is_left_out(world: Part) -> None:
    door = Door(world, delivers=True)
    leave_out(world, door)
    head = request(cookie=b"sessionid=s1", fields=PAGE)
    permit = await door.permit(head)
    assert (permit.credential, await door.look(permit, head)) == (Credential.SESSION, [])
    assert Event.DELIVERY_FAILED not in world.facts.events


async def test_a_token_cookie_that_expired_outside_is_given_up_for_the_session(world: Part) -> None:
    grant, door = await world.exchange(), Door(world, delivers=True)
    shown = b"%b=%b; %b=%b; sessionid=s1" % (
        ACCESS, grant.access_token.encode(), REFRESH, grant.refresh_token.encode(),
    )  # fmt: skip
    world.pass_time(3700)
    leave_out(world, door)
    permit = await door.permit(request(cookie=shown))
    assert (permit.credential, permit.cookie) == (Credential.SESSION, b"sessionid=s1")
    assert {value.partition(b"=")[0] for _, value in permit.answer} == {ACCESS, REFRESH}


async def test_a_token_cookie_that_expired_outside_with_nothing_beside_it_brings_the_session_back(world: Part) -> None:
    grant, door = await world.exchange(), Door(world, delivers=True)
    shown = b"%b=%b; %b=%b" % (ACCESS, grant.access_token.encode(), REFRESH, grant.refresh_token.encode())
    world.pass_time(3700)
    leave_out(world, door)
    image = await door.permit(request(cookie=shown, fields=[(b"Sec-Fetch-Site", b"cross-site")]))
    assert (image.credential, image.answer) == (Credential.NONE, ()), "nothing is renewed, given back or lost"
    elsewhere = await door.permit(request(cookie=shown, fields=[*PAGE, (b"Sec-Fetch-Site", b"cross-site")]))
    assert (elsewhere.credential, names(elsewhere)) == (Credential.TOKEN_COOKIE, [ACCESS, REFRESH]), "it goes on"
    permit = await door.permit(request(cookie=shown))
    assert (permit.credential, names(permit)) == (Credential.TOKEN_COOKIE, [b"sessionid", ACCESS, REFRESH])
    assert permit.answer[1][1].startswith(ACCESS + b"=;"), "deleted"


def names(permit: Permit) -> list[bytes]:
    return [value.partition(b"=")[0] for _, value in permit.answer]


async def test_no_fault_of_ours_changes_an_answer_outside(world: Part, monkeypatch: pytest.MonkeyPatch) -> None:
    grant, door = await world.exchange(), Door(world)
    head = request(bearer=grant.access_token, cookie=b"sessionid=s1")
    await door.permit(head)

    async def away(_token: VerifiedToken) -> Standing:
        raise RevocationUnavailable

    monkeypatch.setattr(world.revocation, "look_up", away)
    with pytest.raises(RevocationUnavailable):
        await door.admit(head)
    leave_out(world, door)
    permit = await door.permit(head)
    assert (permit.credential, permit.cookie) == (Credential.SESSION, b"sessionid=s1")
    with pytest.raises(RevocationUnavailable):
        await door.admit(request(bearer=grant.access_token))
