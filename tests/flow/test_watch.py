"""What a response tells about the session, and what follows from it."""

import pytest

from gateway.errors import SessionEnded, StoreUnavailable
from gateway.facts import Event
from gateway.flow.tokens import Grant
from gateway.model import Anonymous, LegacySession, Phase, Undetermined
from tests.flow.door import ACCESS, REFRESH, Door, request
from tests.flow.tokens.world import World

DELETED = b'sessionid=""; expires=Thu, 01 Jan 1970 00:00:00 GMT; Max-Age=0; Path=/'


@pytest.fixture
async def door() -> Door:
    world = await World().start()
    world.app.log_in(b"s1", "ada")
    return Door(world)


def rotate(world: World, subject: str = "ada") -> bytes:
    """The application gives the session a new id, and the old one is gone."""
    world.app.log_out(b"s1")
    world.app.log_in(b"s2", subject)
    return b"sessionid=s2; Path=/; HttpOnly"


async def vaulted(world: World, grant: Grant) -> bytes:
    return dict((await world.vault.open(await world.verified(grant))).cookies)[b"sessionid"]


# --- logout ---


async def test_a_deleted_cookie_ends_the_families_of_its_session(door: Door) -> None:
    world = door.world
    grant, head = await world.exchange(), request("/logout/", method="POST", cookie=b"sessionid=s1")
    permit = await door.permit(head)
    world.app.log_out(b"s1")
    fields = await door.look(permit, head, DELETED)
    assert not await world.accepts(grant)
    assert fields == [(b"Set-Cookie", DELETED)]
    assert Event.LOGOUT_SEEN in world.facts.events


async def test_a_logout_without_a_word_is_seen_by_its_path(door: Door) -> None:
    world = door.world
    grant, head = await world.exchange(), request("/logout/", method="POST", cookie=b"sessionid=s1")
    permit = await door.permit(head)
    world.app.log_out(b"s1")
    await door.look(permit, head)
    assert not await world.accepts(grant)


@pytest.mark.parametrize("name", [ACCESS, REFRESH])
async def test_a_logout_takes_our_cookies_along_where_they_are_shown(door: Door, name: bytes) -> None:
    world = door.world
    await world.exchange()
    head = request("/logout/", method="POST", cookie=b"sessionid=s1; %b=x" % REFRESH)
    permit = await door.permit(head)
    world.app.log_out(b"s1")
    looked = await door.watch.look(permit, head, 302, [(b"Set-Cookie", DELETED)], world.now)
    edited = door.watch.edit(permit, head, 302, *looked)
    deletion = b"%b=; Path=/; Max-Age=0; Secure; HttpOnly; SameSite=Lax" % name
    assert edited.count((b"set-cookie", deletion)) == 1


async def test_a_visit_to_the_logout_page_that_ends_nothing_ends_nothing(door: Door) -> None:
    grant, head = await door.world.exchange(), request("/logout/", cookie=b"sessionid=s1")
    await door.look(await door.permit(head), head)
    assert await door.world.accepts(grant)


async def test_a_logout_by_a_token_request_ends_the_family_and_tells_nobody_else(door: Door) -> None:
    world = door.world
    grant = await world.exchange()
    head = request("/logout/", method="POST", bearer=grant.access_token)
    permit = await door.permit(head)
    world.app.log_out(b"s1")
    assert await door.look(permit, head, DELETED, b"flash=bye; Path=/") == [(b"Set-Cookie", b"flash=bye; Path=/")]
    assert not await world.accepts(grant)


@pytest.mark.parametrize("verdict", [Undetermined("unreachable"), Anonymous("bad_signature")])
async def test_what_cannot_be_read_ends_nothing(door: Door, verdict: Undetermined | Anonymous) -> None:
    world = door.world
    grant, head = await world.exchange(), request(cookie=b"sessionid=s1")
    permit = await door.permit(head)
    world.app.verdicts[b"s1"] = world.app.verdicts[b"s9"] = verdict
    await door.look(permit, head, b"sessionid=s9; Path=/")
    assert await world.accepts(grant)


