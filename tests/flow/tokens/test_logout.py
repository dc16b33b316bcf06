"""Logout in either world ends both."""

from collections.abc import Mapping
from dataclasses import replace

import pytest

from gateway.errors import InvalidGrant, SessionEnded, SessionUnverifiable, VaultUnavailable
from gateway.facts import Event
from gateway.flow.logout import EXCHANGE_TIME
from gateway.flow.tokens import LogoutResult
from gateway.model import LegacySession, Permit, SessionCookie, Undetermined, VaultedSession, VerifiedToken
from gateway.records import Family
from tests.flow.tokens.world import MOBILE, World, shown


async def log_out(
    world: World,
    *,
    token: VerifiedToken | None = None,
    refresh_token: str | None = None,
    cookies: SessionCookie | None = None,
    everywhere: bool = False,
) -> LogoutResult:
    return await world.tokens.logout(
        token=token, refresh_token=refresh_token, shown=cookies, everywhere=everywhere, now=world.now
    )


@pytest.mark.parametrize("credential", ["token", "refresh_token", "cookies"])
async def test_whatever_is_shown_ends_all_tokens_of_the_session_and_the_session(world: World, credential: str) -> None:
    first, second = await world.exchange(), await world.exchange(client=MOBILE)
    showing = {
        "token": {"token": await world.verified(first)},
        "refresh_token": {"refresh_token": first.refresh_token},
        "cookies": {"cookies": shown(b"s1")},
    }[credential]
    result = await log_out(world, **showing)  # type: ignore[arg-type]
    assert (result.families, result.session_gone) == (2, True)
    for grant in (first, second):
        assert not await world.accepts(grant)
        with pytest.raises(InvalidGrant):
            await world.refresh(grant.refresh_token)
    assert [dict(ended.cookies) for ended in world.app.ended] == [{b"sessionid": b"s1"}]
    assert world.app.forgotten == ["s1"]
    assert world.facts.events.count(Event.LOGOUT_HERE) == 1


async def test_the_cookies_that_were_shown_are_to_be_deleted(world: World) -> None:
    result = await log_out(world, cookies=shown(b"s1", (b"remember", b"me")))
    assert result.delete == (b"sessionid", b"remember")
    assert world.app.ended[0].cookies == ((b"sessionid", b"s1"), (b"remember", b"me"))


async def test_l3_the_cookie_cannot_mint_again_even_when_the_application_kept_its_session(world: World) -> None:
    world.app.refuses_logout = True
    grant = await world.exchange()
    result = await log_out(world, refresh_token=grant.refresh_token)
    assert result.session_gone is False
    with pytest.raises(SessionUnverifiable):
        await world.exchange()


async def test_a_session_id_that_is_used_again_by_the_next_login_gets_tokens_again(world: World) -> None:
    """A session without a time of signing, which the application is known to have ended."""
    grant = await world.exchange()
    assert (await log_out(world, refresh_token=grant.refresh_token)).session_gone is True
    world.app.log_in(b"s1", "ada")
    with pytest.raises(SessionUnverifiable):
        await world.exchange()  # an exchange that was under way looks just so
    world.pass_time(EXCHANGE_TIME)
    assert (await world.exchange()).access_token


@pytest.mark.parametrize("credential", ["refresh_token", "cookies", "seen"])
async def test_l3_a_cookie_from_before_the_logout_stays_barred_and_that_of_the_next_login_is_not(
    world: World, credential: str
) -> None:
    """Sessions that lie in their cookie: the application cannot end them, and the next one has the same key."""
    world.app.refuses_logout = True
    world.app.log_in(b"old", "ada", key="same", signed_at=world.now - 60)
    grant = await world.exchange(b"old")
    if credential == "seen":
        session = world.app.verdicts[b"old"]
        assert isinstance(session, LegacySession)
        assert await world.tokens.end_session(session, "legacy_logout", now=world.now) == 1
    elif credential == "cookies":
        await log_out(world, cookies=shown(b"old"))
    else:
        await log_out(world, refresh_token=grant.refresh_token)
    world.app.log_in(b"new", "ada", key="same", signed_at=world.now + 1)
    world.pass_time(2)
    new = await world.exchange(b"new")
    for seconds in (0, EXCHANGE_TIME, 20 * 86400):
        world.pass_time(seconds)
        with pytest.raises(SessionUnverifiable):
            await world.exchange(b"old")
    family = await world.families.find_family(new.family.id)
    assert family is not None
    assert family.ended_at is None


