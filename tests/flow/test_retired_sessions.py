"""In `tokens_only` a user's session cookie is refused, and whoever has none, or needs it to get on, is not."""

from dataclasses import replace

import pytest

from gateway.core.brownout import Brownout, Window
from gateway.core.phases import posture_of
from gateway.core.rollout import EVERYBODY
from gateway.errors import InvalidToken, LoginRequired, SessionRetired, SessionUndetermined
from gateway.model import Credential, Phase, Undetermined
from tests.flow.door import ACCESS, REFRESH, Door, request
from tests.flow.tokens.world import SITE, World

SHOWN = b"sessionid=s1"
WITH_DOORS = replace(SITE, login_url="/login/", logout_paths=("/logout/",))


@pytest.fixture
async def world() -> World:
    world = await World().start()
    world.app.log_in(b"s1", "ada")
    world.app.log_in(b"s2", "bob")
    return world


@pytest.fixture
def door(world: World) -> Door:
    return Door(world, WITH_DOORS, phase=Phase.TOKENS_ONLY)


@pytest.mark.parametrize("path", ["/page", "/admin/", "/hooks/x"])
async def test_the_session_cookie_of_a_user_is_refused_with_a_challenge_and_a_code_of_its_own(
    door: Door, path: str
) -> None:
    head = request(path, cookie=SHOWN)
    for _ in range(2):
        with pytest.raises(SessionRetired) as raised:
            await door.admit(head)
    answer = door.flow.refuse(raised.value, head, "r1")
    fields = dict(answer.fields)
    assert (answer.status, fields[b"www-authenticate"]) == (401, b'Bearer realm="crossfade"')
    assert b'"code":"session_retired"' in answer.body
    assert b"set-cookie" not in fields
    assert len(door.world.facts.dependants) == 2


async def test_a_page_is_sent_to_the_login_where_the_session_does_not_count(door: Door) -> None:
    head = request("/page", cookie=SHOWN, fields=[(b"Sec-Fetch-Dest", b"document")])
    with pytest.raises(SessionRetired) as raised:
        await door.admit(head)
    answer = door.flow.refuse(raised.value, head, "r1")
    assert (answer.status, dict(answer.fields)[b"location"]) == (303, b"/login/?next=/page")
    for method in ("GET", "POST"):
        permit = await door.permit(request("/login/", method=method, cookie=b"csrftoken=c; " + SHOWN))
        assert (permit.cookie, permit.session, permit.is_stranger) == (b"csrftoken=c", None, True)


async def test_the_way_to_log_out_is_open(door: Door) -> None:
    permit = await door.permit(request("/logout/", method="POST", cookie=SHOWN))
    assert (permit.cookie, permit.credential) == (SHOWN, Credential.SESSION)


async def test_sessions_of_nobody_travel_on_and_those_that_nobody_can_read_do_not(door: Door) -> None:
    nobody = await door.permit(request(cookie=b"sessionid=unknown"))
    assert (nobody.cookie, nobody.credential) == (b"sessionid=unknown", Credential.NONE)
    assert (await door.permit(request())).cookie is None
    with pytest.raises(LoginRequired):
        await door.admit(request("/admin/", cookie=b"sessionid=unknown"))
    door.world.app.verdicts[b"s1"] = Undetermined("unreachable")
    with pytest.raises(SessionUndetermined):
        await door.admit(request(cookie=SHOWN))


async def test_a_token_is_good_whatever_lies_beside_it(door: Door) -> None:
    grant = await door.world.exchange()
    permit = await door.permit(request(bearer=grant.access_token, cookie=b"sessionid=s2"))
    assert (permit.cookie, permit.credential) == (SHOWN, Credential.BEARER)
    shown = ACCESS + b"=" + grant.access_token.encode() + b"; " + SHOWN
    assert (await door.permit(request(cookie=shown))).credential is Credential.TOKEN_COOKIE
    with pytest.raises(InvalidToken):
        await door.admit(request(bearer=grant.access_token[:-4] + "AAAA", cookie=SHOWN))


