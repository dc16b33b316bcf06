"""A refresh token becomes the next one, and the session behind it is looked at each time."""

import asyncio
from dataclasses import replace

import pytest

from gateway.core.rotation import RotationPolicy
from gateway.errors import InvalidGrant, SessionUndetermined, VaultUnavailable
from gateway.facts import Event
from gateway.model import Anonymous, LegacySession, Permit, Undetermined, VaultedSession, Verdict
from gateway.records import Family, RefreshOutcome
from tests.flow.tokens.world import MOBILE, START, WEB, World, shown


async def test_n40_each_use_rotates_the_token(world: World) -> None:
    first = await world.exchange()
    world.pass_time(60)
    second = await world.refresh(first.refresh_token)
    assert second.outcome is RefreshOutcome.ROTATED
    assert second.refresh_token != first.refresh_token
    assert (await world.verified(second)).session_id == first.family.id


async def test_a_token_younger_than_the_grace_is_returned_with_a_fresh_access_token(world: World) -> None:
    first = await world.exchange()
    world.pass_time(29)
    again = await world.refresh(first.refresh_token)
    assert again.outcome is RefreshOutcome.TOO_YOUNG
    assert again.refresh_token == first.refresh_token
    assert again.access_token != first.access_token


async def test_a_browsers_token_rests_between_rotations_and_no_others(world: World) -> None:
    """Each page that is loaded asks for an access token; who holds the refresh token itself asks once in its life."""
    world.policy = replace(world.policy, rotation=replace(world.policy.rotation, rest=1800))
    world.tokens = world.flow()
    page, program = await world.exchange(client=WEB), await world.exchange(client=MOBILE)
    world.pass_time(1799)
    again = await world.refresh(page.refresh_token, client=WEB)
    assert (again.outcome, again.refresh_token) == (RefreshOutcome.TOO_YOUNG, page.refresh_token)
    assert again.expires_in == 3600
    assert (await world.refresh(program.refresh_token, client=MOBILE)).outcome is RefreshOutcome.ROTATED
    world.pass_time(1)
    assert (await world.refresh(page.refresh_token, client=WEB)).outcome is RefreshOutcome.ROTATED


async def test_n50_n51_racers_and_retries_get_one_successor(world: World) -> None:
    first = await world.exchange()
    world.pass_time(60)
    racers = await asyncio.gather(*(world.refresh(first.refresh_token) for _ in range(20)))
    world.pass_time(29)
    racers.append(await world.refresh(first.refresh_token))
    assert len({grant.refresh_token for grant in racers}) == 1
    assert sorted({str(grant.outcome) for grant in racers}) == ["grace", "rotated"]


async def test_n44_a_replay_outside_of_the_grace_ends_the_family_at_once(world: World) -> None:
    first = await world.exchange()
    world.pass_time(60)
    second = await world.refresh(first.refresh_token)
    ended = []
    world.live.add(Permit("app", "/*", token=await world.verified(second)), lambda: ended.append("stream"))
    world.pass_time(30)
    with pytest.raises(InvalidGrant) as replay:
        await world.refresh(first.refresh_token)
    assert replay.value.reason == "replay"
    assert ended == ["stream"]
    assert not await world.accepts(second)
    with pytest.raises(InvalidGrant, match="not valid"):
        await world.refresh(second.refresh_token)
    assert world.facts.events[-2:] == [Event.REFRESH_REPLAY, Event.REFRESH_ENDED]


async def test_n51_a_grandparent_is_a_replay_even_within_the_grace(world: World) -> None:
    first = await world.exchange()
    world.pass_time(60)
    second = await world.refresh(first.refresh_token)
    world.pass_time(30)
    await world.refresh(second.refresh_token)
    with pytest.raises(InvalidGrant) as replay:
        await world.refresh(first.refresh_token)
    assert replay.value.reason == "replay"