async def test_a_logout_seen_while_the_store_is_away_is_finished_later(door: Door) -> None:
    world = door.world
    grant, head = await world.exchange(), request("/logout/", method="POST", cookie=b"sessionid=s1")
    permit = await door.permit(head)
    world.app.log_out(b"s1")
    end_session = world.tokens.end_session

    async def away(session: LegacySession, reason: str, *, now: float) -> int:
        raise StoreUnavailable

    world.tokens.end_session = away  # type: ignore[method-assign]
    await door.look(permit, head, DELETED)
    await door.watch.finish(world.now)
    world.tokens.end_session = end_session  # type: ignore[method-assign]
    assert await world.accepts(grant)
    await door.watch.finish(world.now)
    assert not await world.accepts(grant)


# --- rotation, switch, login ---


async def test_a_rotation_by_a_token_goes_to_the_vault_and_not_to_a_client_without_the_session(door: Door) -> None:
    world = door.world
    grant = await world.exchange()
    head = request(bearer=grant.access_token)
    permit = await door.permit(head)
    assert await door.look(permit, head, rotate(world)) == []
    assert await vaulted(world, grant) == b"s2"
    assert await world.tokens.end_session(LegacySession("main", "s2", "ada"), "test", now=world.now) == 1


async def test_a_rotation_by_a_token_reaches_the_client_that_showed_the_familys_session(door: Door) -> None:
    world = door.world
    grant = await world.exchange()
    head = request(bearer=grant.access_token, cookie=b"sessionid=s1")
    permit = await door.permit(head)
    line = rotate(world)
    assert await door.look(permit, head, line) == [(b"Set-Cookie", line)]
    assert await vaulted(world, grant) == b"s2"


async def test_a_rotation_by_a_token_does_not_reach_a_client_that_showed_another_session(door: Door) -> None:
    world = door.world
    grant = await world.exchange()
    head = request(bearer=grant.access_token, cookie=b"sessionid=somebody")
    permit = await door.permit(head)
    assert await door.look(permit, head, rotate(world)) == []


async def test_a_rotation_by_the_cookie_takes_the_families_and_their_vaults_along(door: Door) -> None:
    world = door.world
    grant, head = await world.exchange(), request(cookie=b"sessionid=s1")
    permit = await door.permit(head)
    line = rotate(world)
    assert await door.look(permit, head, line) == [(b"Set-Cookie", line)]
    assert await vaulted(world, grant) == b"s2"
    assert await world.accepts(grant)
    assert Event.ROTATION_SEEN in world.facts.events


async def test_a_cookie_signed_anew_for_the_same_session_is_kept_in_the_vault(door: Door) -> None:
    world = door.world
    grant = await world.exchange()
    head = request(bearer=grant.access_token)
    permit = await door.permit(head)
    world.app.verdicts[b"signed-later"] = LegacySession("main", "s1", "ada", is_bound=True)
    await door.look(permit, head, b"sessionid=signed-later; Path=/")
    assert await vaulted(world, grant) == b"signed-later"


async def test_another_user_in_the_same_browser_ends_the_first_ones_families(door: Door) -> None:
    world = door.world
    grant, head = await world.exchange(), request("/login/", method="POST", cookie=b"sessionid=s1")
    permit = await door.permit(head)
    await door.look(permit, head, rotate(world, "bob"))
    assert not await world.accepts(grant)


async def test_another_users_session_never_enters_the_vault(door: Door) -> None:
    world = door.world
    grant = await world.exchange()
    head = request(bearer=grant.access_token)
    permit = await door.permit(head)
    await door.look(permit, head, rotate(world, "bob"))
    with pytest.raises(SessionEnded):
        await world.vault.open(permit.token)  # type: ignore[arg-type]


