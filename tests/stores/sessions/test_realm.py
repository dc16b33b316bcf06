"""User 42 of one application is not user 42 of another."""

import pytest

from gateway.model import Anonymous, LegacySession, Undetermined, Verdict
from gateway.stores.sessions_cached import CachedSessions
from gateway.stores.sessions_realm import RealmSessions
from tests.flow.tokens.world import World
from tests.stores.sessions.test_fallback import SHOWN, USER, Says


async def test_a_user_has_the_name_of_its_realm() -> None:
    said: list[str] = []
    sessions = RealmSessions(Says(USER), "shop")
    assert await sessions.resolve(SHOWN, 0) == LegacySession("main", "key", "shop|7")
    assert await sessions.explain(SHOWN, 0, said.append) == LegacySession("main", "key", "shop|7")
    assert said == ["asked name"]
    assert sessions.locate(SHOWN) == "name"


@pytest.mark.parametrize("verdict", [Anonymous("gone"), Undetermined("unreachable")])
async def test_nobody_stays_nobody_and_unknown_stays_unknown(verdict: Verdict) -> None:
    assert await RealmSessions(Says(verdict), "shop").resolve(SHOWN, 0) is verdict


async def test_what_is_remembered_has_the_name_already_so_that_a_proof_of_it_is_found_again() -> None:
    cached = CachedSessions(RealmSessions(Says(USER), "shop"))
    assert await cached.resolve(SHOWN, 0) is await cached.resolve(SHOWN, 1)


async def test_the_store_below_hears_what_it_must() -> None:
    says = Says(USER)
    sessions = RealmSessions(says, "shop")
    await sessions.resolve(SHOWN, 0, fresh=True)
    sessions.forget(USER)
    await sessions.close()
    assert says.done == ["resolve True", "forget", "close"]


async def test_a_logout_everywhere_in_one_realm_leaves_the_same_number_in_another_alone() -> None:
    world = await World().start()
    world.app.log_in(b"s1", "shop|42")
    world.app.log_in(b"s2", "blog|42")
    shop, blog = await world.exchange(b"s1"), await world.exchange(b"s2")
    token = await world.verified(shop)
    await world.tokens.logout(token=token, refresh_token=None, shown=None, everywhere=True, now=world.now)
    assert (await world.accepts(shop), await world.accepts(blog)) == (False, True)
