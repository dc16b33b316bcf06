"""A session becomes tokens."""

import asyncio
from dataclasses import replace

import pytest

from gateway.errors import (
    InvalidRequest,
    SessionUndetermined,
    SessionUnverifiable,
    StoreUnavailable,
    TooManyFamilies,
)
from gateway.facts import Event
from gateway.model import Anonymous, LegacySession, Undetermined
from gateway.records import Family, RefreshRow, SealedSession
from gateway.stores.refresh_memory import MemoryRefreshStore
from tests.flow.tokens.world import MOBILE, START, WEB, World, shown


async def test_a_session_gets_an_access_token_with_the_claims_of_rfc_9068(world: World) -> None:
    grant = await world.exchange()
    token = await world.verified(grant)
    assert (token.subject, token.client_id, token.session_id) == ("ada", "web", grant.family.id)
    assert token.claims["aud"] == "app"
    assert token.claims["roles"] == ["staff"]
    assert (grant.expires_in, grant.refresh_expires_in, grant.outcome) == (3600, 604800, None)
    assert world.facts.events == [Event.EXCHANGED]


async def test_an_exchange_bypasses_every_cache(world: World) -> None:
    await world.exchange()
    assert world.app.asked == [True]


async def test_family_first_token_and_vault_entry_are_stored_together(world: World) -> None:
    grant = await world.tokens.exchange(shown(b"s1", (b"remember", b"me")), WEB, now=world.now)
    vaulted = await world.vault.open_family(grant.family)
    assert vaulted.cookies == ((b"sessionid", b"s1"), (b"remember", b"me"))
    assert (vaulted.session_key, vaulted.site, vaulted.version) == ("s1", "main", 0)


async def test_nothing_is_stored_in_clear(world: World) -> None:
    world.app.log_in(b"secret-session-id", "ada")
    grant = await world.exchange(b"secret-session-id")
    stored = repr(world.vaulted.entries) + repr(await world.families.find_family(grant.family.id))
    assert "secret-session-id" not in stored
    assert grant.refresh_token not in stored


@pytest.mark.parametrize(
    ("verdict", "error"),
    [
        (Anonymous("gone"), SessionUnverifiable),
        (Anonymous("expired"), SessionUnverifiable),
        (Anonymous("bad_signature"), SessionUnverifiable),
        (Undetermined("unreachable"), SessionUndetermined),
        (Undetermined("stale_codec"), SessionUndetermined),
        (LegacySession("main", "s1", "ada", is_bound=False), SessionUnverifiable),
        (LegacySession("main", "s1", "", is_bound=True), SessionUnverifiable),  # N28: nobody
        (LegacySession("main", "s1", "ada\r\nX-Admin: 1", is_bound=True), SessionUnverifiable),  # N25
        (LegacySession("main", "s1", "ada", expires_at=START, is_bound=True), SessionUnverifiable),
    ],
)
async def test_n28_only_a_session_that_surely_belongs_to_one_user_is_exchanged(
    world: World, verdict: LegacySession | Anonymous | Undetermined, error: type[Exception]
) -> None:
    """N28: no token whose authorisation would be ambiguous (RFC 9068 section 3)."""
    world.app.verdicts[b"s1"] = verdict
    with pytest.raises(error):
        await world.exchange()
    assert await world.families.count_live(world.now) == {}


async def test_the_store_alone_is_trusted_where_that_is_configured() -> None:
    world = World()
    world.policy = replace(world.policy, trust_store_alone=True)
    world.tokens = world.flow()
    world.app.log_in(b"s1", "ada", is_bound=False)
    assert (await world.exchange()).family.subject == "ada"


@pytest.mark.parametrize(
    ("left", "access", "refresh"), [(600.0, 600, 600), (86400.0, 3600, 86400), (1e9, 3600, 604800)]
)
async def test_n43_a_family_never_outlives_its_session(world: World, left: float, access: int, refresh: int) -> None:
    world.app.log_in(b"s1", "ada", expires_at=START + left)
    grant = await world.exchange()
    assert (grant.expires_in, grant.refresh_expires_in) == (access, refresh)


async def test_a_session_has_at_most_so_many_families_and_no_older_one_ends(world: World) -> None:
    world.policy = replace(world.policy, family_cap=2)
    world.tokens = world.flow()
    first = await world.exchange()
    await world.exchange(client=MOBILE)
    with pytest.raises(TooManyFamilies):
        await world.exchange()
    assert await world.accepts(first)
    assert world.facts.events[-1] is Event.EXCHANGE_REFUSED