async def test_an_application_that_is_slow_to_refuse_leaves_no_gap_for_an_exchange(world: World) -> None:
    """The first bar has fallen when the answer comes; what was opened by then ends too."""
    first = await world.exchange()
    opened = []

    async def slow(vaulted: VaultedSession) -> bool:
        world.pass_time(EXCHANGE_TIME)
        opened.append(await world.exchange())
        return False

    world.app.end = slow  # type: ignore[method-assign]
    result = await log_out(world, refresh_token=first.refresh_token)
    assert result.families == 2
    assert not await world.accepts(opened[0])
    with pytest.raises(SessionUnverifiable):
        await world.exchange()


async def test_other_sessions_of_the_user_go_on(world: World) -> None:
    world.app.log_in(b"s2", "ada")
    here, there = await world.exchange(), await world.exchange(b"s2")
    await log_out(world, refresh_token=here.refresh_token)
    assert await world.accepts(there)


async def test_everywhere_ends_all_sessions_of_the_user_that_have_tokens(world: World) -> None:
    world.app.log_in(b"s2", "ada")
    world.app.log_in(b"s3", "bob")
    here, there, bob = await world.exchange(), await world.exchange(b"s2"), await world.exchange(b"s3")
    result = await log_out(world, token=await world.verified(here), everywhere=True)
    assert (result.families, result.session_gone) == (2, True)
    for grant in (here, there):
        assert not await world.accepts(grant)
    assert sorted(ended.session_key for ended in world.app.ended) == ["s1", "s2"]
    with pytest.raises(SessionUnverifiable):
        await world.exchange(b"s2")
    assert await world.accepts(bob)


async def test_after_a_logout_everywhere_a_new_login_gets_good_tokens(world: World) -> None:
    here = await world.exchange()
    await log_out(world, token=await world.verified(here), everywhere=True)
    world.app.log_in(b"s9", "ada")
    assert await world.accepts(await world.exchange(b"s9"))


async def test_n49_everywhere_by_cookie_alone_refuses_tokens_issued_before(world: World) -> None:
    world.app.log_in(b"s2", "ada")
    there = await world.exchange(b"s2")
    await log_out(world, cookies=shown(b"s1"), everywhere=True)
    assert not await world.accepts(there)


async def test_a_credential_of_an_ended_family_logs_nobody_out(world: World) -> None:
    """Who kept an old token must not be able to end the sessions that its user has now."""
    old = await world.exchange()
    await world.tokens.revoke(old.refresh_token, "", replace(MOBILE, id="web"), now=world.now)
    current = await world.exchange()
    result = await log_out(world, refresh_token=old.refresh_token)
    assert (result.families, result.session_gone) == (0, None)
    assert await world.accepts(current)


@pytest.mark.parametrize("token", ["", "junk", "rt1.x.y"])
async def test_a_token_that_is_none_ends_nothing(world: World, token: str) -> None:
    assert await log_out(world, refresh_token=token) == LogoutResult(0, (), None)


async def test_nothing_shown_ends_nothing(world: World) -> None:
    assert await log_out(world) == LogoutResult(0, (), None)


async def test_an_anonymous_cookie_is_deleted_and_nothing_else_happens(world: World) -> None:
    result = await log_out(world, cookies=shown(b"unknown"))
    assert result == LogoutResult(0, (b"sessionid",), None)
    assert world.app.ended == []


async def test_a_session_that_nobody_can_read_is_still_logged_out_in_the_application(world: World) -> None:
    world.app.verdicts[b"s1"] = Undetermined("unreachable")
    result = await log_out(world, cookies=shown(b"s1"))
    assert result.session_gone is True
    assert [ended.cookies for ended in world.app.ended] == [((b"sessionid", b"s1"),)]


async def test_a_lost_vault_entry_does_not_keep_the_tokens_alive(world: World) -> None:
    grant = await world.exchange()
    world.vaulted.entries.clear()
    result = await log_out(world, refresh_token=grant.refresh_token)
    assert (result.families, result.session_gone) == (1, False)
    assert not await world.accepts(grant)


async def test_an_application_without_a_logout_form_is_not_known_to_have_ended(world: World) -> None:
    world.tokens._logout._enders = {}
    grant = await world.exchange()
    assert (await log_out(world, refresh_token=grant.refresh_token)).session_gone is False


async def test_open_streams_end_with_the_tokens_and_with_the_session(world: World) -> None:
    grant = await world.exchange()
    ended: list[str] = []
    world.live.add(Permit("app", "/*", token=await world.verified(grant)), lambda: ended.append("token"))
    session = LegacySession("main", "s1", "ada")
    world.live.add(Permit("app", "/*", session=session), lambda: ended.append("session"))
    await log_out(world, refresh_token=grant.refresh_token)
    assert sorted(ended) == ["session", "token"]


# --- seen in the application ---