async def test_two_responses_at_once_leave_the_newer_cookie_in_the_vault(door: Door) -> None:
    world = door.world
    grant = await world.exchange()
    head = request(bearer=grant.access_token)
    first, second = await door.permit(head), await door.permit(head)
    world.app.verdicts[b"signed-2"] = world.app.verdicts[b"signed-3"] = LegacySession(
        "main", "s1", "ada", is_bound=True
    )
    await door.look(first, head, b"sessionid=signed-2")
    await door.look(second, head, b"sessionid=signed-3")
    assert await vaulted(world, grant) == b"signed-2"
    assert Event.VAULT_CONFLICT in world.facts.events


async def test_a_login_of_a_stranger_passes_and_changes_nothing(door: Door) -> None:
    head = request("/login/", method="POST")
    permit = await door.permit(head)
    line = b"sessionid=s1; Path=/"
    assert await door.look(permit, head, line, status=302) == [(b"Set-Cookie", line)]


# --- what every response gets ---


async def test_most_responses_need_no_look(door: Door) -> None:
    head = request(cookie=b"sessionid=s1")
    permit = await door.permit(head)
    assert not door.watch.needs_look(permit, head, 200, [(b"Set-Cookie", b"theme=dark"), (b"X", b"sessionid=1")])


async def test_the_client_gets_private_caching_and_no_word_in_our_name(door: Door) -> None:
    head = request(cookie=b"sessionid=s1")
    permit = await door.permit(head)
    edited = door.watch.edit(permit, head, 200, [(b"X-Crossfade", b"1"), (b"Set-Cookie", ACCESS + b"=x"), (b"A", b"b")])
    assert edited == [(b"A", b"b"), (b"cache-control", b"private"), (b"vary", b"authorization, cookie")]


async def test_a_public_response_stays_as_it_is(door: Door) -> None:
    head = request("/static/a.css")
    fields = [(b"Cache-Control", b"max-age=60")]
    assert door.watch.edit(await door.permit(head), head, 200, fields) == fields


async def test_a_listed_origin_may_read_the_answer_and_the_applications_own_word_is_replaced() -> None:
    door = Door(await World().start(), origins=frozenset({b"https://shop.example.com"}))
    head = request(origin=b"https://shop.example.com")
    edited = door.watch.edit(await door.permit(head), head, 200, [(b"Access-Control-Allow-Origin", b"*")])
    allowed = [value for name, value in edited if name.lower() == b"access-control-allow-origin"]
    assert allowed == [b"https://shop.example.com"]
    assert (b"vary", b"Origin") in edited


async def test_a_session_without_a_user_in_the_place_of_the_users_is_a_logout(door: Door) -> None:
    """Flask-Login signs what is left of the session anew; the old cookie would still be good."""
    world = door.world
    grant, head = await world.exchange(), request("/sign-out", method="POST", cookie=b"sessionid=s1")
    permit = await door.permit(head)
    world.app.verdicts[b"emptied"] = Anonymous("no_user")
    await door.look(permit, head, b"sessionid=emptied; Path=/")
    assert not await world.accepts(grant)


async def test_a_rotation_that_cannot_be_written_is_written_later(door: Door) -> None:
    world = door.world
    grant, head = await world.exchange(), request(cookie=b"sessionid=s1")
    permit = await door.permit(head)
    move = world.families.move_families

    async def away(old_session_hash: bytes, new_session_hash: bytes, now: float) -> int:
        raise StoreUnavailable

    world.families.move_families = away  # type: ignore[method-assign]
    await door.look(permit, head, rotate(world))
    await door.watch.finish(world.now)
    assert await vaulted(world, grant) == b"s1"
    world.families.move_families = move  # type: ignore[method-assign]
    await door.watch.finish(world.now)
    assert await vaulted(world, grant) == b"s2"
    assert await world.accepts(grant)


async def test_a_cookie_deleted_and_set_anew_in_one_response_is_no_logout(door: Door) -> None:
    world = door.world
    grant, head = await world.exchange(), request(cookie=b"sessionid=s1")
    permit = await door.permit(head)
    world.app.verdicts[b"s1"] = world.app.verdicts[b"s9"] = Undetermined("unreachable")
    await door.look(permit, head, DELETED, b"sessionid=s9; Path=/")
    assert await world.accepts(grant)