@pytest.mark.parametrize(
    ("token", "client", "reason"),
    [
        ("", WEB, "malformed"),
        ("rt1.short.sum", WEB, "malformed"),
        ("eyJhbGciOiJub25lIn0.e30.", WEB, "malformed"),
        ("rt1.AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA.2O5Xdg", WEB, "malformed"),
    ],
)
async def test_junk_never_reaches_the_store(world: World, token: str, client: object, reason: str) -> None:
    with pytest.raises(InvalidGrant) as refused:
        await world.refresh(token)
    assert refused.value.reason == reason
    assert world.facts.events == []


async def test_n45_a_token_of_another_client_is_refused_and_keeps_working_for_its_own(world: World) -> None:
    grant = await world.exchange()
    world.pass_time(60)
    with pytest.raises(InvalidGrant) as refused:
        await world.refresh(grant.refresh_token, MOBILE)
    assert refused.value.reason == "wrong_client"
    assert (await world.refresh(grant.refresh_token)).access_token


async def test_an_unknown_token_is_refused(world: World) -> None:
    grant = await world.exchange()
    other = await World().start()
    with pytest.raises(InvalidGrant) as refused:
        await other.refresh(grant.refresh_token)
    assert refused.value.reason == "unknown"


async def test_n42_a_token_expires_when_nobody_uses_it(world: World) -> None:
    world.policy = replace(world.policy, rotation=replace(world.policy.rotation, idle=3600))
    world.tokens = world.flow()
    grant = await world.exchange()
    assert grant.refresh_expires_in == 3600
    world.pass_time(3600)
    with pytest.raises(InvalidGrant) as refused:
        await world.refresh(grant.refresh_token)
    assert refused.value.reason == "expired"


async def test_n41_no_rotation_prolongs_the_first_end(world: World) -> None:
    grant = await world.exchange()
    world.pass_time(604800 - 600)
    grant = await world.refresh(grant.refresh_token)
    assert (grant.refresh_expires_in, grant.expires_in) == (600, 600)


async def test_claims_that_changed_in_the_session_change_in_the_next_token(world: World) -> None:
    """CVE-2021-41230: what had changed at the source went on here."""
    first = await world.exchange()
    world.app.verdicts[b"s1"] = LegacySession("main", "s1", "ada", {"roles": []}, START + 600, is_bound=True)
    world.pass_time(60)
    second = await world.refresh(first.refresh_token)
    assert (await world.verified(second)).claims["roles"] == []
    assert second.expires_in == 540  # never beyond the end that the session has now


# --- the session behind it ---


@pytest.mark.parametrize(
    "verdict",
    [
        Anonymous("gone"),
        Anonymous("expired"),
        Anonymous("no_user"),
        Anonymous("not_bound"),
        LegacySession("main", "s1", "bob", is_bound=True),
    ],
)
async def test_a_session_that_is_over_ends_its_family(world: World, verdict: Verdict) -> None:
    grant = await world.exchange()
    world.app.verdicts[b"s1"] = verdict
    world.pass_time(60)
    with pytest.raises(InvalidGrant) as refused:
        await world.refresh(grant.refresh_token)
    assert refused.value.reason == "session_ended"
    assert not await world.accepts(grant)


@pytest.mark.parametrize(
    "verdict",
    [Undetermined("unreachable"), Undetermined("timeout"), Anonymous("bad_signature"), Anonymous("absent")],
)
async def test_n52_what_nobody_can_say_gives_no_token_and_takes_none(world: World, verdict: Verdict) -> None:
    first = await world.exchange()
    known = world.app.verdicts[b"s1"]
    for _ in range(2):
        world.pass_time(60)  # longer than the grace: a second try would be a replay if the first had rotated
        world.app.verdicts[b"s1"] = verdict
        with pytest.raises(SessionUndetermined):
            await world.refresh(first.refresh_token)
    assert await world.accepts(first)
    world.app.verdicts[b"s1"] = known
    assert (await world.refresh(first.refresh_token)).outcome is RefreshOutcome.ROTATED


@pytest.mark.parametrize("age", [0.0, 60.0])
async def test_no_token_is_handed_out_whose_session_was_not_resolved(world: World, age: float) -> None:
    """Not even the presented one, or the successor of a retry within the grace."""
    first = await world.exchange()
    world.pass_time(age)
    await world.refresh(first.refresh_token)
    world.app.verdicts[b"s1"] = Undetermined("unreachable")
    with pytest.raises(SessionUndetermined):
        await world.refresh(first.refresh_token)