async def test_a_logout_in_the_application_ends_the_families_of_the_session(world: World) -> None:
    grant, session = await world.exchange(), LegacySession("main", "s1", "ada")
    assert await world.tokens.end_session(session, "legacy_logout", now=world.now) == 1
    assert not await world.accepts(grant)
    family = await world.families.find_family(grant.family.id)
    assert family is not None
    assert family.ended_reason == "legacy_logout"
    assert world.app.ended == []
    assert world.app.forgotten == ["s1"]


async def test_an_exchange_under_way_does_not_outrun_the_applications_logout(world: World) -> None:
    await world.tokens.end_session(LegacySession("main", "s1", "ada"), "legacy_logout", now=world.now)
    with pytest.raises(SessionUnverifiable):
        await world.exchange()
    world.pass_time(EXCHANGE_TIME)  # the same session id may be used by the next login
    assert (await world.exchange()).access_token


async def test_families_follow_a_session_to_its_new_id(world: World) -> None:
    grant = await world.exchange()
    old, new = LegacySession("main", "s1", "ada"), LegacySession("main", "s2", "ada")
    await world.tokens.move_session(old, new, cookies={b"sessionid": b"s2"}, now=world.now)
    vaulted = await world.vault.open(await world.verified(grant))
    assert (vaulted.cookies, vaulted.session_key) == (((b"sessionid", b"s2"),), "s2")
    assert await world.tokens.end_session(old, "legacy_logout", now=world.now) == 0
    assert await world.accepts(grant)
    assert await world.tokens.end_session(new, "legacy_logout", now=world.now) == 1


async def test_one_family_that_cannot_follow_does_not_hold_the_others_back(world: World) -> None:
    grants = [await world.exchange() for _ in range(3)]
    lost = world.vaulted.entries.pop(grants[0].family.id)
    old, new = LegacySession("main", "s1", "ada"), LegacySession("main", "s2", "ada")
    with pytest.raises(VaultUnavailable):
        await world.tokens.move_session(old, new, cookies={b"sessionid": b"s2"}, now=world.now)
    for grant in grants[1:]:
        assert (await world.vault.open_family(grant.family)).session_key == "s2"
    world.vaulted.entries[lost.session_id] = lost  # it can be read again, and the move is made again
    await world.tokens.move_session(old, new, cookies={b"sessionid": b"s2"}, now=world.now)
    assert {(await world.vault.open_family(grant.family)).session_key for grant in grants} == {"s2"}
    assert {entry.version for entry in world.vaulted.entries.values()} == {1}


@pytest.mark.parametrize(("losses", "is_moved"), [(1, True), (2, False)])
async def test_a_family_that_loses_one_race_for_its_vault_follows_all_the_same(
    world: World, losses: int, is_moved: bool
) -> None:
    grant = await world.exchange()
    update = world.vault.update
    lost: list[bool] = []

    async def racing(session: VaultedSession, cookies: Mapping[bytes, bytes], session_key: str) -> bool:
        if len(lost) < losses:
            lost.append(await update(session, {b"sessionid": b"s1", b"remember": b"%d" % len(lost)}, "s1"))
        return await update(session, cookies, session_key)

    world.vault.update = racing  # type: ignore[method-assign]
    old, new = LegacySession("main", "s1", "ada"), LegacySession("main", "s2", "ada")
    moving = world.tokens.move_session(old, new, cookies={b"sessionid": b"s2"}, now=world.now)
    if is_moved:
        await moving
    else:
        with pytest.raises(VaultUnavailable):
            await moving
    assert lost == [True] * losses
    assert (await world.vault.open_family(grant.family)).session_key == ("s2" if is_moved else "s1")


async def test_a_family_that_ends_while_it_follows_is_left_alone(world: World) -> None:
    await world.exchange()

    async def ended(family: Family) -> VaultedSession:
        raise SessionEnded

    world.vault.open_family = ended  # type: ignore[method-assign]
    old, new = LegacySession("main", "s1", "ada"), LegacySession("main", "s2", "ada")
    await world.tokens.move_session(old, new, cookies={b"sessionid": b"s2"}, now=world.now)
    assert world.facts.events == [Event.EXCHANGED]


async def test_l4_families_never_follow_to_another_user(world: World) -> None:
    grant = await world.exchange()
    await world.tokens.move_session(
        LegacySession("main", "s1", "ada"), LegacySession("main", "s1", "bob"), cookies={}, now=world.now
    )
    assert not await world.accepts(grant)


async def test_the_family_of_a_token_can_be_ended_alone(world: World) -> None:
    first, second = await world.exchange(), await world.exchange()
    token = await world.verified(first)
    assert await world.tokens.end_family(token, world.now) == 1
    assert await world.tokens.end_family(token, world.now) == 0
    assert await world.accepts(second)