async def test_a_token_cookie_that_expired_does_not_make_the_session_count(door: Door) -> None:
    grant = await door.world.exchange()
    door.world.pass_time(3700)
    with pytest.raises(SessionRetired):
        await door.admit(request(cookie=ACCESS + b"=" + grant.access_token.encode() + b"; " + SHOWN))


async def test_no_credential_of_the_applications_own_carries_a_session_past(door: Door) -> None:
    with pytest.raises(SessionRetired):
        await door.admit(request(authorization=b"Basic YTpi", cookie=SHOWN))
    alone = await door.permit(request(authorization=b"Basic YTpi", cookie=b"sessionid=unknown"))
    assert (alone.authorization, alone.cookie) == (b"Basic YTpi", b"sessionid=unknown")
    door.world.app.verdicts[b"s1"] = Undetermined("unreachable")
    with pytest.raises(SessionUndetermined):
        await door.admit(request(authorization=b"Basic YTpi", cookie=SHOWN))
    earlier = Door(door.world, phase=Phase.PREFER_TOKENS)
    assert (await earlier.permit(request(authorization=b"Basic YTpi", cookie=SHOWN))).cookie == SHOWN


# --- with tokens as cookies ---

PAGE = [(b"Sec-Fetch-Dest", b"document"), (b"Sec-Fetch-Mode", b"navigate")]


async def test_a_page_whose_answer_brings_the_tokens_goes_through_and_nothing_else_does(world: World) -> None:
    door = Door(world, WITH_DOORS, phase=Phase.TOKENS_ONLY, delivers=True)
    head = request(cookie=SHOWN, fields=PAGE)
    permit = await door.permit(head)
    assert (permit.credential, permit.cookie) == (Credential.SESSION, SHOWN)
    given = await door.look(permit, head)
    assert [value.partition(b"=")[0] for _, value in given] == [ACCESS, REFRESH]
    for other in (request(cookie=SHOWN), request(method="POST", cookie=SHOWN, fields=PAGE)):
        with pytest.raises(SessionRetired):
            await door.admit(other)


async def test_a_page_gets_new_tokens_where_the_cookie_is_given_up(world: World) -> None:
    door = Door(world, WITH_DOORS, phase=Phase.TOKENS_ONLY, delivers=True)
    grant = await world.exchange()
    access = ACCESS + b"=" + grant.access_token.encode()
    of_another = await door.permit(request(cookie=access + b"; sessionid=s2", fields=PAGE))
    world.pass_time(3700)
    expired = await door.permit(request(cookie=access + b"; " + SHOWN, fields=PAGE))
    for permit, shown in ((of_another, b"sessionid=s2"), (expired, SHOWN)):
        assert (permit.credential, permit.cookie) == (Credential.SESSION, shown)
        assert permit.answer[0][1].startswith(ACCESS + b"=;")


# --- in a window of a brownout ---


async def test_in_a_window_a_session_is_refused_for_what_changes_nothing(world: World) -> None:
    door = Door(world, WITH_DOORS, phase=Phase.BROWNOUT)
    window = Window(world.now + 10, world.now + 20, EVERYBODY)
    door.flow.posture = posture_of(Phase.BROWNOUT, "store", brownout=Brownout((window,)))
    head, post = request(cookie=SHOWN), request(method="POST", cookie=SHOWN)
    foreign = request(authorization=b"Basic YTpi", cookie=SHOWN)
    for is_open in (False, True, False):
        if is_open:
            for refused in (head, foreign):
                with pytest.raises(SessionRetired):
                    await door.admit(refused)
        else:
            assert (await door.permit(head)).credential is Credential.SESSION
            assert (await door.permit(foreign)).credential is Credential.FOREIGN
        assert (await door.permit(post)).credential is Credential.SESSION
        world.pass_time(10)