async def test_a_replay_ends_the_family_although_nobody_can_say_anything_about_its_session(world: World) -> None:
    first = await world.exchange()
    world.pass_time(60)
    second = await world.refresh(first.refresh_token)
    world.pass_time(60)
    world.app.verdicts[b"s1"] = Undetermined("unreachable")
    with pytest.raises(InvalidGrant) as refused:
        await world.refresh(first.refresh_token)
    assert refused.value.reason == "replay"
    assert not await world.accepts(second)


async def test_who_may_not_use_a_token_cannot_make_us_look_at_its_session(world: World) -> None:
    grant = await world.exchange()
    world.app.log_out(b"s1")
    with pytest.raises(InvalidGrant) as refused:
        await world.refresh(grant.refresh_token, MOBILE)
    assert refused.value.reason == "wrong_client"
    assert await world.accepts(grant)


async def test_the_session_is_looked_at_afresh(world: World) -> None:
    grant = await world.exchange()
    await world.refresh(grant.refresh_token)
    assert world.app.asked == [True, True]


async def test_a_session_whose_binding_nobody_checks_any_more_gets_no_tokens_and_is_not_ended(world: World) -> None:
    grant = await world.exchange()
    world.app.log_in(b"s1", "ada", is_bound=False)
    world.pass_time(60)
    with pytest.raises(SessionUndetermined):
        await world.refresh(grant.refresh_token)
    assert await world.accepts(grant)


async def test_a_vault_that_cannot_be_read_is_said_to_be_so_and_takes_no_token(world: World) -> None:
    grant = await world.exchange()
    entries = dict(world.vaulted.entries)
    world.vaulted.entries.clear()
    for _ in range(2):
        world.pass_time(60)
        with pytest.raises(VaultUnavailable):
            await world.refresh(grant.refresh_token)
    assert await world.accepts(grant)
    world.vaulted.entries.update(entries)
    assert (await world.refresh(grant.refresh_token)).outcome is RefreshOutcome.ROTATED


async def test_a_site_that_is_not_configured_any_more_gives_no_token_and_ends_none(world: World) -> None:
    world.vault = _ElsewhereVault(world)  # type: ignore[assignment]
    world.tokens = world.flow()
    grant = await world.exchange()
    with pytest.raises(SessionUndetermined):
        await world.refresh(grant.refresh_token)
    assert await world.accepts(grant)


@pytest.mark.parametrize("before", ["vault", "rotation"])
async def test_a_family_that_ends_while_its_token_is_refreshed_gets_nothing(world: World, before: str) -> None:
    grant = await world.exchange()
    world.pass_time(60)
    place, name = (world.vault, "open_family") if before == "vault" else (world.families, "rotate")
    step = getattr(place, name)

    async def end_first(*arguments: object, **more: object) -> object:
        await world.families.end_families([grant.family.id], "logout", world.now + 60, world.now)
        return await step(*arguments, **more)

    setattr(place, name, end_first)
    with pytest.raises(InvalidGrant) as refused:
        await world.refresh(grant.refresh_token)
    assert refused.value.reason == "ended"


# --- the end of the session, and of the family ---


async def test_a_family_goes_on_as_long_as_its_sliding_session_does(world: World) -> None:
    world.app.log_in(b"s1", "ada", expires_at=START + 1800)
    grant = await world.exchange()
    for _ in range(10):
        world.pass_time(1200)
        world.app.log_in(b"s1", "ada", expires_at=world.now + 1800)
        grant = await world.refresh(grant.refresh_token)
        assert (grant.expires_in, grant.refresh_expires_in) == (1800, 1800)
    family = await world.families.find_family(grant.family.id)
    assert family is not None
    assert (family.idle_expires_at, family.absolute_expires_at) == (world.now + 1800, world.now + 1800)