async def test_a_client_whose_cookie_was_signed_anew_still_hears_of_its_session(door: Door) -> None:
    world = door.world
    grant = await world.exchange()
    again = LegacySession("main", "s1", "ada", is_bound=True)
    world.app.verdicts[b"signed-2"] = world.app.verdicts[b"signed-3"] = again
    head = request(bearer=grant.access_token, cookie=b"sessionid=signed-2")
    permit = await door.permit(head)
    line = b"sessionid=signed-3; Path=/"
    assert await door.look(permit, head, line) == [(b"Set-Cookie", line)]


async def test_a_logout_whose_answer_nobody_saw_is_followed_all_the_same(door: Door) -> None:
    world = door.world
    grant, head = await world.exchange(), request("/logout/", method="POST", cookie=b"sessionid=s1")
    permit = await door.permit(head)
    assert door.watch.awaits_logout(permit, head)
    world.app.log_out(b"s1")
    await door.watch.look_after(permit, head, world.now)
    assert not await world.accepts(grant)


async def test_a_strangers_visit_to_the_logout_page_needs_no_look(door: Door) -> None:
    head = request("/logout/", method="POST")
    assert not door.watch.awaits_logout(await door.permit(head), head)


async def test_in_off_nothing_is_looked_at_and_nothing_is_added() -> None:
    door = Door(await World().start(), phase=Phase.OFF)
    head = request(cookie=b"sessionid=s1")
    permit = await door.permit(head)
    fields = [(b"Set-Cookie", b"sessionid=s2"), (b"X-Crossfade", b"1")]
    assert not door.watch.needs_look(permit, head, 200, fields)
    assert door.watch.edit(permit, head, 200, fields) == fields[:1]


async def test_in_off_a_listed_origin_still_reads_the_answer() -> None:
    """Its page could not learn otherwise that it has to use the cookie again."""
    door = Door(await World().start(), phase=Phase.OFF, origins=frozenset({b"https://shop.example.com"}))
    head = request(origin=b"https://shop.example.com")
    edited = door.watch.edit(await door.permit(head), head, 200, [])
    assert (b"access-control-allow-origin", b"https://shop.example.com") in edited


# --- records that are written behind the answer ---


@pytest.mark.parametrize("before_it_is_there", [Anonymous("gone"), Anonymous("no_user")])
async def test_a_record_that_is_written_after_the_head_is_waited_for(door: Door, before_it_is_there: Anonymous) -> None:
    """Express and PHP give the session another id, send the head, and then write the record."""
    world = door.world
    grant, head = await world.exchange(), request(cookie=b"sessionid=s1")
    permit = await door.permit(head)
    cookie = rotate(world)
    world.app.verdicts[b"s2"] = before_it_is_there
    door.meanwhile = lambda: world.app.log_in(b"s2", "ada")
    await door.look(permit, head, cookie)
    assert await world.accepts(grant)
    assert await vaulted(world, grant) == b"s2"
    assert len(door.paused) == 1


async def test_a_record_that_never_comes_is_waited_for_briefly(door: Door) -> None:
    world = door.world
    grant, head = await world.exchange(), request(cookie=b"sessionid=s1")
    permit = await door.permit(head)
    cookie = rotate(world)
    world.app.log_out(b"s2")
    await door.look(permit, head, cookie)
    assert not await world.accepts(grant)
    assert 0 < sum(door.paused) < 0.7  # for the record, and then for tokens that follow it elsewhere


async def test_a_logout_by_its_path_waits_for_nothing(door: Door) -> None:
    world = door.world
    grant, head = await world.exchange(), request("/logout/", method="POST", cookie=b"sessionid=s1")
    permit = await door.permit(head)
    world.app.log_out(b"s1")
    world.app.verdicts[b"fresh"] = Anonymous("no_user")
    await door.look(permit, head, b"sessionid=fresh; Path=/")
    assert not await world.accepts(grant)
    assert door.paused == []
