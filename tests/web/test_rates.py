"""What a client hears that asks too often."""

import pytest

from gateway.core.rates import Rate
from gateway.flow.rates import RatePolicy, TokenRates
from gateway.stores.rates_memory import MemoryRateLimiter
from tests.flow.tokens.world import World
from tests.web.site import EXCHANGE, REFRESH, Site, code

TOKEN = "/.crossfade/token"
TWO = Rate(2, 60.0)


async def site_with(policy: RatePolicy) -> Site:
    world = World()
    world.rates = TokenRates(policy, MemoryRateLimiter(), world.facts)
    world.tokens = world.flow()
    await world.start()
    world.app.log_in(b"s1", "ada")
    return Site(world)


async def test_a_page_is_told_when_to_come_back_and_keeps_its_cookie() -> None:
    site = await site_with(RatePolicy(family=TWO))
    await site.exchange()
    site.world.pass_time(60)
    answers = [await site.browser.post(TOKEN, data=REFRESH) for _ in range(3)]
    assert code(answers[-1]) == (429, "too_many_requests")
    assert answers[-1].headers["retry-after"] == "30"
    assert answers[-1].headers["cache-control"] == "no-store"
    assert "set-cookie" not in answers[-1].headers
    site.world.pass_time(30)
    assert (await site.browser.post(TOKEN, data=REFRESH)).status_code == 200


@pytest.mark.parametrize("data", [EXCHANGE, REFRESH, {"grant_type": "junk"}])
async def test_an_address_is_counted_before_anything_is_read(data: dict[str, str]) -> None:
    site = await site_with(RatePolicy(address=TWO))
    answers = [await site.browser.post(TOKEN, data=data) for _ in range(3)]
    assert code(answers[-1]) == (429, "too_many_requests")
    assert (await site.browser.get("/.crossfade/session")).status_code == 200