async def test_n41_no_sliding_session_carries_a_family_beyond_its_life(world: World) -> None:
    world.app.log_in(b"s1", "ada", expires_at=START + 604800 - 600)
    grant = await world.exchange()
    world.pass_time(604800 - 900)
    world.app.log_in(b"s1", "ada", expires_at=world.now + 86400)
    grant = await world.refresh(grant.refresh_token)
    assert (grant.expires_in, grant.refresh_expires_in) == (900, 900)
    world.pass_time(900)
    with pytest.raises(InvalidGrant) as refused:
        await world.refresh(grant.refresh_token)
    assert refused.value.reason == "expired"


async def test_a_session_whose_end_came_nearer_bounds_its_next_tokens(world: World) -> None:
    grant = await world.exchange()
    world.pass_time(60)
    world.app.log_in(b"s1", "ada", expires_at=world.now + 600)
    grant = await world.refresh(grant.refresh_token)
    assert (grant.expires_in, grant.refresh_expires_in) == (600, 600)
    world.pass_time(600)
    with pytest.raises(InvalidGrant):
        await world.refresh(grant.refresh_token)


async def test_the_revocation_of_a_family_outlives_the_tokens_from_before_its_end_came_nearer(world: World) -> None:
    first = await world.exchange()
    world.pass_time(60)
    world.app.log_in(b"s1", "ada", expires_at=world.now + 120)
    await world.refresh(first.refresh_token)
    world.pass_time(60)
    with pytest.raises(InvalidGrant) as refused:
        await world.refresh(first.refresh_token)
    assert refused.value.reason == "replay"
    (revocation,) = await world.log.live(world.now)
    assert revocation.expires_at >= START + first.expires_in


async def test_a_token_that_is_not_rotated_gets_nothing_beyond_the_end_that_is_stored(world: World) -> None:
    world.app.log_in(b"s1", "ada", expires_at=START + 600)
    grant = await world.exchange()
    world.app.log_in(b"s1", "ada", expires_at=START + 6000)
    grant = await world.refresh(grant.refresh_token)
    assert (grant.outcome, grant.expires_in) == (RefreshOutcome.TOO_YOUNG, 600)


async def test_a_shorter_life_that_is_configured_takes_nothing_from_the_families_that_there_are(world: World) -> None:
    grant = await world.exchange()
    world.policy = replace(world.policy, refresh=60)
    world.tokens = world.flow()
    world.pass_time(3600)
    assert (await world.refresh(grant.refresh_token)).refresh_expires_in == 604800 - 3600


class _ElsewhereVault:
    """A vault whose entries belong to a site that is gone from the configuration."""

    def __init__(self, world: World) -> None:
        self._vault = world.vault

    def __getattr__(self, name: str) -> object:
        return getattr(self._vault, name)

    async def open_family(self, family: Family) -> VaultedSession:
        return replace(await self._vault.open_family(family), site="old")


async def test_a_refresh_token_beside_another_users_session_is_worth_nothing(world: World) -> None:
    """Two people share a computer: the refresh cookie of the first is still there when the second signs in."""
    world.app.log_in(b"s2", "bob")
    token = (await world.exchange()).refresh_token
    with pytest.raises(InvalidGrant):
        await world.tokens.ensure_same_user(token, shown(b"s2"), now=world.now)
    assert Event.SUBJECT_CONFLICT in world.facts.events
    for beside in (shown(b"s1"), shown(b"nobody"), None):
        await world.tokens.ensure_same_user(token, beside, now=world.now)


async def test_generations_within_one_second_are_told_apart(world: World) -> None:
    """keycloak#50999: which token is the older was read from the second in which it was issued."""
    world.policy = replace(world.policy, rotation=RotationPolicy(grace=0))
    world.tokens = world.flow()
    tokens = [(await world.exchange()).refresh_token]
    for _ in range(3):
        tokens.append((await world.refresh(tokens[-1])).refresh_token)
    assert len(set(tokens)) == 4
    with pytest.raises(InvalidGrant):
        await world.refresh(tokens[0])
    with pytest.raises(InvalidGrant):
        await world.refresh(tokens[-1])