async def test_a_barred_session_gets_nothing(world: World) -> None:
    await world.families.bar_session(world.tokens.session_hash("main", "s1"), world.now + 10, world.now)
    with pytest.raises(SessionUnverifiable):
        await world.exchange()
    world.pass_time(10)
    assert (await world.exchange()).access_token


async def test_a_logout_during_the_exchange_is_not_outrun(world: World) -> None:
    """The session is barred between the exchange's first look and its commit."""

    class Slow(MemoryRefreshStore):
        async def open_family(
            self, family: Family, token: RefreshRow, vaulted: SealedSession | None, *, cap: int, now: float
        ) -> bool:
            is_open = await super().open_family(family, token, vaulted, cap=cap, now=now)
            await self.bar_session(family.session_hash, now + 60, now)
            return is_open

    world.families = Slow(world.log, world.vaulted)
    world.tokens = world.flow()
    with pytest.raises(SessionUnverifiable):
        await world.exchange()
    assert await world.families.count_live(world.now) == {}


# --- Idempotency-Key ---


async def test_the_same_key_gives_the_same_family_and_refresh_token_within_the_grace(world: World) -> None:
    first = await world.exchange(key="one-click")
    world.pass_time(29)
    again = await world.exchange(key="one-click")
    assert (again.family.id, again.refresh_token) == (first.family.id, first.refresh_token)
    assert again.access_token != first.access_token
    assert await world.families.count_live(world.now) == {"web": 1}


async def test_racers_with_one_key_open_one_family(world: World) -> None:
    grants = await asyncio.gather(*(world.exchange(key="one-click") for _ in range(10)))
    assert len({grant.refresh_token for grant in grants}) == 1
    assert await world.families.count_live(world.now) == {"web": 1}


async def test_the_same_key_in_a_session_that_became_another_users_gives_that_users_tokens(world: World) -> None:
    first = await world.exchange(key="one-click")
    world.app.log_in(b"s1", "eve")
    again = await world.exchange(key="one-click")
    assert again.family.subject == "eve"
    assert again.refresh_token != first.refresh_token


async def test_who_loses_the_race_for_a_key_in_the_store_gets_the_winners_family(world: World) -> None:
    class Beaten(MemoryRefreshStore):
        """Finds nothing at first, and then that another worker was faster."""

        looked = 0

        async def find_family(self, family_id: str) -> Family | None:
            self.looked += 1
            return None if self.looked == 2 else await super().find_family(family_id)

    world.families = Beaten(world.log, world.vaulted)
    world.tokens = world.flow()
    first = await world.exchange(key="one-click")
    again = await world.exchange(key="one-click")
    assert again.refresh_token == first.refresh_token


async def test_a_store_that_fails_is_not_taken_for_a_lost_race(world: World) -> None:
    class Broken(MemoryRefreshStore):
        async def open_family(
            self, family: Family, token: RefreshRow, vaulted: SealedSession | None, *, cap: int, now: float
        ) -> bool:
            raise StoreUnavailable

    world.families = Broken(world.log, world.vaulted)
    world.tokens = world.flow()
    for key in ("", "one-click"):
        with pytest.raises(StoreUnavailable):
            await world.exchange(key=key)


@pytest.mark.parametrize("change", ["key", "client", "session"])
async def test_a_key_counts_for_one_client_and_one_session(world: World, change: str) -> None:
    world.app.log_in(b"s2", "bob")
    first = await world.exchange(key="one-click")
    other = await world.exchange(
        b"s2" if change == "session" else b"s1",
        MOBILE if change == "client" else WEB,
        "other-click" if change == "key" else "one-click",
    )
    assert other.family.id != first.family.id
    assert other.refresh_token != first.refresh_token


async def test_a_key_cannot_be_used_after_the_grace(world: World) -> None:
    await world.exchange(key="one-click")
    world.pass_time(30)
    with pytest.raises(InvalidRequest):
        await world.exchange(key="one-click")


async def test_a_key_does_not_bring_an_ended_family_back(world: World) -> None:
    grant = await world.exchange(key="one-click")
    await world.families.end_families([grant.family.id], "revoked", world.now + 60, world.now)
    with pytest.raises(SessionUnverifiable):
        await world.exchange(key="one-click")
