"""How often tokens may be asked for, and that a limit takes nothing from anybody."""

import asyncio
from dataclasses import replace

import pytest

from gateway.core.rates import Rate
from gateway.errors import InvalidGrant, TooMany
from gateway.facts import Event
from gateway.flow.rates import RatePolicy, TokenRates
from gateway.stores.rates_memory import MemoryRateLimiter
from tests.flow.tokens.world import MOBILE, World

THREE = Rate(3, 60.0)


async def world_with(policy: RatePolicy) -> World:
    world = World()
    world.rates = TokenRates(policy, MemoryRateLimiter(), world.facts)
    world.tokens = world.flow()
    await world.start()
    world.app.log_in(b"s1", "ada")
    world.app.log_in(b"s2", "ada")
    world.app.log_in(b"s3", "bob")
    return world


async def test_a_session_has_its_limit_and_others_do_not_notice() -> None:
    world = await world_with(RatePolicy(session=THREE))
    for _ in range(3):
        await world.exchange()
    with pytest.raises(TooMany) as refused:
        await world.exchange()
    assert refused.value.retry_after == 20
    assert (refused.value.status, refused.value.code) == (429, "too_many_requests")
    assert Event.RATE_LIMITED in world.facts.events
    await world.exchange(b"s2")
    world.pass_time(20)
    await world.exchange()


async def test_a_session_that_is_asked_for_too_often_is_not_even_looked_at() -> None:
    world = await world_with(RatePolicy(session=THREE))
    for _ in range(3):
        await world.exchange()
    asked = len(world.app.asked)
    with pytest.raises(TooMany):
        await world.exchange()
    assert len(world.app.asked) == asked


async def test_an_account_has_its_limit_over_all_of_its_sessions() -> None:
    world = await world_with(RatePolicy(account=THREE))
    await world.exchange()
    await world.exchange(b"s2")
    granted = await world.exchange()
    with pytest.raises(TooMany):
        await world.exchange(b"s2")
    with pytest.raises(TooMany):
        await world.refresh(granted.refresh_token)
    await world.exchange(b"s3")


async def test_a_family_has_its_limit_and_keeps_its_token() -> None:
    world = await world_with(RatePolicy(family=THREE))
    granted = await world.exchange()
    world.pass_time(60)
    token = granted.refresh_token
    for _ in range(3):
        token = (await world.refresh(token)).refresh_token
    with pytest.raises(TooMany) as refused:
        await world.refresh(token)
    assert refused.value.retry_after == 20
    assert await world.accepts(granted)
    world.pass_time(20)
    assert (await world.refresh(token)).refresh_token == token


async def test_a_flood_does_not_hide_a_replay() -> None:
    world = await world_with(RatePolicy(family=THREE))
    stolen = (await world.exchange()).refresh_token
    world.pass_time(60)
    newest = await world.refresh(stolen)
    world.pass_time(31)
    for _ in range(3):
        await world.refresh(newest.refresh_token)
    with pytest.raises(TooMany):
        await world.refresh(newest.refresh_token)
    with pytest.raises(InvalidGrant):
        await world.refresh(stolen)
    assert not await world.accepts(newest)


async def test_a_token_of_another_client_uses_up_nobodys_limit() -> None:
    world = await world_with(RatePolicy(family=THREE))
    granted = await world.exchange()
    for _ in range(10):
        with pytest.raises(InvalidGrant):
            await world.refresh(granted.refresh_token, MOBILE)
    await world.refresh(granted.refresh_token)


async def test_fifty_tabs_that_wake_up_together_all_get_their_tokens() -> None:
    minute = 60.0
    world = await world_with(RatePolicy(Rate(120, minute), Rate(120, minute), Rate(600, minute)))
    world.policy = replace(world.policy, family_cap=50)
    world.tokens = world.flow()
    token = (await world.exchange()).refresh_token
    world.pass_time(3600)
    grants = await asyncio.gather(*(world.refresh(token) for _ in range(50)))
    assert len({grant.refresh_token for grant in grants}) == 1
    exchanged = await asyncio.gather(*(world.exchange() for _ in range(49)))
    assert len({grant.family.id for grant in exchanged}) == 49


@pytest.mark.parametrize(
    ("first", "second", "is_one"),
    [
        ("192.0.2.1", "192.0.2.1", True),
        ("192.0.2.1", "192.0.2.2", False),
        ("192.0.2.1", "::ffff:192.0.2.1", True),
        ("2001:db8:1:2::1", "2001:db8:1:2:ffff::2", True),
        ("2001:db8:1:2::1", "2001:db8:1:3::1", False),
        ("", "", False),
    ],
)
async def test_an_address_is_what_one_subscriber_has(first: str, second: str, is_one: bool) -> None:
    world = await world_with(RatePolicy(address=Rate(1, 60.0)))
    await world.tokens.ensure_address_may(first, now=world.now)
    if is_one:
        with pytest.raises(TooMany):
            await world.tokens.ensure_address_may(second, now=world.now)
    else:
        await world.tokens.ensure_address_may(second, now=world.now)


async def test_by_default_an_address_has_no_limit() -> None:
    world = await world_with(RatePolicy(THREE, THREE, THREE))
    for _ in range(10):
        await world.tokens.ensure_address_may("192.0.2.1", now=world.now)


# --- a name that is typed ---

SPELLINGS = [
    "admin",
    "ADMIN",
    " admin ",
    "\u00e1dm\u00ecn",
    "a\u0301dmin",
    "a\u0111min",
    "ad\u00admin",
    "\u200badmin\0",
    "\uff41dmin",
]


@pytest.mark.parametrize("spelling", SPELLINGS)
async def test_a_name_has_one_limit_however_a_database_lets_it_be_spelled(spelling: str) -> None:
    rates = TokenRates(RatePolicy(login=Rate(1, 60.0)), MemoryRateLimiter())
    await rates.ensure_login_may("main", "admin", "", 1.0)
    with pytest.raises(TooMany):
        await rates.ensure_login_may("main", spelling, "", 1.0)
    await rates.ensure_login_may("main", "admin2", "", 1.0)
    await rates.ensure_login_may("other", spelling, "", 1.0)


async def test_every_character_can_stand_in_a_name() -> None:
    rates = TokenRates(RatePolicy(login=Rate(1, 60.0)), MemoryRateLimiter())
    for start in range(0, 0x110000, 1024):
        name = f"{start}:" + "".join(map(chr, range(start, start + 1024)))
        await rates.ensure_login_may("main", name, "", 1.0)


async def test_a_stranger_uses_up_a_name_for_its_own_network_only() -> None:
    limiter = MemoryRateLimiter()
    rates = TokenRates(RatePolicy(login=Rate(2, 60.0), login_name=Rate(5, 60.0)), limiter)
    for _ in range(2):
        await rates.ensure_login_may("main", "ada", "192.0.2.1", 1.0)
    for _ in range(10):
        with pytest.raises(TooMany):
            await rates.ensure_login_may("main", "ada", "192.0.2.1", 1.0)
    await rates.ensure_login_may("main", "ada", "198.51.100.7", 1.0)


async def test_many_networks_together_use_up_a_name() -> None:
    limiter = MemoryRateLimiter()
    rates = TokenRates(RatePolicy(login=Rate(2, 60.0), login_name=Rate(5, 60.0)), limiter)
    for host in range(5):
        await rates.ensure_login_may("main", "ada", f"192.0.2.{host}", 1.0)
    with pytest.raises(TooMany):
        await rates.ensure_login_may("main", "ada", "198.51.100.7", 1.0)
