"""Sessions that are their cookie: an older copy is as good as ever for the application, and yields no tokens here."""

from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from gateway.errors import SessionUnverifiable
from gateway.flow.endings import COOKIE_LIFE
from gateway.flow.logout import EXCHANGE_TIME, SIGNED_LATELY
from gateway.flow.tokens import TokenPolicy
from gateway.model import LegacySession
from gateway.wiring.policies import token_policy_of
from tests.flow.tokens.places import InFile
from tests.flow.tokens.world import ISSUER, World, shown
from tests.settings.samples import MINIMAL, settings_of

POLICY = TokenPolicy(ISSUER, "app", in_cookie=frozenset({"main"}))
LogOut = Callable[[World], Awaitable[object]]


def sign(world: World, cookie: bytes, age: float, user: str = "ada") -> bytes:
    """Let the application sign a cookie so many seconds ago; each copy has a key of its own."""
    world.app.log_in(cookie, user, signed_at=world.now - age, expires_at=world.now + 30 * 86400 - age)
    return cookie


async def signed_in(world: World) -> World:
    """A user with tokens whose cookie was signed anew since; somebody has the copy of before."""
    await world.start()
    world.app.refuses_logout = True  # it has nothing to end
    sign(world, b"copy", 3600)
    sign(world, b"now", 600)
    sign(world, b"bob", 3600, "bob")
    return world


async def here_by_a_token(world: World) -> None:
    grant = await world.exchange(b"now")
    token = await world.verified(grant)
    await world.tokens.logout(token=token, refresh_token=None, shown=None, everywhere=False, now=world.now)


async def here_by_the_cookie(world: World) -> None:
    await world.tokens.logout(token=None, refresh_token=None, shown=shown(b"now"), everywhere=False, now=world.now)


async def there_by_the_cookie(world: World) -> None:
    session = world.app.verdicts[b"now"]
    assert isinstance(session, LegacySession)
    await world.tokens.end_session(session, "legacy_logout", now=world.now)


async def there_by_a_token(world: World) -> None:
    """The vault does not tell when its cookie was signed."""
    await world.tokens.end_session(LegacySession("main", "now", "ada"), "legacy_logout", now=world.now)


WAYS = [here_by_a_token, here_by_the_cookie, there_by_the_cookie, there_by_a_token]


async def ensure_barred(world: World, cookie: bytes) -> None:
    with pytest.raises(SessionUnverifiable):
        await world.exchange(cookie)


@pytest.mark.parametrize("log_out", WAYS)
async def test_no_copy_yields_tokens_after_the_logout_until_its_age_ends(log_out: LogOut) -> None:
    world = await signed_in(World(POLICY))
    await log_out(world)
    for seconds in (0.0, EXCHANGE_TIME, 86400.0, 20 * 86400.0):
        world.pass_time(seconds)
        await ensure_barred(world, b"copy")
        await ensure_barred(world, b"now")
    assert (await world.exchange(b"bob")).access_token


@pytest.mark.parametrize("log_out", WAYS)
async def test_the_next_login_is_not_barred_even_by_a_clock_that_is_behind(log_out: LogOut) -> None:
    world = await signed_in(World(POLICY))
    await log_out(world)
    assert (await world.exchange(sign(world, b"next", SIGNED_LATELY - 1))).access_token
    world.pass_time(86400.0)
    assert (await world.exchange(sign(world, b"later", 0))).access_token


async def test_a_session_that_its_store_has_ended_needs_no_tombstone() -> None:
    world = await signed_in(World())
    await there_by_a_token(world)
    assert (await world.exchange(b"copy")).access_token


async def test_a_tombstone_survives_a_restart(tmp_path: Path) -> None:
    place = InFile(tmp_path)
    world = World(POLICY)
    kept = await place.open()
    world.work_on(kept.families, kept.vault, kept.log)
    await signed_in(world)
    await there_by_a_token(world)
    kept = await place.reopen()
    world.work_on(kept.families, kept.vault, kept.log)
    await world.start()
    await ensure_barred(world, b"copy")
    await place.close()


async def test_a_tombstone_is_forgotten_when_no_cookie_can_be_that_old() -> None:
    world = await signed_in(World(POLICY))
    await there_by_a_token(world)
    world.pass_time(COOKIE_LIFE + 1)
    assert await world.families.delete_expired(world.now, 100) >= 1


@pytest.mark.parametrize(
    ("session", "has_copies"),
    [
        ("format: django, secrets: { env: S }, place: { cookie: {} }", True),
        ("format: flask, secrets: { env: S }, place: { cookie: {} }", True),
        ("format: starlette, secrets: { env: S }, place: { cookie: {} }, user: id", True),
        ("format: rails, cookies: [a], secrets: { env: S }, place: { cookie: {} }", True),
        ("format: django, secrets: { env: S }, place: { sqlite: { file: a.db } }", False),
        (
            "format: express, secrets: { env: S }, cookies: [a, a.sig], place: { cookie: {} },"
            " options: { allow_unrevocable: true }",
            False,
        ),
    ],
)
def test_which_sessions_are_their_cookie(session: str, has_copies: bool) -> None:
    text = f"{MINIMAL}tokens: {{ trust_store_alone: true }}\nsessions: [{{ name: main, {session} }}]\n"
    assert token_policy_of(settings_of(text)).in_cookie == (frozenset({"main"}) if has_copies else frozenset())
